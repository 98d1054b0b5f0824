//! `diff`: who gains and who loses which right when one configuration takes the place of another.

mod accept;
mod rights;

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::Args;
use iot_jwt_authorizer::authorizer::Authorizer;
use iot_jwt_authorizer::denial::Code;
use serde::Serialize;
use thiserror::Error;

use crate::env_file;
use crate::explain::Explanation;
use crate::function::FUNCTION_ARN;
use crate::inquiry::{self, ClaimsError, Deployment, InquiryError, Terms};
use crate::moment::Moment;
use crate::policy::{Arn, NotAnArn};
use rights::Side;

/// What the command takes.
#[derive(Clone, Debug, Args)]
pub struct DiffArgs {
    /// The configuration as it was
    old: PathBuf,
    /// The configuration as it is to be
    new: PathBuf,
    /// Folder of claims files, one for each kind of subject: JSON, and never a real token's
    #[arg(long, value_name = "DIR")]
    claims: PathBuf,
    /// Gains that are meant: a file of lines as they are printed, `FILE ACTION RESOURCE`
    #[arg(long, value_name = "FILE")]
    accept: Option<PathBuf>,
    /// The issuer of claims without `iss`
    #[arg(long, value_name = "ID")]
    issuer: Option<String>,
    /// The time of the decisions [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<Moment>,
    /// Add the NAME=VALUE lines of a file to the environment
    #[arg(long, value_name = "FILE")]
    env: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Why configurations cannot be compared.
#[derive(Debug, Error)]
pub enum DiffError {
    /// A configuration or a file.
    #[error(transparent)]
    Inquiry(#[from] InquiryError),
    /// A file of claims.
    #[error("{}: {error}", path.display())]
    Claims {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: ClaimsError,
    },
    /// There is nobody to compare for.
    #[error("{}: there is no .json file in it; write one for each kind of subject", .0.display())]
    Nobody(PathBuf),
    /// A line of `--accept`.
    #[error("{}:{line}: it is no gain; write `FILE ACTION RESOURCE` as `diff` prints it, without the +", path.display())]
    Accept {
        /// The file.
        path: PathBuf,
        /// Its line, from 1.
        line: usize,
    },
    /// The ARN that resources are put under.
    #[error(transparent)]
    Arn(#[from] NotAnArn),
    /// The comparison cannot be written.
    #[error("the comparison cannot be written: {0}")]
    Write(#[from] io::Error),
}

/// What changes for one file of claims.
#[derive(Debug, Serialize)]
pub struct Change {
    /// The file's name.
    pub file: String,
    /// The code that refused the token before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was_refused: Option<&'static str>,
    /// The code that refuses it now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_refused: Option<&'static str>,
    /// Rights that nothing covered before, as `ACTION RESOURCE`.
    pub gains: Vec<String>,
    /// Rights that nothing covers now.
    pub loses: Vec<String>,
}

/// Compares, and prints what changes. True if every gain is accepted.
///
/// # Errors
/// See [`DiffError`].
pub fn run(
    args: &DiffArgs,
    env: &[(String, String)],
    now: SystemTime,
    out: &mut dyn Write,
) -> Result<bool, DiffError> {
    let mut all = match &args.env {
        Some(path) => env_file::read(path).map_err(InquiryError::from)?,
        None => Vec::new(),
    };
    all.extend(env.iter().cloned());
    let (old, new) = (Deployment::load(&args.old, &all)?, Deployment::load(&args.new, &all)?);
    let (old, new) = (&old.config.authorizer, &new.config.authorizer);
    let accepted = args.accept.as_deref().map(accept::read).transpose()?.unwrap_or_default();
    let at = args.at.map_or(now, |at| at.0);
    let mut changes = Vec::new();
    for path in claims_files(&args.claims)? {
        changes.push(change(old, new, &path, args.issuer.as_deref(), at)?);
    }
    let gains: BTreeSet<String> = changes.iter().flat_map(Change::lines_of_gains).collect();
    let fresh = gains.iter().filter(|gain| !accept::covers(&accepted, gain)).count();
    if args.json {
        writeln!(out, "{:#}", serde_json::json!({ "changes": changes, "notAccepted": fresh }))?;
        return Ok(fresh == 0);
    }
    for change in &changes {
        change.write(&accepted, out)?;
    }
    for unused in
        accepted.iter().filter(|line| !gains.iter().any(|gain| accept::covers(&[(*line).clone()], gain)))
    {
        writeln!(out, "! accepted, but nobody gains it: {unused}")?;
    }
    writeln!(out, "{} files of claims: {} gains, {fresh} of them not accepted", changes.len(), gains.len())?;
    Ok(fresh == 0)
}

fn claims_files(folder: &Path) -> Result<Vec<PathBuf>, DiffError> {
    let read = std::fs::read_dir(folder);
    let entries = read.map_err(|error| InquiryError::File { path: folder.to_owned(), error })?;
    let paths = entries.flatten().map(|entry| entry.path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    paths.sort();
    if paths.is_empty() { Err(DiffError::Nobody(folder.to_owned())) } else { Ok(paths) }
}

/// What changes for the subject of one file.
fn change(
    old: &Authorizer,
    new: &Authorizer,
    path: &Path,
    issuer: Option<&str>,
    at: SystemTime,
) -> Result<Change, DiffError> {
    let text = inquiry::text(path)?;
    let judge = |authorizer: &Authorizer, client_id: Option<&str>| {
        let terms = Terms { issuer, client_id, function: FUNCTION_ARN, at, fetch: false };
        let judged = inquiry::judge_claims(authorizer, &text, &terms);
        judged.map_err(|error| DiffError::Claims { path: path.to_owned(), error })
    };
    let before = judge(old, None)?;
    // The same client id on both sides, where both allow it: what else differs is then a matter of rights.
    let mut after =
        judge(new, before.outcome.as_ref().ok().and_then(|granted| granted.client_id.as_deref()))?;
    if code(&after) == Some(Code::ClientIdNotAllowed) {
        after = judge(new, None)?;
    }
    let arn: Arn = FUNCTION_ARN.parse()?;
    let side = |explanation: &Explanation| {
        explanation.outcome.as_ref().map_or_else(|_| Side::nothing(&arn), |granted| Side::of(granted, &arn))
    };
    let (was, is) = (side(&before), side(&after));
    Ok(Change {
        file: path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        was_refused: code(&before).map(Code::name),
        is_refused: code(&after).map(Code::name),
        gains: is.beyond(&was, "no longer denied"),
        loses: was.beyond(&is, "now denied"),
    })
}

fn code(explanation: &Explanation) -> Option<Code> {
    explanation.outcome.as_ref().err().map(|denial| denial.code())
}

impl Change {
    fn lines_of_gains(&self) -> impl Iterator<Item = String> {
        self.gains.iter().map(|gain| format!("{} {gain}", self.file))
    }

    fn write(&self, accepted: &[String], out: &mut dyn Write) -> io::Result<()> {
        let file = &self.file;
        match (self.was_refused, self.is_refused) {
            (Some(was), Some(is)) if was == is => writeln!(out, "  {file} is refused on both sides: {was}")?,
            (Some(was), Some(is)) => writeln!(out, "  {file} was refused by {was}, and now by {is}")?,
            (Some(was), None) => writeln!(out, "  {file} was refused by {was}")?,
            (None, Some(is)) => writeln!(out, "  {file} is now refused by {is}")?,
            (None, None) if self.gains.is_empty() && self.loses.is_empty() => {
                writeln!(out, "  {file} has the same rights")?;
            }
            (None, None) => {}
        }
        for line in self.lines_of_gains() {
            let note = if accept::covers(accepted, &line) { "   (accepted)" } else { "" };
            writeln!(out, "+ {line}{note}")?;
        }
        self.loses.iter().try_for_each(|right| writeln!(out, "- {file} {right}"))
    }
}
