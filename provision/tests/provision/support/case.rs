//! Cases as data: an event and what is registered give calls and an outcome.
//!
//! A file of `cases/` is a list of cases. All members but `title`, `trigger` and `expect` are optional:
//!
//! - `trigger`: `jitr`, `claim`, `hook` or `attach`.
//! - `edit`: texts of `cases/provision.toml`, and what replaces them.
//! - `event`: members that replace those of the trigger's default event; null removes one, and `{"is": X}` stands for
//!   X. `raw_event` is the whole event as text.
//! - `function`, `identity`: the ARN that was invoked, and the Cognito identity of the caller.
//! - `certificates`: by their ids, with `pem` (a file of `cases/certificates/`), `status`, `authority`, `age` in
//!   seconds, and `touched`. An id is one digit, which stands for 64. By default there is `a`, PENDING_ACTIVATION.
//! - `things`: by name, with `attributes` and `principals` (ids).
//! - `rows`: rows of the table, with `secret` and `certificate`.
//! - `expect`: `outcome`, as `provisioned`, `unchanged`, `denied CODE` or `denied CODE (DETAIL)`, and `calls`, the
//!   steps that were done.
//!
//! In a text, `<a>` stands for an id, and `<csr NAME>` for a file of `cases/certificates/`.

use std::collections::BTreeMap;
use std::time::Duration;

use iot_provision::control::aws::Counts;
use iot_provision::function::{self, Handled, Invocation, Trigger};
use iot_provision::log::{self, LineFacts};
use iot_provision::plan::End;
use iot_provision::registered::{Certificate, Thing};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::memory::{Memory, State, arn, certificate, row};
use super::schedule::block_on;
use super::{FUNCTION, config, file, id, now};

/// One case.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) title: String,
    pub(crate) trigger: String,
    #[serde(default)]
    edit: BTreeMap<String, String>,
    #[serde(default)]
    event: Map<String, Value>,
    raw_event: Option<String>,
    function: Option<String>,
    identity: Option<String>,
    certificates: Option<BTreeMap<char, CertificateSpec>>,
    #[serde(default)]
    things: BTreeMap<String, ThingSpec>,
    #[serde(default)]
    rows: BTreeMap<String, RowSpec>,
    pub(crate) expect: Expectation,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct CertificateSpec {
    pem: Option<String>,
    status: Option<String>,
    authority: Option<Value>,
    #[serde(default)]
    age: u64,
    #[serde(default)]
    touched: bool,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct ThingSpec {
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default)]
    principals: Vec<String>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RowSpec {
    secret: Option<String>,
    certificate: Option<char>,
}

/// What a case comes to.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expectation {
    pub(crate) outcome: String,
    pub(crate) calls: Vec<String>,
}

/// A case that was run.
pub(crate) struct Run {
    pub(crate) outcome: String,
    pub(crate) calls: Vec<String>,
    pub(crate) response: Value,
    pub(crate) line: String,
    pub(crate) made: Vec<String>,
}

/// Every case of the files in `cases/`.
pub(crate) fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    for name in ["jitr", "claim", "hook", "attach"] {
        let path = super::root().join(format!("cases/{name}.json"));
        let text = std::fs::read_to_string(&path).unwrap();
        let found: Vec<Case> =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(found.iter().all(|case| case.trigger == name), "{name}.json has cases of another trigger");
        cases.extend(found);
    }
    cases
}

impl Case {
    /// The registry before the event.
    pub(crate) fn state(&self) -> State {
        let default =
            || BTreeMap::from_iter((self.trigger != "claim").then(|| ('a', CertificateSpec::default())));
        let certificates = self.certificates.clone().unwrap_or_else(default);
        let certificates = certificates.into_iter().map(|(digit, spec)| (id(digit), spec.certificate(digit)));
        let things = self.things.iter().map(|(name, spec)| (name.clone(), spec.thing()));
        let rows = self.rows.iter().map(|(name, spec)| {
            (name.clone(), row(spec.secret.as_deref(), spec.certificate.map(id).as_deref()))
        });
        State {
            certificates: certificates.collect(),
            things: things.collect(),
            rows: rows.collect(),
            ..State::default()
        }
    }

