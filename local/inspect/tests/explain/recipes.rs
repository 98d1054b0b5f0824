//! `docs/recipes/`: each issuer's configuration, judged by the function's own code. Each token has the outcome that its
//! page states.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use iot_jwt_authorizer::algorithm::Algorithm;
use iot_jwt_authorizer::authorizer::Issuer;
use iot_jwt_authorizer::client_id::ClientIdPattern;
use iot_jwt_authorizer::keys::KeySet;
use iot_local_base::env::Env;
use iot_local_inspect::check;
use iot_local_inspect::deployment::Deployment;
use iot_local_inspect::explain::{Explanation, Trace};
use iot_local_inspect::findings::{Finding, Severity};
use serde_json::{Value, json};

use super::own::{FUNCTION, connect, now};
use super::recipe_edits::{EditedRecipe, recipes};
use super::support::root;
use super::support::signer::Signer;

/// Recipe, `alg` and `typ` as the issuer writes them or not, and the code with which a token without a known key is
/// denied.
const HEADERS: [(&str, &str, &str, &str); 20] = [
    ("cognito", "RS256", "", "keys_unavailable"),
    ("cognito-id", "RS256", "", "keys_unavailable"),
    ("cognito-both", "RS256", "", "keys_unavailable"),
    ("auth0", "RS256", "JWT", "keys_unavailable"),
    ("auth0", "RS256", "at+jwt", "keys_unavailable"),
    ("okta", "RS256", "", "keys_unavailable"),
    ("okta", "RS256", "application/okta-internal-at+jwt", "wrong_type"),
    ("entra", "RS256", "JWT", "keys_unavailable"),
    ("entra-external", "RS256", "JWT", "keys_unavailable"),
    ("b2c", "RS256", "JWT", "keys_unavailable"),
    ("b2c", "RS512", "JWT", "unsupported_algorithm"),
    ("oidc", "RS256", "at+jwt", "keys_unavailable"),
    ("firebase", "RS256", "JWT", "keys_unavailable"),
    ("keycloak", "RS256", "JWT", "keys_unavailable"),
    ("auth0", "HS256", "JWT", "unsupported_algorithm"),
    ("firebase", "none", "JWT", "unsupported_algorithm"),
    ("keycloak", "HS512", "JWT", "unsupported_algorithm"),
    ("keycloak", "ES256", "JWT", "unsupported_algorithm"),
    ("keycloak", "RS256", "logout+jwt", "wrong_type"),
    ("entra", "RS256", "pop", "wrong_type"),
];

pub(crate) fn deployment(recipe: &Path) -> Deployment {
    Deployment::load(&recipe.join("authorizer.toml"), &Env::default()).unwrap()
}

/// The outcome for claims, signed with a key that replaces the issuer's.
pub(crate) fn judge(deployment: &mut Deployment, claims: &Value) -> Explanation {
    let signer = Signer::named("rs256");
    let authorizer = &mut deployment.config.authorizer;
    for issuer in 0..authorizer.issuers.len() {
        let (keys, _) = KeySet::from_entries(&[signer.jwk()], &[Algorithm::Rs256], &[]);
        authorizer.set_keys(issuer, keys);
        // A fleet's own issuer signs with another algorithm.
        authorizer.issuers[issuer].algorithms = vec![Algorithm::Rs256];
    }
    let token = signer.token(claims);
    // As with `cargo local can`, the client uses the first client id that it may use.
    let issuer = authorizer.issuers.iter().find(|issuer| claims["iss"] == *issuer.rules.issuer);
    let client_id = issuer.and_then(|issuer| first_client_id(issuer, claims)).unwrap_or("any".to_owned());
    let event = connect(&token, &client_id).to_string();
    Trace::new(authorizer, event.as_bytes(), FUNCTION, now()).explain()
}

/// The first client id whose slots the claims have.
fn first_client_id(issuer: &Issuer, claims: &Value) -> Option<String> {
    let fill = |pattern: &ClientIdPattern| {
        let mut id = pattern.source.replace("${issuer:id}", &issuer.id);
        for slot in &issuer.slots {
            let variable = format!("${{{}}}", slot.name);
            if id.contains(&variable) {
                id = id.replace(&variable, claims[slot.path.to_string()].as_str()?);
            }
        }
        Some(id)
    };
    issuer.client_ids.iter().find_map(fill)
}

/// An outcome as the page's table states it: the policies and the lifetime of the connection, or the code.
fn described(explanation: &Explanation) -> String {
    match &explanation.outcome {
        Ok(granted) => {
            let mut policies: Vec<String> = Vec::new();
            for piece in granted.pieces.iter().filter(|piece| !piece.documents.is_empty()) {
                let policy = format!("`{}`", piece.template);
                if !policies.contains(&policy) {
                    policies.push(policy);
                }
            }
            format!("allowed: {}; {} s", policies.join(", "), granted.disconnect_after)
        }
        Err(denial) => format!("refused: `{}`", denial.code().name()),
    }
}

