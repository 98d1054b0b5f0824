//! Keys from a server on loopback: bundled, listed, and fetched to explain a token.

use std::path::Path;

use iot_jwt_authorizer::config::Config;
use serde_json::{Value, json};

use super::own;
use super::run;
use super::support::key_server::{Behaviour, KeyServer, closed_url};
use super::support::signer::Signer;

/// A configuration with one issuer and these sources. Files of `file:` need not exist.
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
    for name in ["policies", "keys"] {
        std::fs::create_dir_all(folder.join(name)).unwrap();
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
fn a_remote_set_is_bundled_and_listed() {
    let server = KeyServer::start(Behaviour::ok(
        json!({ "keys": [Signer::named("es256").jwk(), Signer::named("es384").jwk(), { "kty": "oct", "k": "AAAA" }, Signer::named("rs256").jwk()] }).to_string(),
    ));
    let folder = tempfile::tempdir().unwrap();
    let source = format!("jwks:{}", server.url("/jwks"));
    // The configuration already names the file that the command creates.
    let config = configuration(folder.path(), &["file:keys/users.jwks.json", &source]);
    let file = folder.path().join("keys/users.jwks.json");
    let out = file.to_str().unwrap();
    let (code, text) = run(&["keys", "fetch", "users", "--config", &config, "--out", out]);
    assert_eq!(code, 0, "{text}");
    assert!(
        text.contains("wrote 2 keys of issuer `users` from jwks:") && text.contains("key 2: a symmetric key"),
        "{text}"
    );
    assert!(text.contains("key 1: the key serves none of the issuer's `algorithms`"), "{text}");
    assert!(text.contains("help: add \"file:keys/users.jwks.json\" to `keys` of the issuer"), "{text}");

    let (_, text) = run(&["keys", "fetch", "users", "--config", &config, "--json"]);
    let fetched: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&fetched["issuer"], &fetched["keys"], &fetched["file"]),
        (&json!("users"), &json!(2), &Value::Null)
    );
    assert_eq!(
        (&fetched["origin"], fetched["skipped"].as_array().unwrap().len()),
        (&json!(source), 2),
        "{fetched:#}"
    );
    let set: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(fetched["set"]["keys"], set["keys"]);
    let thumbprints = json!([Signer::named("es256").thumbprint(), Signer::named("rs256").thumbprint()]);
    assert_eq!((&set["origin"], &set["thumbprints"]), (&json!(source), &thumbprints));
    assert!(set["fetched"].as_str().unwrap().ends_with('Z'));
    let loaded = Config::load(Path::new(&config), &|_| None).unwrap();
    assert_eq!(loaded.authorizer.issuers[0].keys.keys().len(), 2);

    let (code, text) = run(&["keys", "show", "--config", &config]);
    assert_eq!(code, 0, "{text}");
    for expected in [
        "\"es256-1\": P-256, ES256",
        "RSA, 2048 bits, RS256",
        &Signer::named("rs256").thumbprint(),
        "0 h ago",
        "not fetched (use --fetch)",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let (_, text) = run(&["keys", "show", "--config", &config, "--json", "--fetch"]);
    let listings: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(listings[0]["keys"][0]["origin"], json!(source));
    assert!(listings[0]["keys"][0]["age_seconds"].as_u64().unwrap() < 600);
    assert_eq!(listings[1]["keys"][2]["skipped"], "a symmetric key (`kty` \"oct\"); expected a public key");
}

