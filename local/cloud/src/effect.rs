//! What the control plane asks the gateway to do.

use crate::authorizer_test::AuthorizerTest;

/// What the control plane cannot do itself. Not `Debug`: it may hold credentials.
#[derive(Clone)]
pub enum Effect {
    /// Run the function of an authorizer.
    TestAuthorizer(Box<AuthorizerTest>),
}
