//! Key files: every format and type of key, entries that are skipped, and blocked keys.

#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "the numbers are the test's own")]

mod support;

use iot_jwt_authorizer::authorizer::Authorizer;
use iot_jwt_authorizer::config::{ConfigError, ErrorPlace};
use serde_json::{Value, json};
use support::deployment::Deployment;
use support::signer::Signer;
use support::{FUNCTION, NOW, at};

const ALL: [&str; 9] = ["rs256", "rs384", "rs512", "ps256", "ps384", "ps512", "es256", "es384", "eddsa"];

/// A deployment for all algorithms, with this text as its key file.
fn with_keys(text: &str) -> Deployment {
    let deployment = Deployment::named("all");
    deployment.write("keys/users.jwks.json", text);
    deployment
}

/// The outcome of a token of this signer: `allow` or a denial. Without its `kid` any key may verify it.
fn outcome(authorizer: &Authorizer, signer: &str, keep_kid: bool) -> String {
    let signer = Signer::named(signer);
    let mut header = signer.header();
    if !keep_kid {
        header.as_object_mut().unwrap().remove("kid");
    }
    let claims = json!({ "iss": "https://login.example.com/", "aud": "iot.example.com", "sub": "ana", "exp": NOW + 60 });
    let token = signer.sign(header.to_string().as_bytes(), claims.to_string().as_bytes());
    let event = json!({ "token": token }).to_string();
    match authorizer.authorize(event.as_bytes(), FUNCTION, at(0.0)).outcome {
        Ok(_) => "allow".to_owned(),
        Err(denial) => denial.to_string(),
    }
}

#[test]
fn a_key_can_have_each_format() {
    for name in ALL {
        let signer = Signer::named(name);
        let set = json!({ "keys": [signer.jwk()] }).to_string();
        for (text, keep_kid) in [
            (set, true),
            (signer.jwk().to_string(), true),
            (signer.bare_jwk().to_string(), false),
            (signer.pem(), false),
        ] {
            let authorizer = with_keys(&text).authorizer();
            assert_eq!(outcome(&authorizer, name, keep_kid), "allow", "{name} from {text}");
            assert_ne!(outcome(&authorizer, "untrusted", false), "allow", "{name} from {text}");
        }
    }
}

#[test]
fn one_pem_can_have_several_keys_of_different_types() {
    let text: String = ["rs256", "es256", "es384", "eddsa"].map(|name| Signer::named(name).pem()).concat();
    let authorizer = with_keys(&format!("a comment before\n{text}\nand one after")).authorizer();
    for name in ALL {
        assert_eq!(outcome(&authorizer, name, false), "allow", "{name}");
    }
}

