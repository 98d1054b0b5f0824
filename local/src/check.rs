//! `cargo local check`: everything that can be known of a configuration before it is deployed.
//!
//! Faults are those of the authorizer itself, shown where they stand; lints say what works and is probably not meant; the size proof
//! says how large an answer can become. docs/check.md.

mod allow;
pub mod files;
pub mod finding;
pub mod lints;
mod render;
pub mod size;
mod texts;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use annotate_snippets::Renderer;
use clap::Args;
use iot_jwt_authorizer::config::{Config, Environment};
use iot_jwt_authorizer::policy::{MAX_DOCUMENT_CHARACTERS, MAX_DOCUMENTS};
use serde_json::json;

pub use allow::Accepted;
use files::Files;
use finding::{Finding, Severity};
use size::Size;

use crate::cases::{self, Tried};

/// `cargo local check`
#[derive(Args, Debug)]
pub struct CheckArgs {
    /// Configuration to check, with `policies/` and `keys/` beside it
    #[arg(long, value_name = "FILE", default_value = "authorizer.toml")]
    pub config: PathBuf,
    /// Fail on warnings, too
    #[arg(long)]
    pub deny_warnings: bool,
    /// Write JSON for machines
    #[arg(long)]
    pub json: bool,
}

/// What there is to say of a configuration.
#[derive(Debug)]
pub struct Report {
    /// The files that findings are about.
    pub files: Files,
    /// Faults first, then warnings.
    pub findings: Vec<Finding>,
    /// What `[check.allow]` accepts.
    pub accepted: Vec<Accepted>,
    /// What became of each `policies/NAME.cases.json`.
    pub cases: Vec<Tried>,
    /// The bound for each issuer; none where faults keep it from being known.
    pub sizes: Vec<Size>,
}

/// Looks at a configuration; `at` is when the cases' tokens are judged. Nothing is fetched and nothing written.
#[must_use]
pub fn examine(config: &Path, environment: Environment<'_>, at: SystemTime) -> Report {
    let files = Files::read(config);
    let mut report =
        Report { findings: Vec::new(), accepted: Vec::new(), cases: Vec::new(), sizes: Vec::new(), files };
    match Config::load(config, environment) {
        Err(faults) => {
            report.findings = faults.0.iter().map(|fault| Finding::of_fault(fault, &report.files)).collect();
        }
        Ok(loaded) => {
            let warnings = loaded.warnings.iter().map(|fault| Finding::of_warning(fault, &report.files));
            let mut findings: Vec<Finding> = warnings.collect();
            findings.extend(lints::lints(&loaded.authorizer, &report.files));
            (report.findings, report.accepted) = allow::sift(findings, &report.files);
            let folder = config.parent().unwrap_or(Path::new("."));
            report.cases = cases::run(&loaded.authorizer, folder, environment, at);
            report.sizes = size::sizes(&loaded.authorizer);
            let too_large =
                report.sizes.iter().filter(|size| !size.fits()).map(|size| too_large(size, &report.files));
            let wrong = report.cases.iter().flat_map(|tried| {
                tried.faults.iter().map(|fault| Finding::of_case(&tried.file, fault, &report.files))
            });
            let faults: Vec<Finding> = too_large.chain(wrong).collect();
            report.findings.splice(0..0, faults);
        }
    }
    report
}

/// Checks a configuration and shows what is found. Returns whether it may be deployed.
///
/// # Errors
/// `out` cannot be written.
pub fn run(
    args: &CheckArgs,
    environment: Environment<'_>,
    at: SystemTime,
    is_terminal: bool,
    out: &mut dyn Write,
) -> io::Result<bool> {
    let report = examine(&args.config, environment, at);
    if args.json {
        writeln!(out, "{:#}", report.json())?;
    } else {
        out.write_all(report.text(is_terminal).as_bytes())?;
    }
    Ok(report.count(Severity::Fault) == 0 && !(args.deny_warnings && report.count(Severity::Warning) > 0))
}

impl Report {
    /// How many findings of that severity there are.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// For people; colours are a terminal's.
    #[must_use]
    pub fn text(&self, is_terminal: bool) -> String {
        let renderer = if is_terminal { Renderer::styled() } else { Renderer::plain() };
        let mut text = String::new();
        for finding in &self.findings {
            text.push_str(&render::text(finding, &self.files, &renderer));
            text.push_str("\n\n");
        }
        for accepted in &self.accepted {
            text.push_str(&format!("accepted: {}: {}\n", accepted.key, accepted.reason));
        }
        for tried in &self.cases {
            text.push_str(&of_cases(tried));
        }
        for size in &self.sizes {
            text.push_str(&sentence(size));
        }
        let (faults, warnings) = (self.count(Severity::Fault), self.count(Severity::Warning));
        let accepted = self.accepted.iter().map(|accepted| accepted.findings).sum();
        let file = self.files.config();
        text.push_str(&format!(
            "{file}: {}, {}, {}\n",
            counted(faults, "fault"),
            counted(warnings, "warning"),
            counted(accepted, "accepted warning")
        ));
        text
    }

    /// For machines. `ok` is whether there is no fault.
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
            .map(|tried| {
                json!({
                    "file": tried.file, "allowed": tried.allowed, "denied": tried.denied, "wrong": tried.faults.len(),
                    "skipped": tried.skipped,
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
        json!({ "ok": self.count(Severity::Fault) == 0, "findings": findings, "accepted": accepted, "cases": cases, "sizes": sizes })
    }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn of_cases(tried: &Tried) -> String {
    match &tried.skipped {
        Some(why) => format!("{}: not run: {why}\n", tried.file),
        None => {
            let cases = tried.allowed.saturating_add(tried.denied);
            format!("{}: {}, {} wrong\n", tried.file, counted(cases, "case"), tried.faults.len())
        }
    }
}

fn sentence(size: &Size) -> String {
    let most = MAX_DOCUMENTS.saturating_mul(MAX_DOCUMENT_CHARACTERS);
    let how = if size.is_exact { "at most" } else { "at most, by sums," };
    format!(
        "largest answer to a token of `{}`: {how} {} and {} characters, of {MAX_DOCUMENTS} and {most}; {} to spare ({})\n",
        size.issuer,
        counted(size.documents, "document"),
        size.characters,
        size.slack(),
        size.policies.join(", ")
    )
}

fn too_large(size: &Size, files: &Files) -> Finding {
    let policies = size.policies.join("`, `");
    let can = if size.is_exact { "can" } else { "may, as far as can be proven," };
    let what = match size.oversized {
        Some(length) => format!(
            "a token of issuer `{}` {can} need a document of {length} characters for one resource; AWS IoT takes \
             {MAX_DOCUMENT_CHARACTERS}",
            size.issuer
        ),
        None => format!(
            "a token of issuer `{}` {can} need {} documents for `{policies}`; AWS IoT takes {MAX_DOCUMENTS} of {MAX_DOCUMENT_CHARACTERS} \
             characters",
            size.issuer, size.documents
        ),
    };
    let hint = "such a token would be refused (`policy_too_large`); lower `max_items` or `max_length` of a slot, or shorten the resources";
    Finding {
        severity: Severity::Fault,
        lint: None,
        file: files.config().to_owned(),
        span: None,
        what,
        hint: Some(hint.to_owned()),
    }
}
