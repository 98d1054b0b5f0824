//! `revoke`, `unrevoke` and `revoked`, with a list in a file, and what `explain` and `check` say about it.

use serde_json::{Value, json};

use super::folder::Folder;
use super::run;
use super::support::key_server::{Behaviour, KeyServer};

/// The example with a `[revocation]`.
fn example(source: &str) -> Folder {
    let folder = Folder::example();
    let config = std::fs::read_to_string(folder.path("authorizer.toml")).unwrap();
    folder.write("authorizer.toml", &format!("{config}\n[revocation]\nsource = \"{source}\"\n"));
    folder
}

fn list(folder: &Folder) -> Value {
    serde_json::from_slice(&std::fs::read(folder.path("revoked.json")).unwrap()).unwrap()
}

/// Runs a command on a folder's configuration.
fn on(folder: &Folder, line: &[&str]) -> (i32, String) {
    let config = folder.path("authorizer.toml");
    run(&[line, &["--config", config.to_str().unwrap()]].concat())
}

#[test]
fn entries_are_added_and_removed() {
    let folder = example("file:revoked.json");
    let (code, text) = on(&folder, &["revoked"]);
    assert!(code == 1 && text.contains("there is no list") && text.contains("cargo local revoke"), "{text}");
    for (line, exit, version, said) in [
        (&["revoke", "--sub", "alice"][..], 0, 1, "revoked: users: sub \"alice\""),
        (
            &["revoke", "--issuer", "users", "--sub", "alice"],
            0,
            1,
            "on the list already; nothing was written",
        ),
        (&["revoke", "--jti", "t-1", "--kid", "k-1"], 0, 2, "version 2, 3 entries"),
        (
            &["revoke", "--sub", "bob", "--issued-before", "2027-01-15T08:00:00Z"],
            0,
            3,
            "2027-01-15T08:00:00Z",
        ),
        (
            &["revoke", "--sub", "carol", "--sha256"],
            0,
            4,
            "sha256:4c26d9074c27d89ede59270c0ac14b71e071b15239519f75474b2f3ba63481f5",
        ),
        (&["revoke", "--sub", "carol"], 0, 4, "on the list already"),
        (&["unrevoke", "--sub", "dave"], 1, 4, "not on the list: users: sub \"dave\""),
        (&["unrevoke", "--sub", "carol"], 0, 5, "not revoked any more: users: sub \"sha256:"),
        (&["unrevoke", "--sub", "bob"], 0, 6, "not revoked any more: users: issued_before \"bob\""),
        (
            &["revoke", "--issuer", "user", "--sub", "eve"],
            1,
            6,
            "unknown issuer \"user\"; expected one of users",
        ),
        (&["revoke", "--sub", ""], 1, 6, "--sub is empty"),
        (&["revoke", "--issuer", "users"], 2, 6, "required"),
        (&["revoke", "--jti", "x", "--issued-before", "now"], 2, 6, "--sub"),
        (&["revoke", "--sub", "eve", "--issued-before", "tomorrow"], 2, 6, "expected a date"),
    ] {
        let (code, text) = on(&folder, line);
        assert!(code == exit && text.contains(said), "{line:?}: {code} {text}");
        assert_eq!(list(&folder)["version"], version, "{line:?}");
    }
    assert_eq!(
        list(&folder),
        json!({ "version": 6, "sub": { "users": ["alice"] }, "jti": { "users": ["t-1"] }, "kid": { "users": ["k-1"] } })
    );
    let (_, text) = on(&folder, &["revoked"]);
    assert!(text.ends_with("users: sub \"alice\"\nusers: jti \"t-1\"\nusers: kid \"k-1\"\n"), "{text}");
    let (_, text) = on(&folder, &["revoked", "--json"]);
    let shown: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&shown["version"], &shown["entries"][0]["value"]), (&json!(6), &json!("alice")));
    // Whatever an editor has left there is not replaced.
    folder.write("revoked.json", "{\"version\": 7,");
    let (code, text) = on(&folder, &["revoke", "--sub", "eve"]);
    assert!(code == 1 && text.contains("has invalid JSON at line 1, column 14"), "{text}");
    assert_eq!(std::fs::read_to_string(folder.path("revoked.json")).unwrap(), "{\"version\": 7,");
}

/// A token that is issued in the same second counts as issued before.
#[test]
fn now_is_the_end_of_the_present_second() {
    let folder = example("file:revoked.json");
    let before = iot_local_base::timestamp::seconds(iot_local_base::clock::now());
    let (code, text) = on(&folder, &["revoke", "--sub", "alice", "--issued-before", "now", "--json"]);
    assert_eq!(code, 0, "{text}");
    let time = list(&folder)["issued_before"]["users"]["alice"].as_u64().unwrap();
    assert!((before + 1..before + 60).contains(&time), "{time}");
    let shown: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&shown["version"], &shown["refreshSeconds"]), (&json!(1), &json!(60)));
    assert_eq!(shown["principal"].as_str().unwrap().len(), 64);
}

