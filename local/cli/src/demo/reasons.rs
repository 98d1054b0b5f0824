//! The reason why an action was allowed or denied, from the gateway's event log and the function's log. The client does
//! not receive it.

use std::time::Duration;

use iot_local_gateway::event_log::{EntryKind, LogEntry};
use iot_local_policy::Action;
use serde_json::Value;
use tokio::sync::broadcast::Receiver;
use uuid::Uuid;

/// How long to wait for an entry after the client has received the response.
const LOG_TIMEOUT: Duration = Duration::from_secs(3);
/// How long to wait for the line of a function that a rule invokes, and that may start first.
const FUNCTION_TIMEOUT: Duration = Duration::from_secs(60);

/// Reads the gateway's event log.
pub(super) struct EventLogReader {
    event_log: Receiver<LogEntry>,
    entries: Vec<LogEntry>,
}

/// Why an action was allowed or denied.
#[derive(Debug, Default)]
pub(super) struct Reason {
    /// The code of the denial, if the function denied.
    pub(super) code: Option<String>,
    /// The text to show, empty if the log has no entry.
    pub(super) text: String,
    /// What to do, if the function's log says it.
    pub(super) hint: Option<String>,
}

/// What to do if a policy denies.
const POLICY_HINT: &str = "use a resource that the policy allows, or allow this one in the policy";

/// A part of a reason that has no hint of its own, since AWS has none, and what to do.
const HINTS: [(&str, &str); 6] = [
    ("is not from a supported provider", "use an ID token of a provider of the identity pool"),
    ("no identity-based policy allows", "allow the action in the role of the pool, if people are to have it"),
    ("wrong signature", "sign with the secret of this access key, and compare the canonical requests"),
    ("ownership token", "send the token that came with the certificate, once and within an hour"),
    ("pre-provisioning hook denies", "add the serial number to the list of expected devices"),
    ("statement", POLICY_HINT),
];

/// Separates a reason of the gateway from what to do.
const HELP: &str = "; help: ";

impl Reason {
    /// A reason without a code.
    pub(super) fn of(text: Option<String>) -> Self {
        Self { text: text.unwrap_or_default(), ..Self::default() }
    }

    /// Returns what to do about a denial: the hint of the function or of the gateway, or else one of [`HINTS`].
    pub(super) fn hint_for(&self, is_allowed: bool) -> Option<String> {
        if is_allowed {
            return None;
        }
        let of_gateway = || self.text.split_once(HELP).map(|(_, hint)| hint.to_owned());
        let known =
            || HINTS.iter().find(|(part, _)| self.text.contains(part)).map(|(_, hint)| (*hint).to_owned());
        self.hint.clone().or_else(of_gateway).or_else(known)
    }
}

impl EventLogReader {
    pub(super) fn new(event_log: Receiver<LogEntry>) -> Self {
        Self { event_log, entries: Vec::new() }
    }

