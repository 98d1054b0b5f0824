//! The control plane of AWS IoT Core on one machine: the registry and the APIs that change it. Never deployed.
//!
//! ```text
//! HTTP request -> api (guard, routes) -> operations -> Change -> store (log on disk) -> registry
//!                                     -> Effect (TestInvokeAuthorizer), which the gateway carries out
//! fleet provisioning over MQTT -> fleet -> Change -> …, and the answer or Rejection
//! access key -> credentials -> sigv4 -> Caller or SignatureDenial
//! ID token -> identity_pool -> identity, Role -> credentials
//! request for a shadow, over MQTT or HTTPS -> shadows -> Change -> …, and the answer or ShadowRejection
//! client certificate -> connect -> CertificateRights (policies, variables) or Refusal
//!                    -> first_connect -> Change, RegistrationEvent, Refusal
//! ```
//!
//! No sockets: the gateway passes requests in and carries out what comes back.

mod account;
mod error;

mod certificate;
mod issuer;
pub mod registry;

pub mod provisioning;
pub mod rules;

pub mod sigv4;
mod role;
pub mod credentials;
pub mod identity_pool;

mod authentication;

mod signature;
mod signing_key;
mod store;

mod authorizer_test;
mod built_in;
mod effect;
mod running_tasks;
mod throttle;

mod cloud;
pub mod connect;

pub mod api;
pub mod fleet;
mod operations;
pub mod shadows;

pub mod first_connect;

pub use account::{Account, InvalidAccount};
pub use authorizer_test::{AuthorizerTest, HttpContext, InvalidLength, MqttContext};
pub use built_in::BuiltInAuthorizer;
pub use certificate::{CertificateFacts, UnreadableCertificate};
pub use cloud::{Cloud, CloudOptions};
pub use error::{ApiError, ErrorKind};
pub use role::Role;
pub use signing_key::{NotASigningKey, SigningKey};
pub use store::OpenError;
