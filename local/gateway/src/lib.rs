//! A local gateway that emulates AWS IoT Core, to test an authorizer with real clients. Never deployed.
//!
//! ```text
//! port -> facts -> selection -> event -> auth::custom (Lambda) -> policy -> connection
//!      -> ports::relay -> broker (its hooks check each action against the policy) -> event_log -> pages
//! ```

mod gateway;

pub mod alpn;
pub mod certificate;
pub mod tls;

pub mod facts;

pub mod selection;

pub mod event;
pub mod functions;
pub mod message;

pub mod auth;
pub mod login_provider;
pub mod demo;
pub mod annotation;
mod examples;
pub mod preview;

pub mod connection;
mod fleet;

pub mod broker;
mod rules;
mod shadows;

pub mod event_log;

mod pages;
mod ports;

mod time_scale;
mod timeouts;

pub use gateway::{GatewayError, GatewayOptions, RunningGateway};
pub use time_scale::TimeScale;
