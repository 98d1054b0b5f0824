//! The development issuer: its keys, its tokens, its OpenID Connect login, and the configuration that it is derived
//! from.
//!
//! ```text
//! authorizer.toml -> Workspace { issuers } -> Issuer -> token
//!                 -> example_users -> oidc -> token
//! ```

pub mod deployment;
pub mod workspace;

pub mod issuer;

pub mod example_users;
pub mod oidc;
