//! Serves HTTPS publishes: `POST /topics/TOPIC?qos=0|1[&retain=true]`.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/http.html>

use std::sync::{Arc, PoisonError};

use hyper::Request;
use hyper::body::Incoming;
use iot_local_base::clock;
use iot_local_policy::limits;
use iot_local_policy::{Action, Context, Policy};
use percent_encoding::percent_decode_str;
use tokio::time::Instant;

use super::answer::Answer;
use super::body::{self, BodyError};
use super::client_connection::ClientConnection;
use super::head::Head;
use super::http_auth::{HttpDenial, SentRequest};
use super::{Gateway, WholeResponse, http_auth};
use crate::auth::Admission;
use crate::auth::custom::Denial;
use crate::auth::endpoint::AuthMethod;
use crate::auth::x509::CertificateDenial;
use crate::event_log::EntryKind;
use crate::facts::ConnectionFacts;
use crate::message::{Message, Publisher};

/// The message to a client that is denied.
const FORBIDDEN: &str = "Forbidden";

/// Authenticates the client, checks its policy, and publishes. Sets `is_body_read` once the request's body is read.
pub(super) async fn respond(
    request: Request<Incoming>,
    head: &Head,
    client: &ClientConnection,
    gateway: &Gateway,
    is_body_read: &mut bool,
) -> WholeResponse {
    let publish = match PublishRequest::parse(request.uri().path(), request.uri().query()) {
        Ok(publish) => publish,
        Err(error) => return Answer::invalid(error).response(),
    };
    let mut facts = head.facts(client, request.uri().query());
    let path = request.uri().path().to_owned();
    let payload = match body::read(request).await {
        Ok(payload) => payload,
        Err(error) => return unread(error).response(),
    };
    *is_body_read = true;
    let sent = SentRequest { method: "POST", path: &path, body: &payload, is_websocket: false };
    let principal = match allowed_principal(&publish, &mut facts, sent, client, gateway).await {
        Ok(principal) => principal,
        Err(text) => return Answer::denied(&text).response(),
    };
    let PublishRequest { topic, is_qos1, retain } = publish;
    let publisher = Publisher { client_id: None, principal: Some(principal) };
    match gateway.broker.publish(Message { topic, payload, is_qos1, retain, publisher, republished: 0 }).await
    {
        Ok(()) => Answer::published().response(),
        Err(_) => Answer::invalid("the broker cannot route this topic").response(),
    }
}

/// The parameters in the request target.
struct PublishRequest {
    topic: String,
    is_qos1: bool,
    retain: bool,
}

impl PublishRequest {
    fn parse(path: &str, query: Option<&str>) -> Result<Self, &'static str> {
        let encoded = path.strip_prefix("/topics/").unwrap_or_default();
        let topic =
            percent_decode_str(encoded).decode_utf8().map_err(|_| "the topic is not UTF-8")?.into_owned();
        let (mut qos, mut retain) = (None, None);
        for pair in query.unwrap_or_default().split('&') {
            match pair.split_once('=') {
                // A signature does not cover the order of parameters, so the last one of two would be anybody's choice.
                Some(("qos", _)) if qos.is_some() => return Err("qos occurs twice"),
                Some(("qos", "0")) => qos = Some(false),
                Some(("qos", "1")) => qos = Some(true),
                Some(("qos", _)) => return Err("qos must be 0 or 1"),
                Some(("retain", _)) if retain.is_some() => return Err("retain occurs twice"),
                Some(("retain", "true")) => retain = Some(true),
                Some(("retain", "false")) => retain = Some(false),
                Some(("retain", _)) => return Err("retain must be true or false"),
                _ => {}
            }
        }
        let publish = Self { topic, is_qos1: qos.unwrap_or_default(), retain: retain.unwrap_or_default() };
        limits::topic(&publish.topic, publish.retain)?;
        Ok(publish)
    }
}

fn unread(error: BodyError) -> Answer {
    match error {
        BodyError::TooLarge => Answer::too_large("the payload is larger than 128 KiB"),
        BodyError::Unreadable => Answer::invalid("the payload cannot be read"),
        BodyError::TimedOut => Answer::timed_out("timed out while reading the payload"),
    }
}

