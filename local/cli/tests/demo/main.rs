//! The demo and the `token` command, run as a user does. These tests show that the demo can fail; `./test demo` runs it
//! with the real function.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is how a test fails")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use iot_local_identity::issuer::{DevelopmentIssuer, IssuerSettings, algorithm};
use serde_json::Value;

/// An authorizer that allows every client.
const ALLOW_ALL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/demo/allow_all.py");
const CONFIG: &str = r#"
[[issuer]]
id         = "users"
issuer     = "https://login.example.com/"
audience   = ["iot.example.com"]
algorithms = ["ES256"]
keys       = ["file:keys/users.jwks.json"]
client_ids = ["${sub}", "${sub}/*"]

[claims]
sub     = "sub"
tenant  = "tenant"
devices = { path = "devices", list = true, max_items = 20, max_length = 64, optional = true }

[[grant]]
policy = "app-user"

[[grant]]
policy = "device-owner"

[[grant]]
policy = "tenant-operator"
when   = { role = "operator" }
"#;

/// A folder with the configuration that the demo requires.
fn example() -> tempfile::TempDir {
    example_with("ES256")
}

/// The same, with another algorithm of the issuer.
fn example_with(signing: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let example: Value = serde_json::from_str(include_str!("../../src/demo/example.json")).unwrap();
    for (name, policy) in example["policies"].as_object().unwrap() {
        write(&format!("policies/{name}.json"), policy.to_string());
    }
    let issuer = DevelopmentIssuer::ephemeral(IssuerSettings {
        id: "users".to_owned(),
        issuer: "https://login.example.com/".to_owned(),
        audience: vec!["iot.example.com".to_owned()],
        audience_claim: "aud".to_owned(),
        algorithms: vec![algorithm(signing).unwrap()],
        typ: "JWT".to_owned(),
        max_lifetime: Some(Duration::from_secs(60)),
    });
    write("keys/users.jwks.json", issuer.unwrap().key_set().to_string());
    write("authorizer.toml", CONFIG.replace("ES256", signing));
    folder
}

