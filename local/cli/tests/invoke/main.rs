//! `invoke` with a command as the function, and the results of AWS IoT's TestInvokeAuthorizer.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Parser;
use iot_local::invoke::{self, InvokeArgs};
use iot_local::launch::LaunchSettings;
use iot_local_base::env::Env;

/// A function whose response depends on the token.
const FUNCTION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../gateway/tests/gateway/function.py");

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: InvokeArgs,
}

fn public_pem(key: &RsaKeyPair) -> String {
    let der: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
    pem::encode(&pem::Pem::new("PUBLIC KEY", der.as_ref()))
}

fn sign(key: &RsaKeyPair, token: &str) -> String {
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), token.as_bytes(), &mut signature).unwrap();
    STANDARD.encode(signature)
}

#[tokio::test]
async fn a_call_has_the_result_of_aws_iot() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("authorizer.toml").display().to_string();
    let command = format!("exec python3 '{FUNCTION}'");
    let path = std::env::vars_os().find(|(name, _)| name == "PATH").unwrap().1.into_string().unwrap();
    let env = Env::from([("PATH", path.as_str())]);
    let settings = LaunchSettings { cargo: "cargo".to_owned(), env, sandboxes: 1 };
    let key_pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let key = folder.path().join("key.pem");
    std::fs::write(&key, public_pem(&key_pair)).unwrap();
    let (key, signature) = (key.display().to_string(), sign(&key_pair, "good"));
    for (line, expected) in [
        (&["--mqtt-context", "clientId=a,password=good"][..], Ok(true)),
        (&["--token", "good", "--http-context", r#"{"headers":{"a":"b"}}"#], Ok(true)),
        (
            &[
                "--token",
                "good",
                "--signing-key",
                &key,
                "--token-signature",
                &signature,
                "--tls",
                "serverName=s",
            ],
            Ok(true),
        ),
        (&["--mqtt-context", "clientId=a,password=bad"], Ok(false)),
        (&["--mqtt-context", "clientId=a,password=illegal"], Err("principalId must be")),
        (&["--mqtt-context", "clientId=a,password=error"], Err("failing as asked")),
        (&["--mqtt-context", "clientId=a,password=die"], Err("ended during the invocation")),
        (&["--token", "good", "--signing-key", &key], Err("the function was not called")),
        (
            &["--token", "bad", "--signing-key", &key, "--token-signature", &signature],
            Err("does not match the token; expected an RS256 signature"),
        ),
        (&["--token", "good", "--signing-key", "/nonexistent"], Err("--signing-key /nonexistent")),
        (&["--token", "good", "--function-arn", "arn"], Err("--function-arn")),
        (&["--mqtt-context", "clientId=a,password=good", "--pretty", "--json"], Ok(true)),
        // Without a context there is no protocolData, which this function requires.
        (&["--token", "good"], Err("KeyError: 'protocolData'")),
    ] {
        let is_pretty = line.contains(&"--pretty");
        let line = [&["invoke", "--config", &config, "--function", &command], line].concat();
        let mut out = Vec::new();
        let outcome = invoke::run(&Line::parse_from(line).args, &settings, &mut out).await;
        let out = String::from_utf8(out).unwrap();
        match (outcome, expected) {
            (Ok(is_allowed), Ok(expected)) => {
                assert_eq!(is_allowed, expected, "{out}");
                let response: serde_json::Value = serde_json::from_str(&out).unwrap();
                assert_eq!(response.get("isAuthenticated"), Some(&expected.into()), "{out}");
                let documents = response.get("policyDocuments").and_then(|documents| documents.as_array());
                let are_objects = documents.is_some_and(|list| list.iter().all(serde_json::Value::is_object));
                assert_eq!(are_objects && expected, is_pretty, "{out}");
            }
            (Err(error), Err(expected)) => {
                assert!(error.to_string().contains(expected) && out.is_empty(), "{error}");
            }
            (outcome, expected) => {
                assert_eq!(
                    outcome.map_err(|error| error.to_string()),
                    expected.map_err(str::to_owned),
                    "{out}"
                );
            }
        }
    }
}
