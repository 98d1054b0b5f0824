//! Inputs from the field: key sets, tokens and events as issuers, consoles and clients really write them. The key pairs
//! are not the tests' own, so the tokens are data, too.
//!
//! A case of `tests/keys/field.json` has `keys` and `algorithms` of the issuer, optionally its `issuer` and
//! `blocked_keys` (`blocked`), `files`, and what a key server responds with (`fetched`, `fetched_base64`), whose
//! address replaces `FETCHED`. Expected are parts of `errors` or `warnings`, `why` in the log of the fetch, and the
//! outcome of each token or event: `allow`, or the denial with its detail.

#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "the numbers are the test's own")]

mod support;

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use iot_jwt_authorizer::config::{Config, ConfigError};
use serde::Deserialize;
use serde_json::{Value, json};
use support::deployment::Deployment;
use support::key_server::{Behaviour, KeyServer};
use support::root;
use support::sandbox::Simulation;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    folder: String,
    keys: Vec<String>,
    algorithms: Vec<String>,
    #[serde(default)]
    issuer: Option<String>,
    #[serde(default)]
    blocked: Vec<String>,
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default)]
    fetched: Option<String>,
    #[serde(default)]
    fetched_base64: Option<String>,
    #[serde(default)]
    why: String,
    #[serde(default)]
    errors: Vec<String>,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    tokens: Vec<Input>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    event: Option<Value>,
    expect: String,
}

impl Case {
    fn deployment(&self, keys: &[String]) -> Deployment {
        let deployment = Deployment::empty();
        let issuer = self.issuer.as_deref().unwrap_or("https://issuer.example/");
        let policy = std::fs::read(root().join("policies/app-user.json")).unwrap();
        deployment.write("policies/app-user.json", policy);
        let toml = format!(
            "blocked_keys = {}\n[[issuer]]\nid = \"users\"\nissuer = {issuer:?}\naudience = [\"iot.example.com\"]\n\
             algorithms = {}\nkeys = {}\nclient_ids = [\"${{sub}}\", \"${{sub}}/*\"]\n\
             [claims]\nsub = \"sub\"\ntenant = \"tenant\"\n[[grant]]\npolicy = \"app-user\"\n",
            json!(self.blocked),
            json!(self.algorithms),
            json!(keys)
        );
        let toml = if self.blocked.is_empty() { toml.replacen("blocked_keys = []\n", "", 1) } else { toml };
        deployment.write("authorizer.toml", toml);
        self.files.iter().for_each(|(name, text)| deployment.write(name, text));
        deployment
    }
}

impl Input {
    fn event(&self) -> String {
        let password = |token: &String| STANDARD.encode(token);
        let mqtt =
            |token| json!({ "protocolData": { "mqtt": { "clientId": "ana", "password": password(token) } } });
        self.event.clone().or_else(|| self.token.as_ref().map(mqtt)).unwrap().to_string()
    }
}

/// Whether each text is a part of one of the errors.
fn assert_contains(title: &str, errors: &[ConfigError], parts: &[String]) {
    let printed: Vec<String> = errors.iter().map(ToString::to_string).collect();
    for part in parts {
        assert!(printed.iter().any(|error| error.contains(part)), "{title}: {part}: {printed:#?}");
    }
}

#[test]
fn inputs_from_the_field() {
    let cases: Vec<Case> =
        serde_json::from_str(&std::fs::read_to_string(root().join("tests/keys/field.json")).unwrap())
            .unwrap();
    let mut outcomes = BTreeMap::<bool, u32>::new();
    for case in &cases {
        let behaviour = match (&case.fetched, &case.fetched_base64) {
            (Some(text), _) => Behaviour::ok(text.clone()),
            (None, Some(text)) => {
                let body = STANDARD.decode(text).unwrap();
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                Behaviour::Bytes([head.into_bytes(), body].concat())
            }
            (None, None) => Behaviour::Close,
        };
        let server = KeyServer::start(behaviour);
        let fetched = format!("jwks:{}", server.url("/keys"));
        let keys: Vec<String> = case.keys.iter().map(|key| key.replace("FETCHED", &fetched)).collect();
        match case.deployment(&keys).load() {
            Err(errors) => {
                assert!(!case.errors.is_empty(), "{}: {errors}", case.folder);
                assert_contains(&case.folder, &errors.0, &case.errors);
            }
            Ok(config) => {
                assert!(case.errors.is_empty(), "{} is accepted", case.folder);
                assert_contains(&case.folder, &config.warnings, &case.warnings);
                if case.warnings.is_empty() {
                    assert!(config.warnings.is_empty(), "{}: {:?}", case.folder, config.warnings);
                }
                run(case, config, &mut outcomes);
            }
        }
    }
    println!("{} cases; denied and allowed: {outcomes:?}", cases.len());
}

fn run(case: &Case, config: Config, outcomes: &mut BTreeMap<bool, u32>) {
    let simulation = Simulation::new();
    simulation.run(config, async |sandbox| {
        sandbox.function.start().await;
        let lines = simulation.take_lines();
        let why = lines.iter().find_map(|line| line["why"].as_str()).unwrap_or_default();
        assert!(why.contains(&case.why) && why.is_empty() == case.why.is_empty(), "{}: {why}", case.folder);
        for input in &case.tokens {
            let code = sandbox.decide(&input.event()).await.0;
            let lines = simulation.take_lines();
            let line = lines.iter().find(|line| line.get("decision").is_some()).unwrap();
            let outcome = match line["detail"].as_str() {
                Some(detail) if code != "keys_unavailable" => format!("{code} ({detail})"),
                _ => code,
            };
            assert_eq!(outcome, input.expect, "{}: {line}", case.folder);
            *outcomes.entry(outcome == "allow").or_default() += 1;
            if let Some(token) = &input.token {
                let end: String = token.chars().skip(token.len() - 30).collect();
                assert!(!lines.iter().any(|line| line.to_string().contains(&end)), "{}", case.folder);
            }
        }
    });
}
