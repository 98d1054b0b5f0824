//! Requests and their answers as data. A rejected one changes nothing.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use iot_local_cloud::Cloud;
use iot_local_cloud::shadows::ShadowId;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::support::NOW;
use crate::world::{classic, named, now, open, update, wait};

/// A request after earlier ones, a second apart. Times are in seconds since the first of them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    title: String,
    /// Payloads of updates, or `"delete"`. They are accepted.
    #[serde(default)]
    before: Vec<Value>,
    /// Further seconds before the request.
    #[serde(default)]
    wait: u64,
    #[serde(default)]
    request: Kind,
    /// The name of the shadow. Absent: the classic one.
    shadow: Option<String>,
    /// The payload: JSON, a text, bytes in hexadecimal, a state of so many levels, or of so many bytes.
    payload: Option<Value>,
    text: Option<String>,
    hex: Option<String>,
    levels: Option<usize>,
    bytes_of_state: Option<usize>,
    /// The whole answer.
    answer: Option<Value>,
    /// The state of the delta message; `false`: none.
    delta: Option<Value>,
    /// The whole delta message.
    message: Option<Value>,
    /// The whole message on `update/documents`.
    documents: Option<Value>,
    /// The state that `get` then answers; `false`: there is no shadow.
    after: Option<Value>,
    /// The version that `get` then answers.
    version: Option<u64>,
    /// Code and message of the rejection.
    rejected: Option<String>,
    /// The client token of the rejection.
    token: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "lowercase")]
enum Kind {
    #[default]
    Update,
    Get,
    Delete,
}

/// What a request results in: the answer, the delta message, and the message on `update/documents`.
type Outcome = Result<(Value, Option<Value>, Option<Value>), Value>;

impl Case {
    fn id(&self) -> ShadowId {
        self.shadow.as_deref().map_or_else(|| classic("lamp"), named)
    }

    fn bytes(&self) -> Vec<u8> {
        let nested = |levels| {
            let object = |inner: String, _| format!(r#"{{"a":{inner}}}"#);
            format!(r#"{{"state":{{"desired":{}}}}}"#, (0..levels).fold("1".to_owned(), object))
        };
        let filled = |bytes: usize| {
            let empty = json!({ "reported": { "a": "" } }).to_string().len();
            json!({ "state": { "reported": { "a": "x".repeat(bytes - empty) } } }).to_string()
        };
        let hex = |text: &String| {
            let digit = |letter: char| u8::try_from(letter.to_digit(16).unwrap()).unwrap();
            let digits: Vec<_> = text.chars().map(digit).collect();
            digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte * 16 + digit)).collect()
        };
        let json = self.payload.as_ref().map(Value::to_string);
        let text = json.or_else(|| self.text.clone()).or_else(|| self.levels.map(nested));
        let text = text.or_else(|| self.bytes_of_state.map(filled)).map(String::into_bytes);
        text.or_else(|| self.hex.as_ref().map(hex)).unwrap_or_default()
    }

    fn prepare(&self, cloud: &Cloud) {
        for earlier in &self.before {
            match earlier.as_str() {
                Some("delete") => drop(cloud.delete_shadow(&self.id(), b"").unwrap()),
                _ => drop(update(cloud, &self.id(), earlier).unwrap()),
            }
            wait(1);
        }
        wait(self.wait);
    }

    fn run(&self, cloud: &Cloud) -> Outcome {
        let (id, bytes) = (self.id(), self.bytes());
        let result = match self.request {
            Kind::Update => cloud
                .update_shadow(&id, &bytes)
                .map(|updated| (updated.accepted, updated.delta, Some(updated.documents))),
            Kind::Get => cloud.get_shadow(&id, &bytes).map(|answer| (answer, None, None)),
            Kind::Delete => cloud.delete_shadow(&id, &bytes).map(|answer| (answer, None, None)),
        };
        result.map_err(|rejection| rejection.answer())
    }
}

fn read(name: &str) -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shadows").join(name);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Makes times relative.
fn relative(value: Value, start: u64) -> Value {
    match value {
        Value::Number(number) => match number.as_u64() {
            Some(time) if time >= NOW => json!(time - start),
            _ => Value::Number(number),
        },
        Value::Array(items) => items.into_iter().map(|item| relative(item, start)).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(name, value)| (name, relative(value, start))).collect()
        }
        value => value,
    }
}

