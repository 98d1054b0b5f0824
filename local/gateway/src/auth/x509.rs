//! Authentication by a client certificate: the registry decides at the CONNECT, not the handshake.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/x509-client-certs.html>

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use aws_lc_rs::digest;
use iot_local_cloud::Cloud;
use iot_local_cloud::connect::{CertificateRights, Presented, Refusal, RightsSources};
use iot_local_policy::{
    Arn, CertificateContext, ClientCertificate as KnownCertificate, NamedDocument, Policy,
};
use tokio::sync::watch;

use super::endpoint::AuthMethod;
use crate::certificate::ClientCertificate;
use crate::facts::ConnectionFacts;

/// Why a client is denied, for the operator. A client of MQTT 3.1.1 does not even receive a CONNACK.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateDenial {
    /// The client has presented no certificate.
    #[error("missing client certificate")]
    Missing,
    /// The registry refuses the certificate.
    #[error("{0}")]
    Refused(Refusal),
    /// A policy of the certificate is invalid.
    #[error("the policies of the certificate are invalid: {0}")]
    Policy(String),
    /// The registry cannot be read.
    #[error("the registry cannot be read")]
    Registry,
}

/// What a certificate may do at one revision of the registry.
#[derive(Clone)]
pub(crate) struct CertificatePermissions {
    /// The certificate id.
    pub(crate) principal: String,
    /// The policies of the certificate, and of its thing's groups.
    pub(crate) policy: Arc<Policy>,
    /// The values of certificate and thing variables.
    pub(crate) context: Arc<CertificateContext>,
    /// The thing of an exclusive attachment.
    pub(crate) exclusive_thing: Option<String>,
    /// What AWS might decide otherwise.
    pub(crate) warnings: Vec<String>,
    fingerprint: Fingerprint,
    /// Absent if the certificate is not registered.
    sources: Option<RightsSources>,
}

impl CertificatePermissions {
    /// Whether both allow the same.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint && self.context == other.context
    }

    /// Returns what a policy knows about the certificate.
    pub(crate) fn known(&self) -> KnownCertificate {
        KnownCertificate::Known(Arc::clone(&self.context))
    }
}

/// The SHA-256 of the names and documents of policies.
type Fingerprint = [u8; 32];

/// The registry, as the way of authentication of client certificates.
pub struct CertificateAuthenticator {
    /// Absent once the gateway has ended: its broker never ends, and the registry must be closed.
    cloud: RwLock<Option<Cloud>>,
    arn: Arn,
    revision: watch::Receiver<u64>,
    /// The policies in use. Thousands of certificates usually share a few.
    policies: Mutex<HashMap<Fingerprint, Weak<Policy>>>,
}

impl CertificateAuthenticator {
    /// Creates the authenticator of a registry. `arn` has its Region and account.
    #[must_use]
    pub fn new(cloud: Cloud, arn: Arn) -> Self {
        let revision = cloud.revision();
        Self { cloud: RwLock::new(Some(cloud)), arn, revision, policies: Mutex::default() }
    }

    /// Returns a number that grows with each change of the registry.
    #[must_use]
    pub fn revision(&self) -> u64 {
        *self.revision.borrow()
    }

    /// Returns a receiver of these numbers.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.revision.clone()
    }

    /// Returns the control plane, until it is closed.
    pub(crate) fn cloud(&self) -> Option<Cloud> {
        self.cloud.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Closes the registry, so that it can be opened again. All clients are denied afterwards.
    pub(crate) fn close(&self) {
        *self.cloud.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether the registry has the same records as when these permissions were computed. Takes some microseconds,
    /// where computing them anew takes hundreds without optimisation.
    pub(crate) fn is_unchanged(&self, permissions: &CertificatePermissions, client_id: Option<&str>) -> bool {
        let sources = self.cloud().and_then(|cloud| cloud.rights_sources(&permissions.principal, client_id));
        match (&permissions.sources, &sources) {
            (Some(earlier), Some(present)) => earlier.is_same(present),
            _ => false,
        }
    }

    /// Returns what the client may do. Without a client id, it is for an HTTPS publish, where thing variables have no
    /// value. May wait while a change is stored.
    ///
    /// # Errors
    /// Why the client is denied.
    pub(crate) fn permissions(
        &self,
        facts: &ConnectionFacts,
        client_id: Option<&str>,
        method: AuthMethod,
    ) -> Result<CertificatePermissions, CertificateDenial> {
        let certificate = facts.certificate.as_ref().ok_or(CertificateDenial::Missing)?;
        let cloud = self.cloud().ok_or(CertificateDenial::Registry)?;
        let ClientCertificate { der, chain, id } = certificate;
        // Before the rights, so that a change in between is seen later.
        let sources = cloud.rights_sources(id, client_id);
        let server_name = facts.server_name.as_deref();
        let presented = Presented { certificate: der, chain, server_name, client_id };
        let rights = cloud.rights(&presented).map_err(CertificateDenial::Refused)?;
        let CertificateRights { certificate_id, policies, context, exclusive_thing, warnings } = rights;
        // With the authorizer, its policies may suffice.
        if policies.is_empty() && method == AuthMethod::Certificate {
            return Err(CertificateDenial::Refused(cloud.without_policy(&certificate_id)));
        }
        let context = match client_id {
            Some(_) => context,
            None => Arc::new(CertificateContext { thing: None, ..CertificateContext::clone(&context) }),
        };
        let fingerprint = fingerprint(&policies);
        let policy = self.policy(fingerprint, &policies)?;
        Ok(CertificatePermissions {
            principal: certificate_id,
            policy,
            context,
            exclusive_thing,
            warnings,
            fingerprint,
            sources,
        })
    }

    /// Parses policies, unless a connection has the same ones.
    fn policy(
        &self,
        fingerprint: Fingerprint,
        documents: &[NamedDocument],
    ) -> Result<Arc<Policy>, CertificateDenial> {
        let mut policies = self.policies.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(policy) = policies.get(&fingerprint).and_then(Weak::upgrade) {
            return Ok(policy);
        }
        let policy = Policy::parse_named(documents, &self.arn);
        let policy = Arc::new(policy.map_err(|errors| CertificateDenial::Policy(errors.join("; ")))?);
        policies.retain(|_, policy| policy.strong_count() > 0);
        policies.insert(fingerprint, Arc::downgrade(&policy));
        Ok(policy)
    }
}

fn fingerprint(documents: &[NamedDocument]) -> Fingerprint {
    let mut context = digest::Context::new(&digest::SHA256);
    for NamedDocument { name, document } in documents {
        // A name has no quote, and the JSON of a document no line ending.
        context.update(name.as_bytes());
        context.update(b"\n");
        context.update(document.to_string().as_bytes());
        context.update(b"\n");
    }
    let mut fingerprint = Fingerprint::default();
    fingerprint.copy_from_slice(context.finish().as_ref());
    fingerprint
}
