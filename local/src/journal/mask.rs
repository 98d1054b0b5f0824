//! An authorizer's event and answer, fit to be shown: everything that may be secret is masked.
//!
//! Which header or parameter holds a token is the user's choice, so it is the other way round here: values are shown
//! where they are known to be harmless, and masked everywhere else.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

/// Headers of a request that are no secrets.
const PLAIN_HEADERS: [&str; 21] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "connection",
    "content-length",
    "content-type",
    "host",
    "origin",
    "pragma",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-gpc",
    "sec-websocket-extensions",
    "sec-websocket-protocol",
    "sec-websocket-version",
    "upgrade",
    "user-agent",
    "x-amz-customauthorizer-name",
    "x-amzn-iot-thing-name",
];

/// Parameters of a query or user name that are no secrets.
const PLAIN_PARAMETERS: [&str; 8] =
    ["x-amz-customauthorizer-name", "qos", "retain", "SDK", "Version", "Platform", "Metadata", "username"];

/// Most bytes of a text that is shown.
const SHOWN: usize = 2048;

/// A user name that is longer is taken for something else.
const LONGEST_NAME: usize = 64;

/// Least length of what is taken for a token.
const SHORTEST_TOKEN: usize = 32;

/// An authorizer's event, masked.
pub(super) fn event(event: &[u8]) -> Value {
    let Ok(mut event) = serde_json::from_slice::<Value>(event) else { return Value::Null };
    replace(event.pointer_mut("/token"), masked);
    replace(event.pointer_mut("/protocolData/mqtt/password"), masked);
    replace(event.pointer_mut("/protocolData/mqtt/username"), username);
    replace(event.pointer_mut("/protocolData/http/queryString"), parameters);
    if let Some(Value::Object(headers)) = event.pointer_mut("/protocolData/http/headers") {
        for (name, value) in headers {
            if !PLAIN_HEADERS.iter().any(|plain| name.eq_ignore_ascii_case(plain)) {
                replace(Some(value), masked);
            }
        }
    }
    scrub(&mut event);
    event
}

/// An authorizer's answer, masked where something looks like a token. What is no JSON is shown as text.
pub(super) fn answer(answer: &[u8]) -> Value {
    let mut value = serde_json::from_slice(answer)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(answer).into_owned()));
    scrub(&mut value);
    value
}

/// A text with all masked that looks like a token, and cut to what can be shown.
pub(super) fn text(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(in_token) {
        let (before, from) = rest.split_at(at);
        let (word, after) = from.split_at(from.find(|c| !in_token(c)).unwrap_or(from.len()));
        shown.push_str(before);
        shown.push_str(&if is_token(word) { masked(word) } else { word.to_owned() });
        rest = after;
    }
    shown.push_str(rest);
    match shown.char_indices().map(|(at, _)| at).find(|at| *at >= SHOWN) {
        Some(at) => format!("{}... ({} bytes)", shown.split_at(at).0, text.len()),
        None => shown,
    }
}

fn scrub(value: &mut Value) {
    match value {
        Value::String(content) => *content = text(content),
        Value::Array(list) => list.iter_mut().for_each(scrub),
        Value::Object(members) => members.values_mut().for_each(scrub),
        _ => {}
    }
}

fn replace(value: Option<&mut Value>, by: impl Fn(&str) -> String) {
    match value {
        Some(Value::String(content)) => *content = by(content),
        Some(Value::Null) | None => {}
        Some(other) => *other = Value::String(masked(&other.to_string())),
    }
}

fn masked(secret: &str) -> String {
    if secret.is_empty() { String::new() } else { format!("••• ({} characters)", secret.len()) }
}

/// A user name: what comes before its parameters, and their names.
fn username(text: &str) -> String {
    let (name, rest) = text.split_once('?').map_or((text, None), |(name, rest)| (name, Some(rest)));
    let name = if name.len() > LONGEST_NAME { masked(name) } else { name.to_owned() };
    match rest {
        Some(rest) => format!("{name}?{}", parameters(rest)),
        None => name,
    }
}

fn parameters(text: &str) -> String {
    let (mark, pairs) = text.strip_prefix('?').map_or(("", text), |pairs| ("?", pairs));
    let pairs = pairs.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if PLAIN_PARAMETERS.contains(&name) => pair.to_owned(),
        Some((name, value)) => format!("{name}={}", masked(value)),
        None => masked(pair),
    });
    format!("{mark}{}", pairs.collect::<Vec<_>>().join("&"))
}

