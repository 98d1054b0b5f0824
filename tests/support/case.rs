//! Cases as data: how a token is made, where it is in the event, and the expected decision.
//!
//! A file of `tests/cases/` is a list of cases. All members but `title` and `expect` are optional:
//!
//! - `deployment`: a folder of `tests/deployments/`, or `example`, the default.
//! - `token`, `other`: how a token is made. `signer` is a name of `Signer`. `header` and `claims` are merged into the
//!   default ones; null removes a member, and `{"is": X}` stands for X itself. `raw_header` and `raw_payload` are the
//!   text itself. `change` is applied to the signed token.
//! - `event`: the event, in which `$TOKEN` is replaced by the token, `$BASE64` by the token in base64, `$PARTS` by its
//!   first two parts, `$SIGNATURE` by its third in padded standard base64, `$PERCENT` by that percent-encoded, and
//!   `$OTHER` by the token `other`. By default the token is the MQTT password of the client id `ana`.
//! - `client_id`: another client id for the default event.
//! - `at`: the time of the decision, in seconds after the present time of the tests.
//! - `function`: the ARN that was invoked.
//! - `expect`: a code, a code with its detail as `CODE (DETAIL)`, or `allow` with any of `documents`, `resources`
//!   (lists by action), `principal`, `disconnect` and `refresh`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use iot_jwt_authorizer::authorizer::{Authorizer, Decision};
use iot_jwt_authorizer::log::{self, LogSettings};
use iot_jwt_authorizer::response::Response;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::deployment::Deployment;
use super::signer::Signer;
use super::{FUNCTION, NOW, at, event_facts, root};

/// The files of `tests/cases/`.
pub const FILES: [&str; 8] = [
    "places.json",
    "tokens.json",
    "algorithms.json",
    "claims.json",
    "revocation.json",
    "slots.json",
    "templates.json",
    "responses.json",
];

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
    change: Option<Change>,
}

/// A change to a signed token.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Change {
    FlipSignature,
    EmptySignature,
    CutSignature,
    PadSignature,
    TrailingBits,
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

/// Checks the cases of a file whose title contains a text, or all, and returns the outcome of each: a code or `allow`.
pub fn check(file: &str, title: Option<&str>) -> Vec<String> {
    let mut deployments: BTreeMap<String, Authorizer> = BTreeMap::new();
    let mut failures = Vec::new();
    let mut outcomes = Vec::new();
    for case in cases(file).into_iter().filter(|case| title.is_none_or(|text| case.title.contains(text))) {
        let name = case.deployment.clone().unwrap_or_else(|| "example".to_owned());
        let authorizer =
            deployments.entry(name).or_insert_with_key(|name| Deployment::named(name).authorizer());
        match case.check(authorizer) {
            Ok(outcome) => outcomes.push(outcome),
            Err(why) => failures.push(format!("{}: {why}", case.title)),
        }
    }
    assert!(failures.is_empty(), "{file}:\n{}", failures.join("\n"));
    outcomes
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

    /// The name of the case's deployment.
    pub fn deployment(&self) -> &str {
        self.deployment.as_deref().unwrap_or("example")
    }

    /// The ARN that was invoked.
    pub fn function(&self) -> &str {
        self.function.as_deref().unwrap_or(FUNCTION)
    }

    /// The time of the decision, in seconds after [`NOW`].
    pub fn at(&self) -> f64 {
        self.at
    }

    fn check(&self, authorizer: &Authorizer) -> Result<String, String> {
        let event = self.event();
        let decision = authorizer.authorize(&event, self.function(), at(self.at));
        self.check_log(&decision)?;
        match (&self.expect, &decision.outcome) {
            (Expectation::Code(code), Err(denial))
                if [denial.code().name(), &denial.to_string()].contains(&&**code) =>
            {
                Ok(denial.code().name().to_owned())
            }
            (Expectation::Allow { allow }, Ok(response)) => {
                allow.check(response).map(|()| "allow".to_owned())
            }
            (Expectation::Code(code), Ok(_)) => Err(format!("allowed, not `{code}`")),
            (Expectation::Code(code), Err(denial)) => Err(format!("`{denial}`, not `{code}`")),
            (Expectation::Allow { .. }, Err(denial)) => Err(format!("`{denial}`, not allowed")),
        }
    }
}

