//! `init`: the written folder for each provider, its use outside of the checkout, and values that are not accepted.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use iot_jwt_authorizer::config::Config;
use iot_local_identity::deployment::document::ConfigDocument;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::init_tables::{INVALID, PROVIDERS};
use super::support::key_server::{Behaviour, KeyServer, closed_url};
use super::support::signer::Signer;

/// Runs the installed form of the program in a folder. Returns its exit code, and its standard output and error.
fn run(folder: &Path, line: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-local"));
    let output = command.arg("local").args(line).current_dir(folder).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), text)
}

fn init(parent: &TempDir, arguments: &[&str]) -> (i32, String) {
    run(parent.path(), &[&["init", "new"], arguments].concat())
}

fn entries(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn every_provider_s_folder_passes_the_check_at_once() {
    for (arguments, issuer, audience, keys, edits) in PROVIDERS {
        let parent = tempfile::tempdir().unwrap();
        let (code, text) = init(&parent, arguments);
        assert_eq!(code, 0, "{arguments:?}: {text}");
        assert_eq!(text.matches("edit: authorizer.toml:").count(), edits, "{arguments:?}: {text}");
        assert_eq!(entries(parent.path()), ["new"], "nothing else is left");
        let folder = parent.path().join("new");
        let config = fs::read_to_string(folder.join("authorizer.toml")).unwrap();
        let loaded = Config::load(&folder.join("authorizer.toml"), &|_| None).unwrap();
        let [found] = &loaded.authorizer.issuers[..] else { panic!("{arguments:?}: one issuer\n{config}") };
        assert_eq!(&*found.rules.issuer, issuer, "{config}");
        assert_eq!(found.rules.audience, [Box::<str>::from(audience)], "{config}");
        let document = ConfigDocument::parse(&config).unwrap().to_json();
        assert_eq!(document["issuer"][0]["keys"], json!([keys]), "{config}");
        assert!(
            config.lines().all(|line| !line.contains("machine") || edits > 0 || !line.contains("2machine"))
        );
        let (code, text) = run(&folder, &["check"]);
        assert_eq!(code, 0, "{arguments:?}: {text}\n{config}");
        assert!(text.contains("cases, 0 failed") && !text.contains("skipped"), "{text}");
        // Nothing is gained between the folder and itself.
        let (code, text) =
            run(&folder, &["diff", "authorizer.toml", "authorizer.toml", "--claims", "claims"]);
        assert_eq!(code, 0, "{arguments:?}: {text}");
    }
}

#[test]
fn invalid_values_are_rejected_and_nothing_is_written() {
    for (arguments, expected) in INVALID {
        let parent = tempfile::tempdir().unwrap();
        let (code, text) = init(&parent, arguments);
        assert!(code == 2 && text.contains(expected), "{arguments:?}: {code} {text}");
        assert_eq!(entries(parent.path()), Vec::<String>::new(), "{arguments:?}");
    }
}

/// `--client` is a condition of every grant for users, and `claims/` has it.
#[test]
fn a_client_is_required_by_the_grants() {
    let parent = tempfile::tempdir().unwrap();
    let line = ["--okta", "https://acme.okta.com/oauth2/default", "--audience", "a", "--client", "0oa1"];
    assert_eq!(init(&parent, &line).0, 0);
    let folder = parent.path().join("new");
    let config = fs::read_to_string(folder.join("authorizer.toml")).unwrap();
    let document = ConfigDocument::parse(&config).unwrap().to_json();
    for grant in document["grant"].as_array().unwrap() {
        assert_eq!(grant["when"]["cid"], "0oa1", "{config}");
    }
    let user = folder.join("claims/user.json");
    let can = |file: &str| {
        run(&folder, &["can", "--claims", file, "iot:Publish", "topic/acme/users/00uexampleana00001/x"])
    };
    assert_eq!(can("claims/user.json").0, 0);
    let other = fs::read_to_string(&user).unwrap().replace("0oa1", "0oa2");
    fs::write(&user, other).unwrap();
    let (code, text) = can("claims/user.json");
    assert!(code == 1 && text.contains("no_grant"), "{text}");
}

/// Every command works in a folder that is not in the checkout. `./test sources` runs `serve` there.
#[test]
fn commands_run_within_the_folder() {
    let parent = tempfile::tempdir().unwrap();
    let line = ["--auth0", "acme.eu.auth0.com", "--audience", "urn:iot"];
    assert_eq!(init(&parent, &line).0, 0);
    let folder = parent.path().join("new");
    let bootstrap = parent.path().join("bootstrap");
    let mut header = [0; 64];
    header[..21].copy_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0\x01");
    header[52] = 64;
    fs::write(&bootstrap, header).unwrap();
    let bootstrap = bootstrap.to_str().unwrap();
    let claim = ["--claim", "https://example.com/tenant=acme", "--claim", "scope=iot:connect"];
    let (code, token) = run(&folder, &[&["token", "--sub", "auth0|ana"], &claim[..]].concat());
    assert_eq!(code, 0, "{token}");
    for (line, expected) in [
        (&["check", "--json"][..], "\"ok\": true"),
        (&["explain", "--config", ".iot-local/authorizer.toml", "--token", token.trim()], "app-user"),
        (&["explain", "--claims", "claims/user.json"], "app-user"),
        (&["keys", "show"], "not fetched"),
        (&["package", "--bootstrap", bootstrap, "--arch", "x86_64"], "iot-jwt-authorizer-x86_64.zip"),
    ] {
        let (code, text) = run(&folder, line);
        assert!(code == 0 && text.contains(expected), "{line:?}: {text}");
    }
    assert!(folder.join("target/package/iot-jwt-authorizer-x86_64.zip").exists());
    // What the commands wrote is ignored by Git.
    let ignored = fs::read_to_string(folder.join(".gitignore")).unwrap();
    for name in entries(&folder) {
        let is_state = name == ".iot-local" || name == "target";
        assert_eq!(ignored.lines().any(|line| line == format!("{name}/")), is_state, "{name}");
    }
}

#[test]
fn the_workflow_and_the_parameters_fit_this_repository() {
    let parent = tempfile::tempdir().unwrap();
    let (code, text) = init(&parent, &["--oidc", "https://login.acme.test", "--json"]);
    assert_eq!(code, 0, "{text}");
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["edit"][0]["file"], "authorizer.toml");
    let folder = parent.path().join("new");
    for file in report["files"].as_array().unwrap() {
        assert!(folder.join(file.as_str().unwrap()).is_file(), "{file}");
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    let workflow = fs::read_to_string(folder.join(".github/workflows/authorizer.yml")).unwrap();
    assert!(workflow.contains("--git \"$AUTHORIZER_REPOSITORY\" --rev \"$AUTHORIZER_COMMIT\" iot-local"));
    assert!(workflow.contains(&format!("AUTHORIZER_COMMIT: {}\n", report["commit"].as_str().unwrap())));
    let requirements = read("tests/outside/package/requirements.txt");
    let pins =
        requirements.lines().filter_map(|line| line.strip_suffix(" \\").filter(|line| line.contains("==")));
    let pins: Vec<&str> = pins.filter(|pin| !pin.starts_with(' ')).collect();
    assert!(pins.len() == 2 && pins.iter().all(|pin| workflow.contains(pin)), "{pins:?}");
    let template = read("template.yaml");
    let parameters = fs::read_to_string(folder.join("parameters.yaml")).unwrap();
    let names: Vec<&str> = parameters
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(':').next())
        .collect();
    assert_eq!(names, ["AuthorizerName", "AlarmTopicArn"]);
    assert!(names.iter().all(|name| template.contains(&format!("\n  {name}:\n"))), "{names:?}");
    first_step_names_a_missing_commit(&workflow);
}

