//! `check`: reports errors, probable mistakes and the largest possible policy of a configuration.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use iot_local_base::env::Env;
use iot_local_inspect::check;
use iot_local_inspect::findings::Severity;

/// The arguments of the command.
#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    /// Configuration to check, with `policies/` and `keys/` next to it
    #[arg(long, value_name = "FILE", default_value = "authorizer.toml")]
    pub(crate) config: PathBuf,
    /// Also fail on warnings
    #[arg(long)]
    pub(crate) deny_warnings: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Checks a configuration and prints the report. Returns whether the check passed.
///
/// # Errors
/// The output cannot be written.
pub(crate) fn run(
    args: &CheckArgs,
    env: &Env,
    now: SystemTime,
    has_colours: bool,
    out: &mut dyn Write,
) -> io::Result<bool> {
    let report = check::examine(&args.config, env, now);
    if args.json {
        writeln!(out, "{:#}", report.json())?;
    } else {
        out.write_all(report.text(has_colours).as_bytes())?;
    }
    Ok(report.count(Severity::Error) == 0 && !(args.deny_warnings && report.count(Severity::Warning) > 0))
}
