//! Cases as data: what a token is, where it stands, and what has to come of it.
//!
//! A file of `tests/cases/` is a list of cases. All members but `title` and `expect` have defaults:
//!
//! - `deployment`: a folder of `tests/deployments/`, or `example`.
//! - `token`, `other`: how a token is made. `signer`; `header` and `claims`, merged into the usual ones, null taking a member
//!   out (`{"is": null}` puts a null in); `raw_header`, `raw_payload`: the text itself; `then`: what is done to it afterwards.
//! - `event`: with `$TOKEN`, `$BASE64` (the token, base64), `$PARTS` (the first two parts), `$SIGNATURE` (the third, in padded standard base64),
//!   `$PERCENT` (that, percent-encoded), `$OTHER` (the other token) put in. By default the token is the MQTT password of client id `ana`.
//! - `client_id`: another client id for that event.
//! - `at`: seconds from the present.
//! - `function`: the ARN that was invoked.
//! - `expect`: a code, or `allow` with any of `documents`, `resources` (action to list), `principal`, `disconnect`, `refresh`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use iot_jwt_authorizer::authorizer::{Authorizer, Decision};
use iot_jwt_authorizer::log::{self, Settings};
use iot_jwt_authorizer::response::Answer;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::deployment::Deployment;
use super::signer::Signer;
use super::{FUNCTION, NOW, at, circumstances, root};

/// One case.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub title: String,
    #[serde(default)]
    deployment: Option<String>,
    #[serde(default)]
    token: TokenSpec,
    #[serde(default)]
    other: Option<TokenSpec>,
    #[serde(default)]
    event: Option<Value>,
    #[serde(default)]
    client_id: Option<String>,
    #[serde(default)]
    at: f64,
    #[serde(default)]
    function: Option<String>,
    expect: Expectation,
}

/// How a token is made.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenSpec {
    #[serde(default)]
    signer: Option<String>,
    #[serde(default)]
    header: Map<String, Value>,
    #[serde(default)]
    claims: Map<String, Value>,
    #[serde(default)]
    raw_header: Option<String>,
    #[serde(default)]
    raw_payload: Option<String>,
    #[serde(default)]
    then: Option<Change>,
}

