//! `policies/NAME.cases.json`: what a policy must and must not allow.
//!
//! The function's own code and the evaluator of AWS IoT's rules judge each case, as if every token were granted this
//! policy and no other. `policies/README.md` describes the format.

mod claims;
mod file;
mod policy_test;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use iot_jwt_authorizer::authorizer::Authorizer;
use iot_jwt_authorizer::config_error::{ConfigError, ErrorPlace};
use iot_jwt_authorizer::keys::without_mark;
use iot_jwt_authorizer::policy::{GrantRule, Policies, Template};
use iot_jwt_authorizer::template_text::Scope;
use iot_local_base::env::Env;
use serde_json::{Map, Value};

use self::file::CaseFile;
use self::policy_test::{CaseFailure, PolicyTest};
use crate::member;

/// The end of the name of a file of cases.
const SUFFIX: &str = ".cases.json";

/// The result of one file.
#[derive(Debug, PartialEq, Eq)]
pub struct CaseReport {
    /// Relative to the configuration, as `policies/app-user.cases.json`.
    pub file: String,
    /// The number of `allow` cases.
    pub allowed: usize,
    /// The number of `deny` and `refused` cases.
    pub denied: usize,
    /// Failed cases, and errors of the file.
    pub errors: Vec<ConfigError>,
    /// Why the file was skipped: no grant names the policy, and the configuration does not fit it or its cases.
    pub skipped: Option<String>,
}

/// Runs every file of cases in the configuration's `policies/`, in the order of their names.
#[must_use]
pub fn run(authorizer: &Authorizer, folder: &Path, env: &Env, now: SystemTime) -> Vec<CaseReport> {
    let policies = folder.join("policies");
    let entries = std::fs::read_dir(&policies).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.sort();
    let run_file = |path: PathBuf| {
        let name = path.file_name()?.to_str()?.strip_suffix(SUFFIX)?;
        let policy = std::fs::read_to_string(policies.join(format!("{name}.json")));
        let cases = std::fs::read_to_string(&path);
        let mut report = CaseReport::new(name);
        match (policy, cases) {
            (Ok(policy), Ok(cases)) => {
                let (policy, cases) = (without_mark(&policy), without_mark(&cases));
                return Some(run_cases(authorizer, name, policy, cases, env, now));
            }
            (Err(error), _) => {
                let what = format!("cannot read its policy `policies/{name}.json`: {}", error.kind());
                report.add(ErrorPlace::File, what, "put the cases next to their policy");
            }
            (_, Err(error)) => {
                let what = format!("cannot read the file: {}", error.kind());
                report.add(ErrorPlace::File, what, "write it as UTF-8");
            }
        }
        Some(report)
    };
    files.into_iter().filter_map(run_file).collect()
}

/// Runs the cases of one policy; `policy` and `cases` are the texts of its files.
#[must_use]
pub fn run_cases(
    authorizer: &Authorizer,
    name: &str,
    policy: &str,
    cases: &str,
    env: &Env,
    now: SystemTime,
) -> CaseReport {
    let mut report = CaseReport::new(name);
    let file: CaseFile = match serde_json::from_str(cases) {
        Ok(file) => file,
        Err(error) => {
            let place = ErrorPlace::Line { line: error.line(), span: member::character_of(cases, &error) };
            let error = error.to_string();
            // The place says the line already.
            let what = error.split_once(" at line ").map_or(&*error, |(what, _)| what);
            report.add(place, format!("invalid cases: {what}"), "policies/README.md describes the format");
            return report;
        }
    };
    let template_index = authorizer.policies.templates.iter().position(|template| *template.name == *name);
    let slots = authorizer.issuers.first().map(|issuer| issuer.slots.as_slice()).unwrap_or_default();
    let scope = Scope { slots, environment: &env.lookup(), in_policy: true };
    let template = match Template::parse(name, policy, scope) {
        Ok(template) => template,
        Err(errors) if template_index.is_none() => {
            report.skipped = Some(format!("no grant names the policy; {}", missing(errors)));
            return report;
        }
        Err(errors) => return CaseReport { errors, ..report },
    };
    let grants = authorizer.policies.grants.iter();
    let grants = grants.filter(|grant| template_index.is_some_and(|index| grant.template == index)).collect();
    let test = PolicyTest { authorizer: with_single_policy(authorizer, template), grants, file: &file, now };
    if file.cases.is_empty() {
        report.add(ErrorPlace::File, "no cases".to_owned(), "add a case, or remove the file");
    }
    let mut contradictions: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (number, case) in (1..).zip(&file.cases) {
        if case.allow.is_some() {
            report.allowed = report.allowed.saturating_add(1);
        } else {
            report.denied = report.denied.saturating_add(1);
        }
        match test.check(case) {
            Ok(()) => {}
            Err(CaseFailure::Contradiction(what)) => contradictions.entry(what).or_default().push(number),
            Err(CaseFailure::Case { what, hint }) => {
                let what = format!("{what} (\"{}\")", case.why);
                report.add(ErrorPlace::Entry("case", number), what, hint);
            }
        }
    }
    for (what, numbers) in contradictions {
        report.add(ErrorPlace::File, format!("{what} ({})", cases_text(&numbers)), CONTRADICTION_HINT);
    }
    report
}

