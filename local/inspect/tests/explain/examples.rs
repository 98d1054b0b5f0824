//! The example users of `cargo local`: the function allows one for each grant, and denies those that are denied on
//! purpose. Tried with the shipped configuration and every recipe.

use iot_local_base::env::Env;
use iot_local_identity::example_users::{self, ExampleConfig, ExampleUser};
use iot_local_inspect::deployment::Deployment;
use iot_local_inspect::inquiry::{EvaluationOptions, judge_claims};
use serde_json::{Value, json};

use super::own::{FUNCTION, now};
use super::recipe_edits::recipes;
use super::support::root;

/// The configuration in a folder, as the authorizer and as the example users read it.
fn read(folder: &std::path::Path) -> (Deployment, ExampleConfig) {
    let config = folder.join("authorizer.toml");
    let deployment = Deployment::load(&config, &Env::default()).unwrap();
    let templates = &deployment.config.authorizer.policies.templates;
    let policies = templates.iter().map(|template| {
        let file = folder.join("policies").join(format!("{}.json", template.name));
        (template.name.to_string(), std::fs::read_to_string(file).unwrap())
    });
    let policies = policies.collect();
    let config = std::fs::read_to_string(config).unwrap();
    (deployment, ExampleConfig { config, policies, env: Env::default() })
}

/// The policies that the function grants to a user, or the code of its denial.
fn decide(deployment: &Deployment, issuer: &str, user: &ExampleUser) -> Result<Vec<String>, &'static str> {
    let mut claims = Value::Object(user.claims.clone());
    claims["sub"] = json!(user.sub);
    let options = EvaluationOptions {
        issuer: Some(issuer),
        client_id: Some(&user.client_id),
        function: FUNCTION,
        at: now(),
    };
    let authorizer = &deployment.config.authorizer;
    let explanation = judge_claims(authorizer, &claims.to_string(), &options).unwrap();
    match &explanation.outcome {
        Ok(granted) => {
            let pieces = granted.pieces.iter().filter(|piece| !piece.documents.is_empty());
            let connects =
                granted.documents.iter().any(|document| document.to_string().contains("iot:Connect"));
            assert!(connects, "{}: its policies have no iot:Connect: {explanation}", user.name);
            Ok(pieces.map(|piece| piece.template.to_string()).collect())
        }
        Err(denial) => Err(denial.code().name()),
    }
}

#[test]
fn every_grant_has_a_user_whom_the_function_allows() {
    let mut grants = 0;
    for folder in recipes().into_iter().chain([root()]) {
        let (deployment, config) = read(&folder);
        for issuer in &deployment.config.authorizer.issuers {
            let users = example_users::users(&config, &issuer.id);
            let policies = example_users::granted_policies(&config, &issuer.id);
            assert!(!policies.is_empty(), "{}", folder.display());
            for policy in policies {
                let user = users.iter().find(|user| user.grant.as_ref() == Some(&policy));
                let user = user.unwrap_or_else(|| panic!("{}: no user of {policy}", folder.display()));
                let granted = decide(&deployment, &issuer.id, user);
                let granted =
                    granted.unwrap_or_else(|code| panic!("{} {}: {code}", folder.display(), user.name));
                assert!(granted.contains(&policy), "{} {}: {granted:?}", folder.display(), user.name);
                grants += 1;
            }
            let machine = example_users::machine(&config, &issuer.id);
            assert!(decide(&deployment, &issuer.id, &machine).is_ok(), "{}: {machine:?}", folder.display());
        }
    }
    assert!(grants >= 20, "{grants}");
}

/// Name and code of each user that is denied on purpose.
#[test]
fn users_that_are_denied_on_purpose_are_denied_for_that_reason() {
    let codes = [("eve", "unsafe_claim_value"), ("nora", "no_grant"), ("rita", "requirement_not_met")];
    let mut found = Vec::new();
    for folder in recipes().into_iter().chain([root()]) {
        let (deployment, config) = read(&folder);
        for issuer in &deployment.config.authorizer.issuers {
            let users = example_users::users(&config, &issuer.id);
            for user in users.iter().filter(|user| user.grant.is_none()) {
                let decision = decide(&deployment, &issuer.id, user);
                let code = decision.expect_err(&format!("{} {}", folder.display(), user.name));
                assert!(codes.contains(&(&user.name, code)), "{} {}: {code}", folder.display(), user.name);
                found.push(code);
            }
        }
    }
    for (name, code) in codes {
        assert!(found.iter().filter(|found| **found == code).count() > 1, "{name}: {found:?}");
    }
}

/// A token with the least claims of a grant is allowed, and one without those of the grant is not, unless the grant has
/// no condition.
#[test]
fn minimal_claims_of_a_grant_are_allowed() {
    for folder in recipes() {
        let (deployment, config) = read(&folder);
        for issuer in &deployment.config.authorizer.issuers {
            for policy in example_users::granted_policies(&config, &issuer.id) {
                let mut users = example_users::users(&config, &issuer.id).into_iter();
                let user = users.find(|user| user.grant.as_ref() == Some(&policy)).unwrap();
                let claims = example_users::minimal_claims(&config, &issuer.id, Some(&policy)).unwrap();
                let granted = decide(&deployment, &issuer.id, &ExampleUser { claims, ..user });
                assert!(
                    granted.is_ok_and(|granted| granted.contains(&policy)),
                    "{} {policy}",
                    folder.display()
                );
            }
        }
    }
}
