//! How long a connection lasts, and when the authorizer is asked again.

use std::sync::Arc;
use std::time::Duration;

use crate::connection::{Connection, Entitlement, Phase};
use crate::event::Event;
use crate::gate::Gate;
use crate::journal::{Ending, What};
use crate::policy::{Action, Context};

/// The times of an answer.
pub(super) struct Times {
    pub(super) disconnect_after: Duration,
    pub(super) refresh_after: Duration,
}

/// What a refresh needs of the connect: AWS IoT presents the same credentials again.
pub(super) struct Credentials {
    pub(super) event: Event,
    pub(super) client_id: String,
    pub(super) context: Context,
}

/// Ends the connection at its time, and refreshes its policy until then. Returns when the connection is over.
///
/// `disconnectAfterInSeconds` is fixed at the connect; a refresh cannot move it.
pub(super) async fn keep(
    connection: Arc<Connection>,
    gate: Arc<Gate>,
    credentials: Credentials,
    times: Times,
) {
    let disconnect = tokio::time::sleep(gate.scaled(times.disconnect_after));
    tokio::pin!(disconnect);
    let mut refresh_after = times.refresh_after;
    loop {
        tokio::select! {
            () = connection.reached(Phase::Ending) => return,
            () = &mut disconnect => return connection.end(Ending::TimeLimit),
            () = tokio::time::sleep(gate.scaled(refresh_after)) => {}
        }
        match refresh(&connection, &gate, &credentials).await {
            Ok(after) => refresh_after = after,
            Err(reason) => {
                record(&connection, &gate, &credentials, What::ConnectRefused { reason });
                return connection.end(Ending::RefreshRefused);
            }
        }
    }
}

async fn refresh(
    connection: &Connection,
    gate: &Gate,
    credentials: &Credentials,
) -> Result<Duration, String> {
    let answer = gate.ask(credentials.event.clone()).await.map_err(|denial| denial.to_string())?;
    let Credentials { client_id, context, .. } = credentials;
    let resource = format!("client/{client_id}");
    let verdict = super::hooks::ask(&answer.policy, context, Action::Connect, &resource);
    if !verdict.allowed {
        return Err(verdict.reason);
    }
    let entitlement =
        Entitlement { client_id: client_id.clone(), policy: answer.policy, context: context.clone() };
    connection.admit(entitlement);
    record(connection, gate, credentials, What::Refreshed);
    Ok(answer.refresh_after)
}

fn record(connection: &Connection, gate: &Gate, credentials: &Credentials, what: What) {
    gate.journal.record(Some(connection.door.connection), Some(&credentials.client_id), what);
}
