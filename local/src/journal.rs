//! What happens at the front door, as it happens: one typed entry for each decision, with its reason.
//!
//! Entries hold client ids, topics and the statement that decided, never a token, a password or a payload. They
//! are for whoever runs the door; a refused client learns nothing but the refusal.

mod call;
mod json;
mod mask;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::broadcast;
use uuid::Uuid;

pub use self::call::Call;
use crate::clock;
use crate::lambda::{SandboxLine, Stream};
use crate::policy::{Action, Place, Verdict};

/// How many entries a reader may be behind before it loses the oldest.
const KEPT: usize = 4096;

/// How many entries are kept for readers that come later.
const HISTORY: usize = 400;

/// One entry.
#[derive(Debug, Clone)]
pub struct Happening {
    /// Counts from one in the order in which things happened.
    pub number: u64,
    /// When.
    pub at: SystemTime,
    /// The connection's id as the authorizer sees it; none for what belongs to no connection.
    pub connection: Option<Uuid>,
    /// The MQTT client id; none for an HTTPS publish and before a client id is known.
    pub client: Option<String>,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum What {
    /// A client was let in.
    Connected {
        /// The principal that the authorizer named.
        principal: String,
        /// The statement that allows the connect.
        statement: String,
        /// Where it stands in the answer.
        decided_by: Option<Place>,
    },
    /// A client was not let in.
    ConnectRefused {
        /// Why, for the operator.
        reason: String,
        /// Where the statement that denies it stands in the answer, if one does.
        decided_by: Option<Place>,
    },
    /// An action was allowed.
    Allowed {
        /// The action.
        action: Action,
        /// On what, such as `topic/a/b`.
        resource: String,
        /// The statement that allows it.
        statement: String,
        /// Where it stands in the answer.
        decided_by: Option<Place>,
    },
    /// An action was refused.
    Refused {
        /// The action.
        action: Action,
        /// On what, such as `topic/a/b`.
        resource: String,
        /// Why, for the operator.
        reason: String,
        /// Where the statement that denies it stands in the answer, if one does.
        decided_by: Option<Place>,
    },
    /// The authorizer was asked, for a connect, a refresh or an HTTPS publish.
    Authorizer(Arc<Call>),
    /// The authorizer was asked again and its new policy holds from now on.
    Refreshed,
    /// A connection that had been let in has ended.
    Closed {
        /// Why.
        reason: Ending,
    },
    /// The function wrote a line.
    Function(SandboxLine),
}

/// Why a connection ended. In brackets what AWS IoT's lifecycle events call it.
/// <https://docs.aws.amazon.com/iot/latest/developerguide/life-cycle-events.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The client went, with or without a DISCONNECT.
    ByClient,
    /// A publish or a subscription was refused (FORBIDDEN_ACCESS).
    Forbidden,
    /// A publish or a SUBSCRIBE went over a limit of AWS IoT (CLIENT_ERROR).
    OverLimit,
    /// Another connection took the client id (DUPLICATE_CLIENTID).
    TakenOver,
    /// `disconnectAfterInSeconds` is over (CUSTOMAUTH_TTL_EXPIRATION).
    TimeLimit,
    /// The authorizer refused when asked again (AUTH_ERROR).
    RefreshRefused,
    /// The broker ended it: keep-alive or protocol error (MQTT_KEEP_ALIVE_TIMEOUT, CLIENT_ERROR).
    ByBroker,
}

impl What {
    /// What a policy said to an action.
    #[must_use]
    pub fn decided(action: Action, resource: &str, verdict: Verdict) -> Self {
        let Verdict { allowed, reason, decided_by } = verdict;
        let resource = resource.to_owned();
        match allowed {
            true => Self::Allowed { action, resource, statement: reason, decided_by },
            false => Self::Refused { action, resource, reason, decided_by },
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ByClient => "the client left",
            Self::Forbidden => "a publish or a subscription was refused",
            Self::OverLimit => "a publish or a SUBSCRIBE went over a limit of AWS IoT",
            Self::TakenOver => "another connection took its client id",
            Self::TimeLimit => "disconnectAfterInSeconds is over",
            Self::RefreshRefused => "the authorizer refused the refresh",
            Self::ByBroker => "keep-alive timeout or protocol error",
        })
    }
}

