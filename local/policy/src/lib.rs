//! Reads an authorizer's response, evaluates its policies, and knows the limits of AWS IoT Core. No I/O, no clock.
//!
//! ```text
//! response -> AuthorizerResponse { policy }
//! documents -> document -> Statement (pattern, condition, value) -> Policy
//! Question { action, resource, Context } -> Policy -> Verdict
//! ```

mod action;
mod arn;
mod question;
mod resource;

mod value;

mod pattern;

mod condition;
mod statement;

mod document;
mod policy;

pub mod authorizer_response;
pub mod json;
pub mod limits;

pub use action::{Action, UnknownAction};
pub use arn::{Arn, NotAnArn};
pub use policy::Policy;
pub use question::{
    CertificateContext, ClientCertificate, Context, NamedDocument, Question, StatementPlace, ThingContext,
    Verdict,
};
pub use resource::{InvalidResource, NamedResource};
