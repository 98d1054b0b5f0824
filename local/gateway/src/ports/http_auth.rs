//! How the client of a WebSocket or of an HTTPS publish is authenticated.

use iot_local_policy::Context;

use super::Gateway;
use super::client_connection::ClientConnection;
use crate::alpn::Alpn;
use crate::auth::endpoint::{AuthMethod, HttpMarks};
use crate::auth::sigv4::{SignatureDenial, SignatureMarks};
use crate::facts::{ConnectionFacts, HttpFacts};

/// Returns the method. A signature is checked at once, before a WebSocket is opened.
///
/// # Errors
/// Why the request is denied with 403, for the operator.
pub(super) fn method(
    gateway: &Gateway,
    client: &ClientConnection,
    facts: &ConnectionFacts,
    is_websocket: bool,
) -> Result<AuthMethod, String> {
    let Some(http) = facts.http.as_ref() else { return Err("no HTTP request".to_owned()) };
    let signature = SignatureMarks::of(http);
    if signature.as_ref().is_some_and(|marks| marks.is_doubled) {
        return Err(SignatureDenial::Doubled.to_string());
    }
    let endpoint = gateway.endpoint_of(facts.server_name.as_deref())?;
    let method = endpoint.for_http(HttpMarks {
        alpn: client.handshake.as_ref().map_or(Alpn::Absent, |handshake| handshake.alpn),
        is_websocket,
        has_certificate: facts.certificate.is_some(),
        is_signed: signature.is_some(),
        has_token: gateway.auth.custom.has_token(http),
    })?;
    match method {
        AuthMethod::SigV4 => {
            let operator = gateway.auth.operator(Some(http), Context::default());
            operator.map_err(|denial| denial.to_string())?;
        }
        // A browser presents its certificate to every page that asks for this address.
        AuthMethod::Certificate => {
            if let Some(origin) = foreign_origin(http, client.local_port) {
                return Err(format!(
                    "a request with a certificate from a page of another origin, \"{origin}\"; expected no Origin, or \
                     the gateway's"
                ));
            }
        }
        AuthMethod::Custom | AuthMethod::CustomWithCertificate => {}
    }
    Ok(method)
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