impl fmt::Display for Happening {
    /// One line without its end. Whatever a client chose is escaped, so that it cannot move the cursor of a terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let unit = |size: u64, of: u64| seconds.checked_div(size).unwrap_or(0).checked_rem(of).unwrap_or(0);
        write!(f, "{:02}:{:02}:{:02}Z ", unit(3600, 24), unit(60, 60), unit(1, 60))?;
        match (&self.client, &self.what) {
            (_, What::Function(_)) => {}
            (Some(client), _) => write!(f, "{} ", client.escape_debug())?,
            (None, _) => f.write_str("(https) ")?,
        }
        match &self.what {
            What::Connected { principal, statement, .. } => {
                write!(f, "connected as {} ({})", principal.escape_debug(), statement.escape_debug())
            }
            What::ConnectRefused { reason, .. } => write!(f, "connect REFUSED: {}", reason.escape_debug()),
            What::Allowed { action, resource, statement, .. } => {
                write!(f, "{action} {} allowed ({})", resource.escape_debug(), statement.escape_debug())
            }
            What::Refused { action, resource, reason, .. } => {
                write!(f, "{action} {} REFUSED: {}", resource.escape_debug(), reason.escape_debug())
            }
            What::Authorizer(call) => {
                let answer = if call.lets_in() { "lets it in" } else { "does not let it in" };
                write!(f, "the authorizer {answer}, after {:.1} ms", call.took.as_secs_f64() * 1000.0)
            }
            What::Refreshed => f.write_str("refreshed: the new policy holds"),
            What::Closed { reason } => write!(f, "closed: {reason}"),
            What::Function(line) => {
                let stream = match line.stream {
                    Stream::Stdout => "out",
                    Stream::Stderr => "err",
                    Stream::Host => "host",
                };
                write!(f, "[function {} {stream}] {}", line.sandbox, printable(&line.text))
            }
        }
    }
}

/// The text with control characters made visible; quotes stay, since functions log JSON.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\t' { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Where entries are written, and read by any number of readers.
#[derive(Clone)]
pub struct Journal {
    sender: broadcast::Sender<Happening>,
    history: Arc<Mutex<History>>,
}

#[derive(Default)]
struct History {
    last: u64,
    kept: VecDeque<Happening>,
}

impl Default for Journal {
    fn default() -> Self {
        Self { sender: broadcast::Sender::new(KEPT), history: Arc::default() }
    }
}

impl Journal {
    /// A reader of everything from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Happening> {
        self.sender.subscribe()
    }

    /// What happened after entry `number`, as far as it is still kept, and a reader of everything from then on.
    #[must_use]
    pub fn since(&self, number: u64) -> (Vec<Happening>, broadcast::Receiver<Happening>) {
        let history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = history.kept.iter().filter(|happening| happening.number > number).cloned().collect();
        (kept, self.sender.subscribe())
    }

    /// Writes an entry. The newest are kept for readers that come later.
    pub fn record(&self, connection: Option<Uuid>, client: Option<&str>, what: What) {
        let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        history.last = history.last.saturating_add(1);
        let happening = Happening {
            number: history.last,
            at: clock::now(),
            connection,
            client: client.map(str::to_owned),
            what,
        };
        if history.kept.len() >= HISTORY {
            history.kept.pop_front();
        }
        history.kept.push_back(happening.clone());
        // Sent under the lock, so that no reader sees a later entry before an earlier one.
        let _ = self.sender.send(happening);
    }

    /// Writes that the authorizer was asked, with everything masked that may be secret.
    pub fn asked(&self, event: &[u8], answer: Result<&[u8], String>, took: Duration) {
        let call = Call::new(event, answer, took);
        let (connection, client) = (call.connection(), call.client().map(str::to_owned));
        self.record(connection, client.as_deref(), What::Authorizer(Arc::new(call)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_reader_finds_the_newest_entries_once_and_in_order() {
        let journal = Journal::default();
        let write = || journal.record(None, Some("ana"), What::Refreshed);
        for _ in 0..HISTORY + 10 {
            write();
        }
        let (kept, mut live) = journal.since(0);
        write();
        let numbers: Vec<_> = kept.iter().map(|entry| entry.number).collect();
        assert_eq!(numbers, (11..=410).collect::<Vec<_>>());
        assert_eq!(live.try_recv().unwrap().number, 411);
        assert_eq!(journal.since(410).0.len(), 1);
        assert!(journal.since(411).0.is_empty());
    }

    #[test]
    fn what_the_authorizer_was_asked_is_found_by_connection_and_client() {
        let journal = Journal::default();
        let event = br#"{"token":"t","protocolData":{"mqtt":{"clientId":"ana"}},"connectionMetadata":{"id":"6ba7b810-9dad-11d1-80b4-00c04fd430c8"}}"#;
        journal.asked(event, Ok(br#"{"isAuthenticated":true}"#), Duration::from_millis(3));
        journal.asked(event, Err("no answer".to_owned()), Duration::from_secs(5));
        let (kept, _) = journal.since(0);
        let entry = kept[0].to_json();
        assert_eq!(
            (&entry["kind"], &entry["client"], &entry["lets_in"]),
            (&"authorizer".into(), &"ana".into(), &true.into())
        );
        assert_eq!(entry["connection"], "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
        assert_eq!(entry["event"]["token"], "••• (1 characters)");
        assert_eq!(
            (&kept[1].to_json()["error"], &kept[1].to_json()["lets_in"]),
            (&"no answer".into(), &false.into())
        );
        assert!(kept[1].to_string().ends_with("ana the authorizer does not let it in, after 5000.0 ms"));
    }
}
