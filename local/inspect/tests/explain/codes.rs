//! An explanation of every denial, as a snapshot, and of allowed events.

use iot_jwt_authorizer::denial::Code;
use iot_jwt_authorizer::revocation::{Revocation, RevocationList, WhenStale};
use iot_local_inspect::explain::Trace;
use serde_json::{Value, json};

use super::own::{self, FUNCTION, NOW, claims, connect, deployment, now, sign, token};

/// Code, name and event; several events for a code with several causes.
fn events() -> Vec<(&'static str, &'static str, Value)> {
    let plain = json!({});
    let good = token(&plain, &plain);
    let with = |changes: Value| connect(&token(&json!({}), &changes), "ana");
    let headed = |header: Value| connect(&token(&header, &json!({})), "ana");
    let header = r#"{"alg":"ES256","kid":"test"}"#;
    let forged = sign(header, &claims(&json!({ "sub": "olga" })).to_string());
    let forged = format!("{}.{}", forged.rsplit_once('.').unwrap().0, good.rsplit_once('.').unwrap().1);
    let areas: Vec<String> =
        (0..400).map(|index| format!("a-rather-long-name-of-an-area-number-{index:03}")).collect();
    let duplicate = format!("{}\"sub\":\"olga\"}}", claims(&plain).to_string().replace('}', ","));
    let mut bearer = connect(&good, "ana");
    bearer["protocolData"]["http"] = json!({ "headers": { "Authorization": format!("Bearer {}", token(&plain, &json!({ "sub": "ben" }))) } });
    vec![
        ("malformed_event", "malformed_event", json!({ "protocolData": { "mqtt": { "clientId": 7 } } })),
        (
            "malformed_event",
            "malformed_event of a certificate",
            json!({
                "token": good, "protocolData": { "tls": { "x509CertificatePem": "none", "principalId": "a b" } },
            }),
        ),
        (
            "no_token",
            "no_token",
            json!({ "protocolData": { "mqtt": { "clientId": "ana", "password": "cGFzc3dvcmQ=" } } }),
        ),
        (
            "malformed_token",
            "malformed_token",
            json!({ "protocolData": { "http": { "queryString": "?token=none" } } }),
        ),
        ("malformed_token", "malformed_token header", connect(&sign("{}", "{}"), "ana")),
        ("malformed_token", "malformed_token payload", connect(&sign(header, &duplicate), "ana")),
        ("ambiguous_token", "ambiguous_token", bearer),
        ("token_too_large", "token_too_large", with(json!({ "note": "x".repeat(4000) }))),
        ("critical_header", "critical_header", headed(json!({ "crit": ["exp"] }))),
        ("wrong_type", "wrong_type", headed(json!({ "typ": "logout+jwt" }))),
        ("unknown_issuer", "unknown_issuer", with(json!({ "iss": "https://login.example.com" }))),
        ("unsupported_algorithm", "unsupported_algorithm", headed(json!({ "alg": "HS256" }))),
        ("unknown_key", "unknown_key", headed(json!({ "kid": "of-last-year" }))),
        ("keys_unavailable", "keys_unavailable", with(json!({ "iss": "https://partners.example/" }))),
        ("bad_signature", "bad_signature", connect(&forged, "olga")),
        ("malformed_claim", "malformed_claim", with(json!({ "exp": "tomorrow" }))),
        ("malformed_claim", "malformed_claim of a slot", with(json!({ "site": { "areas": [1.5] } }))),
        ("missing_claim", "missing_claim", with(json!({ "iat": null }))),
        ("wrong_audience", "wrong_audience", with(json!({ "aud": ["shop.example.com"] }))),
        ("expired", "expired", with(json!({ "iat": NOW - 3600, "exp": NOW - 60 }))),
        ("not_yet_valid", "not_yet_valid", with(json!({ "nbf": NOW + 60 }))),
        ("lifetime_too_long", "lifetime_too_long", with(json!({ "exp": NOW + 86_401 }))),
        ("expires_too_soon", "expires_too_soon", with(json!({ "exp": NOW + 59 }))),
        ("requirement_not_met", "requirement_not_met", with(json!({ "scope": "openid iot:connects" }))),
        (
            "certificate_mismatch",
            "certificate_mismatch",
            with(json!({ "cnf": { "x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2" } })),
        ),
        ("refused_by_rule", "refused_by_rule", with(json!({ "sub": "mallory" }))),
        ("revoked", "revoked", with(json!({ "sub": "trudy" }))),
        ("revocation_stale", "revocation_stale", with(json!({}))),
        ("no_grant", "no_grant", with(json!({ "tenant": "initech" }))),
        ("client_id_not_allowed", "client_id_not_allowed", connect(&good, "ben")),
        (
            "client_id_not_allowed",
            "client_id_not_allowed absent",
            json!({ "token": good, "protocolData": { "mqtt": {} } }),
        ),
        ("unsafe_claim_value", "unsafe_claim_value", with(json!({ "tenant": "*" }))),
        ("policy_too_large", "policy_too_large", { with(json!({ "site": { "areas": areas } })) }),
        ("allow", "allow", with(json!({ "role": "operator", "site": { "areas": ["north", "south"] } }))),
        ("allow", "allow without a client id", json!({ "token": good })),
    ]
}

#[test]
fn every_denial_is_explained() {
    let mut deployment = deployment();
    let mut explained = Vec::new();
    for (code, name, event) in events() {
        deployment.config.authorizer.revocation = match code {
            "revoked" => {
                let list = RevocationList::parse(br#"{"version": 2, "sub": {"users": ["trudy"]}}"#).unwrap();
                Revocation::List(list.into())
            }
            "revocation_stale" => Revocation::Stale(WhenStale::Deny),
            _ => Revocation::Off,
        };
        deployment.config.authorizer.token.max_bytes = if code == "policy_too_large" { 65_536 } else { 4096 };
        let event = event.to_string().into_bytes();
        let trace = Trace::new(&deployment.config.authorizer, &event, FUNCTION, now());
        let explanation = trace.with_sources(&deployment.sources).explain();
        let found = explanation.outcome.as_ref().err().map_or("allow", |denial| denial.code().name());
        assert_eq!(found, code, "{name}: {explanation}");
        own::one_check_fails(&explanation, name);
        own::keeps_secrets(&explanation, &event, name);
        explained.push(found.to_owned());
        insta::assert_snapshot!(name.replace(' ', "_"), explanation.to_string());
    }
    for code in Code::ALL {
        assert!(explained.iter().any(|name| name == code.name()), "no explanation of {}", code.name());
    }
}

#[test]
fn an_explanation_as_json() {
    let deployment = deployment();
    let event = connect(&token(&json!({}), &json!({ "aud": "shop.example.com" })), "ana").to_string();
    let trace = Trace::new(&deployment.config.authorizer, event.as_bytes(), FUNCTION, now());
    insta::assert_snapshot!("wrong_audience_json", format!("{:#}", trace.explain().to_json()));
}
