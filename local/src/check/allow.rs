//! `[check.allow]`: warnings that are accepted, each with a reason.

use super::files::{Entry, Files};
use super::finding::{Finding, Severity};
use super::lints::LINTS;

/// An entry that accepted something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// `LINT FILE`
    pub key: String,
    /// Why.
    pub reason: String,
    /// How many findings it accepts.
    pub findings: usize,
}

/// Takes away what is accepted. An entry that accepts nothing is found itself: what it was written for is gone, or is named otherwise.
pub(super) fn sift(findings: Vec<Finding>, files: &Files) -> (Vec<Finding>, Vec<Accepted>) {
    let entries = files.allowed();
    let is_accepted =
        |finding: &Finding| finding.key().is_some_and(|key| entries.iter().any(|entry| entry.key == key));
    let (gone, mut left): (Vec<Finding>, Vec<Finding>) = findings.into_iter().partition(is_accepted);
    let mut accepted = Vec::new();
    for entry in entries {
        let findings = gone.iter().filter(|finding| finding.key().as_ref() == Some(&entry.key)).count();
        if findings == 0 {
            left.push(needless(entry, files));
        } else {
            accepted.push(Accepted { key: entry.key, reason: entry.reason, findings });
        }
    }
    (left, accepted)
}

fn needless(entry: Entry, files: &Files) -> Finding {
    let lint = entry.key.split(' ').next().unwrap_or_default();
    let hint = if LINTS.iter().any(|known| known.id == lint) {
        "take it out, or write the file that the warning is about".to_owned()
    } else {
        let known = LINTS.map(|lint| format!("`{}`", lint.id)).join(", ");
        format!("write `LINT FILE`; the lints are {known}")
    };
    Finding {
        severity: Severity::Warning,
        lint: None,
        file: files.config().to_owned(),
        span: entry.span,
        what: format!("`{}` under [check.allow] accepts nothing", entry.key),
        hint: Some(hint),
    }
}
