//! `docs/recipes/`: each issuer's configuration, judged by the function's own code. What its page says of tokens is what comes out.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use iot_jwt_authorizer::keys::{Algorithm, KeySet};
use iot_local::check;
use iot_local::explain::{Explanation, Walk};
use iot_local::inquiry::Deployment;
use serde_json::{Value, json};

use super::own::{FUNCTION, connect, now};
use super::support::root;
use super::support::signer::Signer;

/// A header's members beside `alg` and `kid`, as each issuer writes them, and how far a token gets that has no known key: to the keys,
/// or not even there.
const HEADERS: [(&str, &str, &str, &str); 15] = [
    ("cognito", "RS256", "", "keys_unavailable"),
    ("cognito-id", "RS256", "", "keys_unavailable"),
    ("auth0", "RS256", "JWT", "keys_unavailable"),
    ("auth0", "RS256", "at+jwt", "keys_unavailable"),
    ("okta", "RS256", "", "keys_unavailable"),
    ("okta", "RS256", "application/okta-internal-at+jwt", "wrong_type"),
    ("entra", "RS256", "JWT", "keys_unavailable"),
    ("firebase", "RS256", "JWT", "keys_unavailable"),
    ("keycloak", "RS256", "JWT", "keys_unavailable"),
    ("auth0", "HS256", "JWT", "unsupported_algorithm"),
    ("firebase", "none", "JWT", "unsupported_algorithm"),
    ("keycloak", "HS512", "JWT", "unsupported_algorithm"),
    ("keycloak", "ES256", "JWT", "unsupported_algorithm"),
    ("keycloak", "RS256", "logout+jwt", "wrong_type"),
    ("entra", "RS256", "pop", "wrong_type"),
];

fn recipes() -> Vec<PathBuf> {
    let folders = fs::read_dir(root().join("docs/recipes")).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = folders.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

pub(crate) fn deployment(recipe: &Path) -> Deployment {
    Deployment::load(&recipe.join("authorizer.toml"), &[]).unwrap()
}

/// The outcome for claims as they stand, signed as the issuer signs, by a key that takes the place of the issuer's.
pub(crate) fn judge(deployment: &mut Deployment, claims: &Value) -> Explanation {
    let signer = Signer::named("rs256");
    let authorizer = &mut deployment.config.authorizer;
    for issuer in 0..authorizer.issuers.len() {
        let (keys, _) = KeySet::from_entries(&[signer.jwk()], &[Algorithm::Rs256], &[]);
        authorizer.set_keys(issuer, keys);
    }
    let token = signer.token(claims);
    // As `cargo local can` does, the client takes the first client id that it may have.
    let id = authorizer.issuers.iter().find(|issuer| claims["iss"] == *issuer.rules.issuer);
    let pattern = id.map_or("any", |issuer| &*issuer.client_ids[0].source);
    let sub = claims["sub"].as_str().unwrap_or("any");
    let client_id =
        pattern.replace("${sub}", sub).replace("${issuer:id}", id.map_or("", |issuer| &*issuer.id));
    let event = connect(&token, &client_id).to_string();
    Walk::new(authorizer, event.as_bytes(), FUNCTION, now()).explain()
}

/// What the page's table says of an outcome: the policies and the life of the connection, or the code.
fn told(explanation: &Explanation) -> String {
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

/// The rows of a page's table about claims: file and outcome.
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
fn every_recipe_passes_the_check_and_refuses_more_than_it_allows() {
    let folders = recipes();
    assert!(folders.len() >= 7, "{folders:?}");
    for recipe in folders {
        let report = check::examine(&recipe.join("authorizer.toml"), &|_| None, now());
        assert!(report.findings.is_empty(), "{}", report.text(false));
        let policies = fs::read_dir(recipe.join("policies")).unwrap().count();
        assert_eq!(report.cases.len() * 2, policies, "{}: a table beside each policy", recipe.display());
        for tried in &report.cases {
            assert!(tried.skipped.is_none() && tried.allowed > 0 && tried.denied > tried.allowed, "{tried}");
        }
    }
}

#[test]
fn every_claims_file_comes_out_as_its_page_says() {
    for recipe in recipes() {
        let mut deployment = deployment(&recipe);
        let page = fs::read_to_string(recipe.join("README.md")).unwrap();
        let mut printed = Vec::new();
        for (file, outcome) in rows(&page) {
            let text = fs::read_to_string(recipe.join("claims").join(&file)).unwrap();
            let claims: Value = serde_json::from_str(&text).unwrap();
            let explanation = judge(&mut deployment, &claims);
            assert_eq!(told(&explanation), outcome, "{}/{file}: {explanation}", recipe.display());
            printed.push((file, outcome));
        }
        let files: BTreeSet<String> = fs::read_dir(recipe.join("claims"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let named: BTreeSet<String> = printed.iter().map(|(file, _)| file.clone()).collect();
        assert_eq!(named, files, "{}: each file has its row", recipe.display());
        let refused = printed.iter().filter(|(_, outcome)| outcome.starts_with("refused")).count();
        assert!(refused * 2 > printed.len(), "{}: refusals outnumber", recipe.display());
    }
}

/// Header, type and algorithm come before the keys, which are the issuer's own and not here.
#[test]
fn headers_as_the_issuers_write_them_are_taken_and_others_are_not() {
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
            Walk::new(&deployment.config.authorizer, event.as_bytes(), FUNCTION, now()).explain();
        let found = explanation.outcome.as_ref().err().map(|denial| denial.code().name());
        assert_eq!(found, Some(code), "{recipe} {algorithm} {typ}: {explanation}");
    }
}