impl Case {
    /// Checks that the log line is one line, and that neither it nor the text of the denial contains a part of a token
    /// or, for a denied token, a claim.
    fn check_log(&self, decision: &Decision<'_>) -> Result<(), String> {
        let line = log::line(decision, event_facts(), &LogSettings::read(&|_| None)).unwrap();
        let line = String::from_utf8(line).unwrap();
        let denial =
            decision.outcome.as_ref().err().map(|denial| format!("{denial} {denial:?}")).unwrap_or_default();
        let tokens = [Some(&self.token), self.other.as_ref()];
        for token in tokens.into_iter().flatten() {
            let text = token.make();
            // `use` selects a policy by its name, and policy names are logged.
            let claims = token.claims.iter().filter(|(name, _)| decision.outcome.is_err() && *name != "use");
            let claims = claims.filter_map(|(_, value)| value.as_str());
            let secrets = text.split('.').filter(|part| part.len() > 8).map(str::to_owned);
            let secrets = secrets
                .chain([STANDARD.encode(&text)])
                .chain(claims.filter(|claim| claim.len() > 8).map(str::to_owned));
            for secret in secrets {
                if line.contains(&secret) || denial.contains(&secret) {
                    return Err("the log contains a part of the token".to_owned());
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
        match &self.change {
            Some(change) => change.apply(&token),
            None => token,
        }
    }
}

/// Changes members of an object. Null removes a member, and `{"is": X}` stands for X itself.
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
            Self::TrailingBits => {
                // The last of 342 characters has four unused bits. They are zero in `A`, `Q`, `g` and `w` only.
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
    fn check(&self, response: &Response) -> Result<(), String> {
        let response = serde_json::to_value(response).unwrap();
        let mut expected = vec![("isAuthenticated", json!(true))];
        expected.extend(self.documents.clone().map(|documents| ("policyDocuments", documents)));
        expected.extend(self.principal.clone().map(|principal| ("principalId", json!(principal))));
        expected.extend(self.disconnect.map(|seconds| ("disconnectAfterInSeconds", json!(seconds))));
        expected.extend(self.refresh.map(|seconds| ("refreshAfterInSeconds", json!(seconds))));
        for (member, value) in expected {
            if response[member] != value {
                return Err(format!("`{member}` is {}, not {value}", response[member]));
            }
        }
        match &self.resources {
            Some(resources) if *resources != granted(&response) => {
                Err(format!("it grants {:?}", granted(&response)))
            }
            _ => Ok(()),
        }
    }
}

/// The resources that a response grants, by action, both without their prefixes. A denied action begins with `-`.
pub fn granted(response: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let mut granted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for document in response["policyDocuments"].as_array().unwrap() {
        for statement in document["Statement"].as_array().unwrap() {
            for action in strings(&statement["Action"]) {
                let name = action.trim_start_matches("iot:");
                let name = if statement["Effect"] == "Deny" { format!("-{name}") } else { name.to_owned() };
                let resources = strings(&statement["Resource"]).into_iter().map(|resource| {
                    match resource.strip_prefix("arn:aws:iot:eu-west-1:123456789012:") {
                        Some(rest) if rest != "*" => rest.to_owned(),
                        _ => resource,
                    }
                });
                granted.entry(name).or_default().extend(resources);
            }
        }
    }
    granted
}

fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().map(|item| item.as_str().unwrap().to_owned()).collect(),
        text => vec![text.as_str().unwrap().to_owned()],
    }
}
