//! `cargo local check`: what it says of broken configurations, each lint, and that no answer passes the size proof.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests fail by panicking")]
#![allow(clippy::arithmetic_side_effects, reason = "the numbers are the tests' own")]

mod broken;
mod lints;
mod output;
mod size;
mod support;
