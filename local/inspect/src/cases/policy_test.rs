//! One policy test: its claims are judged, and the outcome is compared with what the case expects.

use std::fmt;
use std::time::SystemTime;

use iot_jwt_authorizer::authorizer::{Authorizer, Issuer};
use iot_jwt_authorizer::denial::Denial;
use iot_jwt_authorizer::policy::GrantRule;
use iot_local_identity::deployment::FUNCTION_ARN;
use iot_local_policy::{Action, NamedResource};
use serde_json::Value;

use super::claims::CaseClaims;
use super::file::{CaseFile, PolicyCase};
use crate::inquiry::{self, EvaluationOptions};
use crate::permission::{self, PermissionOutcome};

/// A policy alone, and where its cases take what they do not state from.
pub(super) struct PolicyTest<'a> {
    /// The authorizer with this policy alone, granted to every token.
    pub(super) authorizer: Authorizer,
    /// The grants that name the policy.
    pub(super) grants: Vec<&'a GrantRule>,
    pub(super) file: &'a CaseFile,
    pub(super) now: SystemTime,
}

/// Why a case failed.
pub(super) enum CaseFailure {
    /// The result is unexpected, or the case is not well-formed.
    Case { what: String, hint: &'static str },
    /// The file and the configuration disagree. Reported once for all its cases.
    Contradiction(String),
}

impl CaseFailure {
    /// The case is not well-formed.
    fn invalid(what: impl fmt::Display) -> Self {
        Self::Case { what: what.to_string(), hint: "policies/README.md describes the format" }
    }

    /// The case has another result than expected.
    fn unexpected(expected: impl fmt::Display, found: impl fmt::Display) -> Self {
        let hint = "fix the policy, or the case if its expectation is wrong";
        Self::Case { what: format!("expected {expected}, found {found}"), hint }
    }
}

impl PolicyTest<'_> {
    /// Whether a case has the expected result.
    pub(super) fn check(&self, case: &PolicyCase) -> Result<(), CaseFailure> {
        let (index, issuer) = self.issuer(case)?;
        let grant = self.grants.iter().find(|grant| grant.issuers.contains(&index));
        let supplied = grant.into_iter().flat_map(|grant| &grant.when).chain(&issuer.rules.require);
        let claims = CaseClaims::new(&[&self.file.claims, &case.claims], issuer, supplied);
        let claims = claims.map_err(CaseFailure::invalid)?;
        let fill_id = |text: &String| text.replace("${issuer:id}", &issuer.id);
        let client_id = case.client_id.as_ref().map(fill_id);
        let permission = case.allow.as_ref().or(case.deny.as_ref()).map(fill_id);
        let permission = permission.as_deref().map(permission_of).transpose()?;
        // A resource that is a whole ARN names the Region and account.
        let arn = permission.and_then(|(_, resource)| resource.function_arn());
        let function = arn.as_deref().unwrap_or(FUNCTION_ARN);
        let is_named = claims.claims.contains_key("iss");
        let options = EvaluationOptions {
            // Claims that name their issuer are that issuer's, even if another is granted the policy.
            issuer: Some(&*issuer.id).filter(|_| !is_named),
            client_id: client_id.as_deref(),
            function,
            at: self.now,
        };
        let (stated, removed) = (claims.claims.clone(), &claims.removed);
        let explanation = inquiry::judge_parsed(&self.authorizer, stated, removed, &options);
        let outcome = explanation.map_err(CaseFailure::invalid)?.outcome;
        let denied = |denial: &Denial, failure: CaseFailure| {
            let contradiction = claims.contradiction(denial, &self.authorizer, issuer);
            contradiction.map_or(failure, CaseFailure::Contradiction)
        };
        let is_allow_expected = match (&case.allow, &case.deny, &case.refused) {
            (Some(_), None, None) => true,
            (None, Some(_), None) => false,
            (None, None, Some(code)) => {
                return match outcome {
                    Err(denial) if denial.code().name() == code => Ok(()),
                    Err(denial) => Err(denied(&denial, CaseFailure::unexpected(code, &denial))),
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
            PermissionOutcome::TokenDenied(denial) => {
                let what = format!("expected {expected}, found a denied token: {denial}");
                let hint = "write `refused` if the token is meant to be denied";
                Err(denied(&denial, CaseFailure::Case { what, hint }))
            }
            PermissionOutcome::Decided { verdict, .. } if verdict.allowed == is_allow_expected => Ok(()),
            PermissionOutcome::Decided { verdict, .. } => {
                let found = if is_allow_expected { "deny" } else { "allow" };
                Err(CaseFailure::unexpected(expected, format_args!("{found}: {}", verdict.reason)))
            }
        }
    }

    /// The issuer of a case, and its index: what its `iss` names, or else what the case, the file or the first grant
    /// names.
    fn issuer(&self, case: &PolicyCase) -> Result<(usize, &Issuer), CaseFailure> {
        let issuers = &self.authorizer.issuers;
        let iss = case.claims.get("iss").or(self.file.claims.get("iss")).and_then(Value::as_str);
        let named = |issuer: &Issuer| iss == Some(&*issuer.rules.issuer);
        let index = match case.issuer.as_ref().or(self.file.issuer.as_ref()) {
            _ if issuers.iter().any(named) => issuers.iter().position(named),
            Some(id) => {
                let index = issuers.iter().position(|issuer| *issuer.id == **id);
                Some(index.ok_or_else(|| {
                    let known: Vec<&str> = issuers.iter().map(|issuer| &*issuer.id).collect();
                    let known = known.join(", ");
                    CaseFailure::Contradiction(format!(
                        "it names issuer id `{id}`; the configuration has {known}"
                    ))
                })?)
            }
            None => self.grants.first().and_then(|grant| grant.issuers.first()).copied(),
        };
        let index = index.unwrap_or(0);
        let issuer = issuers.get(index).map(|issuer| (index, issuer));
        issuer.ok_or_else(|| CaseFailure::invalid("the configuration has no issuer"))
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
