//! Every decision that `tests/cases/` describes, and the proof that the cases are complete: every code and every claim
//! rule has cases.

#![cfg(test)]

mod support;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use iot_jwt_authorizer::authorizer::Authorizer;
use iot_jwt_authorizer::claims::{Facts, Rule};
use iot_jwt_authorizer::credentials::Credentials;
use iot_jwt_authorizer::denial::Code;
use iot_jwt_authorizer::request::Request;
use iot_jwt_authorizer::response::Response;
use iot_jwt_authorizer::token::UnverifiedToken;
use support::at;
use support::case::{self, Case};
use support::deployment::Deployment;
use support::signer::Signer;

/// `CASE=TEXT cargo test --test decisions every_case` checks only the cases whose title contains the text.
#[test]
#[expect(clippy::disallowed_methods, reason = "selects cases by hand")]
fn every_case_has_its_outcome_and_every_code_has_a_case() {
    let title = std::env::var("CASE").ok();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for outcome in case::FILES.iter().flat_map(|file| case::check(file, title.as_deref())) {
        *counts.entry(outcome).or_default() += 1;
    }
    if let Some(title) = title {
        assert!(!counts.is_empty(), "no case has {title:?} in its title");
        println!("{counts:?}");
        return;
    }
    let allowed = counts.remove("allow").unwrap_or_default();
    let denied: usize = counts.values().sum();
    println!("{allowed} allowed, {denied} denied by {} codes: {counts:?}", counts.len());
    // A bundled key set is never empty. tests/key_sources.rs has the cases of this code.
    let missing: Vec<&str> = Code::ALL
        .iter()
        .map(|code| code.name())
        .filter(|name| !counts.contains_key(*name) && *name != "keys_unavailable")
        .collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
    assert!(denied > 2 * allowed, "denials are what the tests are for");
}

/// How often a claim rule held, and how often it was the first that failed.
#[derive(Debug, Default)]
struct Sides {
    held: usize,
    failed: usize,
}

/// A rule is known by its denial: the code, and the claim that it is about.
#[test]
fn every_claim_rule_has_cases_on_both_sides() {
    let mut sides: BTreeMap<String, Sides> = BTreeMap::new();
    let mut codes: BTreeMap<Code, Sides> = BTreeMap::new();
    let mut authorizers: BTreeMap<String, Authorizer> = BTreeMap::new();
    for case in case::cases("claims.json") {
        let authorizer = authorizers
            .entry(case.deployment().to_owned())
            .or_insert_with_key(|name| Deployment::named(name).authorizer());
        judge(&case, authorizer, |rule, holds| {
            let denial = rule.denial();
            for sides in
                [sides.entry(denial.to_string()).or_default(), codes.entry(denial.code()).or_default()]
            {
                *(if holds { &mut sides.held } else { &mut sides.failed }) += 1;
            }
        });
    }
    println!("claim rules: {codes:?}");
    // A token whose `iss` is not a string is denied earlier, since it selects no issuer.
    let is_unreachable = |rule: &str| rule == "malformed_claim (iss)";
    let one_sided: Vec<_> = sides
        .iter()
        .filter(|(rule, sides)| sides.held == 0 || (sides.failed == 0 && !is_unreachable(rule)))
        .collect();
    assert!(one_sided.is_empty(), "{one_sided:?}");
    let of_claims =
        Code::ALL.iter().filter(|code| (Code::MalformedClaim..=Code::RefusedByRule).contains(code));
    let missing: Vec<_> = of_claims.filter(|code| !codes.contains_key(code)).collect();
    assert!(missing.is_empty(), "no rule with {missing:?}");
}

/// Checks the rules on a case's token in order, and reports each until one fails. A rule about the form of an absent
/// claim is not reported.
fn judge(case: &Case, authorizer: &Authorizer, mut report: impl FnMut(Rule<'_>, bool)) {
    let event = case.event();
    let request = Request::parse(&event).unwrap();
    let credentials = Credentials::find(&request, &authorizer.token).unwrap();
    let token = UnverifiedToken::parse(&credentials).unwrap();
    let (_, issuer) = authorizer.issuer_of(&token).unwrap();
    let keys = issuer.candidates(token.header()).unwrap();
    let (payload, _) = token.verify(&keys).unwrap();
    let claims = payload.claims().unwrap();
    let facts = Facts { claims: &claims, certificate: request.certificate(), now: at(case.at()) };
    for rule in issuer.rules.rules(&claims) {
        if matches!(rule, Rule::Form(name, _) if claims.get(name).is_none()) {
            continue;
        }
        let holds = rule.holds(&issuer.rules, facts);
        report(rule, holds);
        if !holds {
            return;
        }
    }
}

/// A denial gives the client no reason, and its response is legal for AWS IoT.
#[test]
fn every_denial_has_the_same_response() {
    let response = serde_json::to_value(Response::deny()).unwrap();
    let expected = serde_json::json!({
        "isAuthenticated": false, "principalId": "refused", "disconnectAfterInSeconds": 300, "refreshAfterInSeconds": 300,
        "policyDocuments": [],
    });
    assert_eq!(response, expected);
}

/// A clock before 1970 is wrong, so no token is valid by it, also without `iat` and `nbf`.
#[test]
fn no_token_is_valid_by_a_clock_before_1970() {
    let authorizer = Deployment::named("all").authorizer();
    let signer = Signer::named("es256");
    for (seconds, expires, code) in [
        (-1.0, 60, Some("not_yet_valid")),
        (-0.001, 4_000_000_000_u64, Some("not_yet_valid")),
        (-1e9, 60, Some("not_yet_valid")),
        (0.0, 60, None),
        (100.0, 60, Some("expired")),
    ] {
        let claims = serde_json::json!({
            "iss": "https://login.example.com/", "aud": "iot.example.com", "sub": "ana", "exp": expires,
        });
        let event = serde_json::json!({ "token": signer.token(&claims) }).to_string();
        let offset = Duration::from_secs_f64(f64::abs(seconds));
        let epoch = SystemTime::UNIX_EPOCH;
        let now = if seconds < 0.0 { epoch.checked_sub(offset) } else { epoch.checked_add(offset) };
        let decision = authorizer.authorize(event.as_bytes(), support::FUNCTION, now.unwrap().into());
        assert_eq!(decision.outcome.err().map(|denial| denial.code().name()), code, "{seconds}");
    }
}
