//! Fleet provisioning on the registry: tokens, templates, parameters, hooks and claims, without a gateway.

#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "an overflow fails the test")]

mod cases;
mod claims;
mod durability;
mod factory;
mod property;
#[path = "../support/mod.rs"]
mod support;
