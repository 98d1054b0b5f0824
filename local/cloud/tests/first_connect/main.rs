//! First connects: just-in-time registration and just-in-time provisioning.

#![cfg(test)]

mod fixture;
mod flows;
mod property;
#[path = "../support/mod.rs"]
mod support;
mod table;
