//! What a process writes to its standard output and standard error.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};

/// A longer line is split.
const MAX_LINE_BYTES: u64 = 16 * 1024;

/// How much error output of a process is kept.
const ERROR_OUTPUT_CAPACITY_BYTES: usize = 64 * 1024;

/// Calls `sink` with each line until the stream ends.
pub(crate) async fn read<R: AsyncRead + Unpin>(stream: R, sink: impl Fn(String)) {
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    while let Ok(1..) = (&mut stream).take(MAX_LINE_BYTES).read_until(b'\n', &mut line).await {
        sink(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned());
        line.clear();
    }
}

/// The errors that one process has written or reported, for [`StartError`](crate::StartError).
#[derive(Clone, Default)]
pub(crate) struct ErrorOutput {
    text: Arc<Mutex<String>>,
}

impl ErrorOutput {
    /// Appends a line, unless the capacity is used up.
    pub(crate) fn push(&self, line: &str) {
        let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        if text.len() < ERROR_OUTPUT_CAPACITY_BYTES {
            text.push_str(line);
            text.push('\n');
        }
    }

    pub(crate) fn text(&self) -> String {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
