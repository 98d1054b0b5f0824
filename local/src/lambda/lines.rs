//! What the processes write.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};

const LONGEST_LINE: u64 = 16 * 1024;
const LONGEST_FAULT: usize = 64 * 1024;

/// Hands over each line until the stream ends. A very long line comes in pieces.
pub(super) async fn read<R: AsyncRead + Unpin>(from: R, take: impl Fn(String)) {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while let Ok(1..) = (&mut from).take(LONGEST_LINE).read_until(b'\n', &mut line).await {
        take(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned());
        line.clear();
    }
}

/// What one process has said of its faults.
#[derive(Clone, Default)]
pub(super) struct Said {
    text: Arc<Mutex<String>>,
}

impl Said {
    /// Keeps a line, as long as there are not too many.
    pub(super) fn keep(&self, line: &str) {
        let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        if text.len() < LONGEST_FAULT {
            text.push_str(line);
            text.push('\n');
        }
    }

    pub(super) fn text(&self) -> String {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
