//! `cargo local check`: what it reports for broken configurations, each lint, and the size proof.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests fail by panicking")]
#![allow(clippy::arithmetic_side_effects, reason = "the numbers are the tests' own")]

mod broken;
mod lints;
mod size;
mod support;
mod trust;
mod unused;
