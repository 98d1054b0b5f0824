//! The ways in which a client is authenticated. Each results in an [`Admission`].

use std::sync::Arc;
use std::time::Duration;

use iot_local_cloud::credentials::{Caller, Session};
use iot_local_policy::{Action, Context, Policy, Question, Verdict};

use self::connect_rate::ConnectRate;
use self::custom::CustomAuthorizer;
use self::first_connect::FirstConnects;
use self::session::SessionPermissions;
use self::sigv4::{CallerAuthenticator, CallerDenial};
use self::x509::CertificateAuthenticator;
use crate::certificate::SERVER_NAME;
use crate::facts::ConnectionFacts;

pub(crate) mod authorizers;
pub mod connect_rate;
pub mod custom;
pub mod endpoint;
pub mod first_connect;
pub(crate) mod session;
pub mod sigv4;
pub mod test_invoke;
pub(crate) mod unlogged;
pub mod x509;

/// All ways of authentication.
pub struct Authenticators {
    /// The authorizer.
    pub custom: Arc<CustomAuthorizer>,
    /// Client certificates.
    pub x509: CertificateAuthenticator,
    /// The first connects of unknown certificates.
    pub first_connects: FirstConnects,
    /// The callers of signed requests.
    pub callers: CallerAuthenticator,
    /// The limit of connects.
    pub connect_rate: ConnectRate,
}

impl Authenticators {
    /// Takes over the authorizers and domains of the registry. Waits while a change is stored.
    pub(crate) fn refresh_custom(&self) {
        if let Some(cloud) = self.x509.cloud() {
            self.custom.refresh(&cloud);
        }
    }

    /// Whether the endpoint has this server name: it is `localhost`, or that of a domain configuration.
    pub(crate) fn serves(&self, server_name: &str) -> bool {
        server_name.eq_ignore_ascii_case(SERVER_NAME) || self.custom.live().domain(server_name).is_some()
    }

    /// Admits the caller whose signature was verified, for a request or a connection.
    ///
    /// # Errors
    /// Why the caller is denied.
    pub(crate) async fn admit_caller(
        self: &Arc<Self>,
        facts: &ConnectionFacts,
        context: Context,
    ) -> Result<Admission, CallerDenial> {
        let session = match facts.caller.as_ref().ok_or(CallerDenial::Unsigned)? {
            Caller::Operator => return Ok(self.callers.admit_operator(context)),
            Caller::Session(session) => Arc::clone(session),
        };
        let auth = Arc::clone(self);
        // The registry may wait for the disk.
        let asked = tokio::task::spawn_blocking(move || {
            let permissions = auth.session_permissions(&session, context.client_id.as_deref())?;
            let lifetime = Some(auth.callers.lifetime());
            Ok(Admission { lifetime, ..permissions.admission(context) })
        });
        asked.await.unwrap_or(Err(CallerDenial::Ending))
    }

    /// Returns what a session may do. Without a client id, it is for HTTPS. May wait while a change is stored.
    ///
    /// # Errors
    /// Why the session is denied.
    pub(crate) fn session_permissions(
        &self,
        session: &Session,
        client_id: Option<&str>,
    ) -> Result<SessionPermissions, CallerDenial> {
        let cloud = self.x509.cloud().ok_or(CallerDenial::Ending)?;
        Ok(SessionPermissions::find(&cloud, self.callers.arn(), session, client_id)?)
    }
}

/// Follows the registry: its authorizers and domains are in force from the next connect and refresh on. Never returns.
pub(crate) async fn follow_registry(auth: Arc<Authenticators>) {
    let mut changes = auth.x509.changes();
    while changes.changed().await.is_ok() {
        let auth = Arc::clone(&auth);
        let _ = tokio::task::spawn_blocking(move || auth.refresh_custom()).await;
    }
}

/// What authentication results in, whatever the way: who the client is, what it may do, and how long.
#[derive(Debug, Clone)]
pub struct Admission {
    /// The principal.
    pub principal: String,
    /// What the client may do.
    pub permissions: Arc<Policy>,
    /// The values of policy variables and condition keys. Its client id is absent for an HTTPS publish.
    pub context: Context,
    /// How long the admission is valid. Absent if no time limits it.
    pub lifetime: Option<Lifetime>,
}

/// How long an admission is valid. Both times start at the authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// The longest duration of the connection. A refresh does not extend it.
    pub disconnect_after: Duration,
    /// The time until the client is authenticated again with the same credentials.
    pub refresh_after: Duration,
}

impl Lifetime {
    /// The lifetime of an admission that is not decided again.
    pub(crate) fn without_refresh(disconnect_after: Duration) -> Self {
        Self { disconnect_after, refresh_after: Duration::MAX }
    }
}

impl Admission {
    /// Decides an action on a resource, such as `topic/a/b`.
    #[must_use]
    pub fn decide(&self, action: Action, resource: &str) -> Verdict {
        self.permissions.decide(&Question { action, resource, context: &self.context })
    }
}
