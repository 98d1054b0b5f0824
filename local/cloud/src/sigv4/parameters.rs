//! The parameters of a signature, in the header `Authorization` or in the query.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-authentication-methods.html>

use percent_encoding::percent_decode_str;

use super::{Signature, SignatureDenial, SignedRequest, time};

/// The one algorithm. AWS IoT offers no other one.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The last part of a scope.
const TERMINATOR: &str = "aws4_request";

/// The query parameter with the signature, which is not signed.
pub(super) const SIGNATURE: &str = "X-Amz-Signature";

/// The query parameter with the session token, which AWS IoT leaves out of what is signed.
pub(super) const SESSION_TOKEN: &str = "X-Amz-Security-Token";

/// Where the parameters are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Location {
    /// In the header `Authorization`.
    Header,
    /// In the query: a presigned address.
    Query,
}

/// What a signature is good for: `DATE/REGION/SERVICE/aws4_request`.
pub(super) struct Scope {
    /// The day, `yyyymmdd`.
    pub(super) day: String,
    /// The Region, such as `us-east-1`.
    pub(super) region: String,
    /// The service, such as `iotdata`.
    pub(super) service: String,
}

impl Scope {
    /// Returns the text of the scope.
    pub(super) fn text(&self) -> String {
        [&self.day, &self.region, &self.service, TERMINATOR].join("/")
    }
}

/// The marks of signatures in a request.
pub(super) struct Marks {
    /// The number of headers `Authorization` of Signature Version 4.
    headers: usize,
    /// The number of other headers `Authorization`.
    other_headers: usize,
    /// The number of `X-Amz-Algorithm` in the query.
    in_query: usize,
}

impl Marks {
    /// Returns where the signature is.
    pub(super) fn first(&self) -> Option<&'static str> {
        match self {
            Self { headers: 1.., .. } => Some("Authorization"),
            Self { in_query: 1.., .. } => Some("X-Amz-Algorithm"),
            _ => None,
        }
    }
}

/// Counts the signatures of a request.
pub(super) fn marks(request: &SignedRequest<'_>) -> Marks {
    let (signed, other): (Vec<_>, Vec<_>) =
        request.headers("authorization").partition(|value| value.trim_start().starts_with(ALGORITHM));
    Marks {
        headers: signed.len(),
        other_headers: other.len(),
        in_query: query(request, "X-Amz-Algorithm").count(),
    }
}

/// Reads the signature of a request, if it has one.
pub(super) fn read(request: &SignedRequest<'_>) -> Result<Option<Signature>, SignatureDenial> {
    match marks(request) {
        marks if marks.first().is_none() => Ok(None),
        Marks { headers: 1, other_headers: 0, in_query: 0 } => in_header(request).map(Some),
        Marks { headers: 0, other_headers: 0, in_query: 1 } => in_query(request).map(Some),
        _ => Err(SignatureDenial::Doubled),
    }
}

fn in_header(request: &SignedRequest<'_>) -> Result<Signature, SignatureDenial> {
    let header = one(request.headers("authorization"), "Authorization occurs twice")?;
    let malformed = SignatureDenial::Malformed(
        "expected Authorization: AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…",
    );
    let (mut credential, mut signed_headers, mut signature) = (None, None, None);
    let rest = header.and_then(|header| header.trim().strip_prefix(ALGORITHM)?.strip_prefix(' '));
    for part in rest.ok_or(malformed.clone())?.split(',') {
        let (name, value) = part.trim_matches(' ').split_once('=').ok_or(malformed.clone())?;
        let slot = match name {
            "Credential" => &mut credential,
            "SignedHeaders" => &mut signed_headers,
            "Signature" => &mut signature,
            _ => return Err(malformed),
        };
        if slot.replace(value.to_owned()).is_some() {
            return Err(malformed);
        }
    }
    let header = |name, twice| Ok(one(request.headers(name), twice)?.map(|value| value.trim().to_owned()));
    Parameters {
        location: Location::Header,
        credential,
        signed_headers,
        signature,
        date: header("x-amz-date", "X-Amz-Date occurs twice")?,
        expires: None,
        session_token: header("x-amz-security-token", "X-Amz-Security-Token occurs twice")?,
    }
    .check()
}

