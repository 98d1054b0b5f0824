//! The IAM policy of a role, and how it limits the AWS IoT policies of a Cognito identity.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/cog-iot-policies.html>

use std::borrow::Cow;
use std::sync::Arc;

use super::Policy;
use crate::arn::Arn;
use crate::question::{Access, ClientCertificate, Context, NamedDocument, Verdict};

/// The actions that both the role and a policy of the identity must allow. The role alone decides all others.
///
/// AWS documents the first seven. The last one came later, and AWS does not say to which side it belongs; both is the
/// stricter reading.
pub const SHARED_ACTIONS: [&str; 8] = [
    "iot:Connect",
    "iot:Publish",
    "iot:Subscribe",
    "iot:Receive",
    "iot:GetThingShadow",
    "iot:UpdateThingShadow",
    "iot:DeleteThingShadow",
    "iot:RetainPublish",
];

/// The parsed IAM policy of a role. It decides actions of any service.
#[derive(Debug, Clone)]
pub struct RolePolicy {
    name: String,
    document: serde_json::Value,
    policy: Policy,
}

/// The same name and document.
impl PartialEq for RolePolicy {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.document) == (&other.name, &other.document)
    }
}

/// How a role limits a policy.
#[derive(Debug, Clone)]
pub(crate) struct RoleLimit {
    pub(crate) role: Arc<RolePolicy>,
    /// Whether the role decides everything: that of a guest.
    pub(crate) is_alone: bool,
}

impl RolePolicy {
    /// Parses the policy of a role. `arn` has the Region and the account that messages shorten.
    ///
    /// # Errors
    /// All errors of the document.
    pub fn parse(name: &str, document: &serde_json::Value, arn: &Arn) -> Result<Self, Vec<String>> {
        let named = NamedDocument { name: format!("of role {name}"), document: document.clone() };
        let policy = Policy::parse_named(&[named], arn)?;
        Ok(Self { name: name.to_owned(), document: document.clone(), policy })
    }

    /// Decides an action. Certificate and thing variables have no value in an IAM policy.
    #[must_use]
    pub fn decide(&self, access: &Access<'_>) -> Verdict {
        let context = match access.context.certificate {
            ClientCertificate::Absent => Cow::Borrowed(access.context),
            _ => Cow::Owned(Context {
                certificate: ClientCertificate::Absent,
                ..Context::clone(access.context)
            }),
        };
        let mut verdict = self.policy.decide_access(&Access { context: &context, ..*access });
        // A statement's label names the role already.
        if verdict.decided_by.is_none() {
            verdict.reason = format!("role {}: {}", self.name, verdict.reason);
        }
        verdict
    }

    pub(crate) fn arn(&self) -> &Arn {
        self.policy.arn()
    }
}

impl RoleLimit {
    /// Decides an action by the role, and by the policies of the identity if it is one of [`SHARED_ACTIONS`].
    pub(crate) fn decide(&self, access: &Access<'_>, policies: &Policy) -> Verdict {
        let by_role = self.role.decide(access);
        let is_shared = SHARED_ACTIONS.iter().any(|action| action.eq_ignore_ascii_case(access.action));
        if self.is_alone || !is_shared {
            return by_role;
        }
        let mut by_policies = policies.decide_alone(access);
        if policies.statements.is_empty() {
            by_policies.reason = without_policy(access.context);
        } else if by_policies.decided_by.is_none() {
            by_policies.reason = format!("policies of the identity: {}", by_policies.reason);
        }
        let (allowed, reason, decided_by) = match (by_role.allowed, by_policies.allowed) {
            (true, true) => (true, join(&by_role, &by_policies), by_policies.decided_by),
            (false, true) => (false, by_role.reason, by_role.decided_by),
            (true, false) => (false, by_policies.reason, by_policies.decided_by),
            (false, false) => {
                (false, join(&by_role, &by_policies), by_role.decided_by.or(by_policies.decided_by))
            }
        };
        Verdict { allowed, reason, decided_by }
    }
}

/// Returns why an identity without any policy is denied, and the command that changes it.
fn without_policy(context: &Context) -> String {
    let id = context.cognito.as_ref().map_or("ID", |identity| &identity.identity_id);
    format!(
        "no AWS IoT policy is attached to Cognito identity {id}; help: aws iot attach-policy --policy-name NAME \
         --target {id}"
    )
}

fn join(by_role: &Verdict, by_policies: &Verdict) -> String {
    format!("{}; {}", by_role.reason, by_policies.reason)
}

#[cfg(test)]
mod tests;
