//! `policies/NAME.cases.json`: what a policy must and must not allow.
//!
//! The function's own code and the evaluator of AWS IoT's rules judge each case, as if every token were granted this
//! policy and no other. `policies/README.md` describes the format.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use iot_jwt_authorizer::authorizer::Authorizer;
use iot_jwt_authorizer::config_error::{ConfigError, ErrorPlace};
use iot_jwt_authorizer::policy::{GrantRule, Policies, Template};
use iot_jwt_authorizer::template_text::Scope;
use iot_local_base::env::Env;
use iot_local_identity::deployment::FUNCTION_ARN;
use iot_local_policy::{Action, NamedResource};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::inquiry::{self, EvaluationOptions};
use crate::member;
use crate::permission::{self, PermissionOutcome};

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
    /// Why the file was skipped: no grant names the policy, and the configuration lacks a slot that it uses.
    pub skipped: Option<String>,
}

/// A file of cases.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    /// The id of the issuer of claims without `iss`; by default the first that is granted the policy.
    issuer: Option<String>,
    /// The claims of every case.
    claims: Map<String, Value>,
    cases: Vec<PolicyCase>,
}

/// One case, with one of `allow`, `deny` and `refused`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyCase {
    /// `ACTION RESOURCE`
    allow: Option<String>,
    /// `ACTION RESOURCE`
    deny: Option<String>,
    /// The code with which the token is denied.
    refused: Option<String>,
    /// These replace claims of the file; null removes one.
    #[serde(default)]
    claims: Map<String, Value>,
    /// The MQTT client id; by default the first that `client_ids` allows.
    client_id: Option<String>,
    /// For the reader.
    why: String,
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
            (Ok(policy), Ok(cases)) => return Some(run_cases(authorizer, name, &policy, &cases, env, now)),
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
    let grant = authorizer.policies.grants.iter().find(|grant| Some(grant.template) == template_index);
    let first = grant.and_then(|grant| grant.issuers.first()).copied().unwrap_or(0);
    let issuer = file.issuer.clone().or_else(|| Some(authorizer.issuers.get(first)?.id.to_string()));
    let authorizer = with_single_policy(authorizer, template);
    if file.cases.is_empty() {
        report.add(ErrorPlace::File, "no cases".to_owned(), "add a case, or remove the file");
    }
    for (number, case) in (1..).zip(&file.cases) {
        if case.allow.is_some() {
            report.allowed = report.allowed.saturating_add(1);
        } else {
            report.denied = report.denied.saturating_add(1);
        }
        if let Err(failure) = case.check(&authorizer, &file.claims, issuer.as_deref(), now) {
            let what = format!("{} (\"{}\")", failure.what, case.why);
            report.add(ErrorPlace::Entry("case", number), what, failure.hint);
        }
    }
    report
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

/// Why a case failed.
struct CaseFailure {
    what: String,
    hint: &'static str,
}

impl CaseFailure {
    /// The case is not well-formed.
    fn invalid(what: impl fmt::Display) -> Self {
        Self { what: what.to_string(), hint: "policies/README.md describes the format" }
    }

    /// The case has another result than expected.
    fn unexpected(expected: impl fmt::Display, found: impl fmt::Display) -> Self {
        let hint = "fix the policy, or the case if its expectation is wrong";
        Self { what: format!("expected {expected}, found {found}"), hint }
    }
}

impl PolicyCase {
    /// Whether the case has the expected result.
    fn check(
        &self,
        authorizer: &Authorizer,
        base: &Map<String, Value>,
        issuer: Option<&str>,
        now: SystemTime,
    ) -> Result<(), CaseFailure> {
        let mut claims = base.clone();
        for (name, value) in &self.claims {
            match value {
                Value::Null => drop(claims.remove(name)),
                value => drop(claims.insert(name.clone(), value.clone())),
            }
        }
        // Claims that name their issuer are that issuer's, even if another is granted the policy.
        let issuer = issuer.filter(|_| !claims.contains_key("iss"));
        let permission = self.allow.as_deref().or(self.deny.as_deref());
        let permission = permission.map(permission_of).transpose()?;
        // A resource that is a whole ARN names the Region and account.
        let arn = permission.and_then(|(_, resource)| resource.function_arn());
        let function = arn.as_deref().unwrap_or(FUNCTION_ARN);
        let client_id = self.client_id.as_deref();
        let options = EvaluationOptions { issuer, client_id, function, at: now };
        let explanation = inquiry::judge_claims(authorizer, &Value::Object(claims).to_string(), &options);
        let outcome = explanation.map_err(CaseFailure::invalid)?.outcome;
        let is_allow_expected = match (&self.allow, &self.deny, &self.refused) {
            (Some(_), None, None) => true,
            (None, Some(_), None) => false,
            (None, None, Some(code)) => {
                return match outcome {
                    Err(denial) if denial.code().name() == code => Ok(()),
                    Err(denial) => Err(CaseFailure::unexpected(code, denial)),
                    Ok(_) => Err(CaseFailure::unexpected(code, "an allowed token")),
                };
            }
            _ => return Err(CaseFailure::invalid("expected one of `allow`, `deny` and `refused`")),
        };
        let Some((action, resource)) = permission else {
            return Err(CaseFailure::invalid("expected one of `allow`, `deny` and `refused`"));
        };
        let outcome = permission::evaluate(&outcome, action, resource, function);
        let expected = if is_allow_expected { "allow" } else { "deny" };
        match outcome.map_err(CaseFailure::invalid)? {
            // A denied token proves nothing about the policy.
            PermissionOutcome::TokenDenied(denial) => Err(CaseFailure {
                hint: "write `refused` if the token is meant to be denied",
                ..CaseFailure::unexpected(expected, format_args!("a denied token: {denial}"))
            }),
            PermissionOutcome::Decided { verdict, .. } if verdict.allowed == is_allow_expected => Ok(()),
            PermissionOutcome::Decided { verdict, .. } => {
                let found = if is_allow_expected { "deny" } else { "allow" };
                Err(CaseFailure::unexpected(expected, format_args!("{found}: {}", verdict.reason)))
            }
        }
    }
}

/// The action and resource of `ACTION RESOURCE`. A resource that the action does not take is an error: with `deny`, the
/// case would pass whatever the policy says.
fn permission_of(text: &str) -> Result<(Action, NamedResource<'_>), CaseFailure> {
    let Some((action, resource)) = text.split_once(' ') else {
        return Err(CaseFailure::invalid(format!("invalid permission `{text}`; expected `ACTION RESOURCE`")));
    };
    let action: Action = action.parse().map_err(CaseFailure::invalid)?;
    Ok((action, NamedResource::parse(action, resource).map_err(CaseFailure::invalid)?))
}

impl CaseReport {
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
