//! `diff`: compares the permissions of two configurations.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use iot_jwt_authorizer::authorizer::Authorizer;
use iot_jwt_authorizer::revocation::Revocation;
use iot_local_base::env::Env;
use iot_local_base::env_file;
use iot_local_base::timestamp::Timestamp;
use iot_local_inspect::deployment::Deployment;
use iot_local_inspect::diff::{self, Comparison};
use iot_local_inspect::inquiry::InquiryError;
use thiserror::Error;

/// The arguments of the command.
#[derive(Clone, Debug, Args)]
pub(crate) struct DiffArgs {
    /// Configuration before the change
    old: PathBuf,
    /// Configuration after the change
    new: PathBuf,
    /// Folder of JSON claims files, one for each kind of subject; without claims of real tokens
    #[arg(long, value_name = "DIR")]
    claims: PathBuf,
    /// File of accepted gains, lines as they are printed: FILE ACTION RESOURCE
    #[arg(long, value_name = "FILE")]
    accept: Option<PathBuf>,
    /// Issuer of claims without `iss`
    #[arg(long, value_name = "ID")]
    issuer: Option<String>,
    /// Time of the decisions [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// Add the NAME=VALUE lines of a file to the environment
    #[arg(long, value_name = "FILE")]
    env: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// An error that prevents a comparison.
#[derive(Debug, Error)]
pub(crate) enum DiffError {
    /// A configuration is invalid.
    #[error(transparent)]
    Inquiry(#[from] InquiryError),
    /// A file of claims or of accepted gains is invalid.
    #[error(transparent)]
    Diff(#[from] diff::DiffError),
    /// The output cannot be written.
    #[error("cannot write the output: {0}")]
    Write(#[from] io::Error),
}

/// Compares two configurations and prints the changes. Returns whether every gain is accepted.
///
/// # Errors
/// See [`DiffError`].
pub(crate) fn run(
    args: &DiffArgs,
    env: &Env,
    now: SystemTime,
    has_colours: bool,
    out: &mut dyn Write,
) -> Result<bool, DiffError> {
    let env = env_file::extended(env, args.env.as_deref()).map_err(InquiryError::from)?;
    let load = |path| Deployment::load(path, &env).map_err(InquiryError::from);
    let (old, new) = (load(&args.old)?, load(&args.new)?);
    // Who is on the revocation list is no difference of two configurations.
    let without_list =
        |deployment: Deployment| Authorizer { revocation: Revocation::Off, ..deployment.config.authorizer };
    let (old, new) = (&without_list(old), &without_list(new));
    let accepted = args.accept.as_deref().map(diff::accepted).transpose()?.unwrap_or_default();
    let at = args.at.map_or(now, |timestamp| timestamp.0);
    let changes = diff::compare(old, new, &args.claims, args.issuer.as_deref(), at)?;
    let comparison = Comparison { changes, accepted };
    match args.json {
        true => writeln!(out, "{:#}", comparison.to_json())?,
        false if has_colours => out.write_all(coloured(&comparison.to_string()).as_bytes())?,
        false => write!(out, "{comparison}")?,
    }
    Ok(comparison.not_accepted() == 0)
}

/// The lines of gains in green and those of losses in red, as `git diff` shows them.
fn coloured(text: &str) -> String {
    let paint = |line: &str| match line.chars().next() {
        Some('+') => format!("\x1b[32m{line}\x1b[0m\n"),
        Some('-') => format!("\x1b[31m{line}\x1b[0m\n"),
        _ => format!("{line}\n"),
    };
    text.lines().map(paint).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gains_and_losses_have_colours() {
        let text = "+ a.json iot:Publish topic/a\n- a.json iot:Publish topic/b\n  same\n";
        let expected = "\x1b[32m+ a.json iot:Publish topic/a\x1b[0m\n\x1b[31m- a.json iot:Publish topic/b\x1b[0m\n  same\n";
        assert_eq!(coloured(text), expected);
    }
}
