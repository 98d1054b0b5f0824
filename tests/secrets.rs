//! Secrets: stages that hang, that are emptied, and responses without a limit, from a Secrets Manager on loopback.

#![cfg(test)]
#![allow(clippy::disallowed_methods, reason = "measures the time of a fetch")]
#![allow(clippy::arithmetic_side_effects, reason = "the numbers are the test's own")]

mod support;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use iot_jwt_authorizer::config::Config;
use serde_json::{Value, json};
use support::deployment::Deployment;
use support::sandbox::{Simulation, event, event_with_kid};
use support::signer::Signer;

/// How a stage responds.
#[derive(Clone)]
enum Stage {
    /// A `SecretString`.
    Text(String),
    /// The stage does not exist.
    Absent,
    /// An error of AWS with this message.
    Error(String),
    /// A `SecretString` of this many bytes.
    Large(usize),
    /// No response.
    Hang,
}

/// A Secrets Manager with one secret.
#[derive(Clone)]
struct SecretServer {
    port: u16,
    stages: Arc<Mutex<BTreeMap<String, Stage>>>,
}

impl SecretServer {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self { port: listener.local_addr().unwrap().port(), stages: Arc::default() };
        let shared = server.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = shared.clone();
                thread::spawn(move || shared.serve(stream));
            }
        });
        server
    }

    /// Sets the stages. AWSPREVIOUS and AWSPENDING are absent unless they are named.
    fn set(&self, stages: &[(&str, Stage)]) {
        let stages = stages.iter().map(|(name, stage)| ((*name).to_owned(), stage.clone()));
        *self.stages.lock().unwrap() = stages.collect();
    }

    fn serve(&self, mut stream: TcpStream) {
        while let Some(stage) = requested_stage(&mut stream) {
            let stage = self.stages.lock().unwrap().get(&stage).cloned().unwrap_or(Stage::Absent);
            let error = |kind: &str, message: &str| (400, json!({ "__type": kind, "message": message }));
            let secret = |text: &str| {
                (200, json!({ "ARN": "a", "Name": "n", "VersionId": "v", "SecretString": text }))
            };
            let (status, body) = match stage {
                Stage::Text(text) => secret(&text),
                Stage::Absent => error("ResourceNotFoundException", "no such version"),
                Stage::Error(message) => error("AccessDeniedException", &message),
                Stage::Large(bytes) => secret(&"x".repeat(bytes)),
                Stage::Hang => {
                    thread::sleep(Duration::from_secs(5));
                    return;
                }
            };
            let body = body.to_string();
            let head = format!(
                "HTTP/1.1 {status} S\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            if stream.write_all((head + &body).as_bytes()).is_err() {
                return;
            }
        }
    }

    /// A deployment whose only source is the secret.
    fn config(&self) -> Config {
        let deployment = Deployment::named("all");
        let toml = std::fs::read_to_string(deployment.path("authorizer.toml")).unwrap();
        deployment.write("authorizer.toml", toml.replace("file:keys/users.jwks.json", "secret:keys"));
        let endpoint = format!("http://127.0.0.1:{}", self.port);
        let environment = |name: &str| match name {
            "AWS_ENDPOINT_URL_SECRETS_MANAGER" => Some(endpoint.clone()),
            "AWS_REGION" => Some("eu-west-1".to_owned()),
            "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("test".to_owned()),
            _ => None,
        };
        Config::load(&deployment.path("authorizer.toml"), &environment)
            .unwrap_or_else(|errors| panic!("{errors}"))
    }
}

/// Reads a request and returns its `VersionStage`, or `None` at the end of the connection.
fn requested_stage(stream: &mut TcpStream) -> Option<String> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.extend(byte);
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let length = head.split("content-length:").nth(1)?.lines().next()?.trim().parse().ok()?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    let body: Value = serde_json::from_slice(&body).ok()?;
    Some(body["VersionStage"].as_str()?.to_owned())
}

fn keys(signers: &[&str]) -> Stage {
    let keys: Vec<Value> = signers.iter().map(|name| Signer::named(name).jwk()).collect();
    Stage::Text(json!({ "keys": keys }).to_string())
}

