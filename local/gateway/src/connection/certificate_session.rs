//! What the registry allows the certificate of a connection.

use std::sync::Arc;

use iot_local_policy::Policy;

use super::request::ConnectRequest;
use crate::auth::Admission;
use crate::auth::x509::CertificatePermissions;

/// What the registry allows the certificate of an open connection.
pub(crate) struct CertificateSession {
    /// What the policies allow, the thing of an exclusive attachment, and the warnings of the registry.
    pub(crate) permissions: CertificatePermissions,
    /// The connect, which is decided again after each change.
    pub(crate) request: ConnectRequest,
    /// The policy of the authorizer's response, under X.509 custom authentication.
    pub(crate) custom: Option<(String, Arc<Policy>)>,
}

impl CertificateSession {
    /// Returns the admission. The principal is the same with and without the authorizer: the certificate id.
    pub(crate) fn admission(&self) -> Admission {
        let mut context = self.request.context.clone();
        context.certificate = self.permissions.known();
        let (principal, permissions) = match &self.custom {
            Some((principal, policy)) => {
                let both = Policy::clone(policy).and(Policy::clone(&self.permissions.policy));
                (principal.clone(), Arc::new(both))
            }
            None => (self.permissions.principal.clone(), Arc::clone(&self.permissions.policy)),
        };
        Admission { principal, permissions, context, lifetime: None }
    }
}
