//! What the proof of client ids takes on trust.

use serde_json::{Value, json};

use super::support::Folder;

/// Two issuers with these client ids; the first also has `claims`.
fn folder(first: &str, claims: &str, second: &str) -> Folder {
    let folder = Folder::example();
    let issuer = |id: &str, patterns: &str, claims: &str| {
        format!(
            "[[issuer]]\nid = \"{id}\"\nissuer = \"https://{id}.example/\"\naudience = [\"a\"]\nalgorithms = [\"RS256\"]\n\
             keys = [\"file:keys/users.jwks.json\"]\nclient_ids = {patterns}\n{claims}\n"
        )
    };
    let slots = "[claims]\nsub = \"sub\"\ntenant = \"tenant\"\nunused = { path = \"u\", unique = true }\n\
                 same = { path = \"sub\", unique = true }\ndevice = { path = \"/did\", unique = true }\n\
                 [[grant]]\npolicy = \"app-user\"\nissuer = [\"one\", \"two\"]\n";
    folder.write(
        "authorizer.toml",
        &format!("{}{}{slots}", issuer("one", first, claims), issuer("two", second, "")),
    );
    folder
}

#[test]
fn check_lists_what_it_takes_on_trust() {
    let unique = |issuer: &str, claim: &str| {
        format!(
            "taken on trust: no two subjects of issuer `{issuer}` have the same `{claim}`: the slot `device` is `unique`"
        )
    };
    let shared = |pattern: &str| {
        format!(
            "taken on trust: issuers `one` and `two` have the same subjects: both have the client ids `{pattern}`"
        )
    };
    let cases: [(&str, &str, &str, Vec<String>); 6] = [
        (r#"["1/${sub}"]"#, "", r#"["2/${same}"]"#, vec![]),
        (r#"["1/${device}"]"#, "", r#"["2/${sub}"]"#, vec![unique("one", "/did")]),
        (
            r#"["1/${device}"]"#,
            "claims = { device = \"id\" }",
            r#"["2/${device}"]"#,
            vec![unique("one", "id"), unique("two", "/did")],
        ),
        (r#"["${sub}", "1/${sub}"]"#, "", r#"["${sub}", "2/${sub}"]"#, vec![shared("${sub}")]),
        (r#"["${issuer:id}/${sub}"]"#, "", r#"["${issuer:id}/${sub}"]"#, vec![]),
        (
            r#"["${device}/*"]"#,
            "",
            r#"["${device}/*"]"#,
            vec![unique("one", "/did"), unique("two", "/did"), shared("${device}/*")],
        ),
    ];
    for (first, claims, second, expected) in cases {
        let report = folder(first, claims, second).examine();
        assert!(report.json()["ok"].as_bool().unwrap(), "{first} {second}: {}", report.text(false));
        let text = report.text(false);
        let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("taken on trust: ")).collect();
        assert_eq!(lines, expected, "{first} {second}");
        assert_eq!(report.json()["trusted"].as_array().unwrap().len(), expected.len());
    }
    let trusted = folder(r#"["${device}"]"#, "", r#"["${device}"]"#).examine().json()["trusted"].clone();
    let expected = json!([
        { "issuer": "one", "slot": "device", "claim": "/did" },
        { "issuer": "two", "slot": "device", "claim": "/did" },
        { "issuers": ["one", "two"], "pattern": "${device}" },
    ]);
    assert_eq!(trusted, expected);
}

/// A word that the issuer takes back proves nothing, so nothing is taken on trust: it is an error.
#[test]
fn without_the_word_there_is_no_proof() {
    let claims = "claims = { device = { path = \"id\", unique = false } }";
    let report = folder(r#"["${device}"]"#, claims, r#"["2/${sub}"]"#).examine();
    assert_eq!(report.json()["ok"], Value::Bool(false));
    assert_eq!(report.json()["trusted"], json!([]));
    assert!(
        report.text(false).contains("two subjects of issuer `one` could hold one client id, by `${device}`")
    );
}
