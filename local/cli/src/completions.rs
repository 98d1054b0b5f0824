//! `completions`: prints a completion script for a shell.

use std::io::{self, Write};

use clap::{Args, Command};
use clap_complete::Shell;

/// The installed program. Shells complete a program by its name; `cargo local` is an argument of `cargo`.
const PROGRAM: &str = "cargo-local";
/// clap_complete 4.6 writes bash scripts whose parts have different names if the program's name has a hyphen.
const PLACEHOLDER: &str = "cargo_local";

/// The arguments of the command.
#[derive(Args, Debug)]
pub(crate) struct CompletionsArgs {
    /// Shell to complete in
    shell: Shell,
}

/// Prints the script for all commands and options of `command`.
///
/// # Errors
/// The output cannot be written.
pub(crate) fn run(args: &CompletionsArgs, command: Command, out: &mut dyn Write) -> io::Result<()> {
    let mut script = Vec::new();
    let mut command = command.bin_name(PLACEHOLDER).name(PLACEHOLDER);
    clap_complete::generate(args.shell, &mut command, PLACEHOLDER, &mut script);
    let script = String::from_utf8_lossy(&script).replace(PLACEHOLDER, PROGRAM);
    out.write_all(script.as_bytes())
}
