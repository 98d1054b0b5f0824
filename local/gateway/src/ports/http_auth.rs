//! How the client of a WebSocket or of an HTTPS publish is authenticated.

use iot_local_cloud::credentials::Caller;
use iot_local_cloud::sigv4::{Signature, SignatureDenial, SignedRequest};

use super::Gateway;
use super::client_connection::ClientConnection;
use crate::alpn::Alpn;
use crate::auth::endpoint::{AuthMethod, HttpMarks};
use crate::auth::sigv4::{CallerDenial, DATA_SERVICES, WEBSOCKET_SERVICES};
use crate::facts::{ConnectionFacts, HttpFacts};

/// The message to a client without a signature, where only that is accepted.
const UNSIGNED: &str = "Missing Authentication Token";

/// The parts of a request that are not among the facts. Not `Debug`: a body may hold a secret.
#[derive(Clone, Copy)]
pub(super) struct SentRequest<'a> {
    /// The method, upper case.
    pub(super) method: &'a str,
    /// The path, still percent-encoded.
    pub(super) path: &'a str,
    /// The whole body.
    pub(super) body: &'a [u8],
    /// Whether the request opens a WebSocket.
    pub(super) is_websocket: bool,
}

/// Why a request is denied with 403.
#[derive(Debug)]
pub(super) struct HttpDenial {
    /// The reason, for the operator.
    pub(super) reason: String,
    /// AWS's message to the client. Absent if the request has nothing to do with Signature Version 4.
    pub(super) message: Option<String>,
}

impl From<SignatureDenial> for HttpDenial {
    fn from(denial: SignatureDenial) -> Self {
        Self { reason: denial.to_string(), message: Some(denial.message()) }
    }
}

/// Returns the method. A signature is verified at once, before a WebSocket is opened; then the facts get its caller.
///
/// # Errors
/// Why the request is denied.
pub(super) fn method(
    gateway: &Gateway,
    client: &ClientConnection,
    facts: &mut ConnectionFacts,
    sent: SentRequest<'_>,
) -> Result<AuthMethod, HttpDenial> {
    let no_request = || HttpDenial { reason: "no HTTP request".to_owned(), message: None };
    let http = facts.http.as_ref().ok_or_else(no_request)?;
    let request = SignedRequest {
        method: sent.method,
        path: sent.path,
        query: http.query.as_deref().unwrap_or_default(),
        headers: &http.headers,
        body: sent.body,
    };
    let signature = Signature::mark_in(&request);
    let token = gateway.auth.custom.token_place(http);
    let endpoint = gateway.endpoint_of(facts.server_name.as_deref());
    let denied = |reason: String, is_signature_expected: bool| HttpDenial {
        reason,
        message: match signature {
            Some(_) => Some("Forbidden".to_owned()),
            None => is_signature_expected.then(|| UNSIGNED.to_owned()),
        },
    };
    let endpoint = endpoint.map_err(|reason| denied(reason, false))?;
    let marks = HttpMarks {
        alpn: client.handshake.as_ref().map_or(Alpn::Absent, |handshake| handshake.alpn),
        is_websocket: sent.is_websocket,
        has_certificate: facts.certificate.is_some(),
        signature,
        token: token.as_deref(),
    };
    let method = endpoint.for_http(marks).map_err(|reason| denied(reason, endpoint.requires_signature()))?;
    match method {
        AuthMethod::SigV4 => {
            facts.caller = Some(caller(gateway, &request, sent.is_websocket)?);
        }
        // A browser presents its certificate to every page that asks for this address.
        AuthMethod::Certificate => {
            if let Some(origin) = foreign_origin(http, client.local_port) {
                let reason = format!(
                    "a request with a certificate from a page of another origin, \"{origin}\"; expected no Origin, or \
                     the gateway's"
                );
                return Err(denied(reason, false));
            }
        }
        AuthMethod::Custom | AuthMethod::CustomWithCertificate => {}
    }
    Ok(method)
}

/// Verifies the signature of a request. Returns who signed it.
fn caller(gateway: &Gateway, request: &SignedRequest<'_>, is_websocket: bool) -> Result<Caller, HttpDenial> {
    let services: &[&str] = if is_websocket { &WEBSOCKET_SERVICES } else { &DATA_SERVICES };
    let ending = || HttpDenial { reason: CallerDenial::Ending.to_string(), message: None };
    let cloud = gateway.auth.x509.cloud().ok_or_else(ending)?;
    Ok(cloud.authenticate(request, services)?)
}

/// Returns an `Origin` that is not this port of the gateway.
fn foreign_origin(http: &HttpFacts, port: u16) -> Option<&str> {
    let mut origins = http.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("origin"));
    let own = ["127.0.0.1", "localhost"].map(|host| format!("https://{host}:{port}"));
    origins.find(|(_, origin)| !own.contains(origin)).map(|(_, origin)| origin.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_gateway_s_own_pages_may_use_a_certificate() {
        for (origins, expected) in [
            (&[][..], None),
            (&["https://localhost:8443"], None),
            (&["https://127.0.0.1:8443"], None),
            (&["http://localhost:8443"], Some("http://localhost:8443")),
            (&["https://localhost"], Some("https://localhost")),
            (&["https://localhost:8080"], Some("https://localhost:8080")),
            (&["https://localhost.example:8443"], Some("https://localhost.example:8443")),
            (&["null"], Some("null")),
            (&[""], Some("")),
            (&["https://localhost:8443", "https://a.example"], Some("https://a.example")),
        ] {
            let headers = origins.iter().map(|origin| ("origin".to_owned(), (*origin).to_owned())).collect();
            assert_eq!(foreign_origin(&HttpFacts { headers, query: None }, 8443), expected, "{origins:?}");
        }
    }
}
