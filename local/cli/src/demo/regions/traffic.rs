//! Clients that send a message again and again, and connect again with back-off when they lose the connection.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::process::Ports;
use crate::demo::client::session::Access;
use crate::demo::client::{self, Client};

/// The time between two messages of a client.
const MESSAGE_INTERVAL: Duration = Duration::from_millis(50);
/// The first and the longest wait before a client connects again. Each wait is twice the last one, less up to a half.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const MAX_BACKOFF: Duration = Duration::from_secs(1);

/// What a client does.
pub(super) enum Work {
    /// Connects by MQTT, and receives its own messages.
    Mqtt(MakeAttempt),
    /// Publishes by HTTP to this topic, with a token.
    Http(&'static str, String),
}

/// Makes an attempt to connect. The argument counts the client's failed connects.
pub(super) type MakeAttempt = Box<dyn Fn(u32) -> Attempt + Send + Sync>;

/// How a client connects, and the topic of its messages, which only it uses.
#[derive(Clone)]
pub(super) struct Attempt {
    pub(super) client_id: String,
    pub(super) topic: String,
    pub(super) access: Access,
}

/// A client, and what it has reached.
pub(super) struct Sender {
    pub(super) progress: watch::Receiver<Progress>,
}

/// What a client has reached.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress {
    /// Number of connections so far. Without connections: how often publishing has begun to succeed.
    pub(super) connections: u32,
    /// Those of them that continued a session.
    pub(super) sessions: u32,
    /// When the first message of the present connection was received, or accepted by HTTP.
    pub(super) first: Option<Instant>,
    /// Number of messages that were acknowledged.
    pub(super) acknowledged: u64,
    /// Those of them that never came back to the client.
    pub(super) lost: u64,
    /// Number of messages without an acknowledgement, which the client has sent again.
    pub(super) repeated: u64,
    /// Number of connects that failed since the last connection.
    pub(super) failures: u32,
    /// What the client saw at the last failed connect.
    pub(super) last_failure: String,
}

impl Sender {
    /// Waits for the first message on a connection after `connections` others. Returns its time.
    pub(super) async fn first_after(&mut self, connections: u32) -> Option<Instant> {
        let wanted = |progress: &Progress| progress.connections > connections && progress.first.is_some();
        self.progress.wait_for(wanted).await.ok()?.first
    }

    /// Returns what the client has reached.
    pub(super) fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }
}

/// Starts a client in a task of its own.
pub(super) fn start(tasks: &mut JoinSet<()>, ports: Ports, work: Work) -> Sender {
    let (sender, progress) = watch::channel(Progress::default());
    tasks.spawn(async move {
        match work {
            Work::Mqtt(attempt) => Mqtt { ports, attempt, progress: sender }.run().await,
            Work::Http(topic, token) => publish(ports.plain, topic, &token, &sender).await,
        }
    });
    Sender { progress }
}

struct Mqtt {
    ports: Ports,
    attempt: MakeAttempt,
    progress: watch::Sender<Progress>,
}

impl Mqtt {
    async fn run(&self) {
        let mut failures = 0;
        loop {
            let Attempt { client_id, topic, access } = (self.attempt)(failures);
            let port = match &access {
                Access::TokenOverTls(..) => self.ports.tls,
                Access::Certificate(_) => self.ports.mqtts,
                Access::TokenOverWebSocket(_) | Access::Address(_) => self.ports.plain,
            };
            let (client, outcome) = Client::resume(port, &client_id, &access).await;
            match client {
                Some(client) => {
                    failures = 0;
                    self.use_connection(client, &topic).await;
                }
                None => {
                    failures = u32::saturating_add(failures, 1);
                    self.progress.send_modify(|progress| {
                        progress.failures = failures;
                        progress.last_failure = outcome.response;
                    });
                }
            }
            tokio::time::sleep(backoff(failures)).await;
        }
    }

    /// Sends messages until the connection ends.
    async fn use_connection(&self, mut client: Client, topic: &str) {
        self.progress.send_modify(|progress| {
            progress.connections = progress.connections.saturating_add(1);
            progress.sessions = progress.sessions.saturating_add(u32::from(client.has_session));
            (progress.first, progress.failures) = (None, 0);
        });
        // A session that is not continued has no subscriptions.
        if !client.has_session && !client.subscribe(topic).await.is_allowed {
            return;
        }
        loop {
            if !client.publish(topic).await.is_allowed {
                self.progress.send_modify(|progress| progress.repeated = progress.repeated.saturating_add(1));
                return;
            }
            let is_received = client.receive(topic).await.is_allowed;
            self.progress.send_modify(|progress| {
                progress.acknowledged = progress.acknowledged.saturating_add(1);
                if is_received {
                    progress.first.get_or_insert_with(Instant::now);
                } else {
                    progress.lost = progress.lost.saturating_add(1);
                }
            });
            if !is_received {
                return;
            }
            tokio::time::sleep(MESSAGE_INTERVAL).await;
        }
    }
}

/// Publishes by HTTP, each message on a connection of its own.
async fn publish(port: u16, topic: &str, token: &str, progress: &watch::Sender<Progress>) {
    let mut failures = 0;
    let mut is_first = true;
    loop {
        let outcome = client::post(port, topic, token).await;
        if outcome.is_ok_and(|outcome| outcome.is_allowed) {
            progress.send_modify(|progress| {
                if is_first || failures > 0 {
                    progress.connections = progress.connections.saturating_add(1);
                    progress.first = Some(Instant::now());
                }
                progress.acknowledged = progress.acknowledged.saturating_add(1);
                progress.failures = 0;
            });
            (failures, is_first) = (0, false);
            tokio::time::sleep(MESSAGE_INTERVAL).await;
            continue;
        }
        failures = u32::saturating_add(failures, 1);
        progress.send_modify(|progress| {
            // The message without an answer is sent again.
            progress.repeated = progress.repeated.saturating_add(u64::from(failures == 1));
            progress.failures = failures;
        });
        tokio::time::sleep(backoff(failures)).await;
    }
}

/// The wait before a connect after a number of failed ones: exponential, with a random part, so that clients do not
/// come back all at once.
fn backoff(failures: u32) -> Duration {
    let longest = FIRST_BACKOFF.saturating_mul(1 << failures.min(8)).min(MAX_BACKOFF);
    longest.mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_back_off_grows_to_its_limit() {
        for (failures, longest) in [(0, 100), (1, 200), (2, 400), (3, 800), (4, 1000), (u32::MAX, 1000)] {
            let longest = Duration::from_millis(longest);
            for _ in 0..100 {
                let wait = backoff(failures);
                assert!(wait <= longest && wait >= longest / 2, "{failures}: {wait:?}");
            }
        }
    }
}
