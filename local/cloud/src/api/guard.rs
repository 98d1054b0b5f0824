//! Checks that come before anything else: whether a request is meant for this machine, whether a page of another origin
//! sent it, and whether it is signed for a service and the Region of this gateway. No signature is verified here.
//!
//! A browser cannot be made to send the API a request: the `Host` check stops DNS rebinding, `Origin` and
//! `Sec-Fetch-Site` name other pages, and `Authorization` needs a preflight, which no one answers.

use crate::account::Account;
use crate::api::Request;
use crate::error::{ApiError, ErrorKind};

/// The largest body of an API request: 1 MiB.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// The algorithm of Signature Version 4.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html>
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The credential scope of a signed request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scope<'a> {
    /// The access key id.
    pub(crate) access_key: &'a str,
    /// The Region, such as `us-east-1`.
    pub(crate) region: &'a str,
    /// The signing name of the service, such as `iot`.
    pub(crate) service: &'a str,
}

/// Returns whether a `Host` header names this machine: `127.0.0.1`, `localhost` or a name below `localhost` (RFC 6761,
/// section 6.3), with the port that the request came to, or without a port.
///
/// A page of another host that resolves to this machine (DNS rebinding) sends its own name, which is not accepted.
#[must_use]
pub fn is_local_host(host: &str, port: u16) -> bool {
    let name = match host.split_once(':') {
        Some((name, number)) if number == port.to_string() => name,
        Some(_) => return false,
        None => host,
    };
    let name = name.to_ascii_lowercase();
    name == "127.0.0.1" || name == "localhost" || name.strip_suffix(".localhost").is_some_and(is_domain)
}

/// Returns whether a page of another origin than the gateway's own sent a request. `host` is the `Host` header.
///
/// Programs other than browsers send neither header.
#[must_use]
pub fn is_foreign(host: &str, origin: Option<&str>, fetch_site: Option<&str>) -> bool {
    let is_own = |origin: &str| {
        let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
    };
    origin.is_some_and(|origin| !is_own(origin))
        || fetch_site.is_some_and(|site| !matches!(site, "same-origin" | "none"))
}

/// Checks `Host`, `Origin`, `Sec-Fetch-Site` and the size of the body.
///
/// # Errors
/// 421 for another host, 403 for another origin, 413 for a large body.
pub(crate) fn check_sender(request: &Request) -> Result<(), ApiError> {
    let host = request.only_header("host").filter(|host| is_local_host(host, request.port));
    let Some(host) = host else {
        return Err(ApiError::new(
            ErrorKind::MisdirectedRequest,
            format!(
                "expected one Host header with 127.0.0.1, localhost or a name below localhost, and port {} or no port",
                request.port
            ),
        ));
    };
    let is_foreign = request.headers("origin").any(|origin| is_foreign(host, Some(origin), None))
        || request.headers("sec-fetch-site").any(|site| is_foreign(host, None, Some(site)));
    if is_foreign {
        return Err(ApiError::new(ErrorKind::Forbidden, "a page of another origin may not call this API"));
    }
    if request.body.len() > MAX_BODY_BYTES {
        return Err(ApiError::new(
            ErrorKind::RequestTooLarge,
            format!("the body has {} bytes; expected {MAX_BODY_BYTES} at most", request.body.len()),
        ));
    }
    Ok(())
}

/// Reads the scope of the one `Authorization` header.
///
/// # Errors
/// 403 if it is missing or malformed.
pub(crate) fn scope(request: &Request) -> Result<Scope<'_>, ApiError> {
    request.only_header("authorization").and_then(parse_authorization).ok_or_else(|| {
        ApiError::new(
            ErrorKind::MissingAuthenticationToken,
            "Missing Authentication Token; expected one header Authorization: AWS4-HMAC-SHA256 \
             Credential=KEY/DATE/REGION/SERVICE/aws4_request, SignedHeaders=…, Signature=…",
        )
    })
}

/// Checks that a request is signed for the Region of this gateway.
///
/// # Errors
/// 403 with AWS's text.
pub(crate) fn check_region(scope: Scope<'_>, account: &Account) -> Result<(), ApiError> {
    if scope.region == account.region() {
        return Ok(());
    }
    // The final blank is AWS's.
    let message = format!("Credential should be scoped to a valid region, not '{}'. ", scope.region);
    Err(ApiError::new(ErrorKind::SignatureDoesNotMatch, message))
}

fn parse_authorization(header: &str) -> Option<Scope<'_>> {
    let (mut credential, mut signed_headers, mut signature) = (None, None, None);
    for part in header.strip_prefix(ALGORITHM)?.strip_prefix(' ')?.split(',') {
        let (name, value) = part.trim_matches(' ').split_once('=')?;
        let slot = match name {
            "Credential" => &mut credential,
            "SignedHeaders" => &mut signed_headers,
            "Signature" => &mut signature,
            _ => return None,
        };
        if slot.replace(value).is_some() {
            return None;
        }
    }
    let is_well_formed = signed_headers?.split(';').all(is_header_name) && is_signature(signature?);
    parse_credential(credential?).filter(|_| is_well_formed)
}

