//! Every decision that `tests/cases/` describes, through one checker, and the count of the codes that were met.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
#![allow(clippy::print_stdout, reason = "the counts are for whoever reads the run")]

mod support;

use std::collections::BTreeMap;

use iot_jwt_authorizer::denial::Code;
use support::case;

const FILES: [&str; 7] = [
    "places.json",
    "tokens.json",
    "algorithms.json",
    "claims.json",
    "slots.json",
    "templates.json",
    "answers.json",
];

#[test]
fn every_case_comes_out_as_written_and_every_code_is_met() {
    let mut met: BTreeMap<String, usize> = BTreeMap::new();
    for code in FILES.iter().flat_map(|file| case::check(file)) {
        *met.entry(code).or_default() += 1;
    }
    let allowed = met.remove("allow").unwrap_or_default();
    let refused: usize = met.values().sum();
    println!("{allowed} allowed, {refused} refused by {} codes: {met:?}", met.len());
    // A bundled key set is never empty; the code is met where keys are fetched.
    let unmet: Vec<&str> = Code::ALL
        .iter()
        .map(|code| code.name())
        .filter(|name| !met.contains_key(*name) && *name != "keys_unavailable")
        .collect();
    assert!(unmet.is_empty(), "no case meets {unmet:?}");
    assert!(refused > 2 * allowed, "refusals are what the tests are for");
}

/// A refusal says nothing, and is legal for AWS IoT all the same.
#[test]
fn a_refusal_is_the_same_for_everybody() {
    let answer = serde_json::to_value(iot_jwt_authorizer::response::Answer::refuse()).unwrap();
    let expected = serde_json::json!({
        "isAuthenticated": false, "principalId": "refused", "disconnectAfterInSeconds": 300, "refreshAfterInSeconds": 300,
        "policyDocuments": [],
    });
    assert_eq!(answer, expected);
}
