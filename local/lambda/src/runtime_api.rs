//! The Lambda Runtime API for the process of one sandbox.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::convert::Infallible;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use iot_local_base::clock;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use crate::invoker::InvokerIdentity;
use crate::limits::{MAX_ERROR_MESSAGE_CHARS, MAX_RESPONSE_BYTES};

const ROOT: &str = "/2018-06-01/runtime/";

/// An event for the process.
pub(crate) struct Delivery {
    pub(crate) id: Uuid,
    pub(crate) event: Bytes,
    pub(crate) identity: Option<InvokerIdentity>,
    pub(crate) deadline: Instant,
}

/// A request of the process.
pub(crate) enum RuntimeCall {
    /// Requests the next event, and waits for it.
    Next(oneshot::Sender<Delivery>),
    /// Responds to an event.
    Response { id: String, body: Bytes },
    /// Reports an error instead of a response.
    Error { id: String, kind: String, message: String },
    /// Reports an error of the initialisation.
    InitError { kind: String, message: String },
}

/// Serves the API until the future is dropped.
pub(crate) async fn serve(listener: TcpListener, calls: mpsc::Sender<RuntimeCall>, function_arn: Arc<str>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let _ = stream.set_nodelay(true);
                let (calls, function_arn) = (calls.clone(), Arc::clone(&function_arn));
                let service = service_fn(move |request| respond(request, calls.clone(), Arc::clone(&function_arn)));
                connections.spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn respond(
    request: Request<Incoming>,
    calls: mpsc::Sender<RuntimeCall>,
    function_arn: Arc<str>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().strip_prefix(ROOT).unwrap_or_default().to_owned();
    let parts: Vec<&str> = path.split('/').collect();
    Ok(match (request.method(), parts.as_slice()) {
        (&Method::GET, ["invocation", "next"]) => next(&calls, &function_arn).await,
        (&Method::POST, ["invocation", id, "response"]) => {
            let id = (*id).to_owned();
            match body(request).await {
                Some(body) => pass_on(&calls, RuntimeCall::Response { id, body }).await,
                None => status(StatusCode::PAYLOAD_TOO_LARGE),
            }
        }
        (&Method::POST, ["invocation", id, "error"]) => {
            let id = (*id).to_owned();
            let (kind, message) = error_report(request).await;
            pass_on(&calls, RuntimeCall::Error { id, kind, message }).await
        }
        (&Method::POST, ["init", "error"]) => {
            let (kind, message) = error_report(request).await;
            pass_on(&calls, RuntimeCall::InitError { kind, message }).await
        }
        _ => status(StatusCode::NOT_FOUND),
    })
}

async fn next(calls: &mpsc::Sender<RuntimeCall>, function_arn: &str) -> Response<Full<Bytes>> {
    let (reply, delivery) = oneshot::channel();
    if calls.send(RuntimeCall::Next(reply)).await.is_err() {
        return status(StatusCode::GONE);
    }
    let Ok(delivery) = delivery.await else { return status(StatusCode::GONE) };
    let identity = delivery.identity.map(|identity| identity.header());
    let response = identity.into_iter().fold(Response::builder(), |response, identity| {
        response.header("lambda-runtime-cognito-identity", identity)
    });
    response
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", delivery.id.to_string())
        .header("lambda-runtime-deadline-ms", epoch_millis(delivery.deadline).to_string())
        .header("lambda-runtime-invoked-function-arn", function_arn)
        .body(Full::new(delivery.event))
        .unwrap_or_else(|_| status(StatusCode::INTERNAL_SERVER_ERROR))
}

async fn pass_on(calls: &mpsc::Sender<RuntimeCall>, call: RuntimeCall) -> Response<Full<Bytes>> {
    match calls.send(call).await {
        Ok(()) => status(StatusCode::ACCEPTED),
        Err(_) => status(StatusCode::GONE),
    }
}

async fn body(request: Request<Incoming>) -> Option<Bytes> {
    Limited::new(request.into_body(), MAX_RESPONSE_BYTES)
        .collect()
        .await
        .ok()
        .map(http_body_util::Collected::to_bytes)
}

/// Returns type and message of a reported error. Without a type in the body, the header names it.
async fn error_report(request: Request<Incoming>) -> (String, String) {
    let from_header = header(request.headers(), "lambda-runtime-function-error-type");
    let body = body(request).await.unwrap_or_default();
    let report: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let member = |name: &str| report.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
    let kind = member("errorType").or(from_header).unwrap_or_else(|| "error".to_owned());
    (kind, member("errorMessage").unwrap_or_default().chars().take(MAX_ERROR_MESSAGE_CHARS).collect())
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn status(code: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = code;
    response
}

/// Returns `instant` in milliseconds since the epoch, the form of `lambda-runtime-deadline-ms`.
fn epoch_millis(instant: Instant) -> u128 {
    let remaining = instant.saturating_duration_since(Instant::now());
    let since_epoch = clock::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since_epoch.saturating_add(remaining).as_millis()
}
