//! Authenticates the client of a CONNECT, and follows the registry while the connection is open.

use std::sync::{Arc, PoisonError};

use iot_local_cloud::credentials::{Caller, Session};

use crate::auth::endpoint::AuthMethod;
use crate::auth::session::SessionPermissions;
use crate::auth::sigv4::CallerDenial;
use crate::auth::x509::{CertificateDenial, CertificatePermissions};
use crate::auth::{Admission, Authenticators};
use crate::connection::{
    ConnectDenial, ConnectRequest, Connection, Connections, Phase, RegistryRights, RegistrySession,
};
use crate::event::Event;
use crate::event_log::{DisconnectReason, EntryKind};

/// Authenticates a client by the method of its connection. `event` is the event of custom authentication. For a client
/// with a certificate or with temporary credentials, also returns what the registry allows it.
pub(super) async fn authenticate(
    auth: &Arc<Authenticators>,
    connection: &Arc<Connection>,
    event: Option<&Event>,
    request: &ConnectRequest,
) -> Result<(Admission, Option<RegistrySession>), ConnectDenial> {
    if connection.method == AuthMethod::SigV4 {
        let Some(Caller::Session(session)) = &connection.facts.caller else {
            return Ok((auth.admit_caller(&connection.facts, request.context.clone()).await?, None));
        };
        let permissions = session_permissions(auth, session, &request.client_id).await?;
        let rights = RegistryRights::Session { permissions, session: Arc::clone(session) };
        let session = RegistrySession { rights, request: request.clone() };
        return Ok((
            Admission { lifetime: Some(auth.callers.lifetime()), ..session.admission() },
            Some(session),
        ));
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
            let rights = RegistryRights::Certificate { permissions, custom };
            let session = RegistrySession { rights, request: request.clone() };
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

/// The same for temporary credentials.
async fn session_permissions(
    auth: &Arc<Authenticators>,
    session: &Arc<Session>,
    client_id: &str,
) -> Result<SessionPermissions, CallerDenial> {
    let (auth, session, client_id) = (Arc::clone(auth), Arc::clone(session), client_id.to_owned());
    let asked = tokio::task::spawn_blocking(move || auth.session_permissions(&session, Some(&client_id)));
    asked.await.unwrap_or(Err(CallerDenial::Ending))
}

/// Admits a client, or replaces its admission. `revision` is the registry's before the client was authenticated.
pub(super) async fn admit(
    auth: &Arc<Authenticators>,
    connection: &Arc<Connection>,
    (admission, session): (Admission, Option<RegistrySession>),
    revision: u64,
) {
    let has_registry_rights = session.is_some();
    {
        let mut current = connection.registry_session.lock().unwrap_or_else(PoisonError::into_inner);
        *current = session;
        connection.admit(admission);
    }
    // A change before the admission was not yet for this connection.
    if has_registry_rights && auth.x509.revision() != revision {
        let (auth, connection) = (Arc::clone(auth), Arc::clone(connection));
        let _ = tokio::task::spawn_blocking(move || decide_again(&auth, &connection)).await;
    }
}

/// Follows the registry: after its changes, all connections with rights from it are decided again. Never returns.
///
/// Changes during a pass are one further pass, and a pass takes at most half of the time. So many changes one after
/// another, such as those of a batch, do not mean a pass for each.
pub(crate) async fn follow_registry(auth: Arc<Authenticators>, connections: Arc<Connections>) {
    let mut changes = auth.x509.changes();
    while changes.changed().await.is_ok() {
        let start = tokio::time::Instant::now();
        let (auth, connections) = (Arc::clone(&auth), Arc::clone(&connections));
        let _ = tokio::task::spawn_blocking(move || decide_all_again(&auth, &connections)).await;
        tokio::time::sleep(start.elapsed()).await;
    }
}

/// Decides all open connections with rights from the registry or a role again. May wait while a change is stored.
pub(crate) fn decide_all_again(auth: &Authenticators, connections: &Connections) {
    for connection in connections.with_registry_rights() {
        decide_again(auth, &connection);
    }
}

/// Decides an open connection again, after a change of the registry. Ends it if the registry refuses its certificate
/// or its identity, or if the policies no longer allow its connect. May wait while a change is stored.
pub(super) fn decide_again(auth: &Authenticators, connection: &Connection) {
    let mut session = connection.registry_session.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(session) = session.as_mut().filter(|_| connection.phase() == Phase::Admitted) else { return };
    let client_id = session.request.client_id.clone();
    if is_unchanged(auth, &session.rights, &client_id) {
        return;
    }
    let record = |kind| {
        auth.custom.event_log.record(Some(connection.facts.connection), Some(&client_id), kind);
    };
    let rights = match present_rights(auth, connection, &session.rights, &client_id) {
        Ok(rights) => rights,
        Err((reason, disconnect)) => {
            record(EntryKind::ConnectDenied { reason, decided_by: None });
            return connection.end(disconnect);
        }
    };
    let is_same = rights.is_same(&session.rights);
    session.rights = rights;
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

/// Whether the registry has the same records as when these rights were computed.
fn is_unchanged(auth: &Authenticators, rights: &RegistryRights, client_id: &str) -> bool {
    match rights {
        RegistryRights::Certificate { permissions, .. } => {
            auth.x509.is_unchanged(permissions, Some(client_id))
        }
        RegistryRights::Session { permissions, session } => {
            let cloud = auth.x509.cloud();
            cloud.is_some_and(|cloud| permissions.is_unchanged(&cloud, session, Some(client_id)))
        }
    }
}

/// Computes the rights of a connection anew.
///
/// # Errors
/// Why the client has none, and why its connection ends.
fn present_rights(
    auth: &Authenticators,
    connection: &Connection,
    earlier: &RegistryRights,
    client_id: &str,
) -> Result<RegistryRights, (String, DisconnectReason)> {
    match earlier {
        RegistryRights::Certificate { custom, .. } => {
            let permissions = auth.x509.permissions(&connection.facts, Some(client_id), connection.method);
            let permissions =
                permissions.map_err(|denial| (denial.to_string(), DisconnectReason::CertificateRefused))?;
            Ok(RegistryRights::Certificate { permissions, custom: custom.clone() })
        }
        RegistryRights::Session { session, .. } => {
            let permissions = auth.session_permissions(session, Some(client_id));
            let permissions =
                permissions.map_err(|denial| (denial.to_string(), DisconnectReason::ConnectForbidden))?;
            Ok(RegistryRights::Session { permissions, session: Arc::clone(session) })
        }
    }
}
