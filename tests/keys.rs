//! Key files: every format and type of key, entries that are skipped, and blocked keys.

#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "the numbers are the test's own")]

mod support;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use iot_jwt_authorizer::algorithm::Algorithm;
use iot_jwt_authorizer::authorizer::Authorizer;
use iot_jwt_authorizer::config::ErrorPlace;
use iot_jwt_authorizer::keys::KeySet;
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
    outcome_with_kid(authorizer, signer, keep_kid.then_some(&*Signer::named(signer).kid))
}

fn outcome_with_kid(authorizer: &Authorizer, signer: &str, kid: Option<&str>) -> String {
    let signer = Signer::named(signer);
    let mut header = signer.header();
    match kid {
        Some(kid) => header["kid"] = json!(kid),
        None => drop(header.as_object_mut().unwrap().remove("kid")),
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
    let form = |found: &str| {
        format!("is {found}; expected a JWK Set (a list `keys`), a JWK (`kty`) or an object of `kid` to PEM")
    };
    let [no_set, list, string] = ["a JSON object of another form", "a list", "a string"].map(form);
    let (no_set, list, string) = (&*no_set, &*list, &*string);
    let member = "has its keys in the member `jwks`; expected the JWK Set itself";
    let several = "has a `kid` with several `PUBLIC KEY` blocks";
    let certificates = "contains certificates; expected public keys";
    let no_public_key = "has no `PUBLIC KEY` block";
    let unreadable = "has a `PUBLIC KEY` block that is damaged, or not RSA, P-256, P-384 or Ed25519";
    let contains_private = "contains a private key";
    for (value, what) in [
        (json!({}), no_set),
        (json!([]), list),
        (json!(pem("es256")), string),
        (json!([pem("es256")]), list),
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
        (json!({ "a": pem("es256").replace("PUBLIC KEY", "CERTIFICATE") }), certificates),
        (json!({ "a": pem("es256").replace("PUBLIC KEY", "X509 CRL") }), no_public_key),
        (json!({ "jwks": { "keys": [Signer::named("es256").jwk()] } }), member),
        (json!({ "jwks": json!({ "keys": [Signer::named("es256").jwk()] }).to_string() }), member),
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
        change("rs256", "e", json!("AAAC")),
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

/// `use` and `key_ops` that allow verifying (RFC 7517 sections 4.2 and 4.3).
#[test]
fn a_key_for_verifying_is_usable() {
    for (member, value) in [
        ("use", json!("sig")),
        ("use", Value::Null),
        ("key_ops", json!(["verify"])),
        ("key_ops", json!(["sign", "verify"])),
        ("key_ops", Value::Null),
    ] {
        let mut jwk = Signer::named("es256").jwk();
        jwk[member] = value.clone();
        let config = with_keys(&json!({ "keys": [jwk] }).to_string()).load().unwrap();
        assert!(config.warnings.is_empty(), "{member} {value}: {:?}", config.warnings);
        assert_eq!(outcome(&config.authorizer, "es256", true), "allow", "{member} {value}");
    }
}

/// A valid key that serves none of the issuer's algorithms is of no use alone.
#[test]
fn a_file_needs_a_key_for_an_algorithm_of_the_issuer() {
    for (signers, is_accepted) in [(&["es256"][..], false), (&["es256", "rs256"], true)] {
        let deployment = Deployment::named("example");
        let text = std::fs::read_to_string(deployment.path("authorizer.toml")).unwrap();
        deployment.write("authorizer.toml", text.replace("[\"RS256\", \"ES256\"]", "[\"RS256\"]"));
        deployment.keys("keys/users.jwks.json", signers);
        match deployment.load() {
            Ok(_) => assert!(is_accepted, "{signers:?}"),
            Err(errors) => {
                assert!(
                    !is_accepted && errors.to_string().contains("no key serves any of the issuer's"),
                    "{errors}"
                );
            }
        }
    }
}

/// One key, listed once for each `alg`, is one key of the set; under another `kid` it is another entry.
#[test]
fn a_key_that_is_listed_several_times_is_one() {
    let listed = |kid: &str, algorithm: &str| {
        let mut jwk = Signer::named("rs256").jwk();
        jwk["kid"] = json!(kid);
        jwk["alg"] = json!(algorithm);
        jwk
    };
    for (second, count) in [(listed("a", "RS384"), 1), (listed("a", "RS256"), 1), (listed("b", "RS384"), 2)] {
        let (set, skipped) = KeySet::from_entries(&[listed("a", "RS256"), second], &Algorithm::ALL, &[]);
        assert!(skipped.is_empty());
        assert_eq!(set.keys().len(), count, "{:?}", set.keys());
    }
}

/// A short value of a member is shown, a longer one only counted, since it may be private.
#[test]
fn long_values_of_members_are_not_shown() {
    for (length, shown) in
        [(20, format!("{:?}", "x".repeat(20))), (21, "(a string of 21 characters)".to_owned())]
    {
        let mut jwk = Signer::named("es256").jwk();
        jwk["alg"] = json!("x".repeat(length));
        let (_, skipped) = KeySet::from_entries(&[jwk], &Algorithm::ALL, &[]);
        let why = skipped[0].1.to_string();
        assert!(why.contains(&shown), "{why}");
    }
}

/// The bytes of a JWK's number.
fn number(jwk: &Value, member: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(jwk[member].as_str().unwrap()).unwrap()
}

/// A signer's JWK with one member replaced; null removes it.
fn changed(signer: &str, member: &str, value: Value) -> Value {
    let mut jwk = Signer::named(signer).jwk();
    match value {
        Value::Null => drop(jwk.as_object_mut().unwrap().remove(member)),
        value => jwk[member] = value,
    }
    jwk
}

fn with_kid(signer: &str, kid: &str) -> Value {
    changed(signer, "kid", json!(kid))
}

/// A list in several orders: each entry is the first once, forwards and backwards.
fn orders(entries: &[Value]) -> Vec<Vec<Value>> {
    let rotations = (0..entries.len()).map(|start| [&entries[start..], &entries[..start]].concat());
    rotations.flat_map(|order| [order.clone(), order.into_iter().rev().collect()]).collect()
}

/// A title, the keys of a set, and the outcome of a token of each signer.
type KidCase<'c> = (&'c str, Vec<Value>, &'c [(&'c str, &'c str)]);

/// One `kid` on several keys, and one key under several algorithms (RFC 7517 section 4.5), in several orders.
#[test]
fn a_kid_selects_every_key_that_serves_the_algorithm() {
    let rsa = |algorithm: &str| {
        let mut jwk = with_kid("rs256", "k");
        jwk["alg"] = json!(algorithm);
        jwk
    };
    let ec = |names: &[&str]| -> Vec<Value> { names.iter().map(|name| with_kid(name, "k")).collect() };
    let mut padded = rsa("RS256");
    padded["n"] = json!(URL_SAFE_NO_PAD.encode([vec![0], number(&padded, "n")].concat()));
    let mut encryption = rsa("RS256");
    encryption["use"] = json!("enc");
    let cases: &[KidCase<'_>] = &[
        (
            "RSA and EC",
            vec![rsa("RS256"), with_kid("es256", "k")],
            &[
                ("rs256", "allow"),
                ("es256", "allow"),
                ("ec1", "bad_signature"),
                ("ps256", "unsupported_algorithm"),
            ],
        ),
        (
            "all types",
            vec![with_kid("es256", "k"), with_kid("es384", "k"), with_kid("eddsa", "k"), rsa("PS512")],
            &[
                ("es256", "allow"),
                ("es384", "allow"),
                ("eddsa", "allow"),
                ("ps512", "allow"),
                ("rs256", "unsupported_algorithm"),
            ],
        ),
        (
            "one key, once for each alg",
            vec![rsa("RS256"), rsa("PS256"), rsa("RS384")],
            &[
                ("rs256", "allow"),
                ("ps256", "allow"),
                ("rs384", "allow"),
                ("rs512", "unsupported_algorithm"),
                ("untrusted", "bad_signature"),
            ],
        ),
        (
            "one key, twice, of which one is padded",
            vec![rsa("RS256"), padded.clone(), padded],
            &[("rs256", "allow"), ("untrusted", "bad_signature")],
        ),
        (
            "one key for signatures and for encryption",
            vec![encryption, rsa("RS256")],
            &[("rs256", "allow"), ("untrusted", "bad_signature")],
        ),
        (
            "two keys of one type",
            vec![rsa("RS256"), with_kid("untrusted", "k")],
            &[("rs256", "allow"), ("untrusted", "allow"), ("es256", "unsupported_algorithm")],
        ),
        (
            "four keys of one type",
            ec(&["ec1", "ec2", "ec3", "ec4"]),
            &[("ec1", "allow"), ("ec4", "allow"), ("es256", "bad_signature")],
        ),
        (
            "four distinct keys, one of them twice",
            ec(&["ec1", "ec2", "ec3", "ec4", "ec1"]),
            &[("ec1", "allow"), ("ec4", "allow"), ("es256", "bad_signature")],
        ),
        (
            "five keys of one type",
            ec(&["ec1", "ec2", "ec3", "ec4", "ec5"]),
            &[("ec1", "unknown_key"), ("ec5", "unknown_key"), ("es256", "unknown_key")],
        ),
    ];
    for (title, keys, outcomes) in cases {
        for keys in orders(keys) {
            let config = with_keys(&json!({ "keys": keys }).to_string()).load().unwrap();
            let warns = config.warnings.iter().any(|warning| warning.what.starts_with("more than 4 keys"));
            assert_eq!(warns, *title == "five keys of one type", "{title}: {:?}", config.warnings);
            let authorizer = config.authorizer;
            for (signer, expected) in *outcomes {
                assert_eq!(outcome_with_kid(&authorizer, signer, Some("k")), *expected, "{title}: {signer}");
            }
        }
    }
}

/// Numbers with leading zeros, and members that are null, are read; the thumbprint is the canonical key's.
#[test]
fn numbers_and_nulls_as_issuers_write_them() {
    let padded = |name: &str, member: &str, zeros: usize| {
        let jwk = Signer::named(name).jwk();
        let number = number(&jwk, member);
        changed(name, member, json!(URL_SAFE_NO_PAD.encode([vec![0; zeros], number].concat())))
    };
    let nulls = |name: &str, members: &[(&str, Value)]| {
        let mut jwk = Signer::named(name).jwk();
        members.iter().for_each(|(member, value)| jwk[member] = value.clone());
        jwk
    };
    let private = ["d", "p", "q", "dp", "dq", "qi", "oth"];
    let all_null: Vec<(&str, Value)> = private
        .into_iter()
        .chain(["k", "x5t", "x5u", "key_ops", "alg", "use"])
        .map(|name| (name, Value::Null))
        .collect();
    for (name, jwk) in [
        ("rs256", padded("rs256", "n", 1)),
        ("rs256", padded("rs256", "n", 7)),
        ("rs256", padded("rs256", "e", 1)),
        ("rs256", padded("rs256", "e", 5)),
        ("es256", padded("es256", "x", 1)),
        ("es256", padded("es256", "y", 3)),
        ("es384", padded("es384", "x", 1)),
        ("rs256", nulls("rs256", &all_null)),
        ("rs256", nulls("rs256", &[("oth", json!([]))])),
        ("es256", nulls("es256", &[("d", Value::Null)])),
        ("eddsa", nulls("eddsa", &[("d", Value::Null), ("alg", Value::Null)])),
    ] {
        let config = with_keys(&json!({ "keys": [jwk] }).to_string())
            .load()
            .unwrap_or_else(|errors| panic!("{jwk}: {errors}"));
        assert_eq!(outcome(&config.authorizer, name, true), "allow", "{jwk}");
        let keys = config.authorizer.issuers[0].keys.keys();
        assert_eq!(keys[0].thumbprint(), Signer::named(name).thumbprint(), "{jwk}");
        // `blocked_keys` blocks every form of the key.
        let (set, skipped) =
            KeySet::from_entries(&[jwk], &Algorithm::ALL, &[Signer::named(name).thumbprint()]);
        assert!(set.keys().is_empty() && skipped.len() == 1, "{skipped:?}");
    }
    for (entry, why) in [
        (
            json!({ "kty": "RSA", "e": "AQAB", "n": URL_SAFE_NO_PAD.encode([vec![0; 128], vec![0x81; 128]].concat()) }),
            "an RSA key (`n`) of 1024 bits; expected 2,048 to 8,192 bits",
        ),
        (
            json!({ "kty": "RSA", "e": "AQAB", "n": URL_SAFE_NO_PAD.encode([vec![0; 1], vec![0x7f; 256]].concat()) }),
            "an RSA key (`n`) of 2047 bits; expected 2,048 to 8,192 bits",
        ),
        (changed("es256", "d", json!("AAAA")), "a private key"),
        (changed("es256", "d", json!("")), "a private key"),
        (changed("rs256", "oth", json!([{}])), "a private key"),
        (changed("rs256", "p", json!(0)), "a private key"),
    ] {
        let (set, skipped) = KeySet::from_entries(&[entry], &Algorithm::ALL, &[]);
        assert!(set.keys().is_empty(), "{why}");
        assert_eq!(skipped[0].1.to_string(), why);
    }
}

/// The reason of each skipped entry names the member, and its value where that is short and public.
#[test]
fn the_reason_names_member_and_value() {
    let long = "a".repeat(43);
    let rsa_algorithms = "expected RS256, RS384, RS512, PS256, PS384 or PS512 for a key of type RSA";
    for (entry, why) in [
        (json!("x"), "the entry is a string; expected a JSON object".to_owned()),
        (json!(null), "the entry is null; expected a JSON object".to_owned()),
        (json!({}), "`kty` is missing".to_owned()),
        (
            changed("es256", "kty", json!("ec")),
            "unsupported `kty` \"ec\"; expected \"RSA\", \"EC\" or \"OKP\"".to_owned(),
        ),
        (
            json!({ "kty": "AKP", "pub": "AA" }),
            "unsupported `kty` \"AKP\"; expected \"RSA\", \"EC\" or \"OKP\"".to_owned(),
        ),
        (json!({ "kty": 7 }), "`kty` is a number (7); expected a string".to_owned()),
        (
            changed("es256", "crv", json!("P-521")),
            "unsupported `crv` \"P-521\"; expected \"P-256\" or \"P-384\"".to_owned(),
        ),
        (
            changed("eddsa", "crv", json!("Ed448")),
            "unsupported `crv` \"Ed448\"; expected \"Ed25519\"".to_owned(),
        ),
        (changed("es256", "crv", Value::Null), "`crv` is missing".to_owned()),
        (
            changed("es256", "alg", json!("P256")),
            "unsupported `alg` \"P256\"; expected ES256 for a key of type P-256".to_owned(),
        ),
        (changed("rs256", "alg", json!("RSA256")), format!("unsupported `alg` \"RSA256\"; {rsa_algorithms}")),
        (
            changed("rs256", "alg", json!(long)),
            format!("unsupported `alg` (a string of 43 characters); {rsa_algorithms}"),
        ),
        (changed("rs256", "alg", json!(7)), "`alg` is a number (7); expected a string".to_owned()),
        (changed("rs256", "use", json!("SIG")), "unsupported `use` \"SIG\"; expected \"sig\"".to_owned()),
        (changed("rs256", "use", json!(["sig"])), "`use` is a list; expected a string".to_owned()),
        (
            changed("rs256", "key_ops", json!("verify")),
            "`key_ops` is a string; expected a list with \"verify\"".to_owned(),
        ),
        (changed("rs256", "key_ops", json!(["sign"])), "`key_ops` lacks \"verify\"".to_owned()),
        (
            changed("rs256", "kid", json!(1_399_593_380)),
            "`kid` is a number (1399593380); expected a string".to_owned(),
        ),
        (
            json!({ "kty": "RSA", "kid": "c", "x5c": ["MIIC"] }),
            "`n` is missing; the entry has only a certificate (`x5c`), which is not read".to_owned(),
        ),
        (json!({ "kty": "RSA", "e": "AQAB" }), "`n` is missing".to_owned()),
        (changed("rs256", "e", Value::Null), "`e` is missing".to_owned()),
        (changed("rs256", "n", json!("+/==")), "`n` is not base64url without padding".to_owned()),
        (changed("rs256", "n", json!([1])), "`n` is a list; expected a string".to_owned()),
        (
            changed("es256", "x", json!("A".repeat(44))),
            "a coordinate (`x`, `y`) is longer than those of P-256".to_owned(),
        ),
        (changed("es256", "x", json!("AQ")), "the point (`x`, `y`) is not on the curve P-256".to_owned()),
        (
            changed("eddsa", "x", json!("AQ")),
            "invalid Ed25519 key (`x`): not 32 bytes, not on the curve, or of small order".to_owned(),
        ),
        (
            json!({ "kty": "oct", "k": long }),
            "a symmetric key (`kty` \"oct\"); expected a public key".to_owned(),
        ),
    ] {
        let (_, skipped) = KeySet::from_entries(std::slice::from_ref(&entry), &Algorithm::ALL, &[]);
        let [(0, reason)] = skipped.as_slice() else { panic!("{entry}: {skipped:?}") };
        let reason = reason.to_string();
        // `A` times 44 is zeros, so that entry is read, and its point is not on the curve.
        let why = if entry["x"] == json!("A".repeat(44)) {
            "the point (`x`, `y`) is not on the curve P-256".to_owned()
        } else {
            why
        };
        assert_eq!(reason, why, "{entry}");
        assert!(!reason.contains(&long) && reason.len() < 160, "{reason}");
    }
}

/// Texts as editors, consoles and environment variables leave them.
#[test]
fn texts_as_they_are_stored() {
    let pem = Signer::named("rs256").pem();
    let set = json!({ "keys": [Signer::named("rs256").jwk()] }).to_string();
    let pkcs1 = {
        use aws_lc_rs::encoding::AsDer as _;
        let jwk = Signer::named("rs256").jwk();
        let components =
            aws_lc_rs::signature::RsaPublicKeyComponents { n: number(&jwk, "n"), e: number(&jwk, "e") };
        let der: aws_lc_rs::encoding::PublicKeyX509Der<'_> = components.as_der().unwrap();
        // RFC 5280 section 4.1: of a 2,048-bit key, 24 bytes come before the key itself.
        pem::encode(&pem::Pem::new("RSA PUBLIC KEY", &der.as_ref()[24..]))
    };
    let one_line = |pem: &str| pem.replace("\r\n", "\n").replace('\n', "\\n");
    for (text, keep_kid) in [
        (format!("\u{feff}{set}"), true),
        (format!("\u{feff}{pem}"), false),
        (format!("\n  {set}\n"), true),
        (one_line(&pem), false),
        (pem.replace("\r\n", "\n").replace('\n', "\\r\\n"), false),
        (pem.replace("\r\n", "\n").replace('\n', "\n\n"), false),
        (pem.replace("\r\n", "\n").replace('\n', "\r\n\r\n"), false),
        (pem.replace("\r\n", "\n").replace('\n', " \n\t"), false),
        (pkcs1.clone(), false),
        (one_line(&pkcs1), false),
        (json!({ "rs256-1": pem }).to_string(), true),
        (json!({ "rs256-1": one_line(&pem) }).to_string(), true),
        (json!({ "rs256-1": pkcs1 }).to_string(), true),
        // A form's name for its only key is not a `kid`.
        (json!({ "publicKey": pem }).to_string(), true),
        (json!({ "public_key": pem }).to_string(), false),
    ] {
        let config = with_keys(&text).load().unwrap_or_else(|errors| panic!("{text}: {errors}"));
        assert_eq!(outcome(&config.authorizer, "rs256", keep_kid), "allow", "{text}");
        assert_eq!(outcome(&config.authorizer, "untrusted", false), "bad_signature", "{text}");
        let expected = usize::from(text.contains("\"public"));
        assert_eq!(config.warnings.len(), expected, "{text}: {:?}", config.warnings);
    }
    for (text, what, hint) in [
        (
            "ssh-rsa AAAAB3NzaC1yc2E= ana",
            "is an OpenSSH public key; expected PEM or JSON",
            Some("ssh-keygen -e -m PKCS8 -f FILE"),
        ),
        (
            "ecdsa-sha2-nistp256 AAAA",
            "is an OpenSSH public key; expected PEM or JSON",
            Some("ssh-keygen -e -m PKCS8 -f FILE"),
        ),
        (
            "---- BEGIN SSH2 PUBLIC KEY ----\nAAAA",
            "is an OpenSSH public key; expected PEM or JSON",
            Some("ssh-keygen -e -m PKCS8 -f FILE"),
        ),
        ("", "is empty", None),
        ("\u{feff}\n", "is empty", None),
        ("<!DOCTYPE html><html></html>", "is an HTML or XML page; ", Some("login page")),
        (
            "{\"keys\": [\n  {\"kty\": \"RSA\"},\n]}",
            "has invalid JSON at line 3, column 1: trailing comma",
            None,
        ),
        (
            "{\"keys\": [{\"x5c\": [\"MII\nC\"]}]}",
            "has invalid JSON at line 2, column 0: control character",
            None,
        ),
        (
            "{\"keys\": [], \"keys\": []}",
            "has invalid JSON at line 1, column 19: duplicate field `keys`",
            None,
        ),
        ("keys", "is neither JSON nor PEM", None),
    ] {
        let Err(errors) = with_keys(text).load() else { panic!("{text} is accepted") };
        let [error] = errors.0.as_slice() else { panic!("{errors}") };
        assert!(error.what.starts_with(what), "{text}: {}", error.what);
        let has_hint = match hint {
            Some(hint) => error.hint.as_ref().is_some_and(|text| text.contains(hint)),
            None => error.hint.is_none(),
        };
        assert!(has_hint, "{text}: {:?}", error.hint);
    }
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
    use iot_jwt_authorizer::denial::Code;
    assert_eq!(KeySet::default().select(None, Algorithm::Rs256).err(), Some(Code::KeysUnavailable));
    assert_eq!(KeySet::default().select(Some("kid"), Algorithm::Rs256).err(), Some(Code::KeysUnavailable));
    let ours: Vec<&Code> = Code::ALL.iter().filter(|code| code.is_ours()).collect();
    assert_eq!(ours, [&Code::KeysUnavailable, &Code::RevocationStale]);
}
