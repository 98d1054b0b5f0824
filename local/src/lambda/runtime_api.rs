//! The Lambda Runtime API that one sandbox speaks to.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use crate::clock;

const ROOT: &str = "/2018-06-01/runtime/";

/// Lambda's own limit for a synchronous answer.
const BODY_LIMIT: usize = 6 * 1024 * 1024;

/// An event on its way to the sandbox.
pub(super) struct Delivery {
    pub(super) id: Uuid,
    pub(super) event: Bytes,
    pub(super) deadline: Instant,
}

/// What the sandbox says.
pub(super) enum Call {
    /// It asks for its next event, and waits.
    Next(oneshot::Sender<Delivery>),
    /// It answers.
    Answer { id: String, body: Bytes },
    /// It failed to answer.
    Failure { id: String, kind: String, message: String },
    /// It failed to start.
    InitFailure { kind: String, message: String },
}

/// Serves the API until it is dropped.
pub(super) async fn serve(listener: TcpListener, calls: mpsc::Sender<Call>, function_arn: Arc<str>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let _ = stream.set_nodelay(true);
                let (calls, function_arn) = (calls.clone(), Arc::clone(&function_arn));
                let service = service_fn(move |request| answer(request, calls.clone(), Arc::clone(&function_arn)));
                connections.spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

type Answer = Response<Full<Bytes>>;

async fn answer(
    request: Request<Incoming>,
    calls: mpsc::Sender<Call>,
    function_arn: Arc<str>,
) -> Result<Answer, Infallible> {
    let path = request.uri().path().strip_prefix(ROOT).unwrap_or_default().to_owned();
    let parts: Vec<&str> = path.split('/').collect();
    Ok(match (request.method(), parts.as_slice()) {
        (&Method::GET, ["invocation", "next"]) => next(&calls, &function_arn).await,
        (&Method::POST, ["invocation", id, "response"]) => {
            let id = (*id).to_owned();
            match body(request).await {
                Some(body) => tell(&calls, Call::Answer { id, body }).await,
                None => status(StatusCode::PAYLOAD_TOO_LARGE),
            }
        }
        (&Method::POST, ["invocation", id, "error"]) => {
            let id = (*id).to_owned();
            let (kind, message) = failure(request).await;
            tell(&calls, Call::Failure { id, kind, message }).await
        }
        (&Method::POST, ["init", "error"]) => {
            let (kind, message) = failure(request).await;
            tell(&calls, Call::InitFailure { kind, message }).await
        }
        _ => status(StatusCode::NOT_FOUND),
    })
}

async fn next(calls: &mpsc::Sender<Call>, function_arn: &str) -> Answer {
    let (reply, delivery) = oneshot::channel();
    if calls.send(Call::Next(reply)).await.is_err() {
        return status(StatusCode::GONE);
    }
    let Ok(delivery) = delivery.await else { return status(StatusCode::GONE) };
    Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", delivery.id.to_string())
        .header("lambda-runtime-deadline-ms", clock::epoch_millis(delivery.deadline).to_string())
        .header("lambda-runtime-invoked-function-arn", function_arn)
        .body(Full::new(delivery.event))
        .unwrap_or_else(|_| status(StatusCode::INTERNAL_SERVER_ERROR))
}

async fn tell(calls: &mpsc::Sender<Call>, call: Call) -> Answer {
    match calls.send(call).await {
        Ok(()) => status(StatusCode::ACCEPTED),
        Err(_) => status(StatusCode::GONE),
    }
}

async fn body(request: Request<Incoming>) -> Option<Bytes> {
    Limited::new(request.into_body(), BODY_LIMIT)
        .collect()
        .await
        .ok()
        .map(http_body_util::Collected::to_bytes)
}

/// Type and message of a reported error: from the body, else from the header that also names the type.
async fn failure(request: Request<Incoming>) -> (String, String) {
    let from_header = header(request.headers(), "lambda-runtime-function-error-type");
    let body = body(request).await.unwrap_or_default();
    let report: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let member = |name: &str| report.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
    let kind = member("errorType").or(from_header).unwrap_or_else(|| "error".to_owned());
    (kind, member("errorMessage").unwrap_or_default().chars().take(1000).collect())
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn status(code: StatusCode) -> Answer {
    let mut response = Response::new(Full::default());
    *response.status_mut() = code;
    response
}
