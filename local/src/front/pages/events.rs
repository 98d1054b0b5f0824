//! The journal as server-sent events.
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html>

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{Either, StreamBody};
use hyper::Response;
use hyper::body::Frame;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::{Answer, Site, Stream};
use crate::journal::Happening;

/// How often something is sent, so that a reader that has gone is noticed.
const HEARTBEAT: Duration = Duration::from_secs(15);

struct Reader {
    run: String,
    kept: VecDeque<Happening>,
    live: Receiver<Happening>,
}

impl Site {
    /// What has happened so far, as far as it is kept, and everything from then on. A browser that was cut off names
    /// the last entry that it has seen and gets what follows.
    pub(super) fn events(&self, headers: &HeaderMap) -> Answer {
        let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
        let number = last.and_then(|id| id.split_once('-')).filter(|(run, _)| *run == self.run);
        let number = number.and_then(|(_, number)| number.parse().ok()).unwrap_or(0);
        let (kept, live) = self.journal.since(number);
        let reader = Reader { run: self.run.clone(), kept: kept.into(), live };
        // The time after which a browser comes again, in milliseconds.
        let first = Bytes::from_static(b"retry: 1000\n\n");
        let frames = stream::unfold((Some(first), reader), |(first, mut reader)| async move {
            let bytes = match first {
                Some(first) => first,
                None => reader.next().await?,
            };
            Some((Ok(Frame::data(bytes)), (None, reader)))
        });
        let frames: Stream = Box::pin(frames);
        let mut answer = Response::new(Either::Right(StreamBody::new(frames)));
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        answer
    }
}

impl Reader {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(entry) = self.kept.pop_front() {
            return Some(self.write(&entry));
        }
        match tokio::time::timeout(HEARTBEAT, self.live.recv()).await {
            Err(_) => Some(Bytes::from_static(b": still here\n\n")),
            Ok(Ok(entry)) => Some(self.write(&entry)),
            Ok(Err(RecvError::Lagged(lost))) => Some(format!("event: lost\ndata: {lost}\n\n").into()),
            Ok(Err(RecvError::Closed)) => None,
        }
    }

    /// JSON has no bare line breaks, so that one line is enough.
    fn write(&self, entry: &Happening) -> Bytes {
        format!("id: {}-{}\ndata: {}\n\n", self.run, entry.number, entry.to_json()).into()
    }
}
