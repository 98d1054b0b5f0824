//! Serves the REST operations of AWS IoT's data plane, except publishes: shadows, retained messages, connections.
//! <https://docs.aws.amazon.com/iot/latest/apireference/API_Operations_AWS_IoT_Data_Plane.html>
//!
//! ```text
//! request -> DataRequest -> Admission (signature or certificate) -> iot: action on the resource -> answer
//! ```

mod connections;
mod retained;
mod shadow;

use bytes::Bytes;
use hyper::Request;
use hyper::body::Incoming;
use iot_local_cloud::ApiError;
use iot_local_cloud::api::data_plane::{DataOperation, DataRequest};
use iot_local_policy::Action;

use super::answer::Answer;
use super::body::{self, BodyError};
use super::client_connection::ClientConnection;
use super::head::Head;
use super::http_auth::{HttpDenial, SentRequest};
use super::{Gateway, WholeResponse, http_auth, publish};
use crate::auth::Admission;
use crate::auth::endpoint::AuthMethod;
use crate::event_log::EntryKind;
use crate::facts::ConnectionFacts;

/// Returns the operation that a request names. A publish is served elsewhere.
pub(super) fn of_request<B>(request: &Request<B>) -> Option<Result<DataRequest, ApiError>> {
    let uri = request.uri();
    let found = DataRequest::parse(request.method().as_str(), uri.path(), uri.query().unwrap_or_default())?;
    let is_publish = found.as_ref().is_ok_and(|request| request.operation == DataOperation::Publish);
    (!is_publish).then_some(found)
}

/// Authenticates the client, checks its policy, and carries out the operation. Sets `is_body_read` once the request's
/// body is read.
pub(super) async fn respond(
    request: Request<Incoming>,
    named: Result<DataRequest, ApiError>,
    head: &Head,
    client: &ClientConnection,
    gateway: &Gateway,
    is_body_read: &mut bool,
) -> WholeResponse {
    let mut facts = head.facts(client, request.uri().query());
    let (method, path) = (request.method().as_str().to_owned(), request.uri().path().to_owned());
    let body = match body::read(request).await {
        Ok(body) => body,
        Err(error) => return unread(error).response(),
    };
    *is_body_read = true;
    let named = match named {
        Ok(named) => named,
        Err(error) => return Answer::from(error).response(),
    };
    let sent = SentRequest { method: &method, path: &path, body: &body, is_websocket: false };
    let admission = match admit(named.operation, &mut facts, sent, client, gateway).await {
        Ok(admission) => admission,
        Err(HttpDenial { reason, message }) => {
            gateway.event_log().record(
                Some(facts.connection),
                None,
                EntryKind::ConnectDenied { reason, decided_by: None },
            );
            return message.map_or_else(Answer::forbidden, |text| Answer::denied(&text)).response();
        }
    };
    let call = Call { request: &named, body: &body, admission: &admission, facts: &facts, gateway };
    let answer = match named.operation {
        DataOperation::GetThingShadow => shadow::get(&call).await,
        DataOperation::UpdateThingShadow => shadow::update(&call).await,
        DataOperation::DeleteThingShadow => shadow::delete(&call).await,
        DataOperation::ListNamedShadowsForThing => shadow::list(&call).await,
        DataOperation::GetRetainedMessage => retained::get(&call).await,
        DataOperation::ListRetainedMessages => retained::list(&call).await,
        DataOperation::GetConnection => connections::get(&call).await,
        DataOperation::DeleteConnection => connections::delete(&call).await,
        DataOperation::ListSubscriptions => connections::subscriptions(&call).await,
        DataOperation::SendDirectMessage | DataOperation::Publish => {
            Answer::not_implemented(named.operation.name())
        }
    };
    answer.response()
}

/// A request of an authenticated client.
struct Call<'a> {
    request: &'a DataRequest,
    body: &'a Bytes,
    admission: &'a Admission,
    facts: &'a ConnectionFacts,
    gateway: &'a Gateway,
}

impl Call<'_> {
    /// Checks that the client's policy allows an action.
    ///
    /// # Errors
    /// 403.
    fn allows(&self, action: Action, resource: &str) -> Result<(), Answer> {
        let verdict = self.admission.decide(action, resource);
        let is_allowed = verdict.allowed;
        let kind = EntryKind::decided(action, resource, verdict);
        self.gateway.event_log().record(Some(self.facts.connection), None, kind);
        if is_allowed { Ok(()) } else { Err(Answer::forbidden()) }
    }
}

/// Authenticates the client.
///
/// # Errors
/// Why it is denied, for the operator.
async fn admit(
    operation: DataOperation,
    facts: &mut ConnectionFacts,
    sent: SentRequest<'_>,
    client: &ClientConnection,
    gateway: &Gateway,
) -> Result<Admission, HttpDenial> {
    let denied = |reason| HttpDenial { reason, message: None };
    match http_auth::method(gateway, client, facts, sent)? {
        // https://docs.aws.amazon.com/iot/latest/developerguide/custom-auth.html
        AuthMethod::Custom | AuthMethod::CustomWithCertificate => Err(denied(format!(
            "a client of an authorizer can only publish over HTTPS, and this is {}; help: sign the request, or use a \
             client certificate without a token",
            operation.name()
        ))),
        method => publish::admit(method, facts, client, gateway).await.map_err(denied),
    }
}

fn unread(error: BodyError) -> Answer {
    match error {
        BodyError::TooLarge => Answer::too_large("The payload exceeds the maximum size allowed"),
        BodyError::Unreadable => Answer::invalid("the body cannot be read"),
        BodyError::TimedOut => Answer::timed_out("timed out while reading the body"),
    }
}
