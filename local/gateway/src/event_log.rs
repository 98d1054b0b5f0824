//! The event log of the gateway: one typed entry for each decision, with its reason.
//!
//! Entries contain client ids, topics and the statement that decided, but no token, password or payload. They are for
//! the operator of the gateway. A denied client does not receive the reason.

mod call;
mod json;
mod keys;
mod mask;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use iot_local_base::clock;
use iot_local_lambda::{LineSource, SandboxLine};
use iot_local_policy::{Action, StatementPlace, Verdict};
use tokio::sync::broadcast;
use uuid::Uuid;

pub use self::call::AuthorizerCall;
pub use self::keys::KeyEvent;

/// How many entries a reader may be behind before it loses the oldest.
const READER_CAPACITY_ENTRIES: usize = 4096;

/// How many entries are kept for later readers.
const HISTORY_CAPACITY_ENTRIES: usize = 400;

/// An entry of the event log.
#[derive(Debug, Clone)]
pub struct LogEntry {
    /// The number of the entry, from 1.
    pub number: u64,
    /// The time of the event.
    pub at: SystemTime,
    /// The connection's id, `connectionMetadata.id` of the event. Absent if the entry belongs to no connection.
    pub connection: Option<Uuid>,
    /// The MQTT client id. Absent for an HTTPS publish, and while it is unknown.
    pub client: Option<String>,
    /// The event.
    pub kind: EntryKind,
}

/// The kind of an entry, with its details.
#[derive(Debug, Clone)]
pub enum EntryKind {
    /// A connect was allowed.
    Connected {
        /// The principal in the authorizer's response.
        principal: String,
        /// The statement that allows the connect.
        statement: String,
        /// The position of that statement.
        decided_by: Option<StatementPlace>,
    },
    /// A connect, a refresh or an HTTPS publish was denied.
    ConnectDenied {
        /// The reason, for the operator.
        reason: String,
        /// The position of the statement that denies it. Absent for an implicit denial.
        decided_by: Option<StatementPlace>,
    },
    /// An action was allowed.
    Allowed {
        /// The action.
        action: Action,
        /// The resource, such as `topic/a/b`.
        resource: String,
        /// The statement that allows it.
        statement: String,
        /// The position of that statement.
        decided_by: Option<StatementPlace>,
    },
    /// An action was denied.
    Denied {
        /// The action.
        action: Action,
        /// The resource, such as `topic/a/b`.
        resource: String,
        /// The reason, for the operator.
        reason: String,
        /// The position of the statement that denies it. Absent for an implicit denial.
        decided_by: Option<StatementPlace>,
    },
    /// The authorizer was called for a connect, a refresh or an HTTPS publish.
    Authorizer(Arc<AuthorizerCall>),
    /// A refresh was allowed. Its new policy applies from now on.
    Refreshed,
    /// An admitted connection has ended.
    Closed {
        /// The reason.
        reason: DisconnectReason,
    },
    /// The function wrote a line.
    Function(SandboxLine),
    /// The function wrote a line about an issuer's keys, or about the revocation list.
    Keys(KeyEvent),
    /// The client sent a packet that breaks the MQTT protocol. The broker closes the connection.
    ProtocolError {
        /// The packet, what is wrong with it, and what is expected.
        reason: String,
    },
    /// Something that no client sees and that may surprise the operator.
    Notice {
        /// What happened, and what to do.
        text: String,
    },
    /// A rule has run for a message: the outcome of one action, or of one attempt of it.
    Rule {
        /// The name of the rule.
        rule: String,
        /// The action and what it acts on, such as `republish a/b`; `sql` if the statement could not be evaluated.
        action: String,
        /// Nothing, or what went wrong.
        outcome: Result<(), String>,
    },
    /// Files of the configuration have changed, and a new function runs with them.
    Reloaded {
        /// The changed files, relative to the configuration's folder.
        files: Vec<String>,
    },
    /// Files of the configuration have changed, and the earlier function stays in use.
    ReloadFailed {
        /// The changed files, relative to the configuration's folder.
        files: Vec<String>,
        /// Why, in one or more lines.
        reason: String,
    },
}

