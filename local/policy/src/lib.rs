//! Reads an authorizer's response, evaluates its policies, and knows the limits of AWS IoT Core. No I/O, no clock.
//!
//! ```text
//! response -> AuthorizerResponse { policy }
//! documents -> document -> Statement (pattern, condition, value) -> Policy
//! documents with names (policies of a certificate) -> Policy, which `and` adds to the response's
//! role of a Cognito identity -> RolePolicy, by which `limited_by` limits the identity's policies
//! Question { action, resource, Context } -> Policy -> Verdict
//! Context.certificate -> certificate (variables of certificates and things) -> value
//! ```

mod action;
mod arn;
mod question;

mod certificate;
mod resource;

mod value;

mod pattern;

mod condition;
mod statement;

mod document;
mod policy;
mod trust;

pub mod authorizer_response;
pub mod json;
pub mod limits;
pub mod shadow_topic;

pub use action::{Action, UnknownAction};
pub use arn::{Arn, NotAnArn};
pub use policy::Policy;
pub use policy::role::{RolePolicy, SHARED_ACTIONS};
pub use question::{
    Access, CertificateContext, ClientCertificate, CognitoContext, Context, NamedDocument, Question,
    StatementPlace, ThingContext, Verdict,
};
pub use resource::{InvalidResource, NamedResource};
pub use trust::TrustPolicy;
