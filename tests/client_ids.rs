//! The proof that a client id belongs to one subject: patterns on both sides, and a search for two subjects with one
//! client id.

#![cfg(test)]

#[path = "support/random.rs"]
mod random;
mod support;

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;
use support::deployment::Deployment;
use support::signer::Signer;
use support::{FUNCTION, NOW, at};

const SLOTS: &str = r#"
[claims]
sub  = "sub"
team = "team"
tree = { path = "tree", type = "path" }
path = { path = "sub", type = "path" }
uuid = { path = "sub", type = "uuid" }
hash = { path = "sub", type = "hash" }
list = { path = "list", list = true }
subs = { path = "sub", list = true }
dev  = { path = "device", unique = true }
devs = { path = "/device", type = "path", unique = true }
dhash = { path = "device", type = "hash", unique = true }
plain = { path = "device" }
unit = { path = "units", list = true, optional = true, unique = true }
"#;

/// A deployment of issuers with these patterns, and a policy that grants the client id of the request.
fn deployment(issuers: &[&[&str]]) -> Deployment {
    let deployment = Deployment::empty();
    let mut toml = String::new();
    for (index, patterns) in issuers.iter().enumerate() {
        let patterns = json!(patterns);
        toml.push_str(&format!(
            "[[issuer]]\nid = \"i{index}\"\nissuer = \"https://i{index}.example/\"\naudience = [\"a\"]\nalgorithms = [\"ES256\"]\n\
             keys = [\"file:keys/k.json\"]\nclient_ids = {patterns}\n"
        ));
    }
    let ids: Vec<String> = (0..issuers.len()).map(|index| format!("i{index}")).collect();
    toml.push_str(&format!("{SLOTS}\n[[grant]]\npolicy = \"p\"\nissuer = {}\n", json!(ids)));
    deployment.write("authorizer.toml", toml);
    deployment.write("policies/p.json", r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:Connect","Resource":"client/${mqtt:client_id}"}]}"#);
    deployment.keys("keys/k.json", &["es256"]);
    deployment
}

#[test]
fn only_patterns_that_determine_the_subject_are_accepted() {
    let proven: &[&[&[&str]]] = &[
        &[&["${sub}"]],
        &[&["${sub}", "${sub}/*"]],
        &[&["${team}/${sub}"]],
        &[&["${tree}/${sub}"]],
        &[&["${sub}/${tree}", "${sub}/*", "${sub}"]],
        &[&["a/${path}"]],
        &[&["a/${path}/b"]],
        &[&["app-${uuid}", "app-${uuid}-*", "app-${uuid}/*"]],
        &[&["${hash}-*"]],
        &[&["${uuid}*"]],
        &[&["a/${sub}", "b/${team}/${sub}"]],
        &[&["a/x/${sub}", "b/${sub}/x"]],
        &[&["${list}/${sub}"]],
        &[&["${uuid}", "${sub}"]],
        &[&["${sub}"], &["${sub}"]],
        &[&["${issuer:id}/${sub}"], &["${issuer:id}/${sub}"]],
        &[&["${sub}"], &["x/${sub}"]],
        &[&["a-${uuid}"], &["bb-${uuid}"]],
        &[&["a-${issuer:id}-${uuid}"], &["a-${issuer:id}-${uuid}"]],
        &[&["${sub}"], &["${team}/${sub}", "${sub}"]],
        &[&["${dev}", "${dev}/*"]],
        &[&["${unit}"]],
        &[&["x/${dev}", "y/${unit}", "z/${sub}"]],
        &[&["${team}/${dev}", "${team}/${dev}/*"]],
        &[&["${dev}/${sub}", "${dev}/${team}"]],
        &[&["a/${devs}/b"]],
        &[&["d-${dhash}-*"]],
        &[&["${uuid}${dhash}", "${uuid}${dhash}-*"]],
        &[&["${dev}"], &["${dev}"]],
    ];
    for patterns in proven {
        assert!(deployment(patterns).load().is_ok(), "{patterns:?}");
    }
    let unproven: &[&[&[&str]]] = &[
        &[&["*"]],
        &[&["app"]],
        &[&["app-*"]],
        &[&["${team}"]],
        &[&["${list}"]],
        &[&["${subs}"]],
        &[&["${sub}", "*"]],
        &[&["${sub}", "${team}/*"]],
        &[&["${sub}/${team}", "${team}/${sub}"]],
        &[&["${sub}/a", "b/${sub}"]],
        &[&["${path}", "${path}/*"]],
        &[&["${path}/${tree}"]],
        &[&["${tree}/${path}"]],
        &[&["${path}", "${sub}"]],
        &[&["${hash}", "${sub}"]],
        &[&["${hash}", "${uuid}/*", "${sub}/*", "${team}/x"]],
        &[&["a-${uuid}", "${sub}"]],
        &[&["${tree}/x"]],
        &[&["${tree}/${sub}", "${sub}/x"]],
        &[&["${sub}/*"], &["${sub}/x"]],
        &[&["${issuer:id}/${sub}"], &["${team}/${sub}"]],
        &[&["${sub}"], &["${hash}"]],
        &[&["${plain}"]],
        &[&["${dev}", "${plain}"]],
        &[&["${dev}", "${sub}"]],
        &[&["${dev}", "${unit}"]],
        &[&["${dev}", "${dhash}"]],
        &[&["${dev}/a", "b/${dev}"]],
        &[&["${dev}/${sub}", "${sub}/${dev}"]],
        &[&["${devs}", "${path}"]],
        &[&["d-${dhash}", "d-${hash}"]],
        &[&["${dev}"], &["${unit}"]],
        &[&["${dev}"], &["${sub}"]],
    ];
    for patterns in unproven {
        let Err(errors) = deployment(patterns).load() else { panic!("{patterns:?} is accepted") };
        let collision = match patterns.len() {
            1 => "two subjects of issuer `i0` could hold one client id, by `",
            _ => "issuers `i0` and `i1` could give one client id to two subjects, by `",
        };
        for error in &errors.0 {
            assert!(error.what.starts_with(collision) && error.hint.is_some(), "{patterns:?}: {error}");
        }
    }
}

/// What an issuer says about a slot counts for this issuer alone.
#[test]
fn an_issuer_takes_its_word_back() {
    let load = |first: &str, second: &str| {
        let deployment = deployment(&[&["i0/${dev}"], &["i1/${dev}"]]);
        let mut text = std::fs::read_to_string(deployment.path("authorizer.toml")).unwrap();
        for (pattern, claims) in [("i0/", first), ("i1/", second)] {
            let line = format!("client_ids = [\"{pattern}${{dev}}\"]\n");
            assert!(text.contains(&line));
            text = text.replace(&line, &format!("{line}{claims}\n"));
        }
        deployment.write("authorizer.toml", text);
        let errors = deployment.load().map(drop).err().map(|errors| errors.0).unwrap_or_default();
        errors.into_iter().map(|error| error.what).collect::<Vec<_>>()
    };
    let collision = |issuer: &str| {
        format!("two subjects of issuer `{issuer}` could hold one client id, by `{issuer}/${{dev}}`")
    };
    let back = "claims = { dev = { path = \"d\", unique = false } }";
    let cases: [(&str, &str, Vec<String>); 8] = [
        ("", "", vec![]),
        ("claims = { dev = \"d\" }", "claims = { dev = { path = \"d\" } }", vec![]),
        (back, "", vec![collision("i0")]),
        ("", back, vec![collision("i1")]),
        (back, back, vec![collision("i0"), collision("i1")]),
        ("claims = { dev = { unique = false } }", "", vec![collision("i0")]),
        ("claims = { dev = { path = \"sub\", unique = false } }", "", vec![]),
        (
            "claims = { dev = { path = \"d\", unique = \"no\", list = true } }",
            "",
            vec![
                "`unique`: expected true or false".to_owned(),
                "unknown key `list` in the issuer's slot; expected one of `path`, `unique`".to_owned(),
            ],
        ),
    ];
    for (first, second, expected) in cases {
        assert_eq!(load(first, second), expected, "{first} {second}");
    }
}

/// A level of a pattern. There are few kinds, so that two patterns often have equal levels.
fn level() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("${sub}"),
        Just("${sub}"),
        Just("${team}"),
        Just("${tree}"),
        Just("${path}"),
        Just("${hash}"),
        Just("${dev}"),
        Just("${dev}"),
        Just("${devs}"),
        Just("${unit}"),
        Just("a"),
        Just("b"),
    ]
    .prop_map(str::to_owned)
}