/// Why a connection ended. In parentheses: the `disconnectReason` of AWS IoT's lifecycle events.
/// <https://docs.aws.amazon.com/iot/latest/developerguide/life-cycle-events.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisconnectReason {
    /// The client disconnected, with or without a DISCONNECT packet (CLIENT_INITIATED_DISCONNECT, CONNECTION_LOST).
    ByClient,
    /// A publish or a subscription was denied (FORBIDDEN_ACCESS).
    Forbidden,
    /// A publish or a SUBSCRIBE exceeded a limit of AWS IoT (CLIENT_ERROR).
    OverLimit,
    /// A later connection uses the same client id (DUPLICATE_CLIENTID).
    TakenOver,
    /// `disconnectAfterInSeconds` has elapsed (CUSTOMAUTH_TTL_EXPIRATION).
    TimeLimit,
    /// A signed connection has lasted for 24 hours (SERVER_INITIATED_DISCONNECT, which is assumed).
    SignatureLimit,
    /// A refresh was denied (AUTH_ERROR).
    RefreshDenied,
    /// The registry refuses the certificate, which has left ACTIVE or is deleted (AUTH_ERROR, which is assumed).
    CertificateRefused,
    /// The policies of the certificate no longer allow the connect (AUTH_ERROR, which is assumed).
    ConnectForbidden,
    /// The gateway ends (SERVER_INITIATED_DISCONNECT).
    GatewayEnds,
    /// DeleteConnection was called (API_INITIATED_DISCONNECT).
    ByApi,
    /// The broker ended it: keep-alive timeout or protocol error (MQTT_KEEP_ALIVE_TIMEOUT, CLIENT_ERROR).
    ByBroker,
}

impl EntryKind {
    /// Creates an entry for a line of the function.
    #[must_use]
    pub fn of_line(line: SandboxLine) -> Self {
        KeyEvent::read(&line.text).map_or_else(|| Self::Function(line), Self::Keys)
    }

    /// Whether the entry is about the gateway itself, not about a client.
    fn is_of_gateway(&self) -> bool {
        matches!(
            self,
            Self::Function(_)
                | Self::Keys(_)
                | Self::Notice { .. }
                | Self::Rule { .. }
                | Self::Reloaded { .. }
                | Self::ReloadFailed { .. }
        )
    }

    /// Creates an entry for a policy's verdict.
    #[must_use]
    pub fn decided(action: Action, resource: &str, verdict: Verdict) -> Self {
        let Verdict { allowed, reason, decided_by } = verdict;
        let resource = resource.to_owned();
        match allowed {
            true => Self::Allowed { action, resource, statement: reason, decided_by },
            false => Self::Denied { action, resource, reason, decided_by },
        }
    }
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ByClient => "the client disconnected",
            Self::Forbidden => "a publish or a subscription was denied",
            Self::OverLimit => "a publish or a SUBSCRIBE exceeded a limit of AWS IoT",
            Self::TakenOver => "a later connection uses the same client id",
            Self::TimeLimit => "disconnectAfterInSeconds has elapsed",
            Self::SignatureLimit => "a connection with Signature Version 4 lasts at most 24 hours",
            Self::RefreshDenied => "the refresh was denied",
            Self::CertificateRefused => "the registry refuses the certificate",
            Self::ConnectForbidden => "the policies of the certificate no longer allow the connect",
            Self::GatewayEnds => "the gateway ends",
            Self::ByApi => "DeleteConnection was called",
            Self::ByBroker => "keep-alive timeout or protocol error",
        })
    }
}

impl fmt::Display for LogEntry {
    /// Formats one line without its line ending. Texts from a client are escaped, so that they cannot control a
    /// terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let unit = |size: u64, max: u64| seconds.checked_div(size).unwrap_or(0).checked_rem(max).unwrap_or(0);
        write!(f, "{:02}:{:02}:{:02}Z ", unit(3600, 24), unit(60, 60), unit(1, 60))?;
        match (&self.client, &self.kind) {
            (_, EntryKind::Function(_)) => {}
            (Some(client), _) => write!(f, "{} ", escaped(client))?,
            (_, kind) if kind.is_of_gateway() => {}
            (_, EntryKind::ProtocolError { .. }) => f.write_str("(MQTT) ")?,
            (None, EntryKind::Allowed { action, .. } | EntryKind::Denied { action, .. }) => {
                let is_publish = matches!(action, Action::Publish | Action::RetainPublish);
                f.write_str(if is_publish { "(HTTP publish) " } else { "(HTTP) " })?;
            }
            (None, _) => f.write_str("(no client id) ")?,
        }
        match &self.kind {
            EntryKind::Connected { principal, statement, .. } => {
                write!(f, "connected as {} ({})", escaped(principal), escaped(statement))
            }
            EntryKind::ConnectDenied { reason, .. } => {
                let what = if self.client.is_some() { "connect " } else { "" };
                write!(f, "{what}DENIED: {}", escaped(reason))
            }
            EntryKind::Allowed { action, resource, statement, .. } => {
                write!(f, "{action} {} allowed ({})", escaped(resource), escaped(statement))
            }
            EntryKind::Denied { action, resource, reason, .. } => {
                write!(f, "{action} {} DENIED: {}", escaped(resource), escaped(reason))
            }
            EntryKind::Authorizer(call) => {
                let outcome = if call.is_authenticated() { "authenticated" } else { "did not authenticate" };
                let millis = call.duration.as_secs_f64() * 1000.0;
                write!(f, "the authorizer {outcome} the client, in {millis:.1} ms")
            }
            EntryKind::Refreshed => f.write_str("refreshed: the new policy applies"),
            EntryKind::Closed { reason } => write!(f, "closed: {reason}"),
            EntryKind::Function(line) => {
                let source = match line.source {
                    LineSource::Stdout => "out",
                    LineSource::Stderr => "err",
                    LineSource::Host => "host",
                };
                write!(f, "[function {} {source}] {}", line.sandbox, printable(&line.text))
            }
            EntryKind::Keys(event) => write!(f, "[{}] {}", event.subject(), printable(&event.text)),
            EntryKind::ProtocolError { reason } => write!(f, "protocol error: {}", escaped(reason)),
            EntryKind::Notice { text } => write!(f, "note: {}", escaped(text)),
            EntryKind::Rule { rule, action, outcome: Ok(()) } => {
                write!(f, "rule {}: {} done", escaped(rule), escaped(action))
            }
            EntryKind::Rule { rule, action, outcome: Err(reason) } => {
                write!(f, "rule {}: {} FAILED: {}", escaped(rule), escaped(action), escaped(reason))
            }
            EntryKind::Reloaded { files } => write!(f, "reloaded: {}", reloaded(files)),
            EntryKind::ReloadFailed { files, reason } => {
                write!(f, "reload FAILED: {}", reload_failed(files, reason))
            }
        }
    }
}

