//! What a configuration decides, from its files alone: nothing here opens a socket.
//!
//! ```text
//! authorizer.toml -> Deployment (keys), or findings with the lines of its files
//! Deployment + Inquiry (token, event or claims) -> inquiry -> Explanation -> permission -> cases, diff
//! authorizer.toml -> check (findings, cases, size)
//! provision.toml -> provision (findings)
//! tables of keys -> schema (JSON Schema)
//! answers of a gateway's API, as data -> certificate
//! ```

mod member;
mod quote;

pub mod suggest;

pub mod findings;

pub mod keys;

pub mod revocation;

pub mod deployment;

pub mod explain;

pub mod inquiry;

pub mod permission;

pub mod certificate;

pub mod cases;
pub mod diff;

pub mod check;

pub mod provision;

pub mod schema;