    /// Drops all entries of earlier actions.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
        while self.event_log.try_recv().is_ok() {}
    }

    /// Finds the reason for an action on a resource, such as `topic/a`.
    pub(super) async fn action(&mut self, action: Action, resource: &str) -> Reason {
        let text = self.find(|entry| match &entry.kind {
            EntryKind::Allowed {
                action: entry_action, resource: entry_resource, statement: reason, ..
            }
            | EntryKind::Denied { action: entry_action, resource: entry_resource, reason, .. }
                if *entry_action == action && entry_resource == resource =>
            {
                Some(reason.clone())
            }
            _ => None,
        });
        Reason::of(text.await)
    }

    /// Finds the reason for the result of a connect.
    pub(super) async fn connect(&mut self, client_id: &str) -> Reason {
        let found = self.find(|entry| match &entry.kind {
            _ if entry.client.as_deref() != Some(client_id) => None,
            EntryKind::Connected { statement, .. } => Some((statement.clone(), None)),
            EntryKind::ConnectDenied { reason, .. } => Some((reason.clone(), entry.connection)),
            _ => None,
        });
        match found.await {
            Some((text, None)) => Reason::of(Some(text)),
            Some((text, Some(connection))) => self.denial(text, connection).await,
            None => Reason::default(),
        }
    }

    /// Finds the gateway's reason for the denial of a client, or for any denial without a client id. The function is
    /// not called for clients with certificates.
    pub(super) async fn denial_of(&mut self, client_id: Option<&str>) -> Reason {
        let text = self.find(|entry| match &entry.kind {
            EntryKind::ConnectDenied { reason, .. } if entry.client.as_deref() == client_id => {
                Some(reason.clone())
            }
            _ => None,
        });
        Reason::of(text.await)
    }

    /// Finds what the gateway noted about a request of fleet provisioning of a client. `code` is that of its answer.
    pub(super) async fn note(&mut self, client_id: &str, code: Option<String>) -> Reason {
        let text = self.find(|entry| match &entry.kind {
            EntryKind::Notice { text } if entry.client.as_deref() == Some(client_id) => Some(text.clone()),
            _ => None,
        });
        Reason { code, ..Reason::of(text.await) }
    }

    /// The code in the function's log for a denied connection, or else the gateway's own reason.
    async fn denial(&mut self, reason: String, connection: Uuid) -> Reason {
        let connection = connection.to_string();
        let line = self.find(|entry| {
            let EntryKind::Function(line) = &entry.kind else { return None };
            let line: Value = serde_json::from_str(&line.text).ok()?;
            (line.get("connection_id")?.as_str()? == connection).then_some(line)
        });
        let line = line.await.unwrap_or_default();
        let member = |name| line.get(name).and_then(Value::as_str).map(str::to_owned);
        match member("code") {
            Some(code) => Reason {
                text: format!("denied by the authorizer: {code}"),
                code: Some(code),
                hint: member("hint"),
            },
            None => Reason::of(Some(reason)),
        }
    }

    /// Finds the line of a provisioning function about a device or a certificate: the value of `member`.
    pub(super) async fn function(&mut self, trigger: &str, member: &str, value: &str) -> Reason {
        let line = self.find_within(FUNCTION_TIMEOUT, |entry| {
            let EntryKind::Function(line) = &entry.kind else { return None };
            let line: Value = serde_json::from_str(&line.text).ok()?;
            let has = |member: &str, value: &str| line.get(member).and_then(Value::as_str) == Some(value);
            (has("trigger", trigger) && has(member, value)).then_some(line)
        });
        let line = line.await.unwrap_or_default();
        let text = |member| line.get(member).and_then(Value::as_str).map(str::to_owned);
        let shown = text("message").map(|message| format!("{trigger}: {message}"));
        Reason { code: text("code"), hint: text("hint"), ..Reason::of(shown) }
    }

    /// The first matching entry, of those read before and those that arrive within the usual timeout.
    async fn find<T>(&mut self, pick: impl Fn(&LogEntry) -> Option<T>) -> Option<T> {
        self.find_within(LOG_TIMEOUT, pick).await
    }

    async fn find_within<T>(&mut self, limit: Duration, pick: impl Fn(&LogEntry) -> Option<T>) -> Option<T> {
        if let Some(found) = self.entries.iter().find_map(&pick) {
            return Some(found);
        }
        let wait = async {
            loop {
                let entry = self.event_log.recv().await.ok()?;
                let found = pick(&entry);
                self.entries.push(entry);
                if found.is_some() {
                    return found;
                }
            }
        };
        tokio::time::timeout(limit, wait).await.ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_has_the_hint_of_what_decided_it() {
        for (text, hint, is_allowed, expected) in [
            ("denied by the authorizer: expired", Some("get a new token"), false, Some("get a new token")),
            ("certificate a is INACTIVE; help: aws iot b", None, false, Some("aws iot b")),
            ("no statement allows iot:Publish topic/a", None, false, Some(POLICY_HINT)),
            ("document 1, statement 2: Deny iot:Publish *", None, false, Some(POLICY_HINT)),
            ("document 1, statement 1: Allow iot:Publish *", None, true, None),
            (
                "REJECTED with 403 AccessDenied: the pre-provisioning hook denies the device",
                None,
                false,
                Some(HINTS[4].1),
            ),
            ("another reason", None, false, None),
            ("", None, false, None),
        ] {
            let reason = Reason { hint: hint.map(str::to_owned), ..Reason::of(Some(text.to_owned())) };
            assert_eq!(reason.hint_for(is_allowed).as_deref(), expected, "{text}");
        }
    }
}
