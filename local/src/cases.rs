//! `policies/NAME.cases.json`: what a policy must and must not allow, as a table beside it.
//!
//! Each case is judged by the function's own code and the evaluator of AWS IoT's rules, as if the policy were granted to everybody and
//! were the only one. `policies/README.md` has the format.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use iot_jwt_authorizer::authorizer::Authorizer;
use iot_jwt_authorizer::policy::{GrantRule, Policies, Template, Vocabulary};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::can::{self, Can};
use crate::function::FUNCTION_ARN;
use crate::inquiry::{self, Terms};
use crate::policy::Action;
use crate::workspace::Environment;

/// How a file of cases ends.
const ENDING: &str = ".cases.json";

/// What became of one file.
#[derive(Debug, PartialEq, Eq)]
pub struct Tried {
    /// Relative to the configuration, as `policies/app-user.cases.json`.
    pub file: String,
    /// Cases that had to be allowed.
    pub allowed: usize,
    /// Cases that had to be denied or refused.
    pub denied: usize,
    /// What is not as the table says; each has the case's number, counted from 1.
    pub faults: Vec<String>,
    /// Why the file was not run: no grant names the policy, and the configuration lacks a slot that it uses.
    pub skipped: Option<String>,
}

/// A file of cases.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Whose the claims are that have no `iss`: the issuer's id; without it the first that has the policy.
    issuer: Option<String>,
    /// Of every case.
    claims: Map<String, Value>,
    cases: Vec<Case>,
}

/// One case. Exactly one of `allow`, `deny` and `refused`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// `ACTION RESOURCE`
    allow: Option<String>,
    /// `ACTION RESOURCE`
    deny: Option<String>,
    /// The code by which the token is refused.
    refused: Option<String>,
    /// In place of those of the file; null takes one out.
    #[serde(default)]
    claims: Map<String, Value>,
    /// The MQTT client id; without it the first that `client_ids` allows.
    client_id: Option<String>,
    /// For whoever reads it.
    why: String,
}

/// Runs every file of cases in the configuration's `policies/`, in the order of their names.
#[must_use]
pub fn run(
    authorizer: &Authorizer,
    folder: &Path,
    environment: Environment<'_>,
    at: SystemTime,
) -> Vec<Tried> {
    let policies = folder.join("policies");
    let entries = std::fs::read_dir(&policies).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.sort();
    let name = |path: &PathBuf| Some(path.file_name()?.to_str()?.strip_suffix(ENDING)?.to_owned());
    let table = |(path, name): (PathBuf, String)| {
        let policy = std::fs::read_to_string(policies.join(format!("{name}.json")));
        let cases = std::fs::read_to_string(&path);
        match (policy, cases) {
            (Ok(policy), Ok(cases)) => try_out(authorizer, &name, &policy, &cases, environment, at),
            (Err(error), _) => Tried::faulty(
                &name,
                format!("policies/{name}.json cannot be read: {error}; cases stand beside their policy"),
            ),
            (_, Err(error)) => Tried::faulty(&name, format!("it cannot be read: {error}")),
        }
    };
    files.into_iter().filter_map(|path| name(&path).map(|name| (path, name))).map(table).collect()
}

/// Runs the cases of one policy; `policy` and `cases` are the texts of its files.
#[must_use]
pub fn try_out(
    authorizer: &Authorizer,
    name: &str,
    policy: &str,
    cases: &str,
    environment: Environment<'_>,
    at: SystemTime,
) -> Tried {
    let file: File = match serde_json::from_str(cases) {
        Ok(file) => file,
        Err(error) => return Tried::faulty(name, format!("it is no table of cases: {error}")),
    };
    let granted = authorizer.policies.templates.iter().position(|template| *template.name == *name);
    let slots = authorizer.issuers.first().map(|issuer| issuer.slots.as_slice()).unwrap_or_default();
    let template = match Template::parse(name, policy, Vocabulary { slots, environment, in_policy: true }) {
        Ok(template) => template,
        Err(faults) if granted.is_none() => {
            let why =
                format!("no grant names the policy, and with this configuration it {}", faults.join("; it "));
            return Tried { skipped: Some(why), ..Tried::of(name) };
        }
        Err(faults) => return Tried::faulty(name, format!("the policy has faults: {}", faults.join("; "))),
    };
    let grant = authorizer.policies.grants.iter().find(|grant| Some(grant.template) == granted);
    let first = grant.and_then(|grant| grant.issuers.first()).copied().unwrap_or(0);
    let issuer = file.issuer.clone().or_else(|| Some(authorizer.issuers.get(first)?.id.to_string()));
    let alone = alone(authorizer, template);
    let mut tried = Tried::of(name);
    if file.cases.is_empty() {
        tried.faults.push("it has no cases".to_owned());
    }
    for (number, case) in (1..).zip(&file.cases) {
        if case.allow.is_some() {
            tried.allowed = tried.allowed.saturating_add(1);
        } else {
            tried.denied = tried.denied.saturating_add(1);
        }
        if let Err(fault) = case.hold(&alone, &file.claims, issuer.as_deref(), at) {
            tried.faults.push(format!("case {number} ({}): {fault}", case.why));
        }
    }
    tried
}

