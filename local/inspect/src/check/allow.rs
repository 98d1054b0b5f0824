//! `[check.allow]`: accepted warnings, each with a reason.

use iot_jwt_authorizer::config_error::ConfigError;

use super::lints::LINTS;
use crate::findings::Finding;
use crate::findings::files::{AllowEntry, Files};

/// An entry that accepted something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedWarning {
    /// `LINT FILE`
    pub key: String,
    /// Why.
    pub reason: String,
    /// How many findings it accepts.
    pub findings: usize,
}

/// Removes the accepted findings. An entry that accepts nothing is a finding itself: its warning is gone, or has
/// another name.
pub(super) fn filter(findings: Vec<Finding>, files: &Files) -> (Vec<Finding>, Vec<AcceptedWarning>) {
    let entries = files.allowed();
    let is_accepted = |finding: &Finding| {
        finding.allow_key().is_some_and(|key| entries.iter().any(|entry| entry.key == key))
    };
    let (removed, mut rest): (Vec<Finding>, Vec<Finding>) = findings.into_iter().partition(is_accepted);
    let mut accepted = Vec::new();
    for entry in entries {
        let findings =
            removed.iter().filter(|finding| finding.allow_key().as_ref() == Some(&entry.key)).count();
        if findings == 0 {
            rest.push(unused(entry, files));
        } else {
            accepted.push(AcceptedWarning { key: entry.key, reason: entry.reason, findings });
        }
    }
    (rest, accepted)
}

fn unused(entry: AllowEntry, files: &Files) -> Finding {
    let lint = entry.key.split(' ').next().unwrap_or_default();
    let hint = if LINTS.iter().any(|known| known.id == lint) {
        "remove it, or name the file of the warning".to_owned()
    } else {
        let known = LINTS.map(|lint| format!("`{}`", lint.id)).join(", ");
        format!("write `LINT FILE`; the lints are {known}")
    };
    let what = format!("`{}` under [check.allow] accepts nothing", entry.key);
    Finding::warning(ConfigError::at(files.config(), entry.place, what).hint(hint))
}