    /// Sets a member of the event.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.event.insert(name.to_owned(), json!(value));
    }

    /// The event as text.
    pub(crate) fn event(&self) -> String {
        if let Some(event) = &self.raw_event {
            return event.clone();
        }
        let Value::Object(mut event) = default_event(&self.trigger) else { unreachable!() };
        for (name, value) in &self.event {
            match value.get("is").unwrap_or(value) {
                Value::Null if value.is_null() => event.remove(name),
                value => event.insert(name.clone(), value.clone()),
            };
        }
        expand(&Value::Object(event)).to_string()
    }

    /// Runs the case against a registry.
    pub(crate) fn run(&self, memory: &Memory) -> Run {
        block_on(self.start(memory))
    }

    /// Runs the case against a registry that others use, too.
    pub(crate) async fn start(&self, memory: &Memory) -> Run {
        let edits: Vec<_> = self.edit.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect();
        let config = config(&edits);
        let trigger = Trigger::parse(&self.trigger).unwrap();
        let made = std::cell::RefCell::new(Vec::new());
        let on_made = |id: &str, device: Option<&str>| {
            assert!(device.is_some());
            made.borrow_mut().push(id.to_owned());
        };
        let invocation = Invocation {
            function: self.function.as_deref().unwrap_or(FUNCTION),
            identity: self.identity.as_deref(),
            now: now(),
        };
        let handled = function::handle(trigger, &self.event(), invocation, &config, memory, &on_made).await;
        let facts = LineFacts {
            time: now(),
            function: "provision",
            trigger,
            request_id: "r-1",
            duration: Duration::from_millis(5),
            cold_start: false,
            counts: Counts { calls: 7, throttled: 2 },
        };
        Run {
            outcome: outcome(&handled),
            calls: memory.calls.borrow().clone(),
            response: handled.response(trigger).unwrap_or_else(|error| json!(error.to_string())),
            line: String::from_utf8(log::line(&handled, &facts)).unwrap(),
            made: made.into_inner(),
        }
    }
}

fn outcome(handled: &Handled<'_>) -> String {
    let conclusion = match &handled.outcome {
        Ok(conclusion) => conclusion,
        Err(error) => return format!("failed {error}"),
    };
    match &conclusion.end {
        End::Denied(denial) => match denial.detail() {
            Some(detail) => format!("denied {} ({detail})", denial.code()),
            None => format!("denied {}", denial.code()),
        },
        End::Unchanged => "unchanged".to_owned(),
        End::Provisioned => "provisioned".to_owned(),
        End::Again => "again".to_owned(),
    }
}

impl Default for CertificateSpec {
    fn default() -> Self {
        Self { pem: None, status: None, authority: None, age: 1, touched: false }
    }
}

impl CertificateSpec {
    fn certificate(&self, digit: char) -> Certificate {
        let status = self.status.as_deref().unwrap_or("PENDING_ACTIVATION");
        let authority = self.authority.clone().unwrap_or_else(|| json!("<c>"));
        Certificate {
            authority: expand(&authority).as_str().map(str::to_owned),
            created: now() - Duration::from_secs(self.age),
            is_untouched: !self.touched,
            ..certificate(&id(digit), status, self.pem.as_deref().unwrap_or("sensor-1"))
        }
    }
}

impl ThingSpec {
    fn thing(&self) -> Thing {
        let text = |text: &String| expand(&json!(text)).as_str().unwrap().to_owned();
        let principal = |name: &String| match name.chars().next() {
            Some(digit) if name.len() == 1 => arn(&id(digit)),
            _ => name.clone(),
        };
        Thing {
            version: 7,
            attributes: self.attributes.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
            principals: self.principals.iter().map(principal).collect(),
        }
    }
}

fn default_event(trigger: &str) -> Value {
    match trigger {
        "jitr" => json!({
            "certificateId": "<a>", "caCertificateId": "<c>", "timestamp": 1_800_000_000_000_u64,
            "certificateStatus": "PENDING_ACTIVATION", "awsAccountId": "123456789012",
            "certificateRegistrationTimestamp": null,
        }),
        "claim" => json!({
            "id": "device-1", "client_id": "bootstrap-1", "principal": "<b>", "csr": "<csr device-1>",
        }),
        "hook" => json!({
            "claimCertificateId": "<b>", "certificateId": "<a>", "certificatePem": "PEM", "clientId": "claim-1",
            "templateArn": "arn:aws:iot:eu-west-1:123456789012:provisioningtemplate/fleet",
            "parameters": { "SerialNumber": "sensor-1" },
        }),
        _ => json!({}),
    }
}

/// Replaces `<a>` and `<csr NAME>` in every text.
fn expand(value: &Value) -> Value {
    match value {
        Value::String(text) => match text.strip_prefix('<').and_then(|text| text.strip_suffix('>')) {
            Some(digit) if digit.len() == 1 => json!(id(digit.chars().next().unwrap())),
            Some(name) if name.starts_with("csr ") => json!(file(&format!("{}.csr", &name[4..]))),
            _ => value.clone(),
        },
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), expand(value))).collect(),
        Value::Array(items) => items.iter().map(expand).collect(),
        other => other.clone(),
    }
}