/// The authorizer with that policy alone, for everybody.
fn alone(authorizer: &Authorizer, template: Template) -> Authorizer {
    let issuers = (0..authorizer.issuers.len()).collect();
    let grants = vec![GrantRule { issuers, when: Vec::new(), template: 0 }];
    Authorizer { policies: Policies { templates: vec![template], grants }, ..authorizer.clone() }
}

impl Case {
    /// Whether it comes out as it says.
    fn hold(
        &self,
        authorizer: &Authorizer,
        base: &Map<String, Value>,
        issuer: Option<&str>,
        at: SystemTime,
    ) -> Result<(), String> {
        let mut claims = base.clone();
        for (name, value) in &self.claims {
            match value {
                Value::Null => drop(claims.remove(name)),
                value => drop(claims.insert(name.clone(), value.clone())),
            }
        }
        // Claims that name their issuer are that issuer's, whoever else has the policy.
        let issuer = issuer.filter(|_| !claims.contains_key("iss"));
        let terms =
            Terms { issuer, client_id: self.client_id.as_deref(), function: FUNCTION_ARN, at, fetch: false };
        let text = Value::Object(claims).to_string();
        let outcome =
            inquiry::judge_claims(authorizer, &text, &terms).map_err(|error| error.to_string())?.outcome;
        let (question, wanted) = match (&self.allow, &self.deny, &self.refused) {
            (Some(question), None, None) => (question, true),
            (None, Some(question), None) => (question, false),
            (None, None, Some(code)) => {
                return match outcome {
                    Err(denial) if denial.code().name() == code => Ok(()),
                    Err(denial) => Err(format!("the token is refused, but by {denial}")),
                    Ok(_) => Err("the token is not refused".to_owned()),
                };
            }
            _ => return Err("give one of `allow`, `deny` and `refused`".to_owned()),
        };
        let form = "write it as `ACTION RESOURCE`, as in `iot:Publish topic/a`";
        let (action, resource) = question.split_once(' ').ok_or(form)?;
        let action: Action = action.parse().map_err(|error| format!("{error}"))?;
        match can::answer(&outcome, action, resource, FUNCTION_ARN).map_err(|error| error.to_string())? {
            // A token that is refused shows nothing of a policy: such a case has to say so.
            Can::Refused(denial) => {
                Err(format!("the token is refused: {denial}; if that is meant, say `refused`"))
            }
            Can::Decided { verdict, .. } if verdict.allowed == wanted => Ok(()),
            Can::Decided { verdict, .. } if wanted => Err(format!("it is denied: {}", verdict.reason)),
            Can::Decided { verdict, .. } => Err(format!("it is allowed: {}", verdict.reason)),
        }
    }
}

impl Tried {
    fn of(name: &str) -> Self {
        let file = format!("policies/{name}{ENDING}");
        Self { file, allowed: 0, denied: 0, faults: Vec::new(), skipped: None }
    }

    fn faulty(name: &str, fault: String) -> Self {
        Self { faults: vec![fault], ..Self::of(name) }
    }
}

impl fmt::Display for Tried {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.skipped {
            Some(why) => writeln!(out, "{}: skipped: {why}", self.file)?,
            None => writeln!(
                out,
                "{}: {} allowed, {} denied, {} wrong",
                self.file,
                self.allowed,
                self.denied,
                self.faults.len()
            )?,
        }
        self.faults.iter().try_for_each(|fault| writeln!(out, "  {fault}"))
    }
}
