//! Device shadows on the registry, without a gateway.

#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "an overflow fails the test")]

mod cases;
mod durability;
mod property;
#[path = "../support/mod.rs"]
mod support;
mod world;