/// Runs the first step of the workflow.
fn first_step_names_a_missing_commit(workflow: &str) {
    let (_, step) = workflow.split_once("run: |\n").unwrap();
    let (step, _) = step.split_once("      - ").unwrap();
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let repository = "https://github.com/acme/iot-jwt-authorizer";
    for (repository, commit, succeeds, expected) in [
        (repository, commit, true, ""),
        (repository, "SET_THE_COMMIT", false, "set AUTHORIZER_COMMIT to a full commit"),
        (repository, "0123456789ab", false, "all 40 digits"),
        (repository, "", false, "all 40 digits"),
        (repository, "main", false, "set AUTHORIZER_COMMIT to a full commit"),
        ("https://github.com/OWNER/iot-jwt-authorizer", commit, false, "set AUTHORIZER_REPOSITORY"),
    ] {
        let mut command = Command::new("sh");
        command.env("AUTHORIZER_REPOSITORY", repository).env("AUTHORIZER_COMMIT", commit);
        let output = command.args(["-c", step]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success() == succeeds && text.contains(expected),
            "{repository} {commit}: {text}"
        );
    }
}

#[test]
fn a_folder_that_is_not_empty_is_kept() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("new");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("mine"), "kept").unwrap();
    let (code, text) = init(&parent, &["--firebase", "acme-prod-1"]);
    assert!(
        code == 2 && text.contains("not an empty folder; nothing was written\n  help: "),
        "{code} {text}"
    );
    assert_eq!(entries(&folder), ["mine"]);
    fs::remove_file(folder.join("mine")).unwrap();
    assert_eq!(init(&parent, &["--firebase", "acme-prod-1"]).0, 0, "an empty folder is replaced");
    let (code, _) = init(&parent, &["--firebase", "acme-prod-1"]);
    assert_eq!(code, 2, "never twice");
    let (code, text) = run(&parent.path().join("new/claims"), &["init", "."]);
    assert!(code == 2 && text.contains("not an empty folder"), "{text}");
    let empty = parent.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let (code, text) = run(&empty, &["init", "."]);
    assert!(code == 2 && text.contains("the working directory cannot be replaced"), "{text}");
}

