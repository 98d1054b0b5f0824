//! Authenticates the client of a CONNECT, and follows the registry while the connection is open.

use std::sync::{Arc, PoisonError};

use crate::auth::endpoint::AuthMethod;
use crate::auth::x509::{CertificateDenial, CertificatePermissions};
use crate::auth::{Admission, Authenticators};
use crate::connection::{CertificateSession, ConnectDenial, ConnectRequest, Connection, Connections, Phase};
use crate::event::Event;
use crate::event_log::{DisconnectReason, EntryKind};

/// Authenticates a client by the method of its connection. `event` is the event of custom authentication. For a client
/// with a certificate, also returns what the registry allows it.
pub(super) async fn authenticate(
    auth: &Arc<Authenticators>,
    connection: &Arc<Connection>,
    event: Option<&Event>,
    request: &ConnectRequest,
) -> Result<(Admission, Option<CertificateSession>), ConnectDenial> {
    if connection.method == AuthMethod::SigV4 {
        return Ok((auth.admit_caller(&connection.facts, request.context.clone())?, None));
    }
    let permissions = match connection.method {
        AuthMethod::Custom | AuthMethod::SigV4 => None,
        AuthMethod::Certificate | AuthMethod::CustomWithCertificate => {
            Some(permissions(auth, connection, &request.client_id).await?)
        }
    };
    let admission = match event {
        Some(event) => Some(auth.custom.admit(event.clone(), request.context.clone()).await?),
        None => None,
    };
    match (permissions, admission) {
        (None, Some(admission)) => Ok((admission, None)),
        (Some(permissions), admission) => {
            let (custom, lifetime) = match admission {
                Some(Admission { principal, permissions, lifetime, .. }) => {
                    (Some((principal, permissions)), lifetime)
                }
                None => (None, None),
            };
            let session = CertificateSession { permissions, request: request.clone(), custom };
            Ok((Admission { lifetime, ..session.admission() }, Some(session)))
        }
        (None, None) => Err("no way of authentication".into()),
    }
}

/// Asks the registry, which may wait for the disk.
async fn permissions(
    auth: &Arc<Authenticators>,
    connection: &Arc<Connection>,
    client_id: &str,
) -> Result<CertificatePermissions, CertificateDenial> {
    let (auth, connection, client_id) = (Arc::clone(auth), Arc::clone(connection), client_id.to_owned());
    let asked = tokio::task::spawn_blocking(move || {
        auth.permissions_at_connect(&connection.facts, &client_id, connection.method)
    });
    asked.await.unwrap_or(Err(CertificateDenial::Registry))
}

/// Admits a client, or replaces its admission. `revision` is the registry's before the client was authenticated.
pub(super) async fn admit(
    auth: &Arc<Authenticators>,
    connection: &Arc<Connection>,
    (admission, session): (Admission, Option<CertificateSession>),
    revision: u64,
) {
    let has_certificate = session.is_some();
    {
        let mut current = connection.certificate_session.lock().unwrap_or_else(PoisonError::into_inner);
        *current = session;
        connection.admit(admission);
    }
    // A change before the admission was not yet for this connection.
    if has_certificate && auth.x509.revision() != revision {
        let (auth, connection) = (Arc::clone(auth), Arc::clone(connection));
        let _ = tokio::task::spawn_blocking(move || decide_again(&auth, &connection)).await;
    }
}

/// Follows the registry: after its changes, all connections with certificates are decided again. Never returns.
///
/// Changes during a pass are one further pass, and a pass takes at most half of the time. So many changes one after
/// another, such as those of a batch, do not mean a pass for each.
pub(crate) async fn follow_registry(auth: Arc<Authenticators>, connections: Arc<Connections>) {
    let mut changes = auth.x509.changes();
    while changes.changed().await.is_ok() {
        let start = tokio::time::Instant::now();
        let (auth, connections) = (Arc::clone(&auth), Arc::clone(&connections));
        let pass = tokio::task::spawn_blocking(move || {
            for connection in connections.with_certificate() {
                decide_again(&auth, &connection);
            }
        });
        let _ = pass.await;
        tokio::time::sleep(start.elapsed()).await;
    }
}

/// Decides an open connection again, after a change of the registry. Ends it if the registry refuses its certificate,
/// or if the policies no longer allow its connect. May wait while a change is stored.
pub(super) fn decide_again(auth: &Authenticators, connection: &Connection) {
    let mut session = connection.certificate_session.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(session) = session.as_mut().filter(|_| connection.phase() == Phase::Admitted) else { return };
    if auth.x509.is_unchanged(&session.permissions, Some(&session.request.client_id)) {
        return;
    }
    let client_id = session.request.client_id.clone();
    let record = |kind| {
        auth.custom.event_log.record(Some(connection.facts.connection), Some(&client_id), kind);
    };
    let permissions = match auth.x509.permissions(&connection.facts, Some(&client_id), connection.method) {
        Ok(permissions) => permissions,
        Err(denial) => {
            record(EntryKind::ConnectDenied { reason: denial.to_string(), decided_by: None });
            return connection.end(DisconnectReason::CertificateRefused);
        }
    };
    let is_same = permissions.is_same(&session.permissions);
    session.permissions = permissions;
    if is_same {
        return;
    }
    let admission = session.admission();
    match session.request.check_policy(&admission) {
        Ok(_) => {
            connection.admit(admission);
            record(EntryKind::Refreshed);
        }
        Err(ConnectDenial { reason, decided_by }) => {
            record(EntryKind::ConnectDenied { reason, decided_by });
            connection.end(DisconnectReason::ConnectForbidden);
        }
    }
}