/// The subjects of the search, each with its device, which no other has.
const SUBJECTS: [(&str, &str); 6] =
    [("a", "b"), ("b", "a"), ("a/b", "b/a"), ("b/a", "a/b"), ("a/a", "a/b/a"), ("a/b/a", "a/a")];

fn pattern() -> impl Strategy<Value = String> {
    (prop::collection::vec(level(), 1..4), any::<bool>()).prop_map(|(levels, tail)| {
        let text = levels.join("/");
        if tail { format!("{text}/*") } else { text }
    })
}

proptest! {
    #![proptest_config(random::config(150))]

    /// With patterns that pass the proof, no client id is admitted for two subjects. The claims of the search are
    /// similar. No two subjects have a device or a unit in common, but a device of one is the name of another.
    #[test]
    fn no_client_id_is_admitted_for_two_subjects(patterns in prop::collection::vec(pattern(), 1..4)) {
        let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
        let Ok(config) = deployment(&[&patterns]).load() else { return Ok(()) };
        let ids = ["a", "b", "a/a", "a/b", "b/a", "b/b", "a/a/a", "a/b/a", "b/a/b", "a/a/b", "a/b/a/b"];
        let mut holders: BTreeMap<&str, &str> = BTreeMap::new();
        for (subject, device) in SUBJECTS {
            for team in ["a", "b"] {
                for tree in ["a", "b", "a/b", "b/a", "b/b"] {
                    let claims = json!({
                        "iss": "https://i0.example/", "aud": "a", "sub": subject, "team": team, "tree": tree,
                        "device": device, "units": [device.replace('/', "."), format!("u-{}", subject.replace('/', "."))], "exp": NOW + 600,
                    });
                    let token = Signer::named("es256").token(&claims);
                    for id in ids {
                        let event = json!({ "token": token, "protocolData": { "mqtt": { "clientId": id } } }).to_string();
                        if config.authorizer.authorize(event.as_bytes(), FUNCTION, at(0.0)).outcome.is_ok() {
                            let holder = *holders.entry(id).or_insert(subject);
                            prop_assert_eq!(holder, subject, "{} for {:?}", id, patterns);
                        }
                    }
                }
            }
        }
    }
}
