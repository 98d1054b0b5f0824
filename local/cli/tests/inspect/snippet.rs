//! `snippet`: commands for the clients. tests/outside/clients/gateway.py runs them.

use super::folder::Folder;
use super::run;

const CLIENTS: [&str; 7] =
    ["mqttjs", "paho", "mosquitto", "curl", "aws-sdk-python", "aws-sdk-js", "machine-token"];

#[test]
fn a_snippet_is_filled_and_has_a_token_only_on_demand() {
    let folder = Folder::example();
    let config = folder.path("authorizer.toml").display().to_string();
    for client in CLIENTS {
        let line = ["snippet", client, "--config", &config, "--port", "1080", "--tls-port", "1443"];
        let (code, text) = run(&line);
        assert_eq!(code, 0, "{client}: {text}");
        let places = ["@PORT@", "@AUTHORIZER@", "@CLIENT_ID@", "@TOPIC@", "@FILTER@"];
        assert!(
            !text.contains("eyJ") && !places.iter().any(|place| text.contains(place)),
            "{client}: {text}"
        );
        let has_port = text.contains(if client == "machine-token" { "1080" } else { "1443" });
        assert!(has_port, "{client}: {text}");
        let (_, with_token) = run(&[&line[..], &["--with-token"]].concat());
        assert_eq!(with_token.contains("eyJ"), client != "machine-token", "{client}: {with_token}");
        if client != "machine-token" {
            assert!(
                text.contains("$(cargo local token --sub alice ") && text.contains("/.iot-local/ca.pem"),
                "{text}"
            );
        }
    }
}

#[test]
fn devices_and_the_operator_need_no_token() {
    let folder = Folder::example();
    let config = folder.path("authorizer.toml").display().to_string();
    folder.write("local.toml", "region = 'eu-west-1'");
    let snippet = |client: &str| {
        let ports = ["--port", "1080", "--mqtts-port", "1883"];
        let (code, text) = run(&[&["snippet", client, "--config", &config][..], &ports].concat());
        assert_eq!(code, 0, "{client}: {text}");
        text
    };
    let aws = snippet("aws");
    for expected in [
        "/.iot-local/private/operator",
        "AWS_REGION=eu-west-1",
        "AWS_ENDPOINT_URL_IOT=http://127.0.0.1:1080",
        "AWS_ENDPOINT_URL_STS=http://127.0.0.1:1080",
    ] {
        assert!(aws.contains(expected), "{expected}: {aws}");
    }
    assert!(!aws.contains("AWS_ENDPOINT_URL=") && !aws.contains("SECRET"), "{aws}");
    let device = snippet("mosquitto-certificate");
    for expected in ["cargo local certificate device-1 ", " -p 1883 ", "/clients/device-1.key.pem", "/ca.pem"]
    {
        assert!(device.contains(expected), "{expected}: {device}");
    }
}

/// The shell gets exactly the token of the command, also from a folder whose name needs quotes.
#[test]
fn the_command_for_a_token_runs_in_a_shell() {
    let folder = Folder::example();
    folder.write("it's here/x", "");
    for file in [
        "authorizer.toml",
        "policies/app-user.json",
        "policies/device-owner.json",
        "policies/tenant-operator.json",
        "keys/users.jwks.json",
    ] {
        folder.write(&format!("it's here/{file}"), &std::fs::read_to_string(folder.path(file)).unwrap());
    }
    let config = folder.path("it's here/authorizer.toml").display().to_string();
    let (_, text) = run(&["snippet", "curl", "--config", &config]);
    let line = text.lines().find(|line| line.starts_with("TOKEN=")).unwrap();
    let script = format!("cargo() {{ shift; \"$PROGRAM\" \"$@\"; }}\n{line}\nprintf %s \"$TOKEN\"");
    let mut command = std::process::Command::new("sh");
    let output =
        command.args(["-c", &script]).env("PROGRAM", env!("CARGO_BIN_EXE_iot-local")).output().unwrap();
    let token = String::from_utf8(output.stdout).unwrap();
    assert_eq!(token.split('.').count(), 3, "{text}");
    let (code, text) =
        run(&["can", "Publish", "topic/acme/users/alice/hello", "--token", &token, "--config", &config]);
    assert_eq!(code, 0, "{text}");
}

#[test]
fn a_configuration_that_allows_no_example_user_is_an_error() {
    let folder = Folder::example();
    folder.edit("policies/app-user.json", "iot:Subscribe", "iot:Receive");
    folder.edit("policies/app-user.json", "topicfilter/", "topic/");
    folder.edit("policies/device-owner.json", "iot:Subscribe", "iot:Receive");
    folder.edit("policies/device-owner.json", "topicfilter/", "topic/");
    folder.edit("policies/tenant-operator.json", "iot:Subscribe", "iot:Receive");
    folder.edit("policies/tenant-operator.json", "topicfilter/", "topic/");
    let config = folder.path("authorizer.toml").display().to_string();
    let (code, text) = run(&["snippet", "paho", "--config", &config]);
    assert!(
        code == 1 && text.starts_with("error: no example user of issuer users may publish and subscribe"),
        "{text}"
    );
    folder.edit("authorizer.toml", "audience   =", "audiences  =");
    let (code, text) = run(&["snippet", "paho", "--config", &config]);
    assert!(code == 1 && text.starts_with("error: "), "{text}");
}
