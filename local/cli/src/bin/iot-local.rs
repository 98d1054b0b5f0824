//! `iot-local`, which `cargo run --package iot-local` starts.

use std::process::ExitCode;

fn main() -> ExitCode {
    iot_local::run(std::env::args_os())
}
