//! Signature Version 4: what the caller who signed a request may do.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>

use std::sync::Arc;
use std::time::Duration;

use iot_local_cloud::credentials::Caller;
use iot_local_cloud::{Account, Cloud};
use iot_local_policy::{Arn, Context, Policy};
use serde_json::json;

use super::{Admission, Lifetime, session};

/// The services that a WebSocket handshake is signed for: by most clients the first, by older ones that of the data
/// plane.
pub(crate) const WEBSOCKET_SERVICES: [&str; 2] = ["iotdevicegateway", "iotdata"];

/// The service that a request of the data plane is signed for.
pub(crate) const DATA_SERVICES: [&str; 1] = ["iotdata"];

/// How long a signed connection lasts. It outlives the credentials, which are checked at the handshake only.
/// <https://docs.aws.amazon.com/iot/latest/developerguide/protocols.html>
const MAX_CONNECTION_DURATION: Duration = Duration::from_secs(24 * 3600);

/// Why a caller is denied, for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallerDenial {
    /// No signature was verified.
    #[error("missing signature of Signature Version 4")]
    Unsigned,
    /// The registry is closed.
    #[error("the gateway ends")]
    Ending,
    /// The role's session is denied.
    #[error(transparent)]
    Session(#[from] session::SessionDenial),
}

/// Admits the callers whose signatures are verified.
pub struct CallerAuthenticator {
    arn: Arn,
    account: Account,
    /// The operator may do everything.
    operator: Arc<Policy>,
}

impl CallerAuthenticator {
    /// Creates the authenticator of an account. `arn` has its Region.
    ///
    /// # Errors
    /// The operator's policy is invalid.
    pub fn new(account: Account, arn: Arn) -> Result<Self, Vec<String>> {
        let document = json!({
            "Version": "2012-10-17",
            "Statement": [{ "Sid": "Operator", "Effect": "Allow", "Action": "iot:*", "Resource": "*" }],
        });
        let operator = Arc::new(Policy::parse(&[document], &arn)?);
        Ok(Self { arn, account, operator })
    }

    /// Admits a caller whose actions are decided with the values in `context`.
    ///
    /// # Errors
    /// Why the caller is denied.
    pub(crate) fn admit(
        &self,
        cloud: &Cloud,
        caller: &Caller,
        context: Context,
    ) -> Result<Admission, CallerDenial> {
        let lifetime = Some(Lifetime::without_refresh(MAX_CONNECTION_DURATION));
        match caller {
            Caller::Operator => {
                let (principal, permissions) = (caller.arn(&self.account), Arc::clone(&self.operator));
                Ok(Admission { principal, permissions, context, lifetime })
            }
            Caller::Session(session) => {
                let admission = session::admit(cloud, &self.arn, session, context)?;
                Ok(Admission { lifetime, ..admission })
            }
        }
    }
}
