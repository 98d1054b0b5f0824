//! Which permissions each kind of subject gains and loses when one configuration replaces another.

mod accept;
mod permissions;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use iot_jwt_authorizer::authorizer::Authorizer;
use iot_jwt_authorizer::denial::Code;
use iot_local_identity::deployment::FUNCTION_ARN;
use iot_local_policy::{Arn, NotAnArn};
use serde::Serialize;
use thiserror::Error;

use crate::explain::Explanation;
use crate::inquiry::{self, ClaimsError, EvaluationOptions, InquiryError};
use permissions::GrantedPermissions;

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
    /// A folder without claims files.
    #[error("{}: no .json file; expected one for each kind of subject", .0.display())]
    NoClaims(PathBuf),
    /// A line of the file of accepted gains.
    #[error("{}:{line}: invalid gain; expected `FILE ACTION RESOURCE`, as `diff` prints it after the +", path.display())]
    Accept {
        /// The file.
        path: PathBuf,
        /// The line, counted from one.
        line: usize,
    },
    /// The ARN that resources get.
    #[error(transparent)]
    Arn(#[from] NotAnArn),
}

/// What changes for one file of claims.
#[derive(Debug, Serialize)]
pub struct Change {
    /// The file's name.
    pub file: String,
    /// The code with which the old configuration denies the token.
    #[serde(rename = "was_refused", skip_serializing_if = "Option::is_none")]
    pub old_denial: Option<&'static str>,
    /// The code with which the new configuration denies the token.
    #[serde(rename = "is_refused", skip_serializing_if = "Option::is_none")]
    pub new_denial: Option<&'static str>,
    /// Permissions that the old configuration does not cover, as `ACTION RESOURCE`.
    pub gains: Vec<String>,
    /// Permissions that the new configuration does not cover.
    pub loses: Vec<String>,
}

/// What changes for every file of claims, and which gains are accepted.
#[derive(Debug)]
pub struct Comparison {
    /// In the order of the names of the claims files.
    pub changes: Vec<Change>,
    /// The accepted gains, each as `FILE ACTION RESOURCE`.
    pub accepted: Vec<String>,
}

/// Compares two configurations for the subject of each claims file of a folder.
///
/// # Errors
/// See [`DiffError`].
pub fn compare(
    old: &Authorizer,
    new: &Authorizer,
    claims: &Path,
    issuer: Option<&str>,
    now: SystemTime,
) -> Result<Vec<Change>, DiffError> {
    claims_files(claims)?.iter().map(|path| change(old, new, path, issuer, now)).collect()
}

/// Reads a file of accepted gains, one a line.
///
/// # Errors
/// A file that cannot be read, an invalid line.
pub fn accepted(path: &Path) -> Result<Vec<String>, DiffError> {
    accept::read(path)
}

impl Comparison {
    fn gains(&self) -> BTreeSet<String> {
        self.changes.iter().flat_map(Change::gain_lines).collect()
    }

    /// The number of gains that are not accepted.
    #[must_use]
    pub fn not_accepted(&self) -> usize {
        self.gains().iter().filter(|gain| !accept::covers(&self.accepted, gain)).count()
    }

    /// The comparison for programs.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({ "changes": self.changes, "notAccepted": self.not_accepted() })
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gains = self.gains();
        for change in &self.changes {
            change.write(&self.accepted, out)?;
        }
        let is_used =
            |line: &String| gains.iter().any(|gain| accept::covers(std::slice::from_ref(line), gain));
        for unused in self.accepted.iter().filter(|line| !is_used(line)) {
            writeln!(out, "! accepted, but not a gain: {unused}")?;
        }
        let (files, not_accepted) = (self.changes.len(), self.not_accepted());
        writeln!(out, "claims files: {files}, gains: {}, not accepted: {not_accepted}", gains.len())
    }
}

fn claims_files(folder: &Path) -> Result<Vec<PathBuf>, DiffError> {
    let entries = std::fs::read_dir(folder);
    let entries = entries.map_err(|error| InquiryError::File { path: folder.to_owned(), error })?;
    let paths = entries.flatten().map(|entry| entry.path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    paths.sort();
    if paths.is_empty() { Err(DiffError::NoClaims(folder.to_owned())) } else { Ok(paths) }
}

/// What changes for the subject of one file.
fn change(
    old: &Authorizer,
    new: &Authorizer,
    path: &Path,
    issuer: Option<&str>,
    now: SystemTime,
) -> Result<Change, DiffError> {
    let text = inquiry::text(path)?;
    let judge = |authorizer: &Authorizer, client_id: Option<&str>| {
        let options = EvaluationOptions { issuer, client_id, function: FUNCTION_ARN, at: now };
        let explanation = inquiry::judge_claims(authorizer, &text, &options);
        explanation.map_err(|error| DiffError::Claims { path: path.to_owned(), error })
    };
    let before = judge(old, None)?;
    // The same client id in both, if both allow it, so that only permissions differ.
    let client_id = before.outcome.as_ref().ok().and_then(|granted| granted.client_id.as_deref());
    let mut after = judge(new, client_id)?;
    if code(&after) == Some(Code::ClientIdNotAllowed) {
        after = judge(new, None)?;
    }
    let arn: Arn = FUNCTION_ARN.parse()?;
    let permissions = |explanation: &Explanation| match &explanation.outcome {
        Ok(granted) => GrantedPermissions::of(granted, &arn),
        Err(_) => GrantedPermissions::none(&arn),
    };
    let (old_permissions, new_permissions) = (permissions(&before), permissions(&after));
    Ok(Change {
        file: path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        old_denial: code(&before).map(Code::name),
        new_denial: code(&after).map(Code::name),
        gains: new_permissions.missing_in(&old_permissions, "no longer denied"),
        loses: old_permissions.missing_in(&new_permissions, "now denied"),
    })
}

fn code(explanation: &Explanation) -> Option<Code> {
    explanation.outcome.as_ref().err().map(|denial| denial.code())
}

impl Change {
    fn gain_lines(&self) -> impl Iterator<Item = String> {
        self.gains.iter().map(|gain| format!("{} {gain}", self.file))
    }

    fn write(&self, accepted: &[String], out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = &self.file;
        match (self.old_denial, self.new_denial) {
            (Some(old), Some(new)) if old == new => writeln!(out, "  {file} is denied by both: {old}")?,
            (Some(old), Some(new)) => {
                writeln!(out, "  {file} was denied with {old}, is now denied with {new}")?;
            }
            (Some(old), None) => writeln!(out, "  {file} is now allowed, was denied with {old}")?,
            (None, Some(new)) => writeln!(out, "  {file} is now denied with {new}")?,
            (None, None) if self.gains.is_empty() && self.loses.is_empty() => {
                writeln!(out, "  {file} has the same permissions")?;
            }
            (None, None) => {}
        }
        for line in self.gain_lines() {
            let note = if accept::covers(accepted, &line) { "   (accepted)" } else { "" };
            writeln!(out, "+ {line}{note}")?;
        }
        self.loses.iter().try_for_each(|permission| writeln!(out, "- {file} {permission}"))
    }
}
