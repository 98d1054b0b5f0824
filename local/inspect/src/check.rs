//! Everything that can be known of a configuration before it is deployed.
//!
//! Errors are those of the authorizer itself, shown where they are. Lints find settings that work but are probably
//! mistakes. The size proof bounds the largest possible response. docs/check.md describes all three.

mod allow;
pub mod lints;
pub mod size;
pub mod trust;

use std::path::Path;
use std::time::SystemTime;

use iot_jwt_authorizer::config_error::ConfigError;
use iot_jwt_authorizer::policy::{MAX_DOCUMENT_CHARACTERS, MAX_DOCUMENTS};
use iot_local_base::env::Env;
use iot_local_base::numbers::grouped_size;
use serde_json::json;

pub use allow::AcceptedWarning;
use size::Size;
use trust::TrustedStatement;

use crate::cases::{self, CaseReport};
use crate::deployment;
use crate::findings::files::Files;
use crate::findings::{Finding, Severity, render};
use crate::revocation;

/// The result of a check.
#[derive(Debug)]
pub struct CheckReport {
    /// The files that findings are about.
    pub files: Files,
    /// Errors first, then warnings.
    pub findings: Vec<Finding>,
    /// What `[check.allow]` accepts.
    pub accepted: Vec<AcceptedWarning>,
    /// The result of each `policies/NAME.cases.json`.
    pub cases: Vec<CaseReport>,
    /// The bound for each issuer. Empty if errors prevent its computation.
    pub sizes: Vec<Size>,
    /// What the proof that a client id belongs to one subject takes on trust.
    pub trusted: Vec<TrustedStatement>,
}

/// Checks a configuration; `now` is the time at which the tokens of cases are judged. Fetches nothing and writes
/// nothing.
#[must_use]
pub fn examine(config: &Path, env: &Env, now: SystemTime) -> CheckReport {
    examine_with_list(config, None, env, now)
}

/// As [`examine`]. `list` is a revocation list that is to be put where the configuration's source is.
#[must_use]
pub fn examine_with_list(config: &Path, list: Option<&Path>, env: &Env, now: SystemTime) -> CheckReport {
    let mut report = CheckReport::of_findings(Vec::new(), Files::read(config));
    match deployment::load(config, env) {
        Err(errors) => report.findings = errors.0.into_iter().map(Finding::error).collect(),
        Ok(loaded) => {
            let mut findings: Vec<Finding> = loaded.warnings.into_iter().map(Finding::warning).collect();
            findings.extend(lints::lints(&loaded.authorizer, &report.files));
            let source = loaded.revocation.as_ref();
            let of_list = source.map(|source| revocation::findings(source, list, &report.files));
            let (of_list, errors): (Vec<_>, Vec<_>) = of_list
                .unwrap_or_default()
                .into_iter()
                .partition(|finding| finding.severity == Severity::Warning);
            findings.extend(of_list);
            let (warnings, accepted) = allow::filter(findings, &report.files);
            report.accepted = accepted;
            let folder = config.parent().unwrap_or(Path::new("."));
            report.cases = cases::run(&loaded.authorizer, folder, env, now);
            report.cases.iter_mut().for_each(|cases| cases.skip_if_unused(&loaded.authorizer));
            report.sizes = size::sizes(&loaded.authorizer);
            report.trusted = trust::statements(&loaded.authorizer);
            let too_large = report.sizes.iter().filter(|size| !size.fits());
            report.findings.extend(too_large.map(|size| too_large_error(size, &report.files)));
            let failed = report.cases.iter().flat_map(|cases| &cases.errors);
            report.findings.extend(failed.cloned().map(Finding::error));
            report.findings.extend(errors);
            report.findings.extend(warnings);
        }
    }
    report
}

impl CheckReport {
    /// The report of a configuration that has no cases and no policies of its own.
    #[must_use]
    pub(crate) fn of_findings(findings: Vec<Finding>, files: Files) -> Self {
        Self {
            findings,
            accepted: Vec::new(),
            cases: Vec::new(),
            sizes: Vec::new(),
            trusted: Vec::new(),
            files,
        }
    }

