//! The commands that inspect a configuration: their output and exit codes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests fail by panicking"
)]
#![allow(dead_code, reason = "helpers that are shared with other tests")]

mod can;
mod check;
mod diff;
mod errors;
mod explain;
mod help;
mod init;
mod init_tables;
mod json;
mod keys;
mod revoke;
mod snippet;
mod storm;

#[path = "../../../inspect/tests/check/support.rs"]
mod folder;
#[path = "../../../inspect/tests/explain/own.rs"]
mod own;
#[path = "../../../../tests/support/mod.rs"]
mod support;

/// Runs the program. Returns its exit code, and its standard output and error.
fn run(line: &[&str]) -> (i32, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_iot-local")).args(line).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), text)
}
