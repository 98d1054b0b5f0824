//! The errors of a deployment: all of them are reported together at start, each with its place and a hint.

#![cfg(test)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use iot_jwt_authorizer::config::{Config, ConfigError, ConfigErrors, ErrorPlace};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use support::deployment::Deployment;
use support::signer::Signer;

/// The errors of a deployment as they are printed.
fn errors(deployment: &Deployment) -> Vec<String> {
    errors_in(deployment, &BTreeMap::new())
}

/// The same with these variables in the environment.
fn errors_in(deployment: &Deployment, environment: &BTreeMap<String, String>) -> Vec<String> {
    match Config::load(&deployment.path("authorizer.toml"), &|name| environment.get(name).cloned()) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.0.iter().map(ToString::to_string).collect(),
    }
}

/// The example with the first `old` of `authorizer.toml` replaced by `new`.
fn example_with(old: &str, new: &str) -> Deployment {
    let deployment = Deployment::named("example");
    let text = std::fs::read_to_string(deployment.path("authorizer.toml")).unwrap();
    assert!(text.contains(old), "the example has no `{old}`");
    deployment.write("authorizer.toml", text.replacen(old, new, 1));
    deployment
}

/// The errors of the example with another `policies/app-user.json`.
fn policy_errors(policy: &str) -> Vec<String> {
    let deployment = Deployment::named("example");
    deployment.write("policies/app-user.json", policy);
    errors(&deployment)
}

/// A case of `tests/errors/authorizer.json`.
#[derive(Deserialize)]
struct FileCase {
    old: String,
    new: String,
    /// Variables of the environment.
    #[serde(default)]
    environment: BTreeMap<String, String>,
    errors: Vec<String>,
}

/// A case of `tests/errors/statements.json`.
#[derive(Deserialize)]
struct StatementCase {
    statement: Value,
    errors: Vec<String>,
}

/// A case of `tests/errors/policies.json`.
#[derive(Deserialize)]
struct PolicyCase {
    policy: String,
    errors: Vec<String>,
}