fn run(folder: &Path, arguments: &[&str]) -> (Output, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_iot-local")).args(arguments).current_dir(folder).output().unwrap();
    let text =
        [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat();
    (output, text)
}

#[test]
fn the_demo_fails_with_an_authorizer_that_allows_every_client() {
    let (output, text) = run(example().path(), &["demo", "--bootstrap", ALLOW_ALL]);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for action in
        ["forged", "expired", "foreign", "wildcard", "acme/users/ben/hello", "globex/users/ana/hello", "#"]
    {
        let line = text.lines().find(|line| line.contains(&format!(" {action}"))).unwrap_or_default();
        assert!(line.contains('✗'), "{action} counts as expected:\n{text}");
    }
    let last = text.trim_end().lines().last().unwrap_or_default();
    assert!(last.contains(" actions had the expected result; see WRONG above."), "{last}");
    assert!(!text.contains('\x1b'), "colours without a terminal");
    assert!(!text.contains("eyJ"), "a token is in the output");
}

/// Certificates are decided by the registry: the authorizer does not count.
#[test]
fn the_demo_of_kitting_has_the_expected_results() {
    let folder = example();
    let (output, text) = run(folder.path(), &["demo", "kitting", "--json", "--bootstrap", ALLOW_ALL]);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let actions = json["actions"].as_array().unwrap();
    let denied = actions.iter().filter(|action| action["allowed"] == false).count();
    assert!(denied >= 8 && actions.iter().all(|action| action["expected"] == true), "{json:#}");
    assert!(!text.contains("PRIVATE KEY"), "a key is in the output");
    assert!(!folder.path().join(".iot-local").exists(), "the demo writes next to the configuration");
}

/// Away from a checkout there may be no configuration.
#[test]
fn a_demo_without_a_configuration_runs_the_shipped_one() {
    let folder = tempfile::tempdir().unwrap();
    let (output, text) = run(folder.path(), &["demo", "kitting", "--bootstrap", ALLOW_ALL]);
    let has_note = text.contains("There is no authorizer.toml in this folder");
    assert!(output.status.code() == Some(0) && has_note, "{text}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the demo writes in the folder");
    let (output, text) = run(folder.path(), &["demo", "kitting", "--config", "authorizer.toml"]);
    assert!(output.status.code() == Some(1) && text.contains("authorizer.toml: No such file"), "{text}");
}

/// The page shows these lines.
#[test]
fn the_steps_of_a_demo_are_a_json_object_a_line() {
    let folder = example();
    let (output, text) = run(folder.path(), &["demo", "kitting", "--json-lines", "--bootstrap", ALLOW_ALL]);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of_kind = |kind: &str| lines.iter().filter(|line| line["kind"] == kind).collect::<Vec<_>>();
    let actions = of_kind("action");
    let end = lines.last().unwrap();
    let count = actions.len();
    assert_eq!(*end, serde_json::json!({ "kind": "end", "ok": true, "expected": count, "actions": count }));
    assert!(of_kind("section").len() >= 4 && of_kind("note").len() == 1, "{text}");
    for action in actions {
        let is_denied = action["allowed"] == false;
        assert_eq!(
            is_denied,
            action["hint"].is_string(),
            "a denial has the fix, and nothing else: {action:#}"
        );
    }
    let (output, _) = run(folder.path(), &["demo", "kitting", "--json-lines", "--json"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn the_demo_of_first_connects_has_the_expected_results() {
    let folder = example();
    let (output, text) = run(folder.path(), &["demo", "jitp", "--json", "--bootstrap", ALLOW_ALL]);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let actions = json["actions"].as_array().unwrap();
    assert!(actions.iter().all(|action| action["expected"] == true), "{json:#}");
    let with = |member: &str, text: &str| {
        actions
            .iter()
            .filter(|action| action[member].as_str().is_some_and(|found| found.contains(text)))
            .count()
    };
    assert_eq!(with("reason", "has provisioned it now as thing sensor-"), 2, "{json:#}");
    assert_eq!(with("reason", "the subject of the certificate has no C"), 2, "{json:#}");
    assert_eq!(with("reason", "no registered CA has the name of its issuer"), 1, "{json:#}");
    assert_eq!(with("response", r#"attributes: {"country":"JP","version":"v1"}"#), 2, "{json:#}");
    assert_eq!(with("response", "CONNACK Success"), 2, "{json:#}");
    assert!(!text.contains("PRIVATE KEY"), "a key is in the output");
}

#[test]
fn the_demo_of_fleet_provisioning_has_the_expected_results() {
    let (output, text) = run(example().path(), &["demo", "fleet", "--json", "--bootstrap", ALLOW_ALL]);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let actions = json["actions"].as_array().unwrap();
    let denied = actions.iter().filter(|action| action["allowed"] == false).count();
    assert!(denied >= 7 && actions.len() > 25, "{json:#}");
    assert!(actions.iter().all(|action| action["expected"] == true), "{json:#}");
    assert!(!text.contains("PRIVATE KEY"), "a key is in the output");
}

/// Two Regions are two processes of this program, of which one is killed.
#[test]
fn the_demo_of_regions_has_the_expected_results() {
    let folder = example_with("RS256");
    let (output, text) = run(folder.path(), &["demo", "regions", "--json", "--bootstrap", ALLOW_ALL]);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let actions = json["actions"].as_array().unwrap();
    assert!(actions.iter().all(|action| action["expected"] == true), "{json:#}");
    let of = |name: &str| actions.iter().filter(|action| action["action"] == name).collect::<Vec<_>>();
    let reconnects = of("reconnect");
    let allowed = reconnects.iter().filter(|action| action["allowed"] == true).count();
    assert_eq!((reconnects.len(), allowed), (5, 4), "{json:#}");
    let signed = reconnects.last().unwrap();
    let response = signed["response"].as_str().unwrap();
    assert!(response.contains("scoped to a valid region, not 'eu-west-1'"), "{json:#}");
    assert!(signed["reason"].as_str().unwrap().contains("ap-northeast-1"), "{json:#}");
    for (name, expected) in
        [("session", "session present 0"), ("retained", "no message"), ("shadow", "rejected")]
    {
        let found = of(name);
        assert_eq!(found.len(), 2, "{json:#}");
        assert!(found[1]["response"].as_str().unwrap().contains(expected), "{json:#}");
    }
    assert!(
        !text.contains("eyJ") && !text.contains("X-Amz-Signature"),
        "a token or a signature is in the output"
    );
    assert!(!folder.path().join(".iot-local").exists(), "the demo writes next to the configuration");
}

#[test]
fn kills_are_measured() {
    let folder = example_with("RS256");
    let arguments = ["demo", "regions", "--kills", "1", "--json", "--bootstrap", ALLOW_ALL];
    let (output, text) = run(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let actions = json["actions"].as_array().unwrap();
    let with = |text: &str| {
        actions
            .iter()
            .filter(|action| action["response"].as_str().is_some_and(|found| found.starts_with(text)))
            .count()
    };
    // The health check, four clients by MQTT and one by HTTP; on the way back the last one is there already.
    assert_eq!(with("1 of 1: "), 6 + 5, "{json:#}");
    // A gateway that hangs accepts connections.
    assert_eq!((with("after "), with("reaches the second Region")), (1, 1), "{json:#}");
    assert_eq!((with("0 of 8 kept"), with("0 of 2 messages kept")), (1, 1), "{json:#}");
}

#[test]
fn only_the_demo_of_regions_kills_gateways() {
    for (arguments, code, expected) in [
        (&["demo", "jwt", "--kills", "2"], 1, "--kills works with `demo regions` alone"),
        (&["demo", "all", "--kills", "2"], 1, "--kills works with `demo regions` alone"),
        (&["demo", "regions", "--kills", "0"], 2, "1..=200"),
        (&["demo", "regions", "--kills", "201"], 2, "1..=200"),
    ] {
        let (output, text) = run(example().path(), arguments);
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert!(text.contains(expected), "{text}");
    }
}

/// They share the CA and the development keys, which the first of them makes.
#[test]
fn gateways_of_two_regions_start_at_once_in_an_empty_folder() {
    let folder = example();
    let start = |region: &str| {
        Command::new(env!("CARGO_BIN_EXE_iot-local"))
            .args(["--json", "--region", region, "--bootstrap", ALLOW_ALL])
            .args(["--port", "0", "--tls-port", "0", "--mqtts-port", "0"])
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let regions = ["eu-west-1", "ap-northeast-1", "us-west-2"];
    let mut gateways = regions.map(start);
    let first_lines = gateways.each_mut().map(|gateway| {
        let mut line = String::new();
        BufReader::new(gateway.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        serde_json::from_str::<Value>(&line).unwrap_or_default()
    });
    let files = |name: &str| std::fs::read_dir(folder.path().join(".iot-local").join(name)).unwrap();
    let private: Vec<_> = files("private").map(|entry| entry.unwrap().file_name()).collect();
    let registries = files("123456789012").count();
    for gateway in &mut gateways {
        gateway.kill().unwrap();
        gateway.wait().unwrap();
    }
    for line in &first_lines {
        assert_eq!(line["kind"], "listening", "{first_lines:?}");
        assert_eq!(line["caCertificate"], first_lines[0]["caCertificate"]);
    }
    assert_eq!(registries, regions.len());
    let drafts = private.iter().filter(|name| name.to_string_lossy().contains("draft"));
    assert_eq!(drafts.count(), 0, "{private:?}");
}

#[test]
fn the_demo_of_cognito_identities_has_the_expected_results() {
    let folder = example_with("RS256");
    let (output, text) = run(folder.path(), &["demo", "cognito", "--json", "--bootstrap", ALLOW_ALL]);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let actions = json["actions"].as_array().unwrap();
    let denied = actions.iter().filter(|action| action["allowed"] == false).count();
    assert!(denied >= 12 && actions.len() > 25, "{json:#}");
    assert!(actions.iter().all(|action| action["expected"] == true), "{json:#}");
    for secret in ["eyJ", "X-Amz-Signature", "X-Amz-Security-Token="] {
        assert!(!text.contains(secret), "{secret} is in the output");
    }
    assert!(!folder.path().join("roles").exists(), "the demo writes next to the configuration");
}

/// An identity pool verifies tokens with RSA only.
#[test]
fn the_demo_of_cognito_identities_requires_an_rsa_algorithm() {
    let (output, text) = run(example().path(), &["demo", "cognito", "--bootstrap", ALLOW_ALL]);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("no issuer with an RSA algorithm, such as RS256"), "{text}");
}

#[test]
fn a_storm_is_rehearsed_by_real_clients_and_measured() {
    let folder = example();
    let line = [
        "storm",
        "--devices",
        "30",
        "--connects-per-second",
        "20",
        "--spread",
        "1",
        "--back-off-max",
        "2",
        "--json",
    ];
    let (output, text) = run(folder.path(), &[&line[..], &["--rehearse", "--bootstrap", ALLOW_ALL]].concat());
    assert_eq!(output.status.code(), Some(0), "{text}");
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    // How long it takes depends on the machine. That all get in, and not at the first attempt, does not.
    assert!(json["real"]["connectedAfter"]["all"].as_f64().is_some_and(|seconds| seconds > 0.0), "{json:#}");
    assert!(json["real"]["attempts"].as_u64().is_some_and(|attempts| attempts >= 30), "{json:#}");
    assert!(!text.contains("eyJ"), "a token is in the output");
    let (output, text) = run(folder.path(), &[&line[..], &["--measure", "--bootstrap", ALLOW_ALL]].concat());
    assert_eq!(output.status.code(), Some(0), "{text}");
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let [here, times] =
        ["measured", "times"].map(|name| ["coldMs", "warmMs"].map(|time| json[name][time].as_f64().unwrap()));
    assert!(here[1] > 0.0 && here[0] > here[1] && times[0] > here[0] && times[1] > here[1], "{json:#}");
    assert!(!folder.path().join(".iot-local/registry").exists(), "the rehearsal has its own registry");
}

#[test]
fn an_unknown_demo_lists_the_known_ones() {
    for name in ["claim", "sigv4", "JWT", ""] {
        let (output, text) = run(example().path(), &["demo", name]);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(
            text.contains(
                "[possible values: jwt, kitting, bootstrap, jitr, jitp, fleet, cognito, regions, all]"
            ),
            "{text}"
        );
    }
}

#[test]
fn the_demo_lists_the_differences_of_another_configuration() {
    let folder = example();
    std::fs::write(folder.path().join("policies/app-user.json"), "{}").unwrap();
    let (output, text) = run(folder.path(), &["demo", "--bootstrap", ALLOW_ALL]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("policies/app-user.json: differs") && text.contains("cargo local token"), "{text}");
}

#[test]
fn the_demo_as_json_has_every_action() {
    let (output, text) = run(example().path(), &["demo", "--json", "--bootstrap", ALLOW_ALL]);
    assert_eq!(output.status.code(), Some(1), "{text}");
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let actions = json["actions"].as_array().unwrap();
    assert_eq!((&json["ok"], actions.len() > 20), (&false.into(), true), "{json:#}");
    for (name, is_expected) in [("forged: signed with another key", false), ("acme/users/ana/hello", true)] {
        let action = actions.iter().find(|action| action["object"] == name).unwrap();
        assert_eq!(action["expected"], is_expected, "{action:#}");
        assert!(action["section"].is_string() && action["reason"].is_string(), "{action:#}");
    }
    assert!(!text.contains("eyJ"), "a token is in the output");
}

/// Starts the gateway and reads its output until a line has this text.
fn screen(options: &[&str], last: &str) -> Vec<String> {
    let folder = example();
    let mut gateway = Command::new(env!("CARGO_BIN_EXE_iot-local"))
        .args(["--port", "0", "--tls-port", "0", "--mqtts-port", "0", "--bootstrap", ALLOW_ALL])
        .args(options)
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = Vec::new();
    for line in BufReader::new(gateway.stdout.take().unwrap()).lines() {
        lines.push(line.unwrap());
        if lines.last().unwrap().contains(last) {
            break;
        }
    }
    gateway.kill().unwrap();
    gateway.wait().unwrap();
    lines
}

#[test]
fn the_first_screen_has_addresses_and_no_token() {
    let lines = screen(&["--config", "./authorizer.toml"], "Event log");
    assert!(lines.len() <= 14, "{lines:#?}");
    let screen = lines.join("\n");
    for expected in [
        "page                  http://127.0.0.1:",
        "MQTT over WebSocket   ws://127.0.0.1:",
        "MQTT over TLS         mqtts://localhost:",
        "with certificates     mqtts://localhost:",
        "AWS_ENDPOINT_URL_IOT=http://127.0.0.1:",
        "/.iot-local/ca.pem",
        "with certificates     mqtts://localhost:",
        "AWS_ENDPOINT_URL_IOT=http://127.0.0.1:",
        "configuration         ./authorizer.toml",
        "cargo local snippet mqttjs --port ",
        " --config './authorizer.toml'   (or paho, ",
    ] {
        assert!(screen.contains(expected), "{expected}: {screen}");
    }
    assert!(!screen.contains("eyJ"), "{screen}");
}

#[test]
fn the_first_line_of_json_has_the_addresses() {
    let lines = screen(&["--json"], "listening");
    let json: Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(json["kind"], "listening");
    for name in [
        "page",
        "webSocket",
        "mqtts",
        "mqttsWithCertificates",
        "awsEndpointUrl",
        "caCertificate",
        "configuration",
    ] {
        assert!(json[name].is_string(), "{json}");
    }
}

#[test]
fn a_missing_function_is_an_error() {
    let (output, text) = run(example().path(), &["demo", "--bootstrap", "nowhere"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text.starts_with("error: ") && text.contains("nowhere"), "{text}");
}

#[test]
fn the_token_is_alone_on_standard_output() {
    let folder = example();
    let (output, text) = run(folder.path(), &["token", "--sub", "ana", "--claim", "tenant=acme"]);
    assert!(output.status.success() && output.stderr.is_empty(), "{text}");
    assert_eq!((text.lines().count(), text.trim_end().split('.').count()), (1, 3));
    let (output, text) = run(folder.path(), &["token", "--sub", "ana", "--issuer", "unknown"]);
    assert!(!output.status.success() && output.stdout.is_empty());
    assert!(text.contains("unknown issuer \"unknown\"; expected one of users"), "{text}");
}

/// Cargo finds a subcommand by the name of its program, and passes that name as the first argument.
#[test]
fn an_installed_cargo_local_is_the_same_program() {
    let folder = example();
    let cargo_local = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_cargo-local"))
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap()
    };
    let help = run(folder.path(), &["--help"]).1;
    assert!(help.contains("Usage: cargo local "), "{help}");
    for arguments in [&["local", "--help"][..], &["--help"]] {
        let text = String::from_utf8(cargo_local(arguments).stdout).unwrap();
        assert!(text == help, "{arguments:?}: {text}");
    }
    let output = cargo_local(&["local", "token", "--sub", "ana", "--claim", "tenant=acme"]);
    assert!(output.status.success() && output.stderr.is_empty());
    assert_eq!(String::from_utf8(output.stdout).unwrap().split('.').count(), 3);
}
