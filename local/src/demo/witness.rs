//! Why something was allowed or refused: the door's journal and the function's log know, the client does not.

use std::time::Duration;

use serde_json::Value;
use tokio::sync::broadcast::Receiver;
use uuid::Uuid;

use crate::journal::{Happening, What};
use crate::policy::Action;

/// How long an entry may take to be written after the client has seen what it is about.
const PATIENCE: Duration = Duration::from_secs(3);

/// Reads along.
pub(super) struct Witness {
    journal: Receiver<Happening>,
    read: Vec<Happening>,
}

/// Why.
#[derive(Debug, Default)]
pub(super) struct Why {
    /// The code of the function's refusal, if it was the function that refused.
    pub(super) code: Option<String>,
    /// For the reader of the screen; empty if nobody wrote it down.
    pub(super) text: String,
}

impl Witness {
    pub(super) fn new(journal: Receiver<Happening>) -> Self {
        Self { journal, read: Vec::new() }
    }

    /// Forgets what belongs to earlier actions.
    pub(super) fn begin(&mut self) {
        self.read.clear();
        while self.journal.try_recv().is_ok() {}
    }

    /// Why an action on a resource, such as `topic/a`, was allowed or refused.
    pub(super) async fn action(&mut self, action: Action, resource: &str) -> Why {
        let text = self.find(|entry| match &entry.what {
            What::Allowed { action: done, resource: on, statement: reason, .. }
            | What::Refused { action: done, resource: on, reason, .. }
                if *done == action && on == resource =>
            {
                Some(reason.clone())
            }
            _ => None,
        });
        Why { code: None, text: text.await.unwrap_or_default() }
    }

    /// Why a client was let in or not.
    pub(super) async fn connect(&mut self, client: &str) -> Why {
        let found = self.find(|entry| match &entry.what {
            _ if entry.client.as_deref() != Some(client) => None,
            What::Connected { statement, .. } => Some((statement.clone(), None)),
            What::ConnectRefused { reason, .. } => Some((reason.clone(), entry.connection)),
            _ => None,
        });
        match found.await {
            Some((text, None)) => Why { code: None, text },
            Some((text, Some(connection))) => self.refusal(text, connection).await,
            None => Why::default(),
        }
    }

    /// What the function's log says of a refused connection, else what the door says.
    async fn refusal(&mut self, door: String, connection: Uuid) -> Why {
        let connection = connection.to_string();
        let line = self.find(|entry| {
            let What::Function(line) = &entry.what else { return None };
            let line: Value = serde_json::from_str(&line.text).ok()?;
            (line.get("connection_id")?.as_str()? == connection).then_some(line)
        });
        let line = line.await.unwrap_or_default();
        let text = |name: &str| line.get(name).and_then(Value::as_str).map(str::to_owned);
        match text("code") {
            Some(code) => Why { text: format!("the authorizer: {code}"), code: Some(code) },
            None => Why { code: None, text: door },
        }
    }

    /// The first entry that will do, of those read and those that come in time.
    async fn find<T>(&mut self, pick: impl Fn(&Happening) -> Option<T>) -> Option<T> {
        if let Some(found) = self.read.iter().find_map(&pick) {
            return Some(found);
        }
        let wait = async {
            loop {
                let entry = self.journal.recv().await.ok()?;
                let found = pick(&entry);
                self.read.push(entry);
                if found.is_some() {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.ok().flatten()
    }
}