/// A JSON object of `kid` to PEM, each with one public key.
#[test]
fn an_object_of_kid_to_pem() {
    const KEYS: [&str; 4] = ["rs256", "es256", "es384", "eddsa"];
    let pem = |name: &str| Signer::named(name).pem();
    let kid = |name: &str| Signer::named(name).header()["kid"].as_str().unwrap().to_owned();
    let named: serde_json::Map<String, Value> =
        KEYS.iter().map(|name| (kid(name), json!(pem(name)))).collect();
    let authorizer = with_keys(&Value::Object(named).to_string()).authorizer();
    for name in KEYS {
        assert_eq!(outcome(&authorizer, name, true), "allow", "{name}");
        assert_eq!(outcome(&authorizer, name, false), "allow", "{name}");
    }
    assert_eq!(outcome(&authorizer, "ec1", true), "unknown_key");
    // The name is the `kid` of the token's header.
    let swapped = json!({ kid("es256"): pem("es384"), kid("es384"): pem("es256") });
    let authorizer = with_keys(&swapped.to_string()).authorizer();
    assert_eq!(outcome(&authorizer, "es256", true), "unsupported_algorithm");

    let private = pem("es256").replace("PUBLIC", "PRIVATE");
    let damaged = pem("es256").replace("MFkw", "AAAA");
    let no_set = "is not a JWK Set (a list `keys`), a JWK (`kty`) or an object of `kid` to PEM";
    let several = "has a `kid` with several `PUBLIC KEY` blocks";
    let no_public_key = "has no `PUBLIC KEY` block";
    let unreadable = "has a `PUBLIC KEY` block that is damaged, or not RSA, P-256, P-384 or Ed25519";
    let contains_private = "contains a private key";
    for (value, what) in [
        (json!({}), no_set),
        (json!([]), no_set),
        (json!(pem("es256")), no_set),
        (json!([pem("es256")]), no_set),
        (json!({ "keys": { "a": pem("es256") } }), no_set),
        (json!({ "keys": pem("es256") }), no_set),
        (json!({ "a": "not PEM" }), no_set),
        (json!({ "a": "" }), no_set),
        (json!({ "a": null }), no_set),
        (json!({ "a": [pem("es256")] }), no_set),
        (json!({ "a": { "pem": pem("es256") } }), no_set),
        (json!({ "a": Signer::named("es256").jwk() }), no_set),
        (json!({ "a": pem("es256"), "b": "not PEM" }), no_set),
        (json!({ "a": pem("es256"), "b": 7 }), no_set),
        (json!({ "a": format!("{}{}", pem("es256"), pem("es384")) }), several),
        (json!({ "a": format!("{0}{0}", pem("es256")) }), several),
        (json!({ "a": pem("es256").replace("PUBLIC KEY", "CERTIFICATE") }), no_public_key),
        (json!({ "a": damaged }), unreadable),
        (json!({ "a": pem("es256"), "b": damaged }), unreadable),
        (json!({ "a": private }), contains_private),
        (json!({ "a": pem("es384"), "b": private }), contains_private),
        (json!({ "a": "not PEM", "b": private }), contains_private),
        (json!({ "a": format!("{}{private}", pem("es384")) }), contains_private),
        (json!({ "keys": [Signer::named("es256").jwk()], "b": private }), contains_private),
        (json!({ "keys": [], "b": { "c": private } }), contains_private),
    ] {
        let Err(errors) = with_keys(&value.to_string()).load() else { panic!("{value} is accepted") };
        let errors: Vec<_> =
            errors.0.iter().map(|error| (&*error.file, &error.place, &*error.what)).collect();
        assert_eq!(errors, [("keys/users.jwks.json", &ErrorPlace::File, what)], "{value}");
    }
}

/// An unusable entry is skipped with a warning. The key next to it is used.
#[test]
fn an_unusable_entry_affects_no_other_key() {
    let change = |name: &str, member: &str, value: Value| {
        let mut jwk = Signer::named(name).jwk();
        jwk["kid"] = json!("unusable");
        jwk[member] = value;
        jwk
    };
    let cut = |member: &str, name: &str| {
        let mut jwk = change(name, "kid", json!("unusable"));
        let text = jwk[member].as_str().unwrap();
        let shorter: String = text.chars().skip(4).collect();
        jwk[member] = json!(shorter);
        jwk
    };
    let unusable = [
        json!({ "kty": "oct", "k": "AAAA" }),
        json!({ "kty": "future", "x": 1 }),
        json!({}),
        json!("a key"),
        json!(null),
        json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB" }),
        json!({ "kty": "RSA", "n": "!!!", "e": "AQAB" }),
        change("rs256", "e", json!("AQ")),
        change("rs256", "e", json!("Ag")),
        change("rs256", "e", json!("BA")),
        change("rs256", "e", json!("AAEAAQ")),
        change("rs256", "e", json!("")),
        change("rs256", "e", json!("AQAAAAE")),
        cut("n", "rs256"),
        cut("x", "es256"),
        cut("y", "es384"),
        cut("x", "eddsa"),
        change("es256", "crv", json!("P-384")),
        change("es256", "crv", json!("P-521")),
        change("es256", "crv", json!("secp256k1")),
        change("es256", "y", Signer::named("ec1").jwk()["y"].clone()),
        change("eddsa", "crv", json!("Ed448")),
        change("rs256", "use", json!("enc")),
        change("rs256", "use", json!(7)),
        change("rs256", "key_ops", json!([])),
        change("rs256", "key_ops", json!(["sign", "encrypt"])),
        change("rs256", "alg", json!("ES256")),
        change("rs256", "alg", json!("HS256")),
        change("rs256", "alg", json!("none")),
        change("rs256", "alg", json!("RSA-OAEP")),
        change("rs256", "alg", json!(7)),
        change("rs256", "alg", json!(null)),
        change("es256", "alg", json!("ES384")),
        change("rs256", "kid", json!(7)),
    ];
    for entry in unusable {
        let config =
            with_keys(&json!({ "keys": [entry, Signer::named("es256").jwk()] }).to_string()).load().unwrap();
        assert_eq!(config.warnings.len(), 1, "{entry}: {:?}", config.warnings);
        assert!(
            config.warnings[0].to_string().starts_with("keys/users.jwks.json: key 0: skipped: "),
            "{entry}: {}",
            config.warnings[0]
        );
        assert_eq!(outcome(&config.authorizer, "es256", true), "allow", "{entry}");
        assert_eq!(outcome(&config.authorizer, "rs256", true), "unknown_key", "{entry}");
    }
}

