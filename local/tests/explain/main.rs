//! Explanations say what the function does, and say it readably.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests fail by panicking"
)]

mod can;
mod codes;
mod diff;
mod keys;
mod lifetimes;
mod own;
mod presets;
mod recipes;
#[path = "../../../tests/support/mod.rs"]
mod support;

use iot_jwt_authorizer::denial::Denial;
use iot_local::explain::Walk;
use support::case::cases;
use support::deployment::Deployment;

/// The outcome of a decision, for comparing.
fn outcome(outcome: Result<serde_json::Value, &Denial>) -> String {
    match outcome {
        Ok(answer) => answer.to_string(),
        Err(denial) => denial.to_string(),
    }
}

/// Whatever the function decides, its explanation comes to the same, document by document.
#[test]
fn an_explanation_and_the_function_agree_on_every_case() {
    let files = [
        "algorithms.json",
        "answers.json",
        "claims.json",
        "places.json",
        "slots.json",
        "templates.json",
        "tokens.json",
    ];
    let mut deployments = std::collections::BTreeMap::new();
    let mut count = 0;
    for file in files {
        for case in cases(file) {
            let authorizer = deployments
                .entry(case.deployment().to_owned())
                .or_insert_with_key(|name| Deployment::named(name).authorizer());
            let (event, function) = (case.event(), case.function());
            let at = std::time::UNIX_EPOCH
                + std::time::Duration::from_secs_f64(f64::from(1_800_000_000_u32) + case.at());
            let decision = authorizer.authorize(&event, function, at.into());
            let explanation = Walk::new(authorizer, &event, function, at).explain();
            let decided =
                outcome(decision.outcome.as_ref().map(|answer| serde_json::to_value(answer).unwrap()));
            let explained = outcome(explanation.outcome.as_ref().map(|granted| {
                serde_json::json!({
                    "isAuthenticated": true,
                    "principalId": granted.principal,
                    "disconnectAfterInSeconds": granted.disconnect_after,
                    "refreshAfterInSeconds": granted.refresh_after,
                    "policyDocuments": granted.documents,
                })
            }));
            assert_eq!(explained, decided, "{file}: {}", case.title);
            assert_eq!(explanation.issuer.as_deref(), decision.issuer, "{file}: {}", case.title);
            own::one_check_fails(&explanation, &case.title);
            own::keeps_secrets(&explanation, &event, &case.title);
            count += 1;
        }
    }
    assert!(count > 300, "{count} cases");
}