/// The key event among the log lines.
fn key_event(simulation: &Simulation) -> Value {
    simulation.take_lines().into_iter().rev().find(|line| line.get("event").is_some()).unwrap_or_default()
}

/// A stage that hangs hides no other, and the fetch ends in time.
#[test]
fn a_hanging_stage_blocks_nothing() {
    let server = SecretServer::start();
    let all =
        [("AWSPENDING", keys(&["ec1"])), ("AWSCURRENT", keys(&["es256"])), ("AWSPREVIOUS", keys(&["ec2"]))];
    for (hanging, signers) in [("AWSPENDING", ["es256", "ec2"]), ("AWSPREVIOUS", ["ec1", "es256"])] {
        let stages: Vec<_> = all
            .iter()
            .map(|(name, stage)| (*name, if *name == hanging { Stage::Hang } else { stage.clone() }))
            .collect();
        server.set(&stages);
        let simulation = Simulation::new();
        simulation.run(server.config(), async |sandbox| {
            let start = Instant::now();
            sandbox.function.start().await;
            println!("{hanging} hangs: keys after {:?}", start.elapsed());
            assert!(start.elapsed() < Duration::from_secs(2), "{hanging}");
            let event_line = key_event(&simulation);
            assert_eq!(event_line["event"], "keys_changed", "{hanging}: {event_line}");
            assert!(
                event_line["left_out"].to_string().contains(&format!("{hanging}: no response in time")),
                "{event_line}"
            );
            for signer in signers {
                assert_eq!(sandbox.decide_at_once(&event(signer)), "allow", "{hanging}: {signer}");
            }
            // The keys of a stage that hangs later are kept.
            server.set(&all);
            simulation.advance(300);
            sandbox.refresh().await;
            server.set(&stages);
            simulation.advance(300);
            sandbox.refresh().await;
            for signer in ["ec1", "es256", "ec2"] {
                assert_eq!(sandbox.decide_at_once(&event(signer)), "allow", "{hanging}: {signer}");
            }
        });
    }
    // AWSCURRENT itself must respond.
    server.set(&[("AWSPENDING", keys(&["ec1"])), ("AWSCURRENT", Stage::Hang)]);
    let simulation = Simulation::new();
    simulation.run(server.config(), async |sandbox| {
        sandbox.function.start().await;
        let event_line = key_event(&simulation);
        assert_eq!(
            (&event_line["event"], event_line["why"].to_string().contains("no response")),
            (&json!("keys_missing"), true)
        );
    });
}

/// An emptied AWSCURRENT takes no key away; an emptied AWSPREVIOUS or AWSPENDING does.
#[test]
fn an_emptied_current_stage_takes_no_key_away() {
    let empty = || Stage::Text("{\"keys\":[]}".to_owned());
    let server = SecretServer::start();
    server.set(&[("AWSCURRENT", keys(&["es256"])), ("AWSPREVIOUS", keys(&["ec1"]))]);
    let simulation = Simulation::new();
    simulation.run(server.config(), async |sandbox| {
        sandbox.function.start().await;
        for (stages, outcomes) in [
            (
                vec![("AWSCURRENT", empty()), ("AWSPREVIOUS", keys(&["ec1"]))],
                ["allow", "allow", "unknown_key"],
            ),
            (
                vec![("AWSCURRENT", empty()), ("AWSPREVIOUS", keys(&["ec2"]))],
                ["allow", "unknown_key", "allow"],
            ),
            (vec![("AWSCURRENT", empty())], ["allow", "unknown_key", "allow"]),
            (vec![("AWSCURRENT", keys(&["es256"]))], ["allow", "unknown_key", "unknown_key"]),
            (
                vec![("AWSCURRENT", keys(&["ec1"])), ("AWSPREVIOUS", empty())],
                ["unknown_key", "allow", "unknown_key"],
            ),
        ] {
            server.set(&stages);
            simulation.advance(300);
            sandbox.refresh().await;
            let mut codes = Vec::new();
            for signer in ["es256", "ec1", "ec2"] {
                codes.push(sandbox.decide(&event(signer)).await.0);
            }
            assert_eq!(codes, outcomes);
        }
    });
    // Without earlier keys those of another stage are used.
    server.set(&[("AWSCURRENT", empty()), ("AWSPREVIOUS", keys(&["ec1"]))]);
    let simulation = Simulation::new();
    simulation.run(server.config(), async |sandbox| {
        sandbox.function.start().await;
        assert_eq!(sandbox.decide_at_once(&event("ec1")), "allow");
    });
}

