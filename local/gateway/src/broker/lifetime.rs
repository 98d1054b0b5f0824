//! The time limit of a connection, and its refreshes.

use std::sync::Arc;
use std::time::Duration;

use super::authenticate;
use crate::auth::endpoint::AuthMethod;
use crate::auth::{Authenticators, Lifetime};
use crate::connection::{ConnectDenial, ConnectRequest, Connection, Phase};
use crate::event::Event;
use crate::event_log::{DisconnectReason, EntryKind};

/// An admitted connection, with the event of custom authentication that each refresh sends again. AWS IoT stores the
/// credentials for that.
pub(super) struct SessionTimer {
    pub(super) connection: Arc<Connection>,
    pub(super) auth: Arc<Authenticators>,
    pub(super) event: Option<Event>,
    pub(super) request: ConnectRequest,
}

impl SessionTimer {
    /// Ends the connection at its time limit, and refreshes its policy until then. Returns when the connection ends.
    ///
    /// The connect sets the time limit. A refresh does not change it.
    pub(super) async fn run(self, lifetime: Lifetime) {
        let disconnect = self.auth.custom.time.sleep(lifetime.disconnect_after);
        tokio::pin!(disconnect);
        let mut refresh_after = lifetime.refresh_after;
        loop {
            // The time limit also applies during a call of the authorizer.
            let refreshed = async {
                self.auth.custom.time.sleep(refresh_after).await;
                // In memory of its own for as long as it lasts: it is large, and each connection waits for one.
                Box::pin(self.refresh()).await
            };
            let refreshed = tokio::select! {
                () = self.connection.wait_for(Phase::Ending) => return,
                () = &mut disconnect => return self.connection.end(self.end_reason()),
                refreshed = refreshed => refreshed,
            };
            match refreshed {
                Ok(after) => refresh_after = after,
                Err(ConnectDenial { reason, decided_by }) => {
                    self.record(EntryKind::ConnectDenied { reason, decided_by });
                    return self.connection.end(DisconnectReason::RefreshDenied);
                }
            }
        }
    }

    /// Calls the authorizer with the event of the connect. The new policy applies from then on, also to existing
    /// subscriptions. Returns the time until the next refresh.
    async fn refresh(&self) -> Result<Duration, ConnectDenial> {
        let revision = self.auth.x509.revision();
        let admitted =
            authenticate::authenticate(&self.auth, &self.connection, self.event.as_ref(), &self.request)
                .await?;
        let (admission, _) = &admitted;
        self.request.check_policy(admission)?;
        // A response always has the time of the next refresh.
        let refresh_after = admission.lifetime.map_or(Duration::MAX, |lifetime| lifetime.refresh_after);
        authenticate::admit(&self.auth, &self.connection, admitted, revision).await;
        self.record(EntryKind::Refreshed);
        Ok(refresh_after)
    }

    fn end_reason(&self) -> DisconnectReason {
        match self.connection.method {
            AuthMethod::SigV4 => DisconnectReason::SignatureLimit,
            _ => DisconnectReason::TimeLimit,
        }
    }

    fn record(&self, kind: EntryKind) {
        let connection = self.connection.facts.connection;
        self.auth.custom.event_log.record(Some(connection), Some(&self.request.client_id), kind);
    }
}