#[test]
fn keys_that_the_function_rejects_are_not_bundled() {
    let published = json!({ "kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" });
    let long = format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(65_536));
    let mut private = Signer::named("es256").jwk();
    private["d"] = json!("AAAA");
    for (behaviour, expected) in [
        (Behaviour::ok("{\"keys\":[]}"), "the key set is empty"),
        (Behaviour::ok(json!({ "keys": [published] }).to_string()), "the private half is public"),
        (Behaviour::ok(json!({ "keys": [private] }).to_string()), "key 0: a private key"),
        (Behaviour::keys(&["es384"]), "no key serves any of the issuer's `algorithms`"),
        (Behaviour::ok("[]"), "/jwks is a list; expected a JWK Set"),
        (Behaviour::ok("<html>"), "/jwks is an HTML or XML page; expected a JWK Set"),
        (
            Behaviour::ok(json!({ "keys": vec![Signer::named("es256").jwk(); 101] }).to_string()),
            "more than 100 keys",
        ),
        (Behaviour::ok(long), "longer than"),
        (Behaviour::Response(500, String::new(), String::new()), "/jwks; expected 200"),
        (
            Behaviour::Response(302, "location: /other\r\n".to_owned(), String::new()),
            "redirects are not followed",
        ),
        (Behaviour::Close, "not reachable"),
        (Behaviour::Hang, "no response in time"),
    ] {
        let server = KeyServer::start(behaviour);
        let folder = tempfile::tempdir().unwrap();
        let config = configuration(folder.path(), &[&format!("jwks:{}", server.url("/jwks"))]);
        let out = folder.path().join("keys/new.json");
        let (code, text) =
            run(&["keys", "fetch", "users", "--config", &config, "--out", out.to_str().unwrap()]);
        assert!(code == 1 && text.contains(expected), "{expected}: {text}");
        assert!(text.contains("nothing was written") && !out.exists(), "{text}");
    }
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path(), &["oidc"]);
    for (arguments, expected) in [
        (&["unknown"][..], "unknown issuer \"unknown\"; expected one of users"),
        (
            &["users", "--source", "jwks:http://a.example/keys"],
            "invalid key source `jwks:http://a.example/keys`",
        ),
        (&["users", "--source", &format!("jwks:{}", closed_url())], "not reachable"),
    ] {
        let line: Vec<&str> =
            ["keys", "fetch", "--config", &config].iter().chain(arguments).copied().collect();
        let (code, text) = run(&line);
        assert!(code == 1 && text.contains(expected), "{text}");
    }
}

#[test]
fn keys_are_fetched_for_an_explanation_only_with_fetch() {
    let keys = std::fs::read_to_string(own::folder().join("deployment/keys/users.jwks.json")).unwrap();
    let server = KeyServer::start(Behaviour::ok(keys));
    let folder = tempfile::tempdir().unwrap();
    let source = format!("jwks:{}", server.url("/jwks"));
    let config = configuration(folder.path(), &[&source]);
    let token = own::token(&json!({}), &json!({}));
    let explain = |options: &[&str]| {
        let line = ["explain", "--verbose", "--config", &config, "--at", "1800000000", "--token", &token];
        run(&line.iter().chain(options).copied().collect::<Vec<_>>())
    };
    let (code, text) = explain(&[]);
    assert!(code == 1 && text.contains("keys_unavailable"), "{text}");
    assert!(text.contains(&format!("{source}; --fetch fetches it now")), "{text}");
    assert_eq!(server.requested_paths(), Vec::<String>::new());
    let (code, text) = explain(&["--fetch"]);
    assert!(code == 0 && text.contains("usable keys: 1"), "{text}");
    assert!(text.contains(&format!("made by key \"test\" of {source}")), "{text}");
    assert_eq!(server.requested_paths(), ["/jwks"]);
    server.set_behaviour(Behaviour::Close);
    let (code, text) = explain(&["--fetch"]);
    assert!(code == 1 && text.contains("not reachable"), "{text}");
    // One line for the source, and it is true.
    for behaviour in [Behaviour::Close, Behaviour::ok("<html></html>"), Behaviour::ok("{\"keys\":[]}")] {
        server.set_behaviour(behaviour);
        let (_, text) = explain(&["--fetch"]);
        let lines: Vec<&str> = text.lines().filter(|line| line.contains(&source)).collect();
        assert!(
            matches!(lines.as_slice(), [line] if line.contains(&format!("{source} the fetch failed: "))),
            "{text}"
        );
    }
}

#[test]
fn a_configuration_without_issuers_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("authorizer.toml");
    let path = config.to_str().unwrap();
    for text in ["", "not = = toml", "[claims]\nsub = \"sub\"\n"] {
        std::fs::write(&config, text).unwrap();
        for command in [&["show"][..], &["fetch", "users"]] {
            let line = [&["keys"][..], command, &["--config", path]].concat();
            let (code, output) = run(&line);
            assert!(
                code == 1 && output.contains("authorizer.toml: no issuer\n  help: "),
                "{line:?}: {output}"
            );
        }
    }
}
