//! What happens at the front door, as it happens: one typed entry for each decision, with its reason.
//!
//! Entries hold client ids, topics and the statement that decided, never a token, a password or a payload. They
//! are for whoever runs the door; a refused client learns nothing but the refusal.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::broadcast;
use uuid::Uuid;

use crate::clock;
use crate::lambda::{SandboxLine, Stream};
use crate::policy::{Action, Place, Verdict};

/// How many entries a reader may be behind before it loses the oldest.
const KEPT: usize = 4096;

/// One entry.
#[derive(Debug, Clone)]
pub struct Happening {
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
}

impl Default for Journal {
    fn default() -> Self {
        Self { sender: broadcast::Sender::new(KEPT) }
    }
}

impl Journal {
    /// A reader of everything from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Happening> {
        self.sender.subscribe()
    }

    /// Writes an entry. Without a reader it is dropped.
    pub fn record(&self, connection: Option<Uuid>, client: Option<&str>, what: What) {
        let _ = self.sender.send(Happening {
            at: clock::now(),
            connection,
            client: client.map(str::to_owned),
            what,
        });
    }
}