#[test]
fn a_list_elsewhere_is_not_written_without_a_way_to_it() {
    for (source, said) in [
        ("https://lists.example.com/revoked.json", "a list at an address is not written by this command"),
        ("secret:iot/revoked", "aws secretsmanager put-secret-value --secret-id 'iot/revoked'"),
    ] {
        let folder = example(source);
        let (code, text) = on(&folder, &["revoke", "--sub", "alice"]);
        assert!(code == 1 && text.contains(said), "{text}");
        // A copy of it can be changed.
        let copy = folder.path("revoked.json");
        let (code, text) = on(&folder, &["revoke", "--sub", "alice", "--list", copy.to_str().unwrap()]);
        assert!(code == 0 && text.contains("version 1, 1 entry"), "{text}");
    }
    let folder = Folder::example();
    let (code, text) = on(&folder, &["revoke", "--sub", "alice"]);
    assert!(code == 1 && text.contains("the configuration has no [revocation]"), "{text}");
}

/// `explain` shows the step, with a list in a file and, with `--fetch`, with one at an address.
#[test]
fn the_list_is_explained() {
    let claims = |folder: &Folder, extra: &[&str]| {
        folder.write("claims.json", "{\"sub\": \"alice\", \"tenant\": \"acme\"}");
        let path = folder.path("claims.json");
        on(folder, &[&["explain", "--claims", path.to_str().unwrap()], extra].concat())
    };
    let folder = example("file:revoked.json");
    let (code, text) = claims(&folder, &[]);
    assert!(code == 1 && text.contains("revocation_stale"), "{text}");
    folder.write("revoked.json", "{\"version\": 3, \"sub\": {\"users\": [\"bob\"]}}");
    let (code, text) = claims(&folder, &["--verbose"]);
    assert!(
        code == 0 && text.contains("version 3 with 1 entries") && text.contains("no entry for it"),
        "{text}"
    );
    assert_eq!(on(&folder, &["revoke", "--sub", "alice"]).0, 0);
    let (code, text) = claims(&folder, &[]);
    assert!(code == 1 && text.contains("revoked by its `sub`"), "{text}");

    let server = KeyServer::start(Behaviour::ok("{\"version\": 1, \"sub\": {\"users\": [\"alice\"]}}"));
    let folder = example(&server.url("/revoked.json"));
    let (code, text) = claims(&folder, &["--verbose"]);
    assert!(code == 0 && text.contains("not read; --fetch reads"), "{text}");
    let (code, text) = claims(&folder, &["--fetch"]);
    assert!(code == 1 && text.contains("revoked by its `sub`"), "{text}");
}

#[test]
fn the_list_is_checked() {
    let long: Vec<String> = (0..5000).map(|number| format!("subject-{number}")).collect();
    let long = json!({ "version": 1, "sub": { "users": long } }).to_string();
    let plain = "{\"version\": 1, \"sub\": {\"users\": [\"alice\"]}}";
    let hashed = format!("{{\"version\": 1, \"sub\": {{\"users\": [\"sha256:{}\"]}}}}", "0".repeat(64));
    let (file, secret, address) =
        ("file:revoked.json", "secret:iot/revoked", "https://lists.example.com/r.json");
    for (source, list, names_it, code, said) in [
        (file, None, false, 1, "cannot read the revocation list"),
        (file, Some(plain), false, 0, ""),
        (file, Some("{}"), false, 1, "has no `version`"),
        (file, Some("{\"version\": 1, \"sub\": {\"user\": [\"a\"]}}"), false, 0, "unknown issuer `user`"),
        (file, Some(&*long), false, 0, ""),
        (secret, Some("{}"), false, 0, ""),
        (secret, Some("{}"), true, 1, "has no `version`"),
        (secret, Some(&*long), true, 1, "a secret holds at most 65536"),
        (secret, Some(plain), true, 0, ""),
        (address, Some(plain), true, 0, "has 1 plain entries"),
        (address, Some(&*hashed), true, 0, ""),
    ] {
        let folder = example(source);
        if let Some(text) = list {
            folder.write("revoked.json", text);
        }
        let path = folder.path("revoked.json");
        let named = ["--list", path.to_str().unwrap()];
        let (found, text) = on(&folder, &[&["check"][..], if names_it { &named[..] } else { &[] }].concat());
        assert_eq!(found, code, "{source} {list:?}: {text}");
        let mentions = text.contains("revocation list");
        assert!(text.contains(said) && mentions != said.is_empty(), "{source}: {text}");
        // The warning can be accepted.
        if said.contains("plain") {
            let config = std::fs::read_to_string(folder.path("authorizer.toml")).unwrap();
            let allow = "[check.allow]\n\"plain-entries authorizer.toml\" = \"the address is private\"\n";
            folder.write("authorizer.toml", &format!("{config}\n{allow}"));
            let (_, text) = on(&folder, &[&["check"][..], &named[..]].concat());
            assert!(text.contains("accepted: plain-entries authorizer.toml"), "{text}");
        }
    }
}