fn in_query(request: &SignedRequest<'_>) -> Result<Signature, SignatureDenial> {
    let parameter = |name| {
        let value = one(query(request, name), "a parameter of the signature occurs twice in the query")?;
        value.map_or(Ok(None), |value| {
            let decoded = percent_decode_str(value).decode_utf8();
            let decoded = decoded.map_err(|_| SignatureDenial::Malformed("the query is not UTF-8"))?;
            Ok(Some(decoded.into_owned()))
        })
    };
    if parameter("X-Amz-Algorithm")?.as_deref() != Some(ALGORITHM) {
        return Err(SignatureDenial::Malformed("unsupported X-Amz-Algorithm; expected AWS4-HMAC-SHA256"));
    }
    Parameters {
        location: Location::Query,
        credential: parameter("X-Amz-Credential")?,
        signed_headers: parameter("X-Amz-SignedHeaders")?,
        signature: parameter(SIGNATURE)?,
        date: parameter("X-Amz-Date")?,
        expires: parameter("X-Amz-Expires")?,
        session_token: parameter(SESSION_TOKEN)?,
    }
    .check()
}

/// The parameters as text.
struct Parameters {
    location: Location,
    credential: Option<String>,
    signed_headers: Option<String>,
    signature: Option<String>,
    date: Option<String>,
    expires: Option<String>,
    session_token: Option<String>,
}

impl Parameters {
    fn check(self) -> Result<Signature, SignatureDenial> {
        let malformed = SignatureDenial::Malformed;
        let credential = self.credential.as_deref().and_then(credential);
        let (access_key, scope) = credential
            .ok_or(malformed("expected Credential of ACCESS_KEY/DATE/REGION/SERVICE/aws4_request"))?;
        let signed_headers = self.signed_headers.as_deref().and_then(header_names);
        let signed_headers = signed_headers
            .ok_or(malformed("expected SignedHeaders in lower case, sorted, with host among them"))?;
        let signature = self.signature.as_deref().and_then(signature);
        let signature =
            signature.ok_or(malformed("expected a Signature of 64 lower-case hexadecimal digits"))?;
        let date = self.date.unwrap_or_default();
        let seconds =
            time::parse(&date).ok_or(malformed("expected X-Amz-Date of the form yyyymmddThhmmssZ"))?;
        let expires = self.expires.map(|text| expires(&text)).map_or(Ok(None), |seconds| {
            seconds.map(Some).ok_or(malformed("expected X-Amz-Expires of 1 to 604800 seconds"))
        })?;
        let (location, session_token) = (self.location, self.session_token);
        let (access_key, date) = (access_key.to_owned(), date);
        Ok(Signature {
            location,
            access_key,
            scope,
            date,
            seconds,
            expires,
            signed_headers,
            signature,
            session_token,
        })
    }
}

/// Returns the raw values of a query parameter. Its name may be percent-encoded.
fn query<'a>(request: &SignedRequest<'a>, name: &'a str) -> impl Iterator<Item = &'a str> + use<'a> {
    let pairs = request.query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.filter(move |(known, _)| percent_decode_str(known).eq(name.bytes())).map(|(_, value)| value)
}

/// Returns the only value.
fn one<'a>(
    mut values: impl Iterator<Item = &'a str>,
    twice: &'static str,
) -> Result<Option<&'a str>, SignatureDenial> {
    let first = values.next();
    if values.next().is_some() { Err(SignatureDenial::Malformed(twice)) } else { Ok(first) }
}

fn credential(text: &str) -> Option<(&str, Scope)> {
    let mut parts = text.split('/');
    let (access_key, day) = (parts.next()?, parts.next()?);
    let (region, service) = (parts.next()?, parts.next()?);
    let is_end = parts.next()? == TERMINATOR && parts.next().is_none();
    let is_key = (1..=128).contains(&access_key.len())
        && access_key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    let is_day = day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit());
    let is_name = |text: &str| text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_graphic());
    (is_end && is_key && is_day && is_name(region) && is_name(service)).then(|| {
        let (day, region, service) = (day.to_owned(), region.to_owned(), service.to_owned());
        (access_key, Scope { day, region, service })
    })
}

fn header_names(text: &str) -> Option<Vec<String>> {
    let names: Vec<_> = text.split(';').map(str::to_owned).collect();
    let is_name = |name: &String| {
        let is_allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.!".contains(&byte);
        !name.is_empty() && name.bytes().all(is_allowed)
    };
    let is_sorted = names.iter().zip(names.iter().skip(1)).all(|(left, right)| left < right);
    (is_sorted && names.iter().all(is_name) && names.iter().any(|name| name == "host")).then_some(names)
}

fn signature(text: &str) -> Option<[u8; 32]> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if text.len() != 64 || !text.bytes().all(is_digit) {
        return None;
    }
    let byte = |index: usize| u8::from_str_radix(text.get(index..index.checked_add(2)?)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..64).step_by(2).map(byte).collect();
    bytes?.try_into().ok()
}

fn expires(text: &str) -> Option<i64> {
    let is_number = text.len() <= 6 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|seconds| is_number && time::EXPIRES.contains(seconds))
}
