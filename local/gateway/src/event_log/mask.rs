//! Masks the secrets in an authorizer's event and response.
//!
//! Any header or parameter may hold the token, since its name is configurable. So only the values of known, harmless
//! names are shown, and all others are masked.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

/// Headers that hold no secrets.
const HARMLESS_HEADERS: [&str; 21] = [
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

/// Parameters of a query or user name that hold no secrets.
const HARMLESS_PARAMETERS: [&str; 8] =
    ["x-amz-customauthorizer-name", "qos", "retain", "SDK", "Version", "Platform", "Metadata", "username"];

/// A longer text is cut.
const MAX_TEXT_BYTES: usize = 2048;

/// A longer user name is masked, since it may be a token.
const MAX_USERNAME_BYTES: usize = 64;

/// A shorter word is not recognised as a token.
const MIN_TOKEN_BYTES: usize = 32;

/// Masks an event. Returns null for an event that is not JSON.
pub(super) fn event(event: &[u8]) -> Value {
    let Ok(mut event) = serde_json::from_slice::<Value>(event) else { return Value::Null };
    replace(event.pointer_mut("/token"), mask);
    replace(event.pointer_mut("/protocolData/mqtt/password"), mask);
    replace(event.pointer_mut("/protocolData/mqtt/username"), mask_username);
    replace(event.pointer_mut("/protocolData/http/queryString"), mask_parameters);
    if let Some(Value::Object(headers)) = event.pointer_mut("/protocolData/http/headers") {
        for (name, value) in headers {
            if !HARMLESS_HEADERS.iter().any(|harmless| name.eq_ignore_ascii_case(harmless)) {
                replace(Some(value), mask);
            }
        }
    }
    mask_tokens(&mut event);
    event
}

/// Masks the tokens in a response. Returns a string for a response that is not JSON.
pub(super) fn response(response: &[u8]) -> Value {
    let mut value = serde_json::from_slice(response)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(response).into_owned()));
    mask_tokens(&mut value);
    value
}

/// Masks the tokens in a text, and cuts a long text.
pub(super) fn text(text: &str) -> String {
    let mut masked = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_token_char) {
        let (before, from) = rest.split_at(start);
        let (word, after) = from.split_at(from.find(|c| !is_token_char(c)).unwrap_or(from.len()));
        masked.push_str(before);
        masked.push_str(&if is_token(word) { mask(word) } else { word.to_owned() });
        rest = after;
    }
    masked.push_str(rest);
    match masked.char_indices().map(|(index, _)| index).find(|index| *index >= MAX_TEXT_BYTES) {
        Some(index) => format!("{}... ({} bytes)", masked.split_at(index).0, text.len()),
        None => masked,
    }
}

fn mask_tokens(value: &mut Value) {
    match value {
        Value::String(content) => *content = text(content),
        Value::Array(list) => list.iter_mut().for_each(mask_tokens),
        Value::Object(members) => members.values_mut().for_each(mask_tokens),
        _ => {}
    }
}

fn replace(value: Option<&mut Value>, mask_text: impl Fn(&str) -> String) {
    match value {
        Some(Value::String(content)) => *content = mask_text(content),
        Some(Value::Null) | None => {}
        Some(value) => *value = Value::String(mask(&value.to_string())),
    }
}

fn mask(secret: &str) -> String {
    if secret.is_empty() { String::new() } else { format!("••• ({} characters)", secret.len()) }
}

/// Masks the values of the parameters in a user name.
fn mask_username(text: &str) -> String {
    let (name, rest) = text.split_once('?').map_or((text, None), |(name, rest)| (name, Some(rest)));
    let name = if name.len() > MAX_USERNAME_BYTES { mask(name) } else { name.to_owned() };
    match rest {
        Some(rest) => format!("{name}?{}", mask_parameters(rest)),
        None => name,
    }
}

fn mask_parameters(text: &str) -> String {
    let (question_mark, pairs) = text.strip_prefix('?').map_or(("", text), |pairs| ("?", pairs));
    let pairs = pairs.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if HARMLESS_PARAMETERS.contains(&name) => pair.to_owned(),
        Some((name, value)) => format!("{name}={}", mask(value)),
        None => mask(pair),
    });
    format!("{question_mark}{}", pairs.collect::<Vec<_>>().join("&"))
}

fn is_token_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+' | '/' | '=' | '%')
}

/// Whether a word looks like a JWT: parts separated by dots, the first of which is a JSON object in base64.
fn is_token(word: &str) -> bool {
    let lenient = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let decode = |alphabet, text: &str| GeneralPurpose::new(alphabet, lenient).decode(text).ok();
    let is_object = |text: &str| {
        let decoded = decode(&alphabet::URL_SAFE, text).or_else(|| decode(&alphabet::STANDARD, text));
        decoded.is_some_and(|bytes| bytes.trim_ascii_start().first() == Some(&b'{'))
    };
    // A password is base64 of the token.
    let is_encoded_token = |text: &str| {
        let decoded = decode(&alphabet::STANDARD, text).and_then(|bytes| String::from_utf8(bytes).ok());
        decoded.is_some_and(|inner| inner.split_once('.').is_some_and(|(first, _)| is_object(first)))
    };
    // A word may be `name=TOKEN`.
    word.len() >= MIN_TOKEN_BYTES
        && word.split(['=', '/']).any(|part| {
            part.split_once('.').is_some_and(|(first, _)| is_object(first)) || is_encoded_token(part)
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TOKEN: &str = "eyJhbGciOiJFUzI1NiIsImtpZCI6ImEifQ.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJlLXNpZ25hdHVyZQ";

    #[test]
    fn masks_secrets_at_every_place_of_an_event() {
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
            let masked = super::event(event.to_string().as_bytes());
            let text = masked.to_string();
            assert!(
                !text.contains(secret) && !text.contains(&base64::prelude::BASE64_STANDARD.encode(secret)),
                "{text}"
            );
            assert!(text.contains("ana?x-amz-customauthorizer-name=A&token=••• ("), "{text}");
            assert!(text.contains("\"Host\":\"localhost\"") && text.contains("?qos=1&•••"), "{text}");
            assert_eq!(masked["protocolData"]["mqtt"]["clientId"], "ana");
        }
    }

    #[test]
    fn masks_tokens_in_a_text() {
        let parameter = format!("name={TOKEN}");
        let encoded = base64::prelude::BASE64_STANDARD.encode(TOKEN);
        for secret in
            [TOKEN, &parameter, &encoded, &format!("{{\"a\":\"{TOKEN}\"}}"), &format!("Bearer {TOKEN},x")]
        {
            let masked = text(secret);
            assert!(
                !masked.contains("c2lnbmF0dXJl") && !masked.contains("eyJzdWIi") && masked.contains("•••"),
                "{masked}"
            );
        }
        let plain = "arn:aws:iot:eu-central-1:123456789012:topic/acme.example.com/users/alice/and-some-more";
        assert_eq!(text(plain), plain);
        assert!(text(&"ä".repeat(5000)).len() < 2100);
    }

    #[test]
    fn masks_tokens_in_a_response_and_long_user_names() {
        let masked =
            response(json!({ "principalId": "a", "context": { "x": TOKEN } }).to_string().as_bytes());
        assert!(masked["principalId"] == "a" && !masked.to_string().contains("eyJ"), "{masked}");
        assert_eq!(response(b"oops"), "oops");
        let long_name = json!({ "protocolData": { "mqtt": { "username": "x".repeat(65) } } });
        assert!(!event(long_name.to_string().as_bytes()).to_string().contains("xxx"));
        assert_eq!(event(b"not JSON"), Value::Null);
    }
}
