//! What `check` says about `[revocation]`.

use std::path::Path;

use iot_jwt_authorizer::config_error::ConfigError;
use iot_jwt_authorizer::revocation::{ListError, ListOrigin, ListSource, MAX_LIST_BYTES, RevocationList};
use iot_jwt_authorizer::source::secret::MAX_SECRET_BYTES;
use iot_local_base::files;

use crate::check::lints::PLAIN_ENTRIES;
use crate::findings::files::Files;
use crate::findings::{Finding, Severity};

/// The findings about a list: that of the source if it is a file, or `list`, a file that is to be put there.
#[must_use]
pub fn findings(source: &ListSource, list: Option<&Path>, config: &Files) -> Vec<Finding> {
    let path = match (list, &source.origin) {
        (Some(path), _) => path,
        (None, ListOrigin::File { path, .. }) => path,
        (None, _) => return Vec::new(),
    };
    let place = config.revocation_source();
    let at_source = |what: String| ConfigError::at(config.config(), place.clone(), what);
    let shown = path.display();
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) => {
            let what = format!("cannot read the revocation list {shown}: {}", files::io_error(&error));
            let hint =
                "`cargo local revoke` makes one; without a list the function decides as `when_stale` says";
            return vec![Finding::error(at_source(what).hint(hint))];
        }
    };
    let parsed = match text.len() {
        length if length > MAX_LIST_BYTES => Err(ListError::TooLarge),
        _ => RevocationList::parse(&text),
    };
    let list = match parsed {
        Ok(list) => list,
        Err(error) => {
            return vec![Finding::error(at_source(format!("the revocation list {shown} {error}")))];
        }
    };
    let mut findings = Vec::new();
    let known: Vec<&str> = source.issuers().collect();
    for (issuer, _) in list.issuers().filter(|(issuer, _)| !known.contains(issuer)) {
        let what = format!("the revocation list {shown} has entries of the unknown issuer `{issuer}`");
        let hint = format!("they revoke nothing; expected one of `{}`", known.join("`, `"));
        findings.push(Finding::warning(at_source(what).hint(hint)));
    }
    match &source.origin {
        ListOrigin::Secret(_) if text.len() > MAX_SECRET_BYTES => {
            let what = format!(
                "the revocation list {shown} has {} bytes; a secret holds at most {MAX_SECRET_BYTES}",
                text.len()
            );
            let hint = "remove entries whose tokens have expired, or serve the list at an https address";
            findings.push(Finding::error(at_source(what).hint(hint)));
        }
        ListOrigin::Address(_) if list.plain_entries() > 0 => {
            let what = format!(
                "the revocation list {shown} has {} plain entries, and everyone who reaches its address can read them",
                list.plain_entries()
            );
            let error = at_source(what).hint(PLAIN_ENTRIES.hint);
            findings.push(Finding { severity: Severity::Warning, lint: Some(PLAIN_ENTRIES.id), error });
        }
        _ => {}
    }
    findings.sort_by_key(|finding| finding.severity == Severity::Warning);
    findings
}
