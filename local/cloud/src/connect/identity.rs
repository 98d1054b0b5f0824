//! What a caller with temporary credentials may do: by its role, and an identity that has logged in also by the
//! policies that are attached to it.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/cog-iot-policies.html>

use std::sync::Arc;

use iot_local_policy::{CertificateContext, CognitoContext, NamedDocument, RolePolicy};
use thiserror::Error;

use super::{Attached, RightsSources, document, effective, thing_context};
use crate::cloud::Cloud;
use crate::credentials::{CognitoIdentity, Session};
use crate::registry::{Principal, Registry};

/// What a caller with temporary credentials may do now.
#[derive(Clone)]
pub struct SessionRights {
    /// The principal: the role's unique id and the session's name.
    pub principal: String,
    /// The policy of the role.
    pub role: Arc<RolePolicy>,
    /// The policies of the identity, which must allow some actions, too. Absent for a guest: its role decides alone.
    pub policies: Option<Vec<NamedDocument>>,
    /// The identity, which gives policy variables their values.
    pub identity: Option<CognitoContext>,
    /// The thing of the thing variables. It has values in the policies of the identity only.
    pub context: Arc<CertificateContext>,
    /// The thing of an exclusive attachment, which presence events name.
    pub exclusive_thing: Option<String>,
    /// The records that the rights come from.
    pub sources: RightsSources,
}

/// Why a caller with temporary credentials has no rights, for the operator: which role or policy is the reason.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct SessionRefusal(String);

impl Cloud {
    /// Returns the role of a session as it is now: its file may have changed.
    ///
    /// # Errors
    /// The role no longer exists.
    pub fn role_of(&self, session: &Session) -> Result<Arc<RolePolicy>, SessionRefusal> {
        let name = &session.role.name;
        let role = self.identity_pool().and_then(|pool| pool.roles.get(name).cloned());
        let role = role.map(|role| Arc::clone(role.policy()));
        role.ok_or_else(|| SessionRefusal(format!("role {} no longer exists", session.role_arn)))
    }

    /// Returns the rights of a caller with temporary credentials, for a connect, a request, or after a change of the
    /// registry. Without a client id, it is for HTTPS, where thing variables have no value.
    ///
    /// # Errors
    /// Why it has none.
    pub fn session_rights(
        &self,
        session: &Session,
        client_id: Option<&str>,
    ) -> Result<SessionRights, SessionRefusal> {
        let role = self.role_of(session)?;
        let identity = session.identity.as_ref();
        let attached = identity.filter(|identity| identity.is_authenticated);
        self.read(|registry| {
            let granted = attached.map(|identity| granted(registry, &identity.id, client_id)).transpose();
            let granted = granted.map_err(SessionRefusal)?;
            let sources = RightsSources::of_identity(registry, attached, client_id);
            let (policies, context, exclusive_thing) = match granted {
                Some(Granted { policies, context, exclusive_thing }) => {
                    (Some(policies), context, exclusive_thing)
                }
                None => (None, CertificateContext::default(), None),
            };
            Ok(SessionRights {
                principal: session.principal(),
                role,
                policies,
                identity: identity.map(CognitoIdentity::context),
                context: Arc::new(context),
                exclusive_thing,
                sources,
            })
        })
    }

    /// Returns what [`Cloud::session_rights`] takes from the registry.
    #[must_use]
    pub fn session_sources(&self, session: &Session, client_id: Option<&str>) -> RightsSources {
        let identity = session.identity.as_ref().filter(|identity| identity.is_authenticated);
        self.read(|registry| RightsSources::of_identity(registry, identity, client_id))
    }
}

/// What an identity is granted by AWS IoT, whatever its role allows.
pub(crate) struct Granted {
    pub(crate) policies: Vec<NamedDocument>,
    pub(crate) context: CertificateContext,
    exclusive_thing: Option<String>,
}

/// Returns what an identity is granted, by the same rules as for a certificate.
///
/// # Errors
/// Why its rights are unknown.
pub(crate) fn granted(
    registry: &Registry,
    identity: &str,
    client_id: Option<&str>,
) -> Result<Granted, String> {
    let principal = Principal::CognitoIdentity(identity.to_owned());
    let thing = Attached::find(registry, &principal, client_id);
    let policies = effective::policies(registry, Some(&principal), thing.group_policies_of);
    Ok(Granted {
        policies: policies.iter().map(|policy| document(policy)).collect::<Result<_, _>>()?,
        context: CertificateContext {
            thing: thing.variables.map(thing_context),
            ..CertificateContext::default()
        },
        exclusive_thing: thing.exclusive.map(|thing| thing.name.clone()),
    })
}