/// What a reload means for clients.
fn reloaded(files: &[String]) -> String {
    let files = files.join(", ");
    let files = escaped(&files);
    format!("{files} changed; new connections use the new configuration, others from their next refresh")
}

/// Why the earlier configuration stays. The reason has its own lines.
fn reload_failed(files: &[String], reason: &str) -> String {
    let files = files.join(", ");
    let files = escaped(&files);
    let lines: Vec<_> = reason.trim_end().lines().map(printable).collect();
    format!(
        "{files} changed; the earlier configuration stays in use, since the new one has an error\n{}",
        lines.join("\n")
    )
}

/// A text whose control and invisible characters are written escaped. Quotes and backslashes stay, since texts quote
/// names.
struct Escaped<'a>(&'a str);

fn escaped(text: &str) -> Escaped<'_> {
    Escaped(text)
}

impl fmt::Display for Escaped<'_> {
    /// Writes the text between escaped characters in one piece: every message has two lines.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain = |c: char| c.is_ascii_graphic() || c == ' ';
        let mut rest = self.0;
        while let Some(index) = rest.find(|c| !is_plain(c)) {
            let (plain, from) = rest.split_at(index);
            f.write_str(plain)?;
            let mut characters = from.chars();
            characters.next().map_or(Ok(()), |c| write!(f, "{}", c.escape_debug()))?;
            rest = characters.as_str();
        }
        f.write_str(rest)
    }
}

/// Replaces control characters. Quotes are not escaped, since functions log JSON.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\t' { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// The event log. Any number of readers may subscribe.
#[derive(Clone)]
pub struct EventLog {
    sender: broadcast::Sender<LogEntry>,
    history: Arc<Mutex<History>>,
}

#[derive(Default)]
struct History {
    last_number: u64,
    entries: VecDeque<LogEntry>,
}

impl Default for EventLog {
    fn default() -> Self {
        Self { sender: broadcast::Sender::new(READER_CAPACITY_ENTRIES), history: Arc::default() }
    }
}

impl EventLog {
    /// Returns a reader of all entries from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<LogEntry> {
        self.sender.subscribe()
    }

    /// Returns the kept entries after entry `number`, and a reader of all later entries.
    #[must_use]
    pub fn since(&self, number: u64) -> (Vec<LogEntry>, broadcast::Receiver<LogEntry>) {
        let history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = history.entries.iter().filter(|entry| entry.number > number).cloned().collect();
        (entries, self.sender.subscribe())
    }

    /// Writes an entry. The newest entries are kept for later readers.
    pub fn record(&self, connection: Option<Uuid>, client: Option<&str>, kind: EntryKind) {
        let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        history.last_number = history.last_number.saturating_add(1);
        let entry = LogEntry {
            number: history.last_number,
            at: clock::now(),
            connection,
            client: client.map(str::to_owned),
            kind,
        };
        if history.entries.len() >= HISTORY_CAPACITY_ENTRIES {
            history.entries.pop_front();
        }
        history.entries.push_back(entry.clone());
        // Sent under the lock, so that readers receive entries in order.
        let _ = self.sender.send(entry);
    }

    /// Writes an entry for a call of the authorizer. Secrets are masked.
    pub fn record_call(&self, event: &[u8], response: Result<&[u8], String>, duration: Duration) {
        let call = AuthorizerCall::new(event, response, duration);
        let (connection, client) = (call.connection(), call.client().map(str::to_owned));
        self.record(connection, client.as_deref(), EntryKind::Authorizer(Arc::new(call)));
    }
}

#[cfg(test)]
mod tests;
