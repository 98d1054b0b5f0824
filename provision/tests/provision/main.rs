//! Tests of the functions. `cases/` has the decisions as data.

#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "the numbers are the test's own")]

mod support;

mod calls;
mod cases;
mod configuration;
mod imports;
mod log;
mod plans;
mod races;
mod replies;
mod stops;