/// Returns the principal of the client.
///
/// # Errors
/// It may not publish. The text is for the client.
async fn allowed_principal(
    publish: &PublishRequest,
    facts: &mut ConnectionFacts,
    sent: SentRequest<'_>,
    client: &ClientConnection,
    gateway: &Gateway,
) -> Result<String, String> {
    let connection = facts.connection;
    let record = |kind| gateway.event_log().record(Some(connection), None, kind);
    let admission = match http_auth::method(gateway, client, facts, sent) {
        Ok(method) => {
            let admission = admit(method, facts, client, gateway).await;
            admission.map_err(|reason| HttpDenial { reason, message: None })
        }
        Err(denial) => Err(denial),
    };
    let admission = match admission {
        Ok(admission) => admission,
        Err(HttpDenial { reason, message }) => {
            record(EntryKind::ConnectDenied { reason, decided_by: None });
            return Err(message.unwrap_or_else(|| FORBIDDEN.to_owned()));
        }
    };
    // iot:Connect is not checked for an HTTPS publish.
    let retain = publish.retain.then_some(Action::RetainPublish);
    let is_allowed = [Some(Action::Publish), retain].into_iter().flatten().all(|action| {
        let resource = format!("topic/{}", publish.topic);
        let verdict = admission.decide(action, &resource);
        let allowed = verdict.allowed;
        record(EntryKind::decided(action, &resource, verdict));
        allowed
    });
    if is_allowed { Ok(admission.principal) } else { Err(FORBIDDEN.to_owned()) }
}

/// Authenticates the client.
///
/// # Errors
/// Why it is denied, for the operator.
pub(super) async fn admit(
    method: AuthMethod,
    facts: &ConnectionFacts,
    client: &ClientConnection,
    gateway: &Gateway,
) -> Result<Admission, String> {
    let context = Context { source_ip: Some(client.peer), ..Context::default() };
    let by_certificate = match method {
        AuthMethod::SigV4 => {
            return gateway.auth.admit_caller(facts, context).await.map_err(|denial| denial.to_string());
        }
        AuthMethod::Custom => {
            let facts = ConnectionFacts { certificate: None, ..facts.clone() };
            return admit_custom(&facts, context, client, gateway).await.map_err(|denial| denial.to_string());
        }
        AuthMethod::Certificate | AuthMethod::CustomWithCertificate => {
            let (auth, facts) = (Arc::clone(&gateway.auth), facts.clone());
            let asked =
                tokio::task::spawn_blocking(move || auth.x509.permissions(&facts, None, method)).await;
            asked.unwrap_or(Err(CertificateDenial::Registry)).map_err(|denial| denial.to_string())?
        }
    };
    let context = Context { certificate: by_certificate.known(), ..context };
    let permissions = Arc::clone(&by_certificate.policy);
    if method == AuthMethod::Certificate {
        let principal = by_certificate.principal;
        return Ok(Admission { principal, permissions, context, lifetime: None });
    }
    let admission =
        admit_custom(facts, context.clone(), client, gateway).await.map_err(|denial| denial.to_string())?;
    let both = Policy::clone(&admission.permissions).and(Policy::clone(&permissions));
    Ok(Admission { permissions: Arc::new(both), context, ..admission })
}

/// Calls the authorizer. With caching, an admission is used for all requests of the connection until it is to be
/// refreshed, whatever their tokens are.
async fn admit_custom(
    facts: &ConnectionFacts,
    context: Context,
    client: &ClientConnection,
    gateway: &Gateway,
) -> Result<Admission, Denial> {
    let authorizer = &gateway.auth.custom;
    let event = authorizer.event(facts, None)?;
    if !authorizer.caches_for_http(&event) {
        return authorizer.admit(event, context).await;
    }
    let cached = || client.cached_admission.lock().unwrap_or_else(PoisonError::into_inner);
    let name = event.authorizer().unwrap_or_default().to_owned();
    if let Some((admission, authorizer, expiry)) = cached().clone()
        && authorizer == name
        && Instant::now() < expiry
    {
        return Ok(admission);
    }
    let admission = authorizer.admit(event, context).await?;
    if let Some(lifetime) = admission.lifetime {
        let expiry = clock::deadline(authorizer.time.scaled(lifetime.refresh_after));
        *cached() = Some((admission.clone(), name, expiry));
    }
    Ok(admission)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_topic_is_percent_decoded() {
        let parse = |path, query| PublishRequest::parse(path, query).ok().unwrap();
        let encoded = parse("/topics/acme%2Falice%2Ftele%20metry", Some("qos=1&retain=true"));
        assert_eq!(
            (encoded.topic.as_str(), encoded.is_qos1, encoded.retain),
            ("acme/alice/tele metry", true, true)
        );
        let plain = parse("/topics/a/b", None);
        assert_eq!((plain.topic.as_str(), plain.is_qos1, plain.retain), ("a/b", false, false));
    }

    #[test]
    fn rejects_invalid_requests() {
        for (path, query) in [
            ("/topics/", None),
            ("/topics/a%2F%23", None),
            ("/topics/%FF", None),
            ("/topics/a", Some("qos=2")),
            ("/topics/a", Some("retain=yes")),
            ("/topics/a", Some("qos=0&qos=1")),
            ("/topics/a", Some("qos=1&x&qos=1")),
            ("/topics/a", Some("retain=false&retain=true")),
        ] {
            assert!(PublishRequest::parse(path, query).is_err(), "{path} {query:?}");
        }
    }
}
