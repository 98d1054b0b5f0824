//! How long a connection lasts, and when the authorizer is asked again.

use std::sync::Arc;
use std::time::Duration;

use super::connect::{Denied, Wish};
use crate::connection::{Connection, Entitlement, Phase};
use crate::event::Event;
use crate::gate::Gate;
use crate::journal::{Ending, What};

/// A connection that has been let in, with what a refresh presents again: AWS IoT keeps the credentials for that.
pub(super) struct Kept {
    pub(super) connection: Arc<Connection>,
    pub(super) gate: Arc<Gate>,
    pub(super) event: Event,
    pub(super) wish: Wish,
}

impl Kept {
    /// Ends the connection at its time, and refreshes its policy until then. Returns when the connection is over.
    ///
    /// `disconnectAfterInSeconds` is fixed at the connect; a refresh cannot move it.
    pub(super) async fn until_its_end(self, disconnect_after: Duration, refresh_after: Duration) {
        let disconnect = self.gate.time.sleep(disconnect_after);
        tokio::pin!(disconnect);
        let mut refresh_after = refresh_after;
        loop {
            // The time may be over while the authorizer is being asked.
            let refreshed = async {
                self.gate.time.sleep(refresh_after).await;
                self.refresh().await
            };
            let refreshed = tokio::select! {
                () = self.connection.reached(Phase::Ending) => return,
                () = &mut disconnect => return self.connection.end(Ending::TimeLimit),
                refreshed = refreshed => refreshed,
            };
            match refreshed {
                Ok(after) => refresh_after = after,
                Err(Denied { reason, decided_by }) => {
                    self.record(What::ConnectRefused { reason, decided_by });
                    return self.connection.end(Ending::RefreshRefused);
                }
            }
        }
    }

    /// Asks the authorizer as at the connect. From then on its new policy holds, for what is subscribed to as well.
    async fn refresh(&self) -> Result<Duration, Denied> {
        let answer = self.gate.ask(self.event.clone()).await?;
        self.wish.allowed_by(&answer.policy)?;
        let Wish { client_id, context, .. } = self.wish.clone();
        self.connection.admit(Entitlement { client_id, policy: answer.policy, context });
        self.record(What::Refreshed);
        Ok(answer.refresh_after)
    }

    fn record(&self, what: What) {
        let connection = self.connection.door.connection;
        self.gate.journal.record(Some(connection), Some(&self.wish.client_id), what);
    }
}
