//! Output and exit codes of `diff`.

use super::own::{self, folder};
use super::run;

/// A copy of the tests' configuration with replaced texts, and claims of two users.
fn changed(changes: &[(&str, &str, &str)]) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for name in ["policies", "keys", "claims"] {
        std::fs::create_dir(copy.path().join(name)).unwrap();
    }
    for file in ["authorizer.toml", "policies/user.json", "policies/operator.json", "keys/users.jwks.json"] {
        let mut text = std::fs::read_to_string(folder().join("deployment").join(file)).unwrap();
        for (_, from, to) in changes.iter().filter(|(changed, _, _)| *changed == file) {
            assert!(text.contains(from), "{file}: {from}");
            text = text.replace(from, to);
        }
        std::fs::write(copy.path().join(file), text).unwrap();
    }
    for (name, role) in [("ana", "user"), ("olga", "operator")] {
        let claims = serde_json::json!({
            "iss": "https://login.example.com/", "sub": name, "tenant": "acme", "scope": "iot:connect", "role": role,
        });
        std::fs::write(copy.path().join(format!("claims/{name}.json")), claims.to_string()).unwrap();
    }
    copy
}

fn diff(changes: &[(&str, &str, &str)], accept: Option<&str>) -> (i32, String) {
    let (old, new) = (changed(&[]), changed(changes));
    let path = |folder: &tempfile::TempDir, name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let accepted = path(&new, "accepted");
    std::fs::write(&accepted, accept.unwrap_or_default()).unwrap();
    let (before, after) = (path(&old, "authorizer.toml"), path(&new, "authorizer.toml"));
    let claims = path(&old, "claims");
    let mut line = vec!["diff", &before, &after, "--claims", &claims, "--at", "1800000000"];
    line.extend(accept.iter().flat_map(|_| ["--accept", &accepted]));
    run(&line)
}

const USER: &str = "policies/user.json";
const OPERATOR: &str = "policies/operator.json";
const CONFIG: &str = "authorizer.toml";

#[test]
fn gains_and_losses() {
    let deny = ",\n    { \"Effect\": \"Deny\", \"Action\": \"iot:Receive\", \"Resource\": \"topic/${tenant}/private/*\" }";
    for (changes, code, expected) in [
        (&[][..], 0, &["ana.json has the same permissions", "olga.json has the same permissions"][..]),
        // Another resource of the operator already covers it.
        (
            &[(
                OPERATOR,
                "topic/${tenant}/*\" }",
                "topic/${tenant}/*\" }, { \"Effect\": \"Allow\", \"Action\": \"iot:Receive\", \"Resource\": \"topic/${tenant}/more/*\" }",
            )],
            0,
            &["olga.json has the same permissions"],
        ),
        (
            &[(USER, "topic/${tenant}/${sub}/*", "topic/${tenant}/${sub}/own/*")],
            0,
            &["- ana.json iot:Publish topic/acme/ana/*", "+"],
        ),
        (
            &[(CONFIG, "\"acme\", \"globex\", \"*\"", "\"globex\"")],
            0,
            &["ana.json is now denied with no_grant", "- ana.json iot:Connect client/ana"],
        ),
        (&[(CONFIG, "role = \"operator\"", "role = \"boss\"")], 0, &["- olga.json iot:Receive topic/acme/*"]),
        (
            &[(CONFIG, "role = \"operator\"", "scope = \"iot:connect\"")],
            1,
            &["+ ana.json iot:Receive topic/acme/*", "olga.json has the same permissions"],
        ),
        (
            &[(USER, "topic/${tenant}/${sub}/*", "topic/${tenant}/*")],
            1,
            &["+ ana.json iot:Publish topic/acme/*", "+ olga.json iot:Publish topic/acme/*"],
        ),
        (
            &[(OPERATOR, deny, "")],
            1,
            &["+ olga.json iot:Receive topic/acme/private/* (no longer denied)", "ana.json has the same"],
        ),
        (
            &[
                (
                    CONFIG,
                    "client_ids           = [\"${sub}\"]",
                    "client_ids           = [\"${sub}\", \"${sub}/*\"]",
                ),
                (CONFIG, "${issuer:id}/${sub}", "${issuer:id}:x/${issuer:id}/${sub}"),
            ],
            1,
            &["+ ana.json client-id ana/*"],
        ),
    ] {
        let (exit_code, text) = diff(changes, None);
        // `+` alone means that there are no gains.
        for expected in expected {
            match *expected {
                "+" => assert!(!text.lines().any(|line| line.starts_with('+')), "{text}"),
                line => assert!(text.contains(line), "{line}: {text}"),
            }
        }
        assert_eq!(exit_code, code, "{changes:?}: {text}");
    }
}

#[test]
fn accepted_gains() {
    let wider = [(USER, "topic/${tenant}/${sub}/*", "topic/${tenant}/*")];
    for (accept, code, expected) in [
        ("", 1, "gains: 3, not accepted: 3"),
        ("# meant\nana.json iot:Publish topic/acme/*\n", 1, "gains: 3, not accepted: 2"),
        ("* iot:Publish topic/acme/*\n+ ana.json iot:Receive topic/acme/*\n", 0, "gains: 3, not accepted: 0"),
        ("* iot:Publish topic/*\n", 1, "! accepted, but not a gain: * iot:Publish topic/*"),
        ("* iot:Publish topic/acme/*\n* iot:Subscribe topic/acme/*\n", 1, "(accepted)"),
        ("ana.json\n", 2, "accepted:1: invalid gain; expected `FILE ACTION RESOURCE`"),
    ] {
        let (exit_code, text) = diff(&wider, Some(accept));
        assert_eq!(exit_code, code, "{accept}: {text}");
        assert!(text.contains(expected), "{accept}: {text}");
    }
}

#[test]
fn errors_exit_with_2() {
    let (folder, config) = (tempfile::tempdir().unwrap(), own::config());
    let (config, empty) = (config.to_str().unwrap(), folder.path().to_str().unwrap());
    for (line, expected) in [
        (["diff", config, "/nowhere", "--claims", empty], "/nowhere"),
        (["diff", config, config, "--claims", "/nowhere"], "/nowhere"),
        (["diff", config, config, "--claims", empty], "no .json file; expected one for each kind of subject"),
    ] {
        let (code, text) = run(&line);
        assert_eq!(code, 2, "{text}");
        assert!(text.contains(expected), "{text}");
    }
    std::fs::write(folder.path().join("a.json"), "[]").unwrap();
    let (code, text) = run(&["diff", config, config, "--claims", empty]);
    assert!(code == 2 && text.contains("a.json: invalid claims; expected a JSON object"), "{text}");
}
