//! Errors of a configuration, as every command shows them.

use super::folder::Folder;
use super::run;

/// Runs a command with a configuration, named by its path.
fn with(folder: &Folder, line: &[&str]) -> (i32, String) {
    let config = folder.path("authorizer.toml").display().to_string();
    run(&[line, &["--config", &config]].concat())
}

#[test]
fn a_missing_file_is_named_as_the_user_named_it() {
    for line in [
        &["check"][..],
        &["serve", "--port", "0"],
        &["token", "--sub", "a"],
        &["explain", "--claims", "x.json"],
        &["can", "Publish", "topic/a", "--claims", "x.json"],
        &["keys", "show"],
        &["snippet", "curl"],
        &["package"],
    ] {
        let (code, text) = run(&[line, &["--config", "nope.toml"]].concat());
        assert!(code == 1 || (code == 2 && line[0] == "can"), "{line:?}: {text}");
        assert!(text.starts_with("error: nope.toml: no such file\n"), "{line:?}: {text}");
        assert!(!text.contains("AUTHORIZER_CONFIG") && !text.contains("entity"), "{line:?}: {text}");
    }
    let folder = Folder::example();
    let old = folder.path("authorizer.toml").display().to_string();
    let (code, text) = run(&["diff", &old, "nope.toml", "--claims", "."]);
    assert_eq!((code, text.as_str()), (2, "error: nope.toml: no such file\n"));
}

/// The errors after a syntax error are mostly its consequences.
#[test]
fn a_toml_syntax_error_is_reported_alone_and_at_its_place() {
    for (name, old, new, place, expected) in [
        ("a quote", "[\"iot.example.com\"]", "[\"iot.example.com", "7:77", "invalid basic string"),
        ("a bracket of a table", "[[issuer]]", "[[issuer", "4:8", "unclosed array table"),
        ("the end of a list", "[\"iot.example.com\"]", "[\"iot.example.com\"", "8:", "expected `,`"),
        (
            "the last list",
            "devices = {",
            "devices = [{",
            "19:1",
            "help: a list before this place may lack its `]`",
        ),
        (
            "the end of the file",
            "role = \"operator\" }",
            "role = \"operator\" ",
            "27:29",
            "unclosed inline table",
        ),
        ("an equals sign", "id         = ", "id           ", "5:", "expected"),
    ] {
        let folder = Folder::example();
        folder.edit("authorizer.toml", old, new);
        let (code, text) = with(&folder, &["check"]);
        assert_eq!((code, text.matches("error: ").count()), (1, 1), "{name}: {text}");
        assert!(text.contains(&format!("/authorizer.toml:{place}")), "{name}: {text}");
        assert!(text.contains(expected), "{name}: {text}");
    }
}

#[test]
fn unknown_names_get_a_suggestion() {
    for (file, old, new, expected) in [
        ("authorizer.toml", "audience   =", "audiences  =", Some("audience")),
        ("authorizer.toml", "[claims]", "[clams]", Some("claims")),
        ("authorizer.toml", "max_items", "max_item", Some("max_items")),
        ("authorizer.toml", "policy = \"app-user\"", "policy = \"app-usr\"", Some("app-user")),
        ("authorizer.toml", "\"${sub}\", ", "\"${sbu}\", ", Some("sub")),
        (
            "authorizer.toml",
            "policy = \"app-user\"",
            "policy = \"app-user\"\nissuer = \"user\"",
            Some("users"),
        ),
        ("authorizer.toml", "[claims]\n", "claims = { tennant = \"org\" }\n\n[claims]\n", Some("tenant")),
        ("policies/app-user.json", "topic/${tenant}", "topic/${tennant}", Some("tenant")),
        ("policies/app-user.json", "${mqtt:client_id}", "${mqtt:clientid}", Some("mqtt:client_id")),
        ("policies/app-user.json", "topic/${tenant}", "topic/${colour}", None),
        ("authorizer.toml", "audience   =", "colour     =", None),
    ] {
        let folder = Folder::example();
        folder.edit(file, old, new);
        let (code, text) = with(&folder, &["check"]);
        assert_eq!(code, 1, "{new}: {text}");
        match expected {
            Some(name) => assert!(text.contains(&format!("help: did you mean `{name}`?")), "{new}: {text}"),
            None => assert!(!text.contains("did you mean"), "{new}: {text}"),
        }
    }
}

#[test]
fn an_unknown_issuer_of_a_command_gets_a_suggestion() {
    let folder = Folder::example();
    folder.write("a.json", r#"{ "sub": "ana", "tenant": "acme" }"#);
    let claims = folder.path("a.json").display().to_string();
    for line in [
        &["token", "--sub", "a", "--issuer", "user"][..],
        &["keys", "fetch", "user"],
        &["explain", "--claims", &claims, "--issuer", "user"],
        &["snippet", "curl", "--issuer", "user"],
    ] {
        let (code, text) = with(&folder, line);
        assert_eq!(code, 1, "{text}");
        assert!(
            text.contains("unknown issuer \"user\"; expected one of users\n  help: did you mean \"users\"?"),
            "{text}"
        );
    }
}

#[test]
fn every_command_shows_the_lines_of_errors_as_check_does() {
    let folder = Folder::example();
    folder.edit("authorizer.toml", "audience   =", "audiences  =");
    folder.edit("policies/app-user.json", "topic/${tenant}", "topic/${tennant}");
    let (_, report) = with(&folder, &["check"]);
    let (errors, _) = report.rsplit_once("\n\n").unwrap();
    assert!(errors.contains("audiences  = [") && errors.contains("^^^"), "{errors}");
    for line in [
        &["serve", "--port", "0"][..],
        &["explain", "--claims", "/nowhere"],
        &["can", "Publish", "topic/a", "--claims", "/nowhere"],
    ] {
        assert_eq!(with(&folder, line).1.trim_end(), errors, "{line:?}");
    }
}

/// An error that only the function itself finds, here another program with the same output.
#[test]
fn start_errors_of_the_function_are_shown_with_their_lines() {
    let folder = Folder::example();
    let script = "printf 'error: authorizer.toml:5: bad id\\n  help: another one\\nerror: policies/app-user.json: \
                  Statement[0].Effect: bad effect\\nerror: keys/users.jwks.json: bad keys\\n' >&2; exit 1";
    let (code, text) = with(
        &folder,
        &["serve", "--port", "0", "--tls-port", "0", "--mqtts-port", "0", "--function", script],
    );
    assert_eq!(code, 1, "{text}");
    for expected in [
        "error: bad id\n",
        "authorizer.toml:5:1\n",
        "5 | id         = \"users\"",
        "help: another one",
        "\"Effect\": \"Allow\"",
        "/keys/users.jwks.json: bad keys",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let (_, text) = with(
        &folder,
        &[
            "serve",
            "--port",
            "0",
            "--tls-port",
            "0",
            "--mqtts-port",
            "0",
            "--function",
            "echo oops >&2; exit 3",
        ],
    );
    assert!(text.contains("the function exited before its first event") && text.contains("oops"), "{text}");
}
