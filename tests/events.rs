//! Events as AWS IoT sends them, from a folder next to the checkout: the outcome of each with its placeholder, and with
//! a real token.

#![cfg(test)]

mod support;

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use support::deployment::Deployment;
use support::signer::Signer;
use support::{FUNCTION, NOW, at};

/// A text that stands for a token, and whether the token is in base64 there.
type Placeholder = (&'static str, bool);

/// The file, its code without a real token, and the placeholder of the token.
const EVENTS: [(&str, &str, Option<Placeholder>); 18] = [
    ("s1", "malformed_token", Some(("aToken", false))),
    ("s2", "malformed_token", Some(("aToken", false))),
    ("s2b", "malformed_token", Some(("aToken", false))),
    ("s3", "malformed_token", Some(("allow", false))),
    ("s4", "no_token", Some(("PASS_WORD", false))),
    ("s4b", "malformed_token", Some(("tokenName", false))),
    ("s5", "no_token", Some(("UExBQ0VIT0xERVJfVE9LRU4=", true))),
    // Two parts and a signature make a token, whose issuer is unknown.
    ("s6", "unknown_issuer", None),
    ("s7", "malformed_token", Some(("tokxyz", false))),
    ("s8", "malformed_token", Some(("aaa.bbb.ccc", false))),
    ("s9", "no_token", None),
    ("s10", "malformed_token", Some(("aToken", false))),
    ("s11", "malformed_token", Some(("YWFhLmJiYi5jY2M=", true))),
    ("s12", "malformed_token", Some(("token-value", false))),
    ("s13", "malformed_token", Some(("tok", false))),
    ("s14", "malformed_token", Some(("some-token", false))),
    ("s15", "malformed_token", Some(("YWFhLmJiYi5jY2M=", true))),
    ("s16", "malformed_token", Some(("aaa.bbb.ccc", false))),
];

#[test]
fn sample_events_are_allowed_with_a_real_token() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/events");
    if !folder.is_dir() {
        println!("skipped: the sample events, which are not next to the checkout");
        return;
    }
    let authorizer = Deployment::named("events").authorizer();
    for (file, code, placeholder) in EVENTS {
        let event = std::fs::read_to_string(folder.join(format!("{file}.json"))).unwrap();
        let decide = |event: &str| authorizer.authorize(event.as_bytes(), FUNCTION, at(0.0)).outcome;
        assert_eq!(decide(&event).err().unwrap().code().name(), code, "{file}");
        let Some((text, is_base64)) = placeholder else { continue };
        let client_id = client_id(&event).unwrap_or_else(|| "ana".to_owned());
        let claims = json!({ "iss": "https://login.example.com/", "aud": "iot.example.com", "sub": client_id, "exp": NOW + 600 });
        let token = Signer::named("rs256").token(&claims);
        let token = if is_base64 { STANDARD.encode(token) } else { token };
        let filled = event.replacen(&format!("\"{text}\""), &format!("\"{token}\""), 1);
        let filled = filled
            .replace(&format!("={text}"), &format!("={token}"))
            .replace(&format!(" {text}"), &format!(" {token}"));
        assert!(filled != event, "{file} has no `{text}`");
        assert!(decide(&filled).is_ok(), "{file}: {:?}", decide(&filled).err());
    }
    println!("{} events", EVENTS.len());
}

fn client_id(event: &str) -> Option<String> {
    let event: serde_json::Value = serde_json::from_str(event).unwrap();
    Some(event.pointer("/protocolData/mqtt/clientId")?.as_str()?.to_owned())
}
