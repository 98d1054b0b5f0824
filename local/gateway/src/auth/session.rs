//! What a session of a role may do: temporary credentials stand for it.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/cog-iot-policies.html>

use iot_local_cloud::Cloud;
use iot_local_cloud::credentials::Session;
use iot_local_policy::{Arn, Context};

use super::Admission;

/// Why a session is denied, for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SessionDenial {
    /// Roles are not evaluated yet.
    #[error("the role {role} is not evaluated yet; help: use the key pair in .iot-local/private/operator")]
    NotEvaluated {
        /// The role's ARN.
        role: String,
    },
}

/// Admits a session. `arn` has the Region and account of the policies' resources.
///
/// # Errors
/// Why the session is denied.
pub(crate) fn admit(
    _cloud: &Cloud,
    _arn: &Arn,
    session: &Session,
    _context: Context,
) -> Result<Admission, SessionDenial> {
    Err(SessionDenial::NotEvaluated { role: session.role_arn.clone() })
}
