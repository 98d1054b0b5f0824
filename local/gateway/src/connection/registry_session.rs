//! What the registry allows the client of an open connection: its certificate, or its Cognito identity.

use std::sync::Arc;

use iot_local_cloud::credentials::Session;
use iot_local_policy::Policy;

use super::request::ConnectRequest;
use crate::auth::Admission;
use crate::auth::session::SessionPermissions;
use crate::auth::x509::CertificatePermissions;

/// What the registry allows the client of an open connection.
pub(crate) struct RegistrySession {
    pub(crate) rights: RegistryRights,
    /// The connect, which is decided again after each change.
    pub(crate) request: ConnectRequest,
}

/// The rights of a client, and where they come from.
pub(crate) enum RegistryRights {
    /// Of a certificate.
    Certificate {
        /// What the policies allow, the thing of an exclusive attachment, and the warnings of the registry.
        permissions: CertificatePermissions,
        /// The policy of the authorizer's response, under X.509 custom authentication.
        custom: Option<(String, Arc<Policy>)>,
    },
    /// Of temporary credentials.
    Session {
        /// What role and policies allow.
        permissions: SessionPermissions,
        /// The session, which outlives its credentials.
        session: Arc<Session>,
    },
}

impl RegistryRights {
    /// Whether both allow the same.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Certificate { permissions, .. }, Self::Certificate { permissions: other, .. }) => {
                permissions.is_same(other)
            }
            (Self::Session { permissions, .. }, Self::Session { permissions: other, .. }) => {
                permissions.is_same(other)
            }
            _ => false,
        }
    }
}

impl RegistrySession {
    /// Returns the admission. The principal of a certificate is the same with and without the authorizer: its id.
    pub(crate) fn admission(&self) -> Admission {
        let mut context = self.request.context.clone();
        let (permissions, custom) = match &self.rights {
            RegistryRights::Certificate { permissions, custom } => (permissions, custom),
            RegistryRights::Session { permissions, .. } => return permissions.admission(context),
        };
        context.certificate = permissions.known();
        let (principal, permissions) = match custom {
            Some((principal, policy)) => {
                let both = Policy::clone(policy).and(Policy::clone(&permissions.policy));
                (principal.clone(), Arc::new(both))
            }
            None => (permissions.principal.clone(), Arc::clone(&permissions.policy)),
        };
        Admission { principal, permissions, context, lifetime: None }
    }

    /// Returns the thing to which the client is exclusively attached.
    pub(crate) fn exclusive_thing(&self) -> Option<&str> {
        match &self.rights {
            RegistryRights::Certificate { permissions, .. } => permissions.exclusive_thing.as_deref(),
            RegistryRights::Session { permissions, .. } => permissions.exclusive_thing.as_deref(),
        }
    }

    /// Returns what AWS IoT might decide otherwise.
    pub(crate) fn warnings(&self) -> &[String] {
        match &self.rights {
            RegistryRights::Certificate { permissions, .. } => &permissions.warnings,
            RegistryRights::Session { .. } => &[],
        }
    }
}
