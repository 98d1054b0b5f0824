//! Tests of the functions. `cases/` has the decisions as data.

#![cfg(test)]

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