fn parse_credential(credential: &str) -> Option<Scope<'_>> {
    let mut parts = credential.split('/');
    let (access_key, date) = (parts.next()?, parts.next()?);
    let (region, service) = (parts.next()?, parts.next()?);
    let is_end = parts.next()? == "aws4_request" && parts.next().is_none();
    let is_key = (1..=128).contains(&access_key.len())
        && access_key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    let is_date = date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit());
    (is_end && is_key && is_date && is_scope_name(region) && is_scope_name(service)).then_some(Scope {
        access_key,
        region,
        service,
    })
}

fn is_scope_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn is_header_name(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.!".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token)
}

fn is_signature(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn is_domain(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_with_its_port_are_accepted() {
        for (host, expected) in [
            ("127.0.0.1:8080", true),
            ("127.0.0.1", true),
            ("localhost:8080", true),
            ("LocalHost", true),
            ("iot.localhost:8080", true),
            ("a.b.localhost", true),
            ("", false),
            (":8080", false),
            ("localhost:", false),
            ("localhost:8081", false),
            ("localhost:08080", false),
            ("localhost:+8080", false),
            ("localhost:8080:8080", false),
            ("localhost.", false),
            (".localhost", false),
            ("a..localhost", false),
            ("user@localhost", false),
            ("a/b.localhost", false),
            ("localhost.example.com", false),
            ("localhost.example.com:8080", false),
            ("notlocalhost", false),
            ("127.0.0.1.example.com", false),
            ("127.0.0.2", false),
            ("127.1", false),
            ("2130706433", false),
            ("0.0.0.0", false),
            ("[::1]:8080", false),
            ("example.com", false),
            ("example.com:8080", false),
            (" localhost", false),
            ("localhost, localhost", false),
        ] {
            assert_eq!(is_local_host(host, 8080), expected, "{host:?}");
        }
    }

    #[test]
    fn pages_of_other_origins_are_foreign() {
        for (origin, site, expected) in [
            (None, None, false),
            (Some("http://localhost:8080"), Some("same-origin"), false),
            (Some("https://LOCALHOST:8080"), None, false),
            (None, Some("none"), false),
            (None, Some("same-site"), true),
            (None, Some("cross-site"), true),
            (None, Some(""), true),
            (Some("http://localhost:8080"), Some("cross-site"), true),
            (Some("http://localhost:8081"), None, true),
            (Some("http://localhost"), None, true),
            (Some("http://127.0.0.1:8080"), None, true),
            (Some("http://localhost:8080.example.com"), None, true),
            (Some("http://evil.localhost:8080"), None, true),
            (Some("https://example.com"), None, true),
            (Some("ftp://localhost:8080"), None, true),
            (Some("localhost:8080"), None, true),
            (Some("null"), None, true),
            (Some(""), None, true),
        ] {
            assert_eq!(is_foreign("localhost:8080", origin, site), expected, "{origin:?} {site:?}");
        }
    }

    #[test]
    fn malformed_authorizations_have_no_scope() {
        let signature = "0123456789abcdef".repeat(4);
        let good = format!(
            "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/iot/aws4_request, SignedHeaders=host;x-amz-date, Signature={signature}"
        );
        let scope = Scope { access_key: "AKID", region: "us-east-1", service: "iot" };
        assert_eq!(parse_authorization(&good), Some(scope));
        assert_eq!(parse_authorization(&good.replace(", ", ",")), Some(scope));
        for (from, to) in [
            ("AWS4-HMAC-SHA256 ", ""),
            ("AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256"),
            ("AWS4-HMAC-SHA256", "aws4-hmac-sha256"),
            ("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
            ("AWS4-HMAC-SHA256", "Bearer"),
            ("AKID", ""),
            ("AKID", "A KID"),
            ("AKID/", ""),
            ("20260101", "2026-01-01"),
            ("20260101", "2026010"),
            ("us-east-1", ""),
            ("us-east-1", "US-EAST-1"),
            ("us-east-1", "us\neast"),
            ("/iot/", "//"),
            ("aws4_request", "aws4"),
            ("aws4_request", "aws4_request/more"),
            ("SignedHeaders=host;x-amz-date, ", ""),
            ("host;x-amz-date", ""),
            ("host;x-amz-date", "host;;x-amz-date"),
            ("host;x-amz-date", "Host"),
            ("Signature=0", "Signature="),
            ("Signature=0", "Signature=00"),
            ("Signature=0", "Signature=G"),
            ("Signature=0", "Signature=A"),
            ("SignedHeaders", "Credential"),
            ("SignedHeaders", "Other"),
            ("Credential=", "Credential"),
            (", SignedHeaders", ", , SignedHeaders"),
            (", Signature", ", Extra=1, Signature"),
        ] {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good, "{from}");
            assert_eq!(parse_authorization(&bad), None, "{bad}");
        }
    }
}
