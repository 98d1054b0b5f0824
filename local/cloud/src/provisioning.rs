//! Provisioning templates: from a template and its parameters to the changes of the registry. No I/O, no clock.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/provision-template.html>
//!
//! ```text
//! body -> Template::parse -> Template
//! Template + Parameters -> Template::evaluate -> Plan
//! Plan + Inventory -> resolve -> Vec<Step> or Conflict
//! ```
//!
//! `RegisterThing`, bulk registration, just-in-time provisioning and fleet provisioning use the same functions.

mod error;
mod kind;
mod mappings;
mod names;
mod strict_json;

mod expression;
mod substitution;

mod parameters;
mod resources;
mod template;

mod evaluate;
mod plan;

mod resolve;

mod inventory;

pub use error::{TemplateError, TemplateErrors};
pub use kind::TemplateKind;
pub use parameters::{InvalidParameter, Parameters};
pub use plan::{
    CertificateSource, EvaluationError, Plan, PlannedCertificate, PlannedPolicy, PlannedThing, Provisioned,
};
pub use resolve::{CertificateState, Conflict, Inventory, Step, ThingState, resolve};
pub use resources::Override;
pub use template::{MAX_BODY_BYTES, Template};
