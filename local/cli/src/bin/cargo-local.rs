//! `cargo-local`, which Cargo runs as `cargo local` when it is installed.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Cargo passes the name of the subcommand as the first argument.
    let mut arguments: Vec<_> = std::env::args_os().collect();
    if arguments.get(1).is_some_and(|name| name == "local") {
        arguments.remove(1);
    }
    iot_local::run(arguments)
}