/// File and outcome of each row of a page's table of claims.
fn rows(page: &str) -> Vec<(String, String)> {
    let rows = page.lines().filter_map(|line| {
        let rest = line.strip_prefix("| [`")?;
        let (name, rest) = rest.split_once("`](claims/")?;
        let (target, rest) = rest.split_once(") | ")?;
        let (outcome, _) = rest.split_once(" | ")?;
        assert_eq!(name, target, "{line}");
        Some((name.to_owned(), outcome.to_owned()))
    });
    rows.collect()
}

#[test]
fn every_recipe_passes_the_check_and_denies_more_than_it_allows() {
    let folders = recipes();
    assert!(folders.len() >= 9, "{folders:?}");
    for recipe in folders {
        let report = check::examine(&recipe.join("authorizer.toml"), &Env::default(), now());
        // The recipe's sample values are to be replaced.
        let is_sample = |finding: &Finding| finding.lint == Some("placeholder");
        assert!(report.findings.iter().all(is_sample), "{}", report.text(false));
        assert!(!report.findings.is_empty(), "{} has no sample values", recipe.display());
        let policies = fs::read_dir(recipe.join("policies")).unwrap().count();
        assert_eq!(report.cases.len() * 2, policies, "{}: each policy has cases", recipe.display());
        for cases in &report.cases {
            assert!(cases.skipped.is_none() && cases.allowed > 0 && cases.denied > cases.allowed, "{cases}");
        }
    }
}

#[test]
fn every_claims_file_has_the_outcome_of_its_page() {
    for recipe in recipes() {
        let mut deployment = deployment(&recipe);
        let page = fs::read_to_string(recipe.join("README.md")).unwrap();
        let mut outcomes = Vec::new();
        for (file, outcome) in rows(&page) {
            let text = fs::read_to_string(recipe.join("claims").join(&file)).unwrap();
            let claims: Value = serde_json::from_str(&text).unwrap();
            let explanation = judge(&mut deployment, &claims);
            assert_eq!(described(&explanation), outcome, "{}/{file}: {explanation}", recipe.display());
            outcomes.push((file, outcome));
        }
        let files: BTreeSet<String> = fs::read_dir(recipe.join("claims"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let named: BTreeSet<String> = outcomes.iter().map(|(file, _)| file.clone()).collect();
        assert_eq!(named, files, "{}: each file has a row", recipe.display());
        let denied = outcomes.iter().filter(|(_, outcome)| outcome.starts_with("refused")).count();
        assert!(denied * 2 > outcomes.len(), "{}: more denials than permissions", recipe.display());
    }
}

/// Type and algorithm are checked before the keys, which are the issuer's own and unknown here.
#[test]
fn headers_of_the_issuers_are_accepted_and_others_are_not() {
    for (recipe, algorithm, typ, code) in HEADERS {
        let folder = root().join("docs/recipes").join(recipe);
        let deployment = deployment(&folder);
        let claims = fs::read(folder.join("claims/user.json")).unwrap();
        let mut header = json!({ "alg": algorithm, "kid": "example" });
        if !typ.is_empty() {
            header["typ"] = json!(typ);
        }
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let token = format!("{}.{}.{}", part(header.to_string().as_bytes()), part(&claims), part(&[0; 256]));
        let event = connect(&token, "any").to_string();
        let explanation =
            Trace::new(&deployment.config.authorizer, event.as_bytes(), FUNCTION, now()).explain();
        let found = explanation.outcome.as_ref().err().map(|denial| denial.code().name());
        assert_eq!(found, Some(code), "{recipe} {algorithm} {typ}: {explanation}");
    }
}

/// The edits that a page asks for break neither the cases, which stay as they are, nor what the page states about
/// tokens.
#[test]
fn every_recipe_survives_the_edits_of_its_page() {
    for recipe in recipes() {
        let edited = EditedRecipe::new(&recipe);
        let report = check::examine(&edited.config(), &Env::default(), now());
        assert_eq!(report.count(Severity::Error), 0, "{}: {}", recipe.display(), report.text(false));
        for cases in &report.cases {
            assert!(cases.skipped.is_none() && cases.allowed > 0, "{}: {cases}", recipe.display());
        }
        let mut deployment = Deployment::load(&edited.config(), &Env::default()).unwrap();
        let page = fs::read_to_string(recipe.join("README.md")).unwrap();
        for (file, outcome) in rows(&page) {
            let text = edited.edit(&fs::read_to_string(recipe.join("claims").join(&file)).unwrap());
            let explanation = judge(&mut deployment, &serde_json::from_str(&text).unwrap());
            assert_eq!(described(&explanation), outcome, "{}/{file}: {explanation}", recipe.display());
        }
    }
}
