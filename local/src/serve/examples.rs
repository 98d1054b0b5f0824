//! What to paste: commands of well-known clients, each with a fresh token that this configuration lets in.
//!
//! Which topics those may use only the authorizer knows, so it is asked, as it would be for a client.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use toml_edit::{DocumentMut, Item};

use crate::event::{self, Door, MqttFacts};
use crate::issuer::{Issuer, TokenRequest};
use crate::lambda::Lambda;
use crate::selection::Selected;

const SUBJECT: &str = "alice";
const LIFE: Duration = Duration::from_secs(3600);

/// The commands, or none if the configuration asks for more than can be guessed.
pub(super) async fn paste(
    config: &str,
    issuer: &Issuer,
    lambda: &Lambda,
    port: u16,
    now: SystemTime,
) -> Option<String> {
    let life = issuer.settings().max_lifetime.map_or(LIFE, |longest| longest.min(LIFE));
    let request = TokenRequest { sub: SUBJECT.to_owned(), claims: claims(config)?, ttl: life, at: now };
    let token = issuer.mint(&request).ok()?;
    let answer = lambda.invoke(connect_event(&token)).await.ok()?;
    let rights = Rights::of(&serde_json::from_slice(&answer).ok()?)?;
    Some(commands(&token, &rights, port))
}

/// A value for each slot that needs one.
fn claims(config: &str) -> Option<Map<String, Value>> {
    let config: DocumentMut = config.parse().ok()?;
    let mut claims = Map::new();
    for (_, slot) in config.get("claims")?.as_table_like()?.iter() {
        let part = |name: &str| slot.as_table_like().and_then(|table| table.get(name));
        let is = |name: &str| part(name).and_then(Item::as_bool).unwrap_or(false);
        let path = slot.as_str().or_else(|| part("path").and_then(Item::as_str))?;
        if is("optional") || path == "sub" {
            continue;
        }
        let value = match part("type").and_then(Item::as_str) {
            Some("uuid") => "00000000-0000-4000-8000-000000000000",
            _ => "acme",
        };
        // A JSON pointer would need an object: no guess.
        if path.starts_with('/') {
            return None;
        }
        claims.insert(path.to_owned(), if is("list") { json!([value]) } else { json!(value) });
    }
    Some(claims)
}

fn connect_event(token: &str) -> Bytes {
    let door = Door { connection: uuid::Uuid::new_v4(), server_name: None, certificate: None, http: None };
    let mqtt = MqttFacts {
        username: Some(SUBJECT.to_owned()),
        password: Some(Bytes::from(token.to_owned())),
        client_id: Some(SUBJECT.to_owned()),
    };
    event::event(Selected::default(), &door, Some(&mqtt)).json
}

/// A topic and a filter that the policy allows.
struct Rights {
    topic: String,
    filter: String,
}

impl Rights {
    fn of(answer: &Value) -> Option<Self> {
        let topic = resource(answer, "iot:Publish", "topic/")?.replace('*', "hello");
        let filter = resource(answer, "iot:Subscribe", "topicfilter/")?.replace('*', "#");
        // Both go between quotes of a shell inside quotes of a language.
        let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "/#+-_.:@=".contains(c));
        (plain(&topic) && plain(&filter)).then_some(Self { topic, filter })
    }
}

/// The first resource of that kind that an Allow names for the action, without its ARN's head.
fn resource(answer: &Value, action: &str, kind: &str) -> Option<String> {
    let documents = answer.get("policyDocuments")?.as_array()?.iter();
    let statements = documents.filter_map(|document| document.get("Statement")?.as_array()).flatten();
    let allowed = statements.filter(|statement| {
        statement.get("Effect").is_some_and(|effect| effect == "Allow")
            && texts(statement, "Action").contains(&action)
    });
    let resources = allowed.flat_map(|statement| texts(statement, "Resource"));
    resources.filter_map(|arn| arn.splitn(6, ':').last()?.strip_prefix(kind)).map(str::to_owned).next()
}

fn texts<'a>(statement: &'a Value, member: &str) -> Vec<&'a str> {
    match statement.get(member) {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(text)) => vec![text],
        _ => Vec::new(),
    }
}

fn commands(token: &str, rights: &Rights, port: u16) -> String {
    let Rights { topic, filter } = rights;
    let encoded = utf8_percent_encode(topic, NON_ALPHANUMERIC);
    format!(
        "\
# mqtt.js (npm install mqtt)
node -e \"const c = require('mqtt').connect('ws://127.0.0.1:{port}/mqtt', {{ clientId: '{SUBJECT}', username: '{SUBJECT}', \
password: '{token}', reconnectPeriod: 0 }}); c.on('message', (topic, message) => {{ console.log(topic, String(message)); \
c.end() }}); c.on('error', error => console.error(error.message)); c.on('connect', () => c.subscribe('{filter}', () => \
c.publish('{topic}', 'hello')))\"

# paho (pip install paho-mqtt)
python3 -c \"from paho.mqtt.publish import single; single('{topic}', 'hello', qos=1, hostname='127.0.0.1', port={port}, \
client_id='{SUBJECT}', auth={{'username': '{SUBJECT}', 'password': '{token}'}}, transport='websockets')\"

# curl
curl -d hello -H 'Authorization: Bearer {token}' 'http://127.0.0.1:{port}/topics/{encoded}?qos=1'
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_that_needs_a_value_gets_one() {
        let config = "[claims]\nsub = \"sub\"\ntenant = \"https://e.com/tenant\"\n\
            d = { path = \"d\", list = true, optional = true }\nroles = { path = \"roles\", list = true }\n";
        let expected = json!({ "https://e.com/tenant": "acme", "roles": ["acme"] });
        assert_eq!(claims(config).map(Value::Object), Some(expected));
        assert_eq!(claims("[claims]\nx = \"/a/b\"\n"), None);
    }

    #[test]
    fn topic_and_filter_come_from_the_policy() {
        let statement = |action: &str, resource: &str| json!({ "Effect": "Allow", "Action": [action], "Resource": [format!("arn:aws:iot:r:1:{resource}")] });
        let answer = |topic: &str| {
            let statements = [statement("iot:Subscribe", "topicfilter/a/*"), statement("iot:Publish", topic)];
            json!({ "policyDocuments": [{ "Statement": statements }] })
        };
        let rights = Rights::of(&answer("topic/a/b:c/*")).unwrap();
        assert_eq!((rights.topic.as_str(), rights.filter.as_str()), ("a/b:c/hello", "a/#"));
        assert!(Rights::of(&answer("topic/a'b")).is_none());
        assert!(Rights::of(&json!({ "isAuthenticated": false })).is_none());
    }
}
