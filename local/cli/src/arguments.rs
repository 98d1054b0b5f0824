//! Arguments of several commands.

mod authorizer;
mod config;
mod inquiry;

pub use authorizer::{AuthorizerArgs, SigningKeyError};
pub use config::ConfigArgs;
pub use inquiry::InquiryArgs;