#[test]
fn different_keys_with_one_kid_are_skipped() {
    let mut twin = Signer::named("ec1").jwk();
    twin["kid"] = json!("es256-1");
    let keys = [twin, Signer::named("es256").jwk(), Signer::named("rs256").jwk()];
    let config = with_keys(&json!({ "keys": keys }).to_string()).load().unwrap();
    let duplicate = |index| {
        let what = "skipped: another key has the same `kid`";
        ConfigError::at("keys/users.jwks.json", ErrorPlace::Entry("key", index), what)
    };
    assert_eq!(config.warnings, [duplicate(0), duplicate(1)]);
    assert_eq!(outcome(&config.authorizer, "es256", true), "unknown_key");
    assert_eq!(outcome(&config.authorizer, "rs256", true), "allow");
    // The same key twice is one key.
    let keys = [Signer::named("es256").jwk(), Signer::named("es256").jwk()];
    let config = with_keys(&json!({ "keys": keys }).to_string()).load().unwrap();
    assert!(config.warnings.is_empty());
    assert_eq!(outcome(&config.authorizer, "es256", true), "allow");
}

#[test]
fn of_two_files_with_one_kid_the_earlier_counts() {
    let deployment = Deployment::named("all");
    let toml = std::fs::read_to_string(deployment.path("authorizer.toml")).unwrap();
    deployment.write(
        "authorizer.toml",
        toml.replace("[\"file:keys/users.jwks.json\"]", "[\"file:keys/a.json\", \"file:keys/b.json\"]"),
    );
    let mut twin = Signer::named("ec1").jwk();
    twin["kid"] = json!("es256-1");
    deployment.write("keys/a.json", json!({ "keys": [Signer::named("es256").jwk()] }).to_string());
    deployment.write("keys/b.json", json!({ "keys": [twin, Signer::named("eddsa").jwk()] }).to_string());
    let authorizer = deployment.authorizer();
    assert_eq!(outcome(&authorizer, "es256", true), "allow");
    assert_eq!(outcome(&authorizer, "eddsa", true), "allow");
    assert_eq!(outcome(&authorizer, "ec1", true), "unknown_key");
}

#[test]
fn a_blocked_key_is_never_accepted() {
    let block = |names: &[&str]| {
        let prints: Vec<String> = names.iter().map(|name| Signer::named(name).thumbprint()).collect();
        let deployment = Deployment::named("all");
        let toml = std::fs::read_to_string(deployment.path("authorizer.toml")).unwrap();
        deployment.write("authorizer.toml", format!("blocked_keys = {}\n{toml}", json!(prints)));
        deployment
    };
    let config = block(&["es256"]).load().unwrap();
    let warning = "keys/users.jwks.json: key 6: skipped: the thumbprint is in `blocked_keys`";
    assert_eq!(config.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(), [warning]);
    assert_eq!(outcome(&config.authorizer, "es256", true), "unknown_key");
    assert_eq!(outcome(&config.authorizer, "es256", false), "unknown_key");
    assert_eq!(outcome(&config.authorizer, "es384", true), "allow");
    let Err(errors) = block(&ALL).load() else { panic!("a deployment without keys is accepted") };
    let no_key = "keys/users.jwks.json: no key serves any of the issuer's `algorithms`";
    assert!(errors.0.iter().any(|error| error.to_string() == no_key), "{errors}");
}

/// An empty set has a code of its own, since the cause is on the function's side.
#[test]
fn an_empty_key_set_is_a_failure_of_ours() {
    use iot_jwt_authorizer::algorithm::Algorithm;
    use iot_jwt_authorizer::denial::Code;
    use iot_jwt_authorizer::keys::KeySet;
    assert_eq!(KeySet::default().select(None, Algorithm::Rs256).err(), Some(Code::KeysUnavailable));
    assert_eq!(KeySet::default().select(Some("kid"), Algorithm::Rs256).err(), Some(Code::KeysUnavailable));
    let ours: Vec<&Code> = Code::ALL.iter().filter(|code| code.is_ours()).collect();
    assert_eq!(ours, [&Code::KeysUnavailable]);
}