#[test]
fn accepted_requests() {
    let cases = read("accepted.json");
    for case in &cases {
        let title = &case.title;
        assert_eq!((&case.rejected, &case.token), (&None, &None), "{title}");
        let cloud = open(None);
        let start = now();
        case.prepare(&cloud);
        let (answer, delta, documents) = case.run(&cloud).unwrap_or_else(|error| panic!("{title}: {error}"));
        let is = |found: &Value, expected: &Option<Value>| {
            let found = relative(found.clone(), start);
            assert!(expected.as_ref().is_none_or(|expected| *expected == found), "{title}: {found}");
        };
        is(&answer, &case.answer);
        is(&delta.as_ref().map_or(json!(false), |delta| delta["state"].clone()), &case.delta);
        is(&delta.unwrap_or_default(), &case.message);
        is(&documents.clone().unwrap_or_default(), &case.documents);
        let document = cloud.get_shadow(&case.id(), b"").ok();
        let state = document.as_ref().map_or(json!(false), |document| document["state"].clone());
        is(&state, &case.after);
        let version = document.as_ref().map(|document| document["version"].as_u64().unwrap());
        assert!(case.version.is_none() || case.version == version, "{title}: {version:?}");
        if let (Some(documents), Some(document)) = (documents, document) {
            check_messages(title, &documents, &document);
        }
    }
    println!("{} accepted", cases.len());
    assert!(cases.len() > 50);
}

/// The state on `update/documents` is that of `get`, and the metadata has a time for each value.
fn check_messages(title: &str, documents: &Value, document: &Value) {
    let current = &documents["current"];
    let mut state = document["state"].clone();
    state.as_object_mut().unwrap().remove("delta");
    assert_eq!(current["state"], state, "{title}");
    assert_eq!(current["metadata"], document["metadata"], "{title}");
    assert!(has_shape(&current["metadata"], &current["state"]), "{title}: {current}");
    assert_eq!(documents["previous"]["version"].as_u64().unwrap() + 1, current["version"], "{title}");
}

pub(crate) fn has_shape(metadata: &Value, state: &Value) -> bool {
    match (metadata, state) {
        (Value::Object(metadata), Value::Object(state)) => {
            let names = |members: &Map<String, Value>| members.keys().cloned().collect::<HashSet<_>>();
            names(metadata) == names(state)
                && metadata.iter().all(|(name, metadata)| has_shape(metadata, &state[name]))
        }
        (Value::Array(metadata), Value::Array(state)) => {
            metadata.len() == state.len()
                && metadata.iter().zip(state).all(|(metadata, state)| has_shape(metadata, state))
        }
        (Value::Object(metadata), _) => {
            metadata.len() == 1 && metadata.get("timestamp").is_some_and(Value::is_i64)
        }
        _ => false,
    }
}

#[test]
fn rejected_requests_change_nothing() {
    let cases = read("rejected.json");
    for case in &cases {
        let title = &case.title;
        let cloud = open(None);
        case.prepare(&cloud);
        let before = cloud.read(Clone::clone);
        let answer = case.run(&cloud).expect_err(title);
        let (code, message) = case.rejected.as_deref().unwrap().split_once(' ').unwrap();
        let mut expected = json!({ "code": code.parse::<u16>().unwrap(), "message": message });
        if let Some(token) = &case.token {
            expected["clientToken"] = json!(token);
        }
        assert_eq!(answer, expected, "{title}");
        assert!(cloud.read(|registry| *registry == before), "{title}: the registry changed");
    }
    println!("{} rejected", cases.len());
    let titles: HashSet<_> = cases.iter().map(|case| &case.title).collect();
    assert_eq!(titles.len(), cases.len());
    assert!(cases.len() > 70 && cases.len() > read("accepted.json").len());
}

#[test]
fn shadows_do_not_touch_each_other() {
    let cloud = open(None);
    let ids = [classic("lamp"), named("config"), named("Config"), classic("lamp-2"), classic("lam")];
    for (i, id) in ids.iter().enumerate() {
        assert_eq!(cloud.get_shadow(id, b"").unwrap_err().code, 404);
        update(&cloud, id, &json!({ "state": { "reported": { "i": i } } })).unwrap();
    }
    let names = |thing: &str| {
        cloud.read(|registry| registry.named_shadows(thing).map(str::to_owned).collect::<Vec<_>>())
    };
    assert_eq!(names("lamp"), ["Config", "config"]);
    assert_eq!((names("lamp-2").len(), names("lam").len(), names("other").len()), (0, 0, 0));
    cloud.delete_shadow(&named("config"), b"").unwrap();
    assert_eq!(names("lamp"), ["Config"]);
    for (i, id) in ids.iter().enumerate() {
        match cloud.get_shadow(id, b"") {
            Ok(document) => assert_eq!(
                (&document["state"]["reported"]["i"], &document["version"]),
                (&json!(i), &json!(1))
            ),
            Err(_) => assert_eq!(i, 1),
        }
    }
}

#[test]
fn the_shadows_of_a_thing_stay_when_it_is_deleted() {
    let cloud = open(None);
    crate::support::succeed(&cloud, "POST", "/things/lamp", &json!({}));
    update(&cloud, &classic("lamp"), &json!({ "state": { "reported": { "a": 1 } } })).unwrap();
    crate::support::succeed(&cloud, "DELETE", "/things/lamp", &Value::Null);
    assert_eq!(cloud.get_shadow(&classic("lamp"), b"").unwrap()["version"], 1);
}
