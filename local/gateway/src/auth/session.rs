//! What a session of a role may do: temporary credentials stand for it.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/cog-iot-policies.html>

use std::sync::Arc;

use iot_local_cloud::Cloud;
use iot_local_cloud::connect::{RightsSources, SessionRefusal, SessionRights};
use iot_local_cloud::credentials::Session;
use iot_local_policy::{
    Arn, CertificateContext, ClientCertificate, CognitoContext, Context, NamedDocument, Policy, RolePolicy,
};

use super::Admission;

/// Why a session is denied, for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SessionDenial {
    /// The session has no rights.
    #[error(transparent)]
    Refused(#[from] SessionRefusal),
    /// A policy of the identity is invalid.
    #[error("the policies of the identity are invalid: {0}")]
    Policy(String),
}

/// What a session may do at one revision of the registry.
#[derive(Clone)]
pub(crate) struct SessionPermissions {
    principal: String,
    policy: Arc<Policy>,
    role: Arc<RolePolicy>,
    documents: Option<Vec<NamedDocument>>,
    thing: Arc<CertificateContext>,
    identity: Option<CognitoContext>,
    /// The thing of an exclusive attachment.
    pub(crate) exclusive_thing: Option<String>,
    sources: RightsSources,
}

impl SessionPermissions {
    /// Asks the registry what a session may do. Without a client id, it is for HTTPS, where thing variables have no
    /// value. May wait while a change is stored. `arn` has the Region and account of the policies' resources.
    ///
    /// # Errors
    /// Why the session is denied.
    pub(crate) fn find(
        cloud: &Cloud,
        arn: &Arn,
        session: &Session,
        client_id: Option<&str>,
    ) -> Result<Self, SessionDenial> {
        let rights = cloud.session_rights(session, client_id)?;
        let SessionRights { principal, role, policies, identity, context, exclusive_thing, sources } = rights;
        let policy = match &policies {
            Some(documents) => {
                let policy = Policy::parse_named(documents, arn);
                policy
                    .map_err(|errors| SessionDenial::Policy(errors.join("; ")))?
                    .limited_by(Arc::clone(&role))
            }
            None => Policy::of_role(Arc::clone(&role)),
        };
        Ok(Self {
            principal,
            policy: Arc::new(policy),
            role,
            documents: policies,
            thing: context,
            identity,
            exclusive_thing,
            sources,
        })
    }

    /// Whether role and registry are as they were when these permissions were computed.
    pub(crate) fn is_unchanged(&self, cloud: &Cloud, session: &Session, client_id: Option<&str>) -> bool {
        cloud.role_of(session).is_ok_and(|role| role == self.role)
            && self.sources.is_same(&cloud.session_sources(session, client_id))
    }

    /// Whether both allow the same.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        (&self.role, &self.documents, &self.thing, &self.identity)
            == (&other.role, &other.documents, &other.thing, &other.identity)
    }

    /// Returns the admission of a connection or a request.
    pub(crate) fn admission(&self, context: Context) -> Admission {
        let context = Context {
            certificate: ClientCertificate::Known(Arc::clone(&self.thing)),
            cognito: self.identity.clone(),
            ..context
        };
        let (principal, permissions) = (self.principal.clone(), Arc::clone(&self.policy));
        Admission { principal, permissions, context, lifetime: None }
    }
}
