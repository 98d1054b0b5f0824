//! Keys from a server on loopback: bundled, listed, and asked for to explain a token.

use std::path::Path;

use iot_jwt_authorizer::config::Config;
use serde_json::{Value, json};

use super::own;
use super::support::key_server::{Behaviour, KeyServer, nobody};
use super::support::signer::Signer;

/// A configuration whose one issuer has these sources; `file:` ones need not be there.
fn configuration(folder: &Path, sources: &[&str]) -> String {
    let config = std::fs::read_to_string(own::config()).unwrap();
    let (head, rest) = config.split_once("[[issuer]]").unwrap();
    let issuer = format!(
        "[[issuer]]\nid = \"users\"\nissuer = \"https://login.example.com/\"\naudience = [\"iot.example.com\"]\n\
         algorithms = [\"ES256\", \"RS256\"]\nkeys = {sources:?}\nclient_ids = [\"${{sub}}\"]\n"
    );
    let (_, claims) = rest.split_once("[claims]").unwrap();
    let claims = claims.replace("[[grant]]\npolicy = \"user\"\nissuer = \"partners\"\n", "");
    let path = folder.join("authorizer.toml");
    std::fs::write(&path, format!("{head}{issuer}[claims]{claims}")).unwrap();
    for part in ["policies", "keys"] {
        std::fs::create_dir_all(folder.join(part)).unwrap();
    }
    for policy in ["user.json", "operator.json"] {
        std::fs::copy(
            own::folder().join("deployment/policies").join(policy),
            folder.join("policies").join(policy),
        )
        .unwrap();
    }
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_remote_set_becomes_a_bundled_one() {
    let server = KeyServer::start(Behaviour::ok(
        json!({ "keys": [Signer::named("es256").jwk(), Signer::named("es384").jwk(), { "kty": "oct", "k": "AAAA" }, Signer::named("rs256").jwk()] }).to_string(),
    ));
    let folder = tempfile::tempdir().unwrap();
    let source = format!("jwks:{}", server.url("/jwks"));
    // The file that the configuration names is the one that is about to be made.
    let config = configuration(folder.path(), &["file:keys/users.jwks.json", &source]);
    let file = folder.path().join("keys/users.jwks.json");
    let out = file.to_str().unwrap();
    let (code, text) = own::run(&["keys", "fetch", "users", "--config", &config, "--out", out]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("2 keys of users") && text.contains("key 2: it is symmetric"), "{text}");
    assert!(text.contains("key 1: it serves none of the issuer's `algorithms`"), "{text}");

    let set: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let thumbprints = json!([Signer::named("es256").thumbprint(), Signer::named("rs256").thumbprint()]);
    assert_eq!((&set["origin"], &set["thumbprints"]), (&json!(source), &thumbprints));
    assert!(set["fetched"].as_str().unwrap().ends_with('Z'));
    let loaded = Config::load(Path::new(&config), &|_| None).unwrap();
    assert_eq!(loaded.authorizer.issuers[0].keys.keys().len(), 2);

    let (code, text) = own::run(&["keys", "show", "--config", &config]);
    assert_eq!(code, 0, "{text}");
    for expected in [
        "\"es256-1\": P-256, ES256",
        "RSA, 2048 bits, RS256",
        &Signer::named("rs256").thumbprint(),
        "0 h ago",
        "it was not asked",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let (_, text) = own::run(&["keys", "show", "--config", &config, "--json", "--fetch"]);
    let shown: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(shown[0]["keys"][0]["origin"], json!(source));
    assert!(shown[0]["keys"][0]["age_seconds"].as_u64().unwrap() < 600);
    assert_eq!(shown[1]["keys"][2]["left_out"], "it is symmetric");
}

#[test]
fn what_the_function_would_refuse_is_not_bundled() {
    let published = json!({ "kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" });
    let long = format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(65_536));
    let mut private = Signer::named("es256").jwk();
    private["d"] = json!("AAAA");
    for (behaviour, expected) in [
        (Behaviour::ok("{\"keys\":[]}"), "no key that serves"),
        (Behaviour::ok(json!({ "keys": [published] }).to_string()), "its private half is published"),
        (Behaviour::ok(json!({ "keys": [private] }).to_string()), "it holds a private key"),
        (Behaviour::keys(&["es384"]), "no key that serves"),
        (Behaviour::ok("[]"), "no JWK Set"),
        (Behaviour::ok("<html>"), "no JWK Set"),
        (
            Behaviour::ok(json!({ "keys": vec![Signer::named("es256").jwk(); 101] }).to_string()),
            "more than 100 keys",
        ),
        (Behaviour::ok(long), "longer than"),
        (Behaviour::Answer(500, String::new(), String::new()), "status 500"),
        (Behaviour::Answer(302, "location: /other\r\n".to_owned(), String::new()), "redirects"),
        (Behaviour::Close, "cannot be reached"),
        (Behaviour::Hang, "did not answer in time"),
    ] {
        let server = KeyServer::start(behaviour);
        let folder = tempfile::tempdir().unwrap();
        let config = configuration(folder.path(), &[&format!("jwks:{}", server.url("/jwks"))]);
        let out = folder.path().join("keys/new.json");
        let (code, text) =
            own::run(&["keys", "fetch", "users", "--config", &config, "--out", out.to_str().unwrap()]);
        assert!(code == 1 && text.contains(expected), "{expected}: {text}");
        assert!(text.contains("nothing is written") && !out.exists(), "{text}");
    }
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path(), &["oidc"]);
    for (more, expected) in [
        (&["nobody"][..], "there is no issuer"),
        (&["users", "--source", "jwks:http://a.example/keys"], "is no source"),
        (&["users", "--source", &format!("jwks:{}", nobody())], "cannot be reached"),
    ] {
        let line: Vec<&str> = ["keys", "fetch", "--config", &config].iter().chain(more).copied().collect();
        let (code, text) = own::run(&line);
        assert!(code == 1 && text.contains(expected), "{text}");
    }
}

#[test]
fn a_token_is_explained_with_keys_that_are_fetched_if_that_is_asked_for() {
    let keys = std::fs::read_to_string(own::folder().join("deployment/keys/users.jwks.json")).unwrap();
    let server = KeyServer::start(Behaviour::ok(keys));
    let folder = tempfile::tempdir().unwrap();
    let source = format!("jwks:{}", server.url("/jwks"));
    let config = configuration(folder.path(), &[&source]);
    let token = own::token(&json!({}), &json!({}));
    let explain = |more: &[&str]| {
        let line = ["explain", "--config", &config, "--at", "1800000000", "--token", &token];
        own::run(&line.iter().chain(more).copied().collect::<Vec<_>>())
    };
    let (code, text) = explain(&[]);
    assert!(code == 1 && text.contains("keys_unavailable"), "{text}");
    assert!(text.contains(&format!("{source}; --fetch asks it now")), "{text}");
    assert_eq!(server.asked(), Vec::<String>::new());
    let (code, text) = explain(&["--fetch"]);
    assert!(code == 0 && text.contains("keys of use: 1"), "{text}");
    assert!(text.contains(&format!("made by key \"test\" of {source}")), "{text}");
    assert_eq!(server.asked(), ["/jwks"]);
    server.behave(Behaviour::Close);
    let (code, text) = explain(&["--fetch"]);
    assert!(code == 1 && text.contains("cannot be reached"), "{text}");
}