fn cases<C: DeserializeOwned>(file: &str) -> Vec<C> {
    let text = std::fs::read_to_string(support::root().join("tests/errors").join(file)).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Issuers differ in `id` and in `issuer`. Two that have neither yet are no duplicates.
#[test]
fn duplicates_among_issuers() {
    let named = |id: &str, issuer: &str| {
        let deployment = example_with("id         = \"users\"", id);
        let text = std::fs::read_to_string(deployment.path("authorizer.toml")).unwrap();
        let text = text.replacen("issuer     = \"https://login.example.com/\"", issuer, 1);
        let (first, rest) = text.split_once("# Slots").unwrap();
        deployment.write("authorizer.toml", format!("{first}{}# Slots{rest}", first_issuer()));
        errors(&deployment).into_iter().filter(|error| error.contains("duplicate")).count()
    };
    let (id, issuer) = ("id = \"users\"", "issuer = \"https://login.example.com/\"");
    let (other_id, other_issuer) = ("id = \"others\"", "issuer = \"https://other.example.com/\"");
    for (id, issuer, count) in [
        (id, issuer, 2),
        (id, other_issuer, 1),
        (other_id, issuer, 1),
        (other_id, other_issuer, 0),
        ("", other_issuer, 0),
        (other_id, "", 0),
    ] {
        assert_eq!(named(id, issuer), count, "{id} {issuer}");
    }
    let deployment = example_with("id         = \"users\"", "");
    let text = std::fs::read_to_string(deployment.path("authorizer.toml")).unwrap();
    let (first, rest) = text.split_once("# Slots").unwrap();
    let first = first.replacen("issuer     = \"https://login.example.com/\"", "", 1);
    let (_, table) = first.split_once("[[issuer]]").unwrap();
    deployment.write("authorizer.toml", format!("{first}[[issuer]]{table}# Slots{rest}"));
    assert!(!errors(&deployment).iter().any(|error| error.contains("duplicate")));
}

/// The `[[issuer]]` of the example.
fn first_issuer() -> String {
    let text = std::fs::read_to_string(Deployment::named("example").path("authorizer.toml")).unwrap();
    let (_, rest) = text.split_once("[[issuer]]").unwrap();
    format!("[[issuer]]{}", rest.split_once("# Slots").unwrap().0)
}

/// Values at the limits of what is accepted.
#[test]
fn values_at_their_limits() {
    let thumbprint = "A".repeat(43);
    let blocked = |text: &str| ("# Which tokens", format!("blocked_keys = [{text:?}]\n#"));
    let schedule = |refresh: u32, max_stale: u32| {
        (
            "client_ids =",
            format!("refresh_seconds = {refresh}\nmax_stale_seconds = {max_stale}\nclient_ids ="),
        )
    };
    let policy = |name: &str| ("policy = \"app-user\"", format!("policy = {name:?}"));
    for ((old, new), part) in [
        (blocked(&thumbprint), None),
        (blocked(&thumbprint.replacen('A', "!", 1)), Some("invalid thumbprint")),
        (blocked(&"A".repeat(42)), Some("invalid thumbprint")),
        (blocked(&format!("{thumbprint}A")), Some("invalid thumbprint")),
        (schedule(60, 60), None),
        (schedule(60, 59), Some("`max_stale_seconds` is less than `refresh_seconds`")),
        (policy("dashboard"), None),
        (policy(".dashboard"), Some("invalid policy name `.dashboard`")),
        (policy("a/dashboard"), Some("invalid policy name `a/dashboard`")),
    ] {
        let errors = errors(&example_with(old, &new));
        match part {
            None => assert!(
                !errors.iter().any(|error| error.contains("invalid") || error.contains("less")),
                "{errors:?}"
            ),
            Some(part) => assert!(errors.iter().any(|error| error.contains(part)), "{part}: {errors:?}"),
        }
    }
}

/// The error of an unknown policy has the names of the policies in the folder, without their tests.
#[test]
fn an_unknown_policy_has_the_known_names() {
    let deployment = example_with("\"device-owner\"", "\"device-owners\"");
    let Err(errors) = deployment.load() else { panic!("an unknown policy is accepted") };
    let unknown = errors.0.iter().find_map(|error| error.unknown.as_deref()).unwrap();
    assert_eq!(unknown.given, "device-owners");
    let known =
        ["app-user", "dashboard", "device-owner", "device-shadow", "shared-worker", "tenant-operator"];
    assert_eq!(unknown.candidates, known);
}

/// `AUTHORIZER_CONFIG` in `LAMBDA_TASK_ROOT`, each with a default.
#[test]
fn the_environment_names_the_configuration() {
    for (root, file, expected) in [
        (None, None, "./authorizer.toml"),
        (Some("/var/task"), None, "/var/task/authorizer.toml"),
        (None, Some("other.toml"), "./other.toml"),
        (Some("/var/task"), Some("conf/other.toml"), "/var/task/conf/other.toml"),
        (Some("/var/task"), Some("/etc/other.toml"), "/etc/other.toml"),
    ] {
        let environment = |name: &str| match name {
            "LAMBDA_TASK_ROOT" => root.map(str::to_owned),
            "AUTHORIZER_CONFIG" => file.map(str::to_owned),
            other => panic!("{other} is read"),
        };
        assert_eq!(iot_jwt_authorizer::config::path(&environment), Path::new(expected));
    }
}

#[test]
fn the_example_has_no_errors() {
    assert_eq!(errors(&Deployment::named("example")), [""; 0]);
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("authorizer.toml");
    let config = Config::load(&shipped, &|_| None).unwrap_or_else(|errors| panic!("{errors}"));
    assert!(config.warnings.is_empty());
    let files = [
        "keys/users.jwks.json",
        "policies/app-user.json",
        "policies/device-owner.json",
        "policies/tenant-operator.json",
    ];
    assert_eq!(config.files, files);
}

/// Each kind of place, with and without a hint.
#[test]
fn an_error_prints_its_file_place_text_and_hint() {
    let line = |span| ErrorPlace::Line { line: 12, span };
    for (place, expected) in [
        (ErrorPlace::File, "f: what is wrong"),
        (line(None), "f:12: what is wrong"),
        (line(Some(3..5)), "f:12: what is wrong"),
        (ErrorPlace::Member("Statement[0].Effect".to_owned()), "f: Statement[0].Effect: what is wrong"),
        (ErrorPlace::Entry("key", 2), "f: key 2: what is wrong"),
    ] {
        let error = ConfigError::at("f", place.clone(), "what is wrong");
        assert_eq!(error.to_string(), expected, "{place:?}");
        let with_hint = error.clone().hint("what to do");
        assert_eq!(with_hint.to_string(), format!("{expected}\n  help: what to do"), "{place:?}");
        assert_eq!(with_hint, ConfigError { hint: Some("what to do".to_owned()), ..error.clone() });
        let both = ConfigErrors(vec![with_hint, error]);
        assert_eq!(both.to_string(), format!("{expected}\n  help: what to do\n{expected}\n"), "{place:?}");
    }
    assert_eq!(ConfigError::of_file("f", "x"), ConfigError::at("f", ErrorPlace::File, "x"));
}

/// The place of an error of `authorizer.toml` has the bytes that the error is about.
#[test]
fn an_error_of_the_file_has_its_span() {
    let deployment = example_with("\"RS256\", ", "\"HS256\", ");
    let Err(errors) = deployment.load() else { panic!("no error") };
    let text = std::fs::read_to_string(deployment.path("authorizer.toml")).unwrap();
    let [ConfigError { place: ErrorPlace::Line { line: 8, span: Some(span) }, .. }] = errors.0.as_slice()
    else {
        panic!("{errors:?}")
    };
    assert_eq!(text.get(span.clone()), Some("\"HS256\""));
}

/// One error at a time: a text of the example, its replacement, and all errors of `authorizer.toml`.
#[test]
fn each_error_of_the_file() {
    for case in cases::<FileCase>("authorizer.json") {
        let mut errors = errors_in(&example_with(&case.old, &case.new), &case.environment);
        // A slot that is missing or invalid is unknown in the policies, too.
        errors.retain(|error| !(error.starts_with("policies/") && error.contains("unknown slot")));
        assert_eq!(errors, case.errors, "`{}` for `{}`", case.new, case.old);
    }
}

/// An empty list of tables is an error wherever a missing or empty one would deny every token, and for `[[refuse]]`.
#[test]
fn each_empty_list_of_tables() {
    let deployment = Deployment::named("example");
    let example = std::fs::read_to_string(deployment.path("authorizer.toml")).unwrap();
    let (without_grants, _) = example.split_once("[[grant]]").unwrap();
    let slots = "[claims]\nsub = \"sub\"\ntenant = \"tenant\"\n";
    for (name, text) in [
        ("issuer", format!("issuer = []\n{slots}[[grant]]\npolicy = \"app-user\"\n")),
        ("grant", format!("grant = []\n{without_grants}")),
        ("refuse", format!("refuse = []\n{example}")),
    ] {
        deployment.write("authorizer.toml", text);
        let expected = format!(
            "authorizer.toml:1: expected at least one [[{name}]]\n  help: add one, or remove the key"
        );
        assert_eq!(errors(&deployment), [expected], "{name}");
    }
}

/// A statement, and all errors of its policy.
#[test]
fn each_error_of_a_statement() {
    for case in cases::<StatementCase>("statements.json") {
        let policy = json!({ "Version": "2012-10-17", "Statement": [case.statement] }).to_string();
        assert_eq!(policy_errors(&policy), case.errors, "{policy}");
    }
}

/// The text of a policy, and all errors of it.
#[test]
fn each_error_of_a_policy() {
    for case in cases::<PolicyCase>("policies.json") {
        assert_eq!(policy_errors(&case.policy), case.errors, "{}", case.policy);
    }
}

/// A variable of the environment becomes text. Its value must not contain variables, quotes or control characters.
#[test]
fn variables_of_the_environment_become_text() {
    let deployment = example_with("\"https://login.example.com/\"", "\"https://${env:STAGE}.example.com/\"");
    let policy = std::fs::read_to_string(deployment.path("policies/app-user.json")).unwrap();
    deployment
        .write("policies/app-user.json", policy.replace("topic/${tenant}", "topic/${env:STAGE}/${tenant}"));
    let load = |stage: &str| {
        let environment = |name: &str| (name == "STAGE").then(|| stage.to_owned());
        Config::load(&deployment.path("authorizer.toml"), &environment)
    };
    let claims = json!({
        "iss": "https://prod.example.com/", "aud": "iot.example.com", "sub": "ana", "tenant": "acme", "exp": support::NOW + 60,
    });
    let event = json!({ "token": Signer::named("es256").token(&claims) }).to_string();
    let authorizer = load("prod").unwrap().authorizer;
    let response =
        authorizer.authorize(event.as_bytes(), support::FUNCTION, support::at(0.0)).outcome.unwrap();
    assert!(serde_json::to_string(&response).unwrap().contains(":topic/prod/acme/users/ana/*"));
    for invalid in ["", "a${sub}", "a$b", "a{", "a}", "a\"b", "a\u{1}b", "a\nb"] {
        let Err(errors) = load(invalid) else { panic!("{invalid:?} is accepted") };
        let expected = ConfigError::at(
            "policies/app-user.json",
            ErrorPlace::Member("Statement[1].Resource[0]".to_owned()),
            "the value of environment variable `STAGE` is not allowed here",
        )
        .hint("it may not be empty or contain `$`, `{`, `}`, `\"` or control characters");
        assert!(errors.0.contains(&expected), "{invalid:?}: {errors}");
    }
}

/// The same for key files: the text of the file, and the errors.
#[test]
fn each_error_of_a_key_file() {
    let signer = Signer::named("rs256");
    let with = |change: &dyn Fn(&mut Value)| {
        let mut jwk = signer.jwk();
        change(&mut jwk);
        json!({ "keys": [jwk] }).to_string()
    };
    let pem = |label: &str| format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
    let no_set = "is a JSON object of another form; \
                  expected a JWK Set (a list `keys`), a JWK (`kty`) or an object of `kid` to PEM";
    let no_key = "no key serves any of the issuer's `algorithms`";
    let private = "contains a private key\n  \
                   help: ship the public half only, and replace the key, since copies of it exist now";
    let exponent =
        "key 0: skipped: invalid RSA exponent (`e`); expected an odd number from 3, at most 32 bits";
    let wrong_algorithm = |name: &str| {
        format!(
            "key 0: skipped: unsupported `alg` {name:?}; \
             expected RS256, RS384, RS512, PS256, PS384 or PS512 for a key of type RSA"
        )
    };
    let (es256, oaep) = (wrong_algorithm("ES256"), wrong_algorithm("RSA-OAEP"));
    let cases: &[(String, &[&str])] = &[
        ("keys".to_owned(), &["is neither JSON nor PEM"]),
        (json!({ "key": [] }).to_string(), &[no_set]),
        (json!({ "keys": {} }).to_string(), &[no_set]),
        (json!({ "keys": [] }).to_string(), &[no_key]),
        (with(&|jwk| jwk["d"] = json!("AQAB")), &[private]),
        (pem("PRIVATE KEY"), &[private]),
        (pem("RSA PRIVATE KEY"), &[private]),
        (
            pem("CERTIFICATE"),
            &["contains certificates; expected public keys\n  \
               help: extract the public key with `openssl x509 -in FILE -pubkey -noout`, or use a JWK Set"],
        ),
        (
            pem("PUBLIC KEY"),
            &["has a `PUBLIC KEY` block that is damaged, or not RSA, P-256, P-384 or Ed25519"],
        ),
        (
            with(&|jwk| jwk["use"] = json!("enc")),
            &[no_key, "key 0: skipped: unsupported `use` \"enc\"; expected \"sig\""],
        ),
        (
            with(&|jwk| jwk["key_ops"] = json!(["sign"])),
            &[no_key, "key 0: skipped: `key_ops` lacks \"verify\""],
        ),
        (with(&|jwk| jwk["alg"] = json!("ES256")), &[no_key, &es256]),
        (with(&|jwk| jwk["alg"] = json!("RSA-OAEP")), &[no_key, &oaep]),
        (with(&|jwk| jwk["e"] = json!("AQ")), &[no_key, exponent]),
        (
            with(&|jwk| jwk["n"] = json!("AQAB")),
            &[no_key, "key 0: skipped: an RSA key (`n`) of 17 bits; expected 2,048 to 8,192 bits"],
        ),
        (
            with(&|jwk| jwk["kty"] = json!("XYZ")),
            &[no_key, "key 0: skipped: unsupported `kty` \"XYZ\"; expected \"RSA\", \"EC\" or \"OKP\""],
        ),
        (
            json!({ "keys": [{ "kty": "oct", "k": "AAAA" }] }).to_string(),
            &[no_key, "key 0: skipped: a symmetric key (`kty` \"oct\"); expected a public key"],
        ),
    ];
    for (keys, expected) in cases {
        let deployment = Deployment::named("example");
        deployment.write("keys/users.jwks.json", keys);
        let expected: Vec<_> =
            expected.iter().map(|error| format!("keys/users.jwks.json: {error}")).collect();
        assert_eq!(errors(&deployment), expected, "{keys}");
    }
}

/// A private key in `keys/` is an error even if no issuer uses it. Its text is in no message.
#[test]
fn an_unused_private_key_is_an_error() {
    let deployment = Deployment::named("example");
    deployment.write("keys/old.pem", "-----BEGIN PRIVATE KEY-----\nMIIsecret\n-----END PRIVATE KEY-----\n");
    let errors = errors(&deployment);
    assert!(
        matches!(errors.as_slice(), [error] if error.starts_with("keys/old.pem: contains a private key\n  help: ") && !error.contains("MIIsecret")),
        "{errors:?}"
    );
}

/// The function itself prints all errors to stderr and requests no event.
#[test]
fn the_function_does_not_start_and_prints_every_error() {
    let deployment = example_with("audience   =", "audiences  =");
    deployment.write("policies/app-user.json", r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:Publish","Resource":"topic/${unknown}/x"}]}"#);
    std::fs::remove_file(deployment.path("policies/device-owner.json")).unwrap();
    deployment.write("keys/old.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    let run = |format: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_bootstrap"))
            .env_clear()
            .env("LAMBDA_TASK_ROOT", deployment.path(""))
            .env("AWS_LAMBDA_LOG_FORMAT", format)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(output.stdout.is_empty());
        text
    };
    let expected = errors(&deployment);
    let beginnings = [
        "authorizer.toml:4: [[issuer]] has no `audience`\n  help: ",
        "authorizer.toml:7: unknown key `audiences` in [[issuer]]; ",
        "authorizer.toml:23: cannot read `policies/device-owner.json`: no such file\n  help: ",
        "policies/app-user.json: Statement[0].Resource[0]: unknown slot `${unknown}`\n  help: ",
        "keys/old.pem: contains a private key\n  help: ",
    ];
    assert_eq!(expected.len(), beginnings.len(), "{expected:?}");
    assert!(
        std::iter::zip(&expected, beginnings).all(|(error, text)| error.starts_with(text)),
        "{expected:?}"
    );
    assert_eq!(run("Text"), expected.iter().map(|error| format!("error: {error}\n")).collect::<String>());
    // One JSON line for each error, with its hint.
    let lines: Vec<Value> = run("JSON").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let messages: Vec<&str> = lines.iter().filter_map(|line| line["message"].as_str()).collect();
    assert_eq!(messages, expected.iter().map(|error| format!("error: {error}")).collect::<Vec<_>>());
    assert!(lines.iter().all(|line| line["level"] == "ERROR" && line["timestamp"].is_string()), "{lines:?}");
}
