//! An AWS IoT Core custom authorizer: a JWT comes in, an IoT policy cut to its claims goes out.
//!
//! ```text
//! event ─> Request ─> Credentials ─> UnverifiedToken ─(key)─> SignedPayload ─(rules, now)─> Claims
//!       ─(slots)─> Bindings ─(templates)─> Grant ─> Answer
//! ```
//!
//! Each arrow is the one way to make what stands behind it, and fails only with a [`denial::Denial`]. Read the modules in
//! this order: the hot path and what can go wrong on it, then its stations, then the configuration that it is made from.

pub mod authorizer;
pub mod denial;

pub mod request;
pub mod credentials;
pub mod token;
pub mod keys;
pub mod claims;
pub mod condition;
pub mod verify;
pub mod slots;
pub mod client_id;
pub mod policy;
pub mod response;
pub mod log;

pub mod config;
pub mod function;

pub mod arn;
pub mod json;