/// The JSON Schema of a file of cases.
pub(crate) fn schema() -> Map<String, Value> {
    CaseFile::schema()
}

/// Numbers of cases, as text.
fn cases_text(numbers: &[usize]) -> String {
    let count = numbers.len();
    match numbers {
        [number] => format!("case {number}"),
        [first, .., last] => format!("{count} cases, {first} to {last}"),
        [] => String::new(),
    }
}

/// What the configuration lacks for a policy: the slots, or else the policy's errors.
fn missing(errors: Vec<ConfigError>) -> String {
    let slots: Option<BTreeSet<String>> =
        errors.iter().map(|error| Some(error.unknown.as_deref()?.given.clone())).collect();
    if let Some(slots) = slots {
        return format!("undeclared slots: {}", slots.into_iter().collect::<Vec<_>>().join(", "));
    }
    let errors: BTreeSet<String> = errors.into_iter().map(|error| error.what).collect();
    errors.into_iter().collect::<Vec<_>>().join("; ")
}

/// The authorizer with this policy alone, granted to every token.
fn with_single_policy(authorizer: &Authorizer, template: Template) -> Authorizer {
    let issuers = (0..authorizer.issuers.len()).collect();
    let grants = vec![GrantRule { issuers, when: Vec::new(), template: 0 }];
    Authorizer { policies: Policies { templates: vec![template], grants }, ..authorizer.clone() }
}

/// What to do about a file that names another issuer, audience or required value than the configuration.
const CONTRADICTION_HINT: &str = "remove the claim from the file, and the tests take the value of the configuration; or change one of the two";

impl CaseReport {
    /// Makes the errors of a policy that no grant names the reason to skip it: a deployment does not contain it.
    pub(crate) fn skip_if_unused(&mut self, authorizer: &Authorizer) {
        let name = self.file.strip_prefix("policies/").and_then(|file| file.strip_suffix(SUFFIX));
        let mut templates = authorizer.policies.templates.iter();
        let is_used = templates.any(|template| Some(&*template.name) == name);
        let Some(first) = self.errors.first().filter(|_| !is_used) else { return };
        let count = self.errors.len();
        let errors = if count == 1 { "it has an error".to_owned() } else { format!("it has {count} errors") };
        let place = match &first.place {
            ErrorPlace::Entry(noun, index) => format!("{noun} {index}: "),
            _ => String::new(),
        };
        self.skipped =
            Some(format!("no grant names the policy, and {errors}; the first: {place}{}", first.what));
        self.errors.clear();
    }

    fn new(name: &str) -> Self {
        let file = format!("policies/{name}{SUFFIX}");
        Self { file, allowed: 0, denied: 0, errors: Vec::new(), skipped: None }
    }

    fn add(&mut self, place: ErrorPlace, what: String, hint: &str) {
        self.errors.push(ConfigError::at(&self.file, place, what).hint(hint));
    }
}

impl fmt::Display for CaseReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, allowed, denied, errors, skipped } = self;
        match skipped {
            Some(reason) => writeln!(out, "{file}: skipped: {reason}")?,
            None => writeln!(out, "{file}: {allowed} allow, {denied} deny, {} failed", errors.len())?,
        }
        errors.iter().try_for_each(|error| writeln!(out, "  {error}"))
    }
}
