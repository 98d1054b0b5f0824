//! An AWS IoT Core custom authorizer: a JWT comes in, an IoT policy limited to the token's claims goes out.
//!
//! ```text
//! event ─> Request ─> Credentials ─> UnverifiedToken ─(key)─> SignedPayload ─(rules, now)─> Claims
//!       ─(slots)─> SlotValues ─(client id)─> Bindings ─(templates)─> Grant ─> Response
//! ```
//!
//! Each arrow is the only way to make the type behind it, and fails only with a [`denial::Denial`]. Read the modules in
//! this order: the decision and its denials, then its stations, then the configuration that it is made from, then what
//! is around it.

pub mod authorizer;
pub mod denial;

pub mod request;
pub mod credentials;
pub mod token;
pub mod algorithm;
pub mod keys;
pub mod claims;
pub mod condition;
pub mod revocation;
pub mod slots;
pub mod template_text;
pub mod slot_values;
pub mod client_id;
pub mod bindings;
pub mod policy;
pub mod response;

pub mod config;
pub mod config_error;
pub mod config_schema;
pub mod levels;

pub mod function;
pub mod source;
pub mod log;

pub mod arn;
pub mod claim_path;
mod hex;
pub mod json;
pub mod time;
