//! What is not packed, and what is said of it.

use std::fs;
use std::path::Path;

use iot_local::package::contents::Contents;

use super::{Deployment, PROGRAM};

/// The form of a private key, cut short: there is none in it.
const PRIVATE_PEM: &str =
    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n";
/// The example of RFC 8037 appendix A.1.
const PRIVATE_JWK: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}"#;

type Spoil = fn(&Deployment);

#[test]
fn nothing_is_packed_that_should_not_be() {
    let cases: [(&str, Spoil, &str); 17] = [
        ("a fault", |d| d.edit("authorizer.toml", "audience ", "audiences "), "lacks `audience`"),
        (
            "no policy",
            |d| fs::remove_file(d.path("policies/app-user.json")).unwrap(),
            "`policies/app-user.json` cannot be read",
        ),
        ("a wrong case", |d| d.edit("policies/app-user.json", "/users/", "/people/"), "app-user.cases.json"),
        (
            "too large an answer",
            |d| d.edit("authorizer.toml", "max_length = 64", "max_length = 128"),
            "AWS IoT takes 10",
        ),
        ("no configuration", |d| fs::remove_file(d.path("authorizer.toml")).unwrap(), "cannot be read"),
        ("a private key", |d| d.write("keys/users.jwks.json", PRIVATE_JWK), "holds a private key"),
        ("one that nothing names", |d| d.write("keys/forgotten.pem", PRIVATE_PEM), "keys/forgotten.pem"),
        (
            "one in the configuration",
            |d| {
                let comment = PRIVATE_PEM.replace('\n', "\n# ");
                d.edit("authorizer.toml", "[[issuer]]", &format!("# {comment}\n[[issuer]]"));
            },
            "authorizer.toml: holds a private key",
        ),
        (
            "keys above the folder",
            |d| {
                fs::rename(d.path("keys/users.jwks.json"), d.outside("users.jwks.json")).unwrap();
                d.keys("../users.jwks.json");
            },
            "../users.jwks.json: is not under the configuration's folder: move it there",
        ),
        (
            "a way out and back in",
            |d| d.keys("keys/../keys/users.jwks.json"),
            "keys/../keys/users.jwks.json: is not under the configuration's folder",
        ),
        (
            "keys by a whole path",
            |d| {
                fs::rename(d.path("keys/users.jwks.json"), d.outside("users.jwks.json")).unwrap();
                d.keys(d.outside("users.jwks.json").to_str().unwrap());
            },
            "users.jwks.json: is not under the configuration's folder",
        ),
        (
            "a link out",
            |d| {
                fs::rename(d.path("keys/users.jwks.json"), d.outside("users.jwks.json")).unwrap();
                d.link(&d.outside("users.jwks.json"), "keys/users.jwks.json");
            },
            "keys/users.jwks.json: is a link out of the configuration's folder",
        ),
        (
            "a folder that is a link out",
            |d| {
                fs::rename(d.path("policies"), d.outside("policies")).unwrap();
                d.link(Path::new("../policies"), "policies");
            },
            "policies/device-owner.json: is a link out of the configuration's folder",
        ),
        (
            "a configuration that is a link out",
            |d| {
                fs::rename(d.path("authorizer.toml"), d.outside("authorizer.toml")).unwrap();
                d.link(Path::new("../authorizer.toml"), "authorizer.toml");
            },
            "authorizer.toml: is a link out of the configuration's folder",
        ),
        (
            "keys in the function's place",
            |d| {
                fs::rename(d.path("keys/users.jwks.json"), d.path("bootstrap")).unwrap();
                d.keys("./bootstrap");
            },
            "bootstrap: its name is that of another file of the package",
        ),
        (
            "no function",
            |d| fs::write(d.outside("bootstrap"), "#!/bin/sh\n").unwrap(),
            "is no 64-bit program of Linux",
        ),
        ("no file", |d| fs::remove_file(d.outside("bootstrap")).unwrap(), "bootstrap: No such file"),
    ];
    for (name, spoil, expected) in cases {
        let deployment = Deployment::example();
        spoil(&deployment);
        let (said, good) = deployment.package(&[]);
        assert!(!good && said.contains(expected), "{name}: {said}");
        assert!(!deployment.outside("out").exists(), "{name} was packed");
        assert!(!said.contains("MC4CAQ") && !said.contains("nWGxne"), "{name}: {said}");
    }
}

#[test]
fn every_file_that_cannot_be_shipped_is_named_at_once() {
    let deployment = Deployment::example();
    deployment.write("keys/private", PRIVATE_PEM);
    let named = ["../a", "/b", "keys/absent", "authorizer.toml", "keys/private"].map(str::to_owned);
    let refused = Contents::gather(&deployment.path("authorizer.toml"), &named).unwrap_err();
    let names: Vec<&str> = refused.0.iter().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(names, named);
}

#[test]
fn a_function_is_of_the_architecture_that_is_asked_for() {
    let deployment = Deployment::example();
    let mut arm = PROGRAM;
    arm[18] = 183;
    let cases = [
        (PROGRAM, vec!["--arch", "arm64"], "is of x86_64, and the package is to be of arm64"),
        (arm, vec!["--arch", "x86_64"], "is of arm64, and the package is to be of x86_64"),
        (PROGRAM, vec!["--arch", "both"], "--bootstrap is one architecture's"),
        (PROGRAM, vec!["--arch", "both", "--into", "x"], "--into takes the files of one architecture"),
    ];
    for (program, line, expected) in cases {
        fs::write(deployment.outside("bootstrap"), program).unwrap();
        let (said, good) = deployment.package(&line);
        assert!(!good && said.contains(expected), "{said}");
        assert!(!deployment.outside("out").exists());
    }
    // Unasked, it is packed as what it is.
    fs::write(deployment.outside("bootstrap"), arm).unwrap();
    let (said, good) = deployment.package(&[]);
    assert!(good && said.contains("iot-jwt-authorizer-arm64.zip"), "{said}");
}
