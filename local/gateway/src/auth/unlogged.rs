//! Calls of the authorizer that the gateway makes for itself. Neither they nor the function's lines about them are in
//! the event log.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Notify;
use uuid::Uuid;

/// How long to wait for the function's line about a denied call. The line is written before the response, but read
/// from another pipe.
const LINE_TIMEOUT: Duration = Duration::from_millis(300);

/// The connection ids of these calls, and the function's log lines about them.
#[derive(Default)]
pub(crate) struct UnloggedCalls {
    lines: Mutex<HashMap<String, Option<Value>>>,
    received: Notify,
}

impl UnloggedCalls {
    /// Adds a call before it is made.
    pub(crate) fn add(&self, connection: Uuid) {
        self.lock().insert(connection.to_string(), None);
    }

    /// Forgets all calls.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// Whether a line of the function is a JSON object about one of these calls. Keeps the line.
    pub(crate) fn has(&self, text: &str) -> bool {
        let mut lines = self.lock();
        let Some((_, line)) = lines.iter_mut().find(|(id, _)| text.contains(id.as_str())) else {
            return false;
        };
        let Ok(value @ Value::Object(_)) = serde_json::from_str(text) else { return false };
        *line = Some(value);
        drop(lines);
        self.received.notify_waiters();
        true
    }

    /// Returns the code in the function's line about a denied call. `None` if it writes no such line in time.
    pub(crate) async fn code(&self, connection: Uuid) -> Option<String> {
        let line = async {
            loop {
                // Registered before the line is looked up, so that no line is missed.
                let received = self.received.notified();
                tokio::pin!(received);
                received.as_mut().enable();
                if let Some(line) = self.lock().get(&connection.to_string()).cloned().flatten() {
                    return line;
                }
                received.await;
            }
        };
        let line = tokio::time::timeout(LINE_TIMEOUT, line).await.ok()?;
        line.get("code")?.as_str().map(str::to_owned)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Option<Value>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_about_these_calls_are_kept_and_no_others() {
        let calls = UnloggedCalls::default();
        let (own, other) = (Uuid::new_v4(), Uuid::new_v4());
        assert!(!calls.has(&format!("{{\"connection_id\":\"{own}\"}}")));
        calls.add(own);
        for text in
            [format!("{{\"connection_id\":\"{other}\"}}"), "no_grant".to_owned(), format!("failed: {own}")]
        {
            assert!(!calls.has(&text), "{text}");
        }
        assert_eq!(calls.code(own).await, None);
        assert!(calls.has(&format!("{{\"connection_id\":\"{own}\",\"code\":\"no_grant\"}}")));
        assert_eq!(calls.code(own).await.as_deref(), Some("no_grant"));
        assert_eq!(calls.code(other).await, None);
    }
}