/// A stage that AWS denies keeps its earlier keys, and the log says so; one that does not exist has none.
#[test]
fn a_denied_stage_keeps_its_keys() {
    let server = SecretServer::start();
    let simulation = Simulation::new();
    server.set(&[("AWSCURRENT", keys(&["es256"])), ("AWSPREVIOUS", keys(&["ec1"]))]);
    simulation.run(server.config(), async |sandbox| {
        sandbox.function.start().await;
        for (previous, outcome) in [
            (Stage::Error("not now".to_owned()), "allow"),
            (keys(&["ec1"]), "allow"),
            (Stage::Absent, "unknown_key"),
        ] {
            server.set(&[("AWSCURRENT", keys(&["es256"])), ("AWSPREVIOUS", previous)]);
            simulation.advance(300);
            sandbox.refresh().await;
            assert_eq!(sandbox.decide(&event("ec1")).await.0, outcome);
            assert_eq!(sandbox.decide_at_once(&event("es256")), "allow");
        }
    });
}

/// One `kid` in two stages: a rotation that reuses it denies no one.
#[test]
fn stages_can_have_one_kid() {
    let named = |signer: &str| {
        let mut jwk = Signer::named(signer).jwk();
        jwk["kid"] = json!("k");
        Stage::Text(json!({ "keys": [jwk] }).to_string())
    };
    let server = SecretServer::start();
    server.set(&[("AWSCURRENT", named("es256")), ("AWSPREVIOUS", named("ec1"))]);
    let simulation = Simulation::new();
    simulation.run(server.config(), async |sandbox| {
        sandbox.function.start().await;
        assert_eq!(sandbox.decide_at_once(&event_with_kid("es256", "k")), "allow");
        assert_eq!(sandbox.decide_at_once(&event_with_kid("ec1", "k")), "allow");
        assert_eq!(sandbox.decide_at_once(&event_with_kid("ec2", "k")), "bad_signature");
    });
}

/// A response over the limit is not read, and no line of the log grows with what AWS says.
#[test]
fn responses_and_messages_are_limited() {
    let server = SecretServer::start();
    let padded = |bytes: usize| {
        let Stage::Text(text) = keys(&["es256"]) else { panic!("a text") };
        // JSON escapes a line end, so the response has nearly twice as many bytes.
        Stage::Text(format!("{text}{}", "\n".repeat(bytes - text.len())))
    };
    for (stage, why) in [
        (padded(64 * 1024), None),
        (padded(64 * 1024 + 1), Some("the response is longer than 65536 bytes")),
        (Stage::Large(64 * 1024 + 1), Some("the response is longer than 65536 bytes")),
        (Stage::Large(300_000), Some("the response is longer than 65536 bytes")),
        (Stage::Error("x".repeat(300_000)), Some("the response is longer than 65536 bytes")),
        (Stage::Error(format!("denied{}", "é".repeat(10_000))), Some("AccessDeniedException denied")),
    ] {
        server.set(&[("AWSCURRENT", stage)]);
        let simulation = Simulation::new();
        simulation.run(server.config(), async |sandbox| {
            sandbox.function.start().await;
            let line = key_event(&simulation);
            let text = line.to_string();
            println!("{why:?}: a line of {} bytes", text.len());
            assert!(text.len() < 3000, "{}", text.len());
            match why {
                Some(why) => assert!(line["why"].as_str().unwrap().contains(why), "{line}"),
                None => assert_eq!(line["event"], "keys_changed", "{line}"),
            }
        });
    }
}
