//! Runs a demo for the page, one at a time, and streams its steps: a JSON object a line. Empty lines are heartbeats.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{Either, StreamBody};
use hyper::body::Frame;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;

use super::{Body, EventStream, Site, json_response};
use crate::demo::DemoRun;
use crate::timeouts::DEMO_HEARTBEAT_INTERVAL;

/// The body of a request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DemoBody {
    /// The name of the demo.
    name: String,
}

/// A demo that a response streams. Dropping it ends the demo.
struct Streamed {
    run: DemoRun,
    _permit: OwnedSemaphorePermit,
}

impl Site {
    /// Starts a demo and streams its steps until it ends or the reader is gone. Otherwise responds with `error`: status
    /// 400, 404 for an unknown demo, 409 while another one runs.
    pub(super) fn demo(&self, body: &[u8]) -> Response<Body> {
        let failed = |status, error: String| json_response(status, &json!({ "error": error }));
        let Ok(DemoBody { name }) = serde_json::from_slice(body) else {
            return failed(StatusCode::BAD_REQUEST, "invalid body; expected {\"name\": ...}".to_owned());
        };
        let runner = self.page.demos.as_ref().filter(|runner| runner.names().contains(&name));
        let Some(runner) = runner else {
            return failed(StatusCode::NOT_FOUND, "unknown demo".to_owned());
        };
        let Ok(permit) = Arc::clone(&self.demo_slot).try_acquire_owned() else {
            let error = "another demo runs, perhaps in another tab; wait until it has ended, or stop it";
            return failed(StatusCode::CONFLICT, error.to_owned());
        };
        match runner.start(&name) {
            Ok(run) => stream(Streamed { run, _permit: permit }),
            Err(error) => {
                failed(StatusCode::INTERNAL_SERVER_ERROR, format!("the demo does not start: {error}"))
            }
        }
    }
}

fn stream(streamed: Streamed) -> Response<Body> {
    let frames = stream::unfold(streamed, |mut streamed| async move {
        let line = tokio::time::timeout(DEMO_HEARTBEAT_INTERVAL, streamed.run.lines.recv()).await;
        let bytes = match line {
            Err(_) => Bytes::from_static(b"\n"),
            Ok(Some(line)) => format!("{line}\n").into(),
            Ok(None) => return None,
        };
        Some((Ok(Frame::data(bytes)), streamed))
    });
    let frames: EventStream = Box::pin(frames);
    let mut response = Response::new(Either::Right(StreamBody::new(frames)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    response
}
