//! Arguments of several commands.

mod authorizer;
mod config;
mod endpoint;
mod inquiry;
mod output;

pub use authorizer::{AuthorizerArgs, SigningKeyError};
pub use config::ConfigArgs;
pub use endpoint::EndpointArgs;
pub use inquiry::InquiryArgs;
pub use output::OutputArgs;
