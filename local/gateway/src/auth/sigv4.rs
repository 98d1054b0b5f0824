//! Signature Version 4: what the caller who signed a request may do.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>

use std::sync::Arc;
use std::time::Duration;

use iot_local_cloud::Account;
use iot_local_cloud::credentials::Caller;
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

    /// Admits the operator, who may do everything.
    pub(crate) fn admit_operator(&self, context: Context) -> Admission {
        let (principal, permissions) = (Caller::Operator.arn(&self.account), Arc::clone(&self.operator));
        Admission { principal, permissions, context, lifetime: Some(self.lifetime()) }
    }

    /// Returns how long a signed connection lasts.
    pub(crate) fn lifetime(&self) -> Lifetime {
        Lifetime::without_refresh(MAX_CONNECTION_DURATION)
    }

    /// Returns the Region and account of the policies' resources.
    pub(crate) fn arn(&self) -> &Arn {
        &self.arn
    }
}