/// What is done to a token once it is signed.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Change {
    FlipSignature,
    EmptySignature,
    CutSignature,
    PadSignature,
    LooseBits,
    SwapPayload,
    StandardAlphabet,
    AppendPart,
    DropSignature,
    AppendNewline,
    DerSignature,
    ZeroSignature,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Expectation {
    Code(String),
    Allow { allow: Allowed },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Allowed {
    documents: Option<Value>,
    resources: Option<BTreeMap<String, BTreeSet<String>>>,
    principal: Option<String>,
    disconnect: Option<u64>,
    refresh: Option<u64>,
}

/// Reads a file of cases.
pub fn cases(file: &str) -> Vec<Case> {
    let path = root().join("tests/cases").join(file);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Checks every case of a file and returns the codes that were met, `allow` among them.
pub fn check(file: &str) -> Vec<String> {
    let mut deployments: BTreeMap<String, Authorizer> = BTreeMap::new();
    let mut failures = Vec::new();
    let mut met = Vec::new();
    for case in cases(file) {
        let name = case.deployment.clone().unwrap_or_else(|| "example".to_owned());
        let authorizer =
            deployments.entry(name).or_insert_with_key(|name| Deployment::named(name).authorizer());
        match case.check(authorizer) {
            Ok(code) => met.push(code),
            Err(why) => failures.push(format!("{}: {why}", case.title)),
        }
    }
    assert!(failures.is_empty(), "{file}:\n{}", failures.join("\n"));
    met
}

impl Case {
    /// The event's bytes.
    pub fn event(&self) -> Vec<u8> {
        let token = self.token.make();
        let other = self.other.as_ref().map(TokenSpec::make).unwrap_or_default();
        let (parts, signature) = token.rsplit_once('.').unwrap_or((&token, ""));
        let signature = STANDARD.encode(URL_SAFE_NO_PAD.decode(signature).unwrap_or_default());
        let percent = signature.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        let client_id = self.client_id.as_deref().unwrap_or("ana");
        let default = json!({ "protocolData": { "mqtt": { "clientId": client_id, "password": "$BASE64" } } });
        let event = self.event.as_ref().unwrap_or(&default).to_string();
        let quoted = |text: &str| json!(text).to_string().trim_matches('"').to_owned();
        event
            .replace("$TOKEN", &quoted(&token))
            .replace("$BASE64", &STANDARD.encode(&token))
            .replace("$PARTS", &quoted(parts))
            .replace("$SIGNATURE", &signature)
            .replace("$PERCENT", &percent)
            .replace("$OTHER", &quoted(&other))
            .into_bytes()
    }

    /// The deployment that it is about.
    pub fn deployment(&self) -> &str {
        self.deployment.as_deref().unwrap_or("example")
    }

    /// The ARN that was invoked.
    pub fn function(&self) -> &str {
        self.function.as_deref().unwrap_or(FUNCTION)
    }

    /// Seconds from the present.
    pub fn at(&self) -> f64 {
        self.at
    }

    fn check(&self, authorizer: &Authorizer) -> Result<String, String> {
        let function = self.function.as_deref().unwrap_or(FUNCTION);
        let decision = authorizer.authorize(&self.event(), function, at(self.at));
        self.keeps_secrets(&decision)?;
        match (&self.expect, &decision.outcome) {
            (Expectation::Code(code), Err(denial)) if *code == denial.code().name() => Ok(code.clone()),
            (Expectation::Allow { allow }, Ok(answer)) => allow.check(answer).map(|()| "allow".to_owned()),
            (Expectation::Code(code), Ok(_)) => Err(format!("allowed, not `{code}`")),
            (Expectation::Code(code), Err(denial)) => Err(format!("`{denial}`, not `{code}`")),
            (Expectation::Allow { .. }, Err(denial)) => Err(format!("`{denial}`, not allowed")),
        }
    }
}

impl Case {
    /// No part of a token, and of a refused one no claim, is in the line that is logged or in what a refusal says of itself.
    fn keeps_secrets(&self, decision: &Decision<'_>) -> Result<(), String> {
        let line = log::line(decision, circumstances(), &Settings::of(&|_| None)).unwrap();
        let line = String::from_utf8(line).unwrap();
        let refusal =
            decision.outcome.as_ref().err().map(|denial| format!("{denial} {denial:?}")).unwrap_or_default();
        let tokens = [Some(&self.token), self.other.as_ref()];
        for token in tokens.into_iter().flatten() {
            let text = token.make();
            // `use` chooses a policy by its name, and names of policies are logged.
            let claims = token.claims.iter().filter(|(name, _)| decision.outcome.is_err() && *name != "use");
            let claims = claims.filter_map(|(_, value)| value.as_str());
            let secrets = text.split('.').filter(|part| part.len() > 8).map(str::to_owned);
            let secrets = secrets
                .chain([STANDARD.encode(&text)])
                .chain(claims.filter(|claim| claim.len() > 8).map(str::to_owned));
            for secret in secrets {
                if line.contains(&secret) || refusal.contains(&secret) {
                    return Err("the log holds a part of the token".to_owned());
                }
            }
        }
        if line.matches('\n').count() == 1 && line.ends_with('\n') {
            Ok(())
        } else {
            Err("the log is not one line".to_owned())
        }
    }
}

impl TokenSpec {
    /// The token.
    pub fn make(&self) -> String {
        let signer = Signer::named(self.signer.as_deref().unwrap_or("rs256"));
        let mut header = signer.header();
        merge(&mut header, &self.header);
        let mut claims = json!({
            "iss": "https://login.example.com/", "aud": "iot.example.com", "sub": "ana", "tenant": "acme",
            "iat": NOW, "exp": NOW + 3600,
        });
        merge(&mut claims, &self.claims);
        let header = self.raw_header.clone().unwrap_or_else(|| header.to_string());
        let payload = self.raw_payload.clone().unwrap_or_else(|| claims.to_string());
        let token = signer.sign(header.as_bytes(), payload.as_bytes());
        match &self.then {
            Some(change) => change.apply(&token),
            None => token,
        }
    }
}

/// Null takes a member out, `{"is": X}` stands for X itself.
fn merge(object: &mut Value, changes: &Map<String, Value>) {
    for (name, value) in changes {
        match value {
            Value::Null => {
                object.as_object_mut().unwrap().remove(name);
            }
            Value::Object(wrapped) if wrapped.len() == 1 && wrapped.contains_key("is") => {
                object[name] = wrapped["is"].clone();
            }
            value => object[name] = value.clone(),
        }
    }
}

impl Change {
    fn apply(&self, token: &str) -> String {
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (header, payload) = signed.split_once('.').unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let with = |signature: &[u8]| format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
        match self {
            Self::FlipSignature => {
                let mut flipped = bytes;
                flipped[10] ^= 1;
                with(&flipped)
            }
            Self::EmptySignature => format!("{signed}."),
            Self::CutSignature => with(&bytes[..bytes.len() - 1]),
            Self::PadSignature => format!("{token}=="),
            Self::LooseBits => {
                // The last of 342 characters carries two bits too many; any but `A`, `Q`, `g` and `w` is loose.
                let (rest, last) = token.split_at(token.len() - 1);
                let next = char::from(last.as_bytes()[0] + 1);
                format!("{rest}{next}")
            }
            Self::SwapPayload => {
                let mut claims: Value =
                    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
                claims["sub"] = json!("ben");
                format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(claims.to_string()))
            }
            Self::StandardAlphabet => {
                format!("{signed}.{}", STANDARD.encode([0xfb_u8, 0xff, 0xbf].repeat(85)))
            }
            Self::AppendPart => format!("{token}.AAAA"),
            Self::DropSignature => signed.to_owned(),
            Self::AppendNewline => format!("{token}\n\u{b}"),
            Self::DerSignature => with(&[0x30, 0x06, 0x02, 0x01, 0x00, 0x02, 0x01, 0x00]),
            Self::ZeroSignature => with(&vec![0; bytes.len()]),
        }
    }
}

impl Allowed {
    fn check(&self, answer: &Answer) -> Result<(), String> {
        let answer = serde_json::to_value(answer).unwrap();
        let mut expected = vec![("isAuthenticated", json!(true))];
        expected.extend(self.documents.clone().map(|documents| ("policyDocuments", documents)));
        expected.extend(self.principal.clone().map(|principal| ("principalId", json!(principal))));
        expected.extend(self.disconnect.map(|seconds| ("disconnectAfterInSeconds", json!(seconds))));
        expected.extend(self.refresh.map(|seconds| ("refreshAfterInSeconds", json!(seconds))));
        for (member, value) in expected {
            if answer[member] != value {
                return Err(format!("`{member}` is {}, not {value}", answer[member]));
            }
        }
        match &self.resources {
            Some(resources) if *resources != granted(&answer) => {
                Err(format!("it grants {:?}", granted(&answer)))
            }
            _ => Ok(()),
        }
    }
}

/// What an answer's Allow statements grant: action to resources, both without their prefixes.
pub fn granted(answer: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for document in answer["policyDocuments"].as_array().unwrap() {
        for statement in document["Statement"].as_array().unwrap() {
            for action in strings(&statement["Action"]) {
                let name = action.trim_start_matches("iot:");
                let name = if statement["Effect"] == "Deny" { format!("-{name}") } else { name.to_owned() };
                let short = strings(&statement["Resource"]).into_iter().map(|resource| {
                    match resource.strip_prefix("arn:aws:iot:eu-west-1:123456789012:") {
                        Some(rest) if rest != "*" => rest.to_owned(),
                        _ => resource,
                    }
                });
                all.entry(name).or_default().extend(short);
            }
        }
    }
    all
}

fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().map(|item| item.as_str().unwrap().to_owned()).collect(),
        one => vec![one.as_str().unwrap().to_owned()],
    }
}
