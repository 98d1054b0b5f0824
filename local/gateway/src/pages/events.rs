//! Serves the event log as server-sent events.
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html>

use std::collections::VecDeque;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{Either, StreamBody};
use hyper::Response;
use hyper::body::Frame;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;

use super::{Body, EventStream, Site};
use crate::event_log::LogEntry;
use crate::timeouts::HEARTBEAT_INTERVAL;

/// A reader of the event log.
struct EventReader {
    run: String,
    kept: VecDeque<LogEntry>,
    live: Receiver<LogEntry>,
    /// The revision of the registry.
    revision: watch::Receiver<u64>,
}

impl Site {
    /// Streams the kept entries and all later ones. A browser that reconnects sends the id of its last entry, and gets
    /// the entries after it. The event `registry` says that the registry has changed, perhaps more than once.
    pub(super) fn events(&self, headers: &HeaderMap) -> Response<Body> {
        let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
        let number = last.and_then(|id| id.split_once('-')).filter(|(run, _)| *run == self.run);
        let number = number.and_then(|(_, number)| number.parse().ok()).unwrap_or(0);
        let (kept, live) = self.auth.custom.event_log.since(number);
        let reader = EventReader {
            run: self.run.clone(),
            kept: kept.into(),
            live,
            revision: self.auth.x509.changes(),
        };
        // The browser's delay before it reconnects, in milliseconds.
        let first = Bytes::from_static(b"retry: 1000\n\n");
        let frames = stream::unfold((Some(first), reader), |(first, mut reader)| async move {
            let bytes = match first {
                Some(first) => first,
                None => reader.next().await?,
            };
            Some((Ok(Frame::data(bytes)), (None, reader)))
        });
        let frames: EventStream = Box::pin(frames);
        let mut response = Response::new(Either::Right(StreamBody::new(frames)));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        response
    }
}

impl EventReader {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(entry) = self.kept.pop_front() {
            return Some(self.render(&entry));
        }
        let entry = tokio::select! {
            entry = self.live.recv() => entry,
            Ok(()) = self.revision.changed() => return Some(self.registry_changed()),
            () = tokio::time::sleep(HEARTBEAT_INTERVAL) => return Some(Bytes::from_static(b": heartbeat\n\n")),
        };
        match entry {
            Ok(entry) => Some(self.render(&entry)),
            Err(RecvError::Lagged(lost)) => Some(format!("event: lost\ndata: {lost}\n\n").into()),
            Err(RecvError::Closed) => None,
        }
    }

    fn registry_changed(&mut self) -> Bytes {
        format!("event: registry\ndata: {}\n\n", *self.revision.borrow_and_update()).into()
    }

    /// Renders an entry as one `data` line, since JSON has no unescaped line breaks.
    fn render(&self, entry: &LogEntry) -> Bytes {
        format!("id: {}-{}\ndata: {}\n\n", self.run, entry.number, entry.to_json()).into()
    }
}