/// Killed at any time, the folder is complete or does not exist.
#[test]
fn a_kill_leaves_no_half_of_a_folder() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("new");
    let arguments = ["local", "init", "new", "--cognito", "eu-west-1_A", "--client", "7abc"];
    let (mut complete, mut absent) = (0, 0);
    for microseconds in (0..30).map(|step| step * 400) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-local"));
        command.args(arguments).current_dir(parent.path()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        std::thread::sleep(Duration::from_micros(microseconds));
        // It may have ended already.
        let _ = child.kill();
        child.wait().unwrap();
        if folder.exists() {
            let files = [
                "authorizer.toml",
                "README.md",
                ".gitignore",
                "parameters.yaml",
                ".github/workflows/authorizer.yml",
            ];
            assert!(
                files.iter().all(|file| folder.join(file).is_file()),
                "after {microseconds} microseconds"
            );
            complete += 1;
            fs::remove_dir_all(&folder).unwrap();
        } else {
            absent += 1;
        }
    }
    assert_eq!(complete + absent, 30);
    assert!(absent > 0, "no kill came before the end");
    // What a kill left does not disturb the next run.
    assert_eq!(init(&parent, &arguments[3..]).0, 0);
}

/// A discovery document and a key set in one, since the server has one response for every path.
fn document(server: &KeyServer, issuer: &str, keys: &[Value]) -> Behaviour {
    Behaviour::ok(json!({ "issuer": issuer, "jwks_uri": server.url("/jwks"), "keys": keys }).to_string())
}

#[test]
fn discovery_is_read_only_with_fetch() {
    let server = KeyServer::start(Behaviour::Close);
    let issuer = server.url("");
    let keys =
        [Signer::named("es256").jwk(), Signer::named("rs256").jwk(), json!({ "kty": "oct", "k": "AAAA" })];
    server.set_behaviour(document(&server, &issuer, &keys));
    let parent = tempfile::tempdir().unwrap();
    let line = ["--oidc", &issuer, "--audience", "iot"];
    assert_eq!(init(&parent, &line).0, 0);
    assert_eq!(server.requested_paths(), Vec::<String>::new());
    fs::remove_dir_all(parent.path().join("new")).unwrap();
    let (code, text) = init(&parent, &[&line[..], &["--fetch"]].concat());
    assert_eq!(code, 0, "{text}");
    assert_eq!(server.requested_paths(), ["/.well-known/openid-configuration", "/jwks"]);
    let config = fs::read_to_string(parent.path().join("new/authorizer.toml")).unwrap();
    let document = ConfigDocument::parse(&config).unwrap().to_json();
    assert_eq!(document["issuer"][0]["algorithms"], json!(["RS256", "ES256"]), "{config}");
    assert_eq!(run(&parent.path().join("new"), &["check"]).0, 0);
}

#[test]
fn what_discovery_rejects_is_not_written() {
    let server = KeyServer::start(Behaviour::Close);
    let issuer = server.url("");
    let rsa = [Signer::named("rs256").jwk()];
    let long = format!("{{\"issuer\":\"{issuer}\",\"x\":\"{}\"}}", "x".repeat(65_536));
    let elsewhere = json!({ "issuer": issuer, "jwks_uri": "http://keys.example/jwks" }).to_string();
    for (behaviour, expected) in [
        (
            document(&server, &format!("{issuer}/"), &rsa),
            "help: name the issuer exactly as the document does",
        ),
        (document(&server, "https://login.example.com", &rsa), "the discovery document has issuer"),
        (document(&server, &issuer, &[]), "no key for a supported algorithm"),
        (
            document(&server, &issuer, &[json!({ "kty": "RSA", "use": "enc" })]),
            "no key for a supported algorithm",
        ),
        (Behaviour::ok(elsewhere), "unsafe `jwks_uri`"),
        (Behaviour::ok("{}"), "not a discovery document"),
        (Behaviour::ok("<html>"), "not a discovery document"),
        (Behaviour::ok(long), "longer than 65536 bytes"),
        (
            Behaviour::Response(302, "location: /other\r\n".to_owned(), String::new()),
            "status 302; redirects are not followed",
        ),
        (Behaviour::Response(404, String::new(), String::new()), "status 404; expected 200"),
        (Behaviour::Close, "not reachable"),
        (Behaviour::Hang, "no response in time"),
        (Behaviour::Drip, "no response in time"),
    ] {
        server.set_behaviour(behaviour);
        let parent = tempfile::tempdir().unwrap();
        let (code, text) = init(&parent, &["--oidc", &issuer, "--fetch"]);
        assert!(
            code == 2 && text.contains(expected) && text.contains("nothing was written"),
            "{expected}: {text}"
        );
        assert_eq!(entries(parent.path()), Vec::<String>::new());
    }
    let parent = tempfile::tempdir().unwrap();
    let (code, text) = init(&parent, &["--oidc", closed_url().trim_end_matches("/keys"), "--fetch"]);
    assert!(code == 2 && text.contains("not reachable"), "{text}");
}
