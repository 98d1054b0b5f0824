//! What cases take from the configuration, and files that contradict it.

use iot_local_base::env::Env;
use iot_local_inspect::cases::{self, CaseReport};
use serde_json::{Value, json};

use super::own::now;
use super::recipes::deployment;
use super::support::root;

/// Runs cases of a recipe's policy.
fn run(recipe: &str, policy: &str, file: &Value) -> CaseReport {
    let folder = root().join("docs/recipes").join(recipe);
    let text = std::fs::read_to_string(folder.join(format!("policies/{policy}.json"))).unwrap();
    let authorizer = deployment(&folder).config.authorizer;
    cases::run_cases(&authorizer, policy, &text, &file.to_string(), &Env::default(), now())
}

const ANA: &str = "a1b2c3d4-0000-4000-8000-00000000a11a";

#[test]
fn a_case_takes_what_it_does_not_state() {
    let own = format!("iot:Publish topic/users/{ANA}/x");
    let denied = |code: &str, claims: Value| json!({ "refused": code, "claims": claims, "why": "w" });
    for (recipe, policy, claims, case) in [
        ("cognito", "app-user", json!({ "sub": ANA }), json!({ "allow": own, "why": "w" })),
        // The grant of machines has another app client than the first of `audience`.
        (
            "cognito",
            "machine",
            json!({ "sub": "m" }),
            json!({ "allow": "iot:Publish topic/ingest/m/x", "why": "w" }),
        ),
        (
            "cognito",
            "app-user",
            json!({ "sub": ANA }),
            denied("requirement_not_met", json!({ "token_use": null })),
        ),
        ("cognito", "app-user", json!({ "sub": ANA }), denied("missing_claim", json!({ "client_id": null }))),
        ("cognito", "app-user", json!({ "sub": ANA }), denied("missing_claim", json!({ "exp": null }))),
        (
            "cognito",
            "app-user",
            json!({ "sub": ANA }),
            denied("wrong_audience", json!({ "client_id": "other" })),
        ),
        (
            "cognito",
            "app-user",
            json!({ "sub": ANA }),
            denied("unknown_issuer", json!({ "iss": "https://a.example" })),
        ),
        // Claims of the file win too, and a case adds what the file removes.
        (
            "cognito",
            "app-user",
            json!({ "sub": ANA, "token_use": null }),
            denied("requirement_not_met", json!({})),
        ),
        (
            "cognito",
            "app-user",
            json!({ "sub": ANA, "token_use": null }),
            json!({ "allow": own, "claims": { "token_use": "access" }, "why": "w" }),
        ),
        // A condition on a member of an object.
        (
            "firebase",
            "app-user",
            json!({ "sub": "u", "${tenant}": "acme" }),
            json!({ "allow": "iot:Subscribe topicfilter/tenants/acme/announcements", "why": "w" }),
        ),
        (
            "firebase",
            "app-user",
            json!({ "sub": "u" }),
            denied("refused_by_rule", json!({ "firebase": { "sign_in_provider": "anonymous" } })),
        ),
        // The issuer of a case, and its id in a resource and a client id.
        (
            "entra",
            "app-user",
            json!({ "sub": "s", "${oid}": ANA }),
            json!({
                "allow": format!("iot:Publish topic/${{issuer:id}}/users/{ANA}/x"), "client_id": "${issuer:id}/s",
                "issuer": "fabrikam", "why": "w",
            }),
        ),
        (
            "entra",
            "app-user",
            json!({ "sub": "s", "${oid}": ANA }),
            json!({ "deny": format!("iot:Publish topic/contoso/users/{ANA}/x"), "issuer": "fabrikam", "why": "w" }),
        ),
    ] {
        let report = run(recipe, policy, &json!({ "claims": claims, "cases": [case] }));
        assert!(report.errors.is_empty(), "{recipe} {claims} {case}: {report}");
    }
}

#[test]
fn a_file_that_contradicts_the_configuration_has_one_error() {
    let iss = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Other0001";
    let known = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Example01";
    for (recipe, change, expected) in [
        ("cognito", json!({ "iss": iss }), format!("its claims name issuer \"{iss}\"; the configuration has \"{known}\" (3 cases, 1 to 4)")),
        (
            "cognito",
            json!({ "client_id": "old" }),
            "its claims name audience \"old\" in `client_id`; the configuration has \"1example23456789abcdefghij\" or \
             \"2machine3456789abcdefghijk\" (3 cases, 1 to 4)"
                .to_owned(),
        ),
        (
            "cognito",
            json!({ "token_use": "id" }),
            "in its claims `token_use` is \"id\"; the configuration requires \"access\" (3 cases, 1 to 4)".to_owned(),
        ),
        (
            "entra",
            json!({ "tid": "old" }),
            "in its claims `tid` is \"old\"; the configuration requires \"11111111-1111-4111-8111-111111111111\" (3 cases".to_owned(),
        ),
    ] {
        let mut claims = json!({ "sub": ANA, "oid": ANA });
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let code = if change.get("iss").is_some() {
            "unknown_issuer"
        } else if change.get("client_id").is_some() {
            "wrong_audience"
        } else {
            "requirement_not_met"
        };
        let file = json!({ "claims": claims, "cases": [
            { "allow": "iot:Publish topic/users/x", "why": "w" },
            { "deny": "iot:Publish topic/other", "why": "w" },
            // The contradiction is what this case expects.
            { "refused": code, "why": "w" },
            { "refused": "unsafe_claim_value", "claims": { "sub": "*" }, "why": "w" },
        ] });
        let report = run(recipe, "app-user", &file);
        assert_eq!(report.errors.len(), 1, "{report}");
        assert!(report.errors[0].to_string().contains(&expected), "{expected}: {report}");
        assert!(report.errors[0].hint.is_some());
    }
    let cases =
        ["a", "b"].map(|why| json!({ "deny": "iot:Publish topic/a", "issuer": "tailspin", "why": why }));
    let report = run("entra", "app-user", &json!({ "claims": { "sub": "s", "oid": ANA }, "cases": cases }));
    assert_eq!(report.errors.len(), 1, "{report}");
    let expected = "it names issuer id `tailspin`; the configuration has contoso, fabrikam (2 cases, 1 to 2)";
    assert!(report.errors[0].to_string().contains(expected), "{report}");
    let report = run(
        "entra",
        "app-user",
        &json!({ "claims": { "${nosuch}": "s" }, "cases": [{ "deny": "iot:Publish topic/a", "why": "w" }] }),
    );
    assert!(report.errors[0].to_string().contains("unknown slot `${nosuch}`"), "{report}");
}
