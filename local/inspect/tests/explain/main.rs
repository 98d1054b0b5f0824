//! Explanations agree with the function.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests fail by panicking"
)]

mod can;
mod client_ids;
mod codes;
mod examples;
mod lifetimes;
mod own;
mod presets;
mod recipe_edits;
mod recipes;
mod supplied;
#[path = "../../../../tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use iot_jwt_authorizer::denial::Denial;
use iot_local_inspect::explain::Trace;
use support::case::cases;
use support::deployment::Deployment;
use support::root;

/// The outcome of a decision, for comparing.
fn outcome(outcome: Result<serde_json::Value, &Denial>) -> String {
    match outcome {
        Ok(response) => response.to_string(),
        Err(denial) => denial.to_string(),
    }
}

/// Every decision of the function has an explanation with the same outcome, document by document.
#[test]
fn an_explanation_and_the_function_agree_on_every_case() {
    let mut deployments = BTreeMap::new();
    let mut count = 0;
    let files = std::fs::read_dir(root().join("tests/cases")).unwrap();
    for file in files.map(|entry| entry.unwrap().file_name().into_string().unwrap()) {
        for case in cases(&file) {
            let authorizer = deployments
                .entry(case.deployment().to_owned())
                .or_insert_with_key(|name| Deployment::named(name).authorizer());
            let (event, function) = (case.event(), case.function());
            let at = UNIX_EPOCH + Duration::from_secs_f64(f64::from(1_800_000_000_u32) + case.at());
            let decision = authorizer.authorize(&event, function, at.into());
            let explanation = Trace::new(authorizer, &event, function, at).explain();
            let decided =
                outcome(decision.outcome.as_ref().map(|response| serde_json::to_value(response).unwrap()));
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
            assert_eq!(explanation.issuer.as_deref(), decision.learned.issuer, "{file}: {}", case.title);
            own::one_check_fails(&explanation, &case.title);
            own::keeps_secrets(&explanation, &event, &case.title);
            count += 1;
        }
    }
    assert!(count > 300 && deployments.len() > 5, "{count} cases, {} deployments", deployments.len());
}
