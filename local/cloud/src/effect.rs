//! What the control plane asks the gateway to do.

use crate::authorizer_test::AuthorizerTest;
use crate::credentials::CognitoIdentity;

/// What the control plane cannot do itself. Not `Debug`: it may hold credentials.
#[derive(Clone)]
pub enum Effect {
    /// Run the function of an authorizer.
    TestAuthorizer(Box<AuthorizerTest>),
    /// Invoke a function for a caller.
    Invoke(Box<Invocation>),
}

/// An invocation of a function. Not `Debug`: an event may hold a secret.
#[derive(Clone)]
pub struct Invocation {
    /// The function's ARN, without a version.
    pub function_arn: String,
    /// Whether the caller waits.
    pub kind: InvocationType,
    /// The event: the request's body.
    pub event: Vec<u8>,
    /// The Cognito identity that signed the request.
    pub identity: Option<CognitoIdentity>,
}

/// How a function is invoked.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_RequestSyntax>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvocationType {
    /// The caller waits for the response.
    RequestResponse,
    /// Nothing runs.
    DryRun,
}