fn in_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+' | '/' | '=' | '%')
}

/// Whether it has parts with dots between, of which the first is a JSON object in base64.
fn is_token(word: &str) -> bool {
    let loose = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let decode = |alphabet, text: &str| GeneralPurpose::new(alphabet, loose).decode(text).ok();
    let object = |text: &str| {
        let decoded = decode(&alphabet::URL_SAFE, text).or_else(|| decode(&alphabet::STANDARD, text));
        decoded.is_some_and(|bytes| bytes.trim_ascii_start().first() == Some(&b'{'))
    };
    // A whole token in base64 once more, as a password is.
    let wrapped = |text: &str| {
        let decoded = decode(&alphabet::STANDARD, text).and_then(|bytes| String::from_utf8(bytes).ok());
        decoded.is_some_and(|inner| inner.split_once('.').is_some_and(|(first, _)| object(first)))
    };
    // `name=TOKEN` is one word here.
    word.len() >= SHORTEST_TOKEN
        && word
            .split(['=', '/'])
            .any(|part| part.split_once('.').is_some_and(|(first, _)| object(first)) || wrapped(part))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TOKEN: &str = "eyJhbGciOiJFUzI1NiIsImtpZCI6ImEifQ.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJlLXNpZ25hdHVyZQ";

    #[test]
    fn no_place_of_an_event_shows_a_secret() {
        let secrets = [TOKEN, "good-tok", "hunter2"];
        for secret in secrets {
            let username = format!("ana?x-amz-customauthorizer-name=A&token={secret}&x={secret}");
            let event = json!({
                "token": secret,
                "signatureVerified": false,
                "protocols": ["tls", "http", "mqtt"],
                "protocolData": {
                    "tls": { "serverName": "localhost" },
                    "http": {
                        "headers": { "Host": "localhost", "Authorization": format!("Bearer {secret}"), "X-Mine": secret, "odd": [secret] },
                        "queryString": format!("?qos=1&{secret}&t={secret}")
                    },
                    "mqtt": { "username": username, "password": base64::prelude::BASE64_STANDARD.encode(secret), "clientId": "ana" }
                },
                "connectionMetadata": { "id": "00000000-0000-0000-0000-000000000000" }
            });
            let shown = super::event(event.to_string().as_bytes());
            let text = shown.to_string();
            assert!(
                !text.contains(secret) && !text.contains(&base64::prelude::BASE64_STANDARD.encode(secret)),
                "{text}"
            );
            assert!(text.contains("ana?x-amz-customauthorizer-name=A&token=••• ("), "{text}");
            assert!(text.contains("\"Host\":\"localhost\"") && text.contains("?qos=1&•••"), "{text}");
            assert_eq!(shown["protocolData"]["mqtt"]["clientId"], "ana");
        }
    }

    #[test]
    fn a_token_shows_nowhere_in_a_text() {
        let long = format!("name={TOKEN}");
        let wrapped = base64::prelude::BASE64_STANDARD.encode(TOKEN);
        for with in [TOKEN, &long, &wrapped, &format!("{{\"a\":\"{TOKEN}\"}}"), &format!("Bearer {TOKEN},x")]
        {
            let shown = text(with);
            assert!(
                !shown.contains("c2lnbmF0dXJl") && !shown.contains("eyJzdWIi") && shown.contains("•••"),
                "{shown}"
            );
        }
        let plain = "arn:aws:iot:eu-central-1:123456789012:topic/acme.example.com/users/alice/and-some-more";
        assert_eq!(text(plain), plain);
        assert!(text(&"ä".repeat(5000)).len() < 2100);
    }

    #[test]
    fn a_token_shows_in_no_answer_and_a_user_name_of_its_own_is_masked() {
        let shown = answer(json!({ "principalId": "a", "context": { "x": TOKEN } }).to_string().as_bytes());
        assert!(shown["principalId"] == "a" && !shown.to_string().contains("eyJ"), "{shown}");
        assert_eq!(answer(b"oops"), "oops");
        let named = json!({ "protocolData": { "mqtt": { "username": "x".repeat(65) } } });
        assert!(!event(named.to_string().as_bytes()).to_string().contains("xxx"));
        assert_eq!(event(b"no JSON"), Value::Null);
    }
}
