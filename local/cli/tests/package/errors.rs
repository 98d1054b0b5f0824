//! Files that are not packaged, and the errors.

use std::fs;
use std::path::Path;

use iot_local::package::contents::Contents;
use iot_local::package::packaged::Packaged;

use super::{Deployment, PROGRAM};

/// The PEM form of a private key, truncated so that it contains none.
const PRIVATE_PEM: &str =
    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n";
/// The example of RFC 8037, appendix A.1.
const PRIVATE_JWK: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}"#;

type Change = fn(&Deployment);

#[test]
fn invalid_deployments_are_not_packaged() {
    let cases: [(&str, Change, &str); 17] = [
        (
            "a configuration error",
            |d| d.edit("authorizer.toml", "audience ", "audiences "),
            "[[issuer]] has no `audience`",
        ),
        (
            "a missing policy",
            |d| fs::remove_file(d.path("policies/app-user.json")).unwrap(),
            "cannot read `policies/app-user.json`",
        ),
        ("a failed case", |d| d.edit("policies/app-user.json", "/users/", "/people/"), "app-user.cases.json"),
        (
            "too large a response",
            |d| d.edit("authorizer.toml", "max_length = 64", "max_length = 128"),
            "AWS IoT accepts 10 of 2,048 characters",
        ),
        (
            "a missing configuration",
            |d| fs::remove_file(d.path("authorizer.toml")).unwrap(),
            "authorizer.toml: no such file",
        ),
        (
            "a private key",
            |d| d.write("keys/users.jwks.json", PRIVATE_JWK),
            "keys/users.jwks.json: contains a private key",
        ),
        ("an unused private key", |d| d.write("keys/forgotten.pem", PRIVATE_PEM), "keys/forgotten.pem"),
        (
            "a private key in the configuration",
            |d| {
                let comment = PRIVATE_PEM.replace('\n', "\n# ");
                d.edit("authorizer.toml", "[[issuer]]", &format!("# {comment}\n[[issuer]]"));
            },
            "authorizer.toml: contains a private key",
        ),
        (
            "keys above the folder",
            |d| {
                fs::rename(d.path("keys/users.jwks.json"), d.outside("users.jwks.json")).unwrap();
                d.set_keys("../users.jwks.json");
            },
            "../users.jwks.json: not inside the configuration's folder\n  help: move the file there",
        ),
        (
            "a path that leaves the folder and returns",
            |d| d.set_keys("keys/../keys/users.jwks.json"),
            "keys/../keys/users.jwks.json: not inside the configuration's folder",
        ),
        (
            "an absolute path of keys",
            |d| {
                fs::rename(d.path("keys/users.jwks.json"), d.outside("users.jwks.json")).unwrap();
                d.set_keys(d.outside("users.jwks.json").to_str().unwrap());
            },
            "users.jwks.json: not inside the configuration's folder",
        ),
        (
            "a link that leads out",
            |d| {
                fs::rename(d.path("keys/users.jwks.json"), d.outside("users.jwks.json")).unwrap();
                d.link(&d.outside("users.jwks.json"), "keys/users.jwks.json");
            },
            "keys/users.jwks.json: a link that leads out of the configuration's folder",
        ),
        (
            "a folder that is a link that leads out",
            |d| {
                fs::rename(d.path("policies"), d.outside("policies")).unwrap();
                d.link(Path::new("../policies"), "policies");
            },
            "policies/device-owner.json: a link that leads out of the configuration's folder",
        ),
        (
            "a configuration that is a link that leads out",
            |d| {
                fs::rename(d.path("authorizer.toml"), d.outside("authorizer.toml")).unwrap();
                d.link(Path::new("../authorizer.toml"), "authorizer.toml");
            },
            "authorizer.toml: a link that leads out of the configuration's folder",
        ),
        (
            "keys with the name of the function",
            |d| {
                fs::rename(d.path("keys/users.jwks.json"), d.path("bootstrap")).unwrap();
                d.set_keys("./bootstrap");
            },
            "bootstrap: the name is that of another file of the package",
        ),
        (
            "a function that is not a program",
            |d| fs::write(d.outside("bootstrap"), "#!/bin/sh\n").unwrap(),
            "not a 64-bit Linux program",
        ),
        (
            "a missing function",
            |d| fs::remove_file(d.outside("bootstrap")).unwrap(),
            "bootstrap: No such file or directory (os error 2)\n  help: name a built function, the folder of a release",
        ),
    ];
    for (title, change, expected) in cases {
        let deployment = Deployment::example();
        change(&deployment);
        let (text, is_success) = deployment.package(&[]);
        assert!(!is_success && text.contains(expected), "{title}: {text}");
        assert!(!deployment.outside("out").exists(), "{title} was packaged");
        assert!(!text.contains("MC4CAQ") && !text.contains("nWGxne"), "{title}: {text}");
    }
}

#[test]
fn the_error_lists_all_files() {
    let deployment = Deployment::example();
    deployment.write("keys/private", PRIVATE_PEM);
    let named = ["../a", "/b", "keys/absent", "authorizer.toml", "keys/private"].map(str::to_owned);
    let error =
        Contents::read(Packaged::Authorizer, &deployment.path("authorizer.toml"), &named).unwrap_err();
    let names: Vec<&str> = error.0.iter().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(names, named);
}

#[test]
fn the_function_must_have_the_given_architecture() {
    let deployment = Deployment::example();
    let mut arm = PROGRAM;
    arm[18] = 183;
    let cases = [
        (PROGRAM, vec!["--arch", "arm64"], "wrong architecture x86_64; expected arm64"),
        (arm, vec!["--arch", "x86_64"], "wrong architecture arm64; expected x86_64"),
        (PROGRAM, vec!["--arch", "both"], "--bootstrap FILE is for a single architecture"),
        (PROGRAM, vec!["--arch", "both", "--into", "x"], "--into takes a single architecture"),
    ];
    for (program, line, expected) in cases {
        fs::write(deployment.outside("bootstrap"), program).unwrap();
        let (text, is_success) = deployment.package(&line);
        assert!(!is_success && text.contains(expected), "{text}");
        assert!(!deployment.outside("out").exists());
    }
    // Without --arch the function's own architecture is used.
    fs::write(deployment.outside("bootstrap"), arm).unwrap();
    let (text, is_success) = deployment.package(&[]);
    assert!(is_success && text.contains("iot-jwt-authorizer-arm64.zip"), "{text}");
}
