//! The canonical request: what is signed.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html#create-canonical-request>

use std::borrow::Cow;

use aws_lc_rs::digest::{SHA256, digest};
use iot_local_base::hex;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

use super::parameters::{Location, SESSION_TOKEN, SIGNATURE};
use super::{Signature, SignatureDenial, SignedRequest};

/// All bytes but the unreserved characters (RFC 3986, section 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The same for a path, whose slashes stay.
const RESERVED_IN_PATH: &AsciiSet = &RESERVED.remove(b'/');

/// How a signer may have built the canonical request. Only the default is accepted; the others find out what a client
/// does wrong.
#[derive(Default, Clone, Copy)]
pub(super) struct Form {
    /// The session token is part of the query.
    pub(super) has_token_in_query: bool,
    /// The path is encoded once, as for Amazon S3 only.
    pub(super) encodes_path_once: bool,
}

/// The parts of a canonical request. Not `Debug`: headers may hold a session token.
pub(super) struct CanonicalRequest<'a> {
    method: &'a str,
    path: String,
    /// Encoded names and values, sorted.
    query: Vec<(String, String)>,
    /// Names, and values joined by commas.
    headers: Vec<(&'a str, String)>,
    payload_hash: String,
}

impl<'a> CanonicalRequest<'a> {
    /// Builds the canonical request for the headers that a signature names.
    ///
    /// # Errors
    /// A signed header is absent or not UTF-8, or the query is malformed.
    pub(super) fn new(
        request: &SignedRequest<'a>,
        signature: &'a Signature,
        form: Form,
    ) -> Result<Self, SignatureDenial> {
        let mut query = pairs(request.query)?;
        if signature.location == Location::Query {
            query.retain(|(name, _)| name != SIGNATURE && (name != SESSION_TOKEN || form.has_token_in_query));
        }
        query.sort();
        let headers = signature.signed_headers.iter().map(|name| Ok((name.as_str(), values(request, name)?)));
        let path = normalize(request.path);
        Ok(Self {
            method: request.method,
            path: if form.encodes_path_once { path.into_owned() } else { encode(&path, RESERVED_IN_PATH) },
            query,
            headers: headers.collect::<Result<_, _>>()?,
            payload_hash: payload_hash(request.body),
        })
    }

    /// Returns the text that is hashed.
    pub(super) fn text(&self) -> String {
        self.write(|_, value| value)
    }

    /// Returns the text for an event log: values that may be secret are masked.
    pub(super) fn masked(&self) -> String {
        let is_public = |name: &str| {
            matches!(
                name,
                "host"
                    | "connection"
                    | "content-length"
                    | "content-type"
                    | "x-amz-date"
                    | "x-amz-content-sha256"
                    | "qos"
                    | "retain"
                    | "X-Amz-Algorithm"
                    | "X-Amz-Credential"
                    | "X-Amz-Date"
                    | "X-Amz-Expires"
                    | "X-Amz-SignedHeaders"
            )
        };
        self.write(|name, value| if is_public(name) || value.is_empty() { value } else { "***" })
    }

    fn write(&self, value_of: impl for<'v> Fn(&str, &'v str) -> &'v str) -> String {
        let query: Vec<_> =
            self.query.iter().map(|(name, value)| format!("{name}={}", value_of(name, value))).collect();
        let headers: String =
            self.headers.iter().map(|(name, value)| format!("{name}:{}\n", value_of(name, value))).collect();
        let names: Vec<_> = self.headers.iter().map(|(name, _)| *name).collect();
        [self.method, &self.path, &query.join("&"), &headers, &names.join(";"), &self.payload_hash].join("\n")
    }
}

/// Returns the lower-case digits of a body's SHA-256.
pub(super) fn payload_hash(body: &[u8]) -> String {
    hex::encode(digest(&SHA256, body).as_ref())
}

/// Whether a path has neither empty segments nor segments of dots. A signature does not tell other paths apart:
/// `/topics/a/../b` and `/topics/b` have the same one.
#[must_use]
pub fn is_normal_path(path: &str) -> bool {
    normalize(path) == path
}

/// Removes empty segments and dot segments (RFC 3986, section 5.2.4), as all services but Amazon S3 do.
fn normalize(path: &str) -> Cow<'_, str> {
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    let is_folder = path.ends_with('/') || path.ends_with("/.") || path.ends_with("/..");
    let end = if is_folder && !segments.is_empty() { "/" } else { "" };
    let normal = format!("/{}{end}", segments.join("/"));
    if normal == path { Cow::Borrowed(path) } else { Cow::Owned(normal) }
}

/// Splits a query, and encodes each name and value in the one canonical form. A plus is a plus.
fn pairs(query: &str) -> Result<Vec<(String, String)>, SignatureDenial> {
    let mut pairs = Vec::new();
    for pair in query.split('&').filter(|_| !query.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if pair.is_empty() || !is_encoded(name) || !is_encoded(value) {
            return Err(SignatureDenial::Malformed("a query parameter is empty or not percent-encoded"));
        }
        let canonical =
            |text: &str| percent_encode(&Cow::from(percent_decode_str(text)), RESERVED).to_string();
        pairs.push((canonical(name), canonical(value)));
    }
    Ok(pairs)
}

/// Whether each `%` starts an escape, so that there is one way to read a text.
fn is_encoded(text: &str) -> bool {
    text.split('%').skip(1).all(|rest| {
        let digits = rest.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    })
}

fn encode(text: &str, set: &'static AsciiSet) -> String {
    percent_encode(text.as_bytes(), set).to_string()
}

/// Joins the values of a header: trimmed, with inner blanks folded.
fn values(request: &SignedRequest<'_>, name: &str) -> Result<String, SignatureDenial> {
    let named = request.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
    let folded: Vec<_> =
        named.map(|(_, value)| value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")).collect();
    if folded.is_empty() {
        return Err(SignatureDenial::HeaderAbsent(name.to_owned()));
    }
    // Bytes that are not UTF-8 were replaced on the way here, so different bytes would look alike.
    if folded.iter().any(|value| value.contains(char::REPLACEMENT_CHARACTER)) {
        return Err(SignatureDenial::Malformed("a signed header is not UTF-8"));
    }
    Ok(folded.join(","))
}