    /// The number of findings with this severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// The report as text. `is_terminal` selects colours.
    #[must_use]
    pub fn text(&self, is_terminal: bool) -> String {
        let mut text = render::text(&self.findings, &self.files, is_terminal);
        for accepted in &self.accepted {
            text.push_str(&format!("accepted: {}: {}\n", accepted.key, accepted.reason));
        }
        self.trusted.iter().for_each(|statement| text.push_str(&format!("taken on trust: {statement}\n")));
        self.cases.iter().for_each(|report| text.push_str(&cases_line(report, &self.files)));
        self.sizes.iter().for_each(|size| text.push_str(&size_line(size)));
        let (errors, warnings) = (self.count(Severity::Error), self.count(Severity::Warning));
        let accepted = self.accepted.iter().map(|accepted| accepted.findings).sum();
        text.push_str(&format!(
            "{}: {}, {}, {}\n",
            self.files.shown(self.files.config()),
            counted(errors, "error"),
            counted(warnings, "warning"),
            counted(accepted, "accepted warning")
        ));
        text
    }

    /// The report for programs. `ok` is whether there is no error.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        let findings: Vec<_> =
            self.findings.iter().map(|finding| render::json(finding, &self.files)).collect();
        let accepted: Vec<_> = self
            .accepted
            .iter()
            .map(|accepted| json!({ "finding": accepted.key, "reason": accepted.reason, "count": accepted.findings }))
            .collect();
        let cases: Vec<_> = self
            .cases
            .iter()
            .map(|report| {
                json!({
                    "file": report.file, "allowed": report.allowed, "denied": report.denied, "wrong": report.errors.len(),
                    "skipped": report.skipped,
                })
            })
            .collect();
        let sizes: Vec<_> = self
            .sizes
            .iter()
            .map(|size| {
                json!({
                    "issuer": size.issuer, "documents": size.documents, "characters": size.characters, "slack": size.slack(),
                    "policies": size.policies, "exact": size.is_exact, "fits": size.fits(),
                })
            })
            .collect();
        let trusted: Vec<_> = self.trusted.iter().map(TrustedStatement::json).collect();
        json!({
            "ok": self.count(Severity::Error) == 0, "findings": findings, "accepted": accepted, "cases": cases, "sizes": sizes,
            "trusted": trusted,
        })
    }
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn cases_line(report: &CaseReport, files: &Files) -> String {
    let file = files.shown(&report.file);
    match &report.skipped {
        Some(reason) => format!("{file}: skipped: {reason}\n"),
        None => {
            let cases = report.allowed.saturating_add(report.denied);
            format!("{file}: {}, {} failed\n", counted(cases, "case"), report.errors.len())
        }
    }
}

fn size_line(size: &Size) -> String {
    let max_characters = MAX_DOCUMENTS.saturating_mul(MAX_DOCUMENT_CHARACTERS);
    format!(
        "largest policy for issuer `{}`: {} of {MAX_DOCUMENTS} documents, {} of {} characters{}; policies: {}\n",
        size.issuer,
        grouped_size(size.documents),
        grouped_size(size.characters),
        grouped_size(max_characters),
        if size.is_exact { "" } else { " (upper bound)" },
        size.policies.join(", ")
    )
}

fn too_large_error(size: &Size, files: &Files) -> Finding {
    let policies = size.policies.join("`, `");
    let can = if size.is_exact { "can" } else { "may" };
    let max_characters = grouped_size(MAX_DOCUMENT_CHARACTERS);
    let what = match size.oversized {
        Some(length) => format!(
            "a token of issuer `{}` {can} need a document of {} characters for a single resource; AWS IoT accepts \
             {max_characters}",
            size.issuer,
            grouped_size(length)
        ),
        None => format!(
            "a token of issuer `{}` {can} need {} documents for `{policies}`; AWS IoT accepts {MAX_DOCUMENTS} of \
             {max_characters} characters",
            size.issuer,
            grouped_size(size.documents)
        ),
    };
    let hint = "such a token would be denied (`policy_too_large`); lower `max_items` or `max_length` of a slot, or shorten \
                the resources";
    Finding::error(
        ConfigError::at(files.config(), files.entry("issuer", size.issuer_index, "id"), what).hint(hint),
    )
}
