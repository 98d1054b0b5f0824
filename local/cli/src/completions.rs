//! `completions`: prints a completion script for a shell.

use std::io::{self, Write};

use clap::{Args, Command};
use clap_complete::Shell;

/// The installed program. Shells complete a program by its name; `cargo local` is an argument of `cargo`.
const PROGRAM: &str = "cargo-local";

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
    clap_complete::generate(args.shell, &mut command.bin_name(PROGRAM).name(PROGRAM), PROGRAM, &mut script);
    out.write_all(&script)
}
