//! Who invokes a function: `context.identity`.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html#runtimes-api-next>

use serde_json::json;

/// The Amazon Cognito identity that signed an invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvokerIdentity {
    /// The identity id.
    pub id: String,
    /// The identity pool's id.
    pub pool: String,
}

impl InvokerIdentity {
    /// Returns the value of `Lambda-Runtime-Cognito-Identity`.
    pub(crate) fn header(&self) -> String {
        json!({ "cognitoIdentityId": self.id, "cognitoIdentityPoolId": self.pool }).to_string()
    }
}
