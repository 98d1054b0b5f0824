//! Keys that are fetched. Whatever a key server does, a token with a cached key waits for nothing, and a token without
//! one is denied in time.

#![cfg(test)]
#![allow(clippy::disallowed_methods, reason = "measures the time of answers")]
#![allow(clippy::arithmetic_side_effects, reason = "the numbers are the test's own")]

mod support;

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use iot_jwt_authorizer::config::Config;
use iot_jwt_authorizer::source::FETCH_TIMEOUT;
use serde_json::{Value, json};
use support::deployment::Deployment;
use support::in_threads;
use support::key_server::{Behaviour, KeyServer, closed_url};
use support::sandbox::{Simulation, event, event_of_issuer, event_with_kid};
use support::signer::Signer;

/// The issuer of the test deployments.
const ISSUER: &str = "https://login.example.com/";

/// The deployment for all algorithms, with these key sources and further members of the issuer.
fn config(sources: &[&str], issuer: &str, members: &str) -> Config {
    let deployment = Deployment::named("all");
    let toml = std::fs::read_to_string(deployment.path("authorizer.toml")).unwrap();
    let toml = toml
        .replace("[\"file:keys/users.jwks.json\"]", &format!("{}\n{members}", json!(sources)))
        .replace("https://login.example.com/", issuer);
    deployment.write("authorizer.toml", toml);
    deployment.load().unwrap_or_else(|errors| panic!("{errors}"))
}

/// A deployment with this key server as its only source.
fn jwks(server: &KeyServer) -> Config {
    config(&[&format!("jwks:{}", server.url("/keys"))], "https://login.example.com/", "")
}

/// The key events among log lines: `event` and `why`.
fn key_events(lines: &[Value]) -> Vec<(String, String)> {
    let text =
        |line: &Value, member: &str| line.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
    lines
        .iter()
        .filter(|line| line.get("event").is_some())
        .map(|line| (text(line, "event"), text(line, "why")))
        .collect()
}

/// Failures of a key server: a name, the server's behaviour, and a part of `why` in the log.
fn failures() -> Vec<(&'static str, Behaviour, &'static str)> {
    let ok = |body: &str| Behaviour::ok(body);
    let json = |body: Value| Behaviour::ok(body.to_string());
    let status = |status, headers: &str| Behaviour::Response(status, headers.to_owned(), key_set(&["es256"]));
    let mut private = Signer::named("es256").jwk();
    private["d"] = json!("AAAA");
    let many: Vec<Value> = (0..101)
        .map(|index| {
            let mut key = Signer::named("es256").jwk();
            key["kid"] = json!(index.to_string());
            key
        })
        .collect();
    // The key of RFC 7515 appendix A.3, which prints the private half, too.
    let published = json!({ "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" });
    let no_set = "is a JSON object of another form; expected a JWK Set";
    let no_json = "has invalid JSON at line 1, column ";
    let no_key = "no key serves any of the issuer's `algorithms`";
    let unreachable = "not reachable (";
    let too_large = "the response is longer than 65536 bytes";
    let timeout = "no response in time";
    vec![
        ("500", status(500, ""), "status 500"),
        ("503", status(503, "retry-after: 1\r\n"), "status 503"),
        ("404", status(404, ""), "status 404"),
        ("401", status(401, ""), "status 401"),
        ("201", status(201, ""), "status 201"),
        ("204", Behaviour::Bytes(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()), "status 204"),
        ("304", Behaviour::Bytes(b"HTTP/1.1 304 Not Modified\r\n\r\n".to_vec()), "status 304"),
        ("301 to a good set", status(301, "location: /good\r\n"), "status 301"),
        ("302 elsewhere", status(302, "location: http://169.254.169.254/\r\n"), "status 302"),
        ("307", status(307, "location: /good\r\n"), "status 307"),
        ("308", status(308, "location: /good\r\n"), "status 308"),
        ("an empty response", ok(""), "is empty"),
        ("HTML", ok("<html>log in</html>"), "is an HTML or XML page"),
        (
            "gzip",
            Behaviour::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n\x1f\x8b\x08\x00".to_vec()),
            "is compressed",
        ),
        (
            "certificates",
            json(json!({ "a": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" })),
            "contains certificates; expected public keys",
        ),
        ("a set in a member", json(json!({ "jwks": { "keys": [] } })), "has its keys in the member `jwks`"),
        ("an OpenSSH key", ok("ssh-rsa AAAA"), "ssh-keygen -e -m PKCS8"),
        (
            "private PEM",
            ok(&Signer::named("es256").pem().replace("PUBLIC", "PRIVATE")),
            "has no `PUBLIC KEY` block",
        ),
        ("truncated JSON", ok("{\"keys\":[{\"kty\":\"EC\""), no_json),
        (
            "not UTF-8",
            Behaviour::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\n{\"keys\":[\"\xff\"]}".to_vec()),
            "is not UTF-8",
        ),
        ("null", ok("null"), "is null; expected a JWK Set"),
        ("a list", json(json!([Signer::named("es256").jwk()])), "is a list; expected a JWK Set"),
        ("`key` instead of `keys`", json(json!({ "key": [Signer::named("es256").jwk()] })), no_set),
        ("`keys` an object", json(json!({ "keys": {} })), no_set),
        (
            "`keys` twice",
            ok(&format!("{{\"keys\":[],{}", key_set(&["es256"]).trim_start_matches('{'))),
            "duplicate field `keys`",
        ),
        ("deep JSON", ok(&format!("{{\"keys\":{}{}}}", "[".repeat(5000), "]".repeat(5000))), no_json),
        ("no key", json(json!({ "keys": [] })), "the key set is empty"),
        ("entries of every wrong type", json(json!({ "keys": [1, null, "x", [], {}, true, 1.5] })), no_key),
        (
            "a symmetric key",
            json(json!({ "keys": [{ "kty": "oct", "k": "AAAA" }] })),
            "(key 0: a symmetric key (`kty` \"oct\"); expected a public key)",
        ),
        ("a private key", json(json!({ "keys": [private] })), "(key 0: a private key)"),
        ("a published key", json(json!({ "keys": [published] })), "the private half is public)"),
        (
            "a weak key",
            json(json!({ "keys": [{ "kty": "RSA", "n": "AQAB", "e": "AQAB" }] })),
            "(key 0: an RSA key (`n`) of 17 bits; expected 2,048 to 8,192 bits",
        ),
        ("101 keys", json(json!({ "keys": many })), "more than 100 keys"),
        ("a large response", ok(&format!("{}{}", key_set(&["es256"]), " ".repeat(64 * 1024))), too_large),
        ("an endless response", Behaviour::Endless, too_large),
        (
            "a wrong length",
            Behaviour::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{\"keys\":[]}".to_vec()),
            unreachable,
        ),
        ("not HTTP", Behaviour::Bytes(b"220 smtp.example.com ESMTP\r\n".to_vec()), unreachable),
        ("TLS", Behaviour::Bytes(vec![0x15, 3, 3, 0, 2, 2, 40]), unreachable),
        (
            "an endless head",
            Behaviour::Bytes([b"HTTP/1.1 200 OK\r\n".to_vec(), b"x: y\r\n".repeat(100_000)].concat()),
            unreachable,
        ),
        ("a closed connection", Behaviour::Close, unreachable),
        ("a reset", Behaviour::Reset, unreachable),
        ("no response", Behaviour::Hang, timeout),
        ("a slow response", Behaviour::Drip, timeout),
    ]
}

fn key_set(signers: &[&str]) -> String {
    let Behaviour::Response(_, _, body) = Behaviour::keys(signers) else { panic!("a response") };
    body
}

/// While the server fails, tokens with a cached key are allowed. When it works again, its keys are fetched.
#[test]
fn a_failure_denies_no_token_with_a_cached_key() {
    in_threads(failures(), |(name, failure, why)| {
        let server = KeyServer::start(Behaviour::keys(&["rs256"]));
        let simulation = Simulation::new();
        simulation.run(jwks(&server), async |sandbox| {
            sandbox.function.start().await;
            server.set_behaviour(failure.clone());
            for _ in 0..3 {
                simulation.advance(400);
                assert_eq!(sandbox.decide_at_once(&event("rs256")), "allow", "{name}");
                simulation.take_lines();
                sandbox.refresh().await;
                let events = key_events(&simulation.take_lines());
                assert!(
                    matches!(&*events, [(event, text)] if event == "keys_kept" && text.contains(why)),
                    "{name}: {events:?}"
                );
            }
            server.set_behaviour(Behaviour::keys(&["rs256", "es384"]));
            simulation.advance(400);
            sandbox.refresh().await;
            assert_eq!(key_events(&simulation.take_lines())[0].0, "keys_changed", "{name}");
            assert_eq!(sandbox.decide_at_once(&event("es384")), "allow", "{name}");
        });
    });
}

/// Without keys the function starts all the same and denies, until there are keys.
#[test]
fn a_failure_at_the_start_denies_until_keys_are_fetched() {
    in_threads(failures(), |(name, failure, why)| {
        let server = KeyServer::start(failure);
        let simulation = Simulation::new();
        simulation.run(jwks(&server), async |sandbox| {
            sandbox.function.start().await;
            let events = key_events(&simulation.take_lines());
            assert!(
                matches!(&*events, [(event, text)] if event == "keys_missing" && text.contains(why)),
                "{name}: {events:?}"
            );
            assert_eq!(sandbox.decide_at_once(&event("rs256")), "keys_unavailable", "{name}");
            simulation.advance(2);
            let start = Instant::now();
            assert_eq!(sandbox.decide(&event("rs256")).await, ("keys_unavailable".to_owned(), 1), "{name}");
            let waited = start.elapsed();
            if waited > Duration::from_secs(1) {
                println!("{name}: denied after {waited:?}; the limit is 2 s");
            }
            server.set_behaviour(Behaviour::keys(&["rs256"]));
            simulation.advance(4);
            assert_eq!(sandbox.decide(&event("rs256")).await, ("allow".to_owned(), 1), "{name}");
            assert_eq!(sandbox.decide_at_once(&event("rs256")), "allow", "{name}");
        });
    });
}

/// Tokens with unknown `kid`s cause one fetch in 30 seconds. No other token waits for it.
#[test]
fn ten_thousand_unknown_kids_cause_one_fetch() {
    let server = KeyServer::start(Behaviour::keys(&["es256"]));
    let simulation = Simulation::new();
    simulation.run(jwks(&server), async |sandbox| {
        sandbox.function.start().await;
        let (unknown, good) = (event("ec1"), event("es256"));
        let mut awaited_fetches = 0;
        for number in 0..10_000 {
            let (code, fetches) = sandbox.decide(&event_with_kid("ec1", &format!("unknown-{number}"))).await;
            assert_eq!(code, "unknown_key");
            awaited_fetches += fetches;
            sandbox.refresh().await;
            if number % 100 == 0 {
                assert_eq!(sandbox.decide_at_once(&good), "allow");
            }
            simulation.take_lines();
        }
        println!(
            "10,000 unknown kids: {} fetches, including the one at the start",
            server.requested_paths().len()
        );
        assert_eq!(awaited_fetches, 1);
        assert_eq!(server.requested_paths().len(), 2);
        // Many events at once, after the cooldown, share one fetch.
        simulation.advance(40);
        let before = server.requested_paths().len();
        let codes = join_all((0..500).map(|_| sandbox.decide(&unknown))).await;
        assert!(codes.iter().all(|(code, _)| code == "unknown_key"));
        println!("500 unknown kids at once: {} fetch", server.requested_paths().len() - before);
        assert_eq!(server.requested_paths().len() - before, 1);
    });
}

/// Events that wait for a new key share one fetch.
#[test]
fn a_rotated_key_is_fetched_once_for_all_waiting_events() {
    let server = KeyServer::start(Behaviour::keys(&["es256"]));
    let simulation = Simulation::new();
    simulation.run(jwks(&server), async |sandbox| {
        sandbox.function.start().await;
        server.set_behaviour(Behaviour::keys(&["es256", "ec1"]));
        let codes = join_all(
            (0..200).map(async |number| sandbox.decide(&event(["es256", "ec1"][number % 2])).await.0),
        )
        .await;
        assert!(codes.iter().all(|code| code == "allow"), "{codes:?}");
        assert_eq!(server.requested_paths().len(), 2);
        // A second new key within the cooldown is fetched after it, or at the next refresh.
        server.set_behaviour(Behaviour::keys(&["ec1", "ec2"]));
        assert_eq!(sandbox.decide_at_once(&event("ec2")), "unknown_key");
        simulation.advance(37);
        assert_eq!(sandbox.decide(&event("ec2")).await, ("allow".to_owned(), 1));
        assert_eq!(sandbox.decide_at_once(&event("es256")), "unknown_key");
    });
}

/// Only a missing key causes a fetch.
#[test]
fn other_denials_never_fetch() {
    let server = KeyServer::start(Behaviour::keys(&["rs256", "es256"]));
    let simulation = Simulation::new();
    simulation.run(jwks(&server), async |sandbox| {
        sandbox.function.start().await;
        let signer = Signer::named("rs256");
        let mut es512 = signer.header();
        es512["alg"] = json!("ES512");
        let token = |header: &Value, claims: Value| {
            json!({ "token": signer.sign(header.to_string().as_bytes(), claims.to_string().as_bytes()) })
                .to_string()
        };
        let claims =
            json!({ "iss": "https://login.example.com/", "aud": "iot.example.com", "sub": "ana", "exp": 1 });
        for (code, event) in [
            ("bad_signature", event_with_kid("untrusted", "rs256-1")),
            ("unsupported_algorithm", token(&es512, claims.clone())),
            ("expired", token(&signer.header(), claims)),
            ("unknown_issuer", token(&signer.header(), json!({ "iss": "https://other.example.com/" }))),
            ("no_token", "{}".to_owned()),
            ("malformed_event", "[".to_owned()),
        ] {
            for _ in 0..50 {
                assert_eq!(sandbox.decide_at_once(&event), code);
            }
        }
        assert_eq!(server.requested_paths().len(), 1);
    });
}

/// An hour of simulated time without the key server, with an event each second.
#[test]
fn an_hour_without_the_key_server_denies_no_valid_token() {
    let server = KeyServer::start(Behaviour::keys(&["es256"]));
    let simulation = Simulation::new();
    simulation.run(jwks(&server), async |sandbox| {
        sandbox.function.start().await;
        server.set_behaviour(Behaviour::Close);
        let event = event("es256");
        for _ in 0..3600 {
            simulation.advance(1);
            assert_eq!(sandbox.decide_at_once(&event), "allow");
            sandbox.refresh().await;
        }
        let fetches = server.requested_paths().len() - 1;
        println!("an hour without the key server: 0 of 3600 valid tokens denied, {fetches} fetches");
        // After 1, 2, 4 ... 256 s, then every 300 s, each times 0.5 to 1.5. hyper retries a lost request once.
        assert!((9..=40).contains(&fetches), "{fetches}");
        simulation.advance(86_400 - 3600 - 10);
        assert_eq!(sandbox.decide_at_once(&event), "allow");
        simulation.advance(10);
        simulation.take_lines();
        assert_eq!(sandbox.decide(&event).await, ("keys_unavailable".to_owned(), 1));
        let events: Vec<String> =
            key_events(&simulation.take_lines()).into_iter().map(|(event, _)| event).collect();
        assert_eq!(events, ["keys_expired", "keys_missing"]);
        server.set_behaviour(Behaviour::keys(&["es256"]));
        simulation.advance(301 * 3 / 2);
        assert_eq!(sandbox.decide(&event).await.0, "allow");
    });
}

/// Refreshes and retries have jitter, so that sandboxes that start together do not fetch together.
#[test]
fn refreshes_and_retries_have_jitter() {
    let server = KeyServer::start(Behaviour::keys(&["es256"]));
    let waits = |fails: bool| -> Vec<f64> {
        let wait = |_| {
            server.set_behaviour(if fails {
                Behaviour::Response(500, String::new(), String::new())
            } else {
                Behaviour::keys(&["es256"])
            });
            let simulation = Simulation::new();
            simulation.run(jwks(&server), async |sandbox| sandbox.function.start().await);
            simulation.take_lines()[0]["next_seconds"].as_f64().unwrap()
        };
        (0..40).map(wait).collect()
    };
    for (fails, min, max) in [(false, 240.0, 300.0), (true, 0.5, 1.5)] {
        let mut waits = waits(fails);
        assert!(waits.iter().all(|wait| (min..=max).contains(wait)), "{waits:?}");
        waits.sort_by(f64::total_cmp);
        waits.dedup();
        assert!(waits.len() > 5, "{waits:?}");
    }
}

/// With a cached key the decision is ready at the first poll; without one it comes within the time limit.
#[test]
fn a_key_server_that_never_responds() {
    let server = KeyServer::start(Behaviour::keys(&["es256"]));
    let simulation = Simulation::new();
    simulation.run(jwks(&server), async |sandbox| {
        sandbox.function.start().await;
        server.set_behaviour(Behaviour::Hang);
        simulation.advance(400);
        let event = event("es256");
        // A refresh hangs; decisions do not wait for it.
        let mut refresh = std::pin::pin!(sandbox.refresh());
        for _ in 0..100 {
            assert!(futures_util::poll!(refresh.as_mut()).is_pending());
            assert_eq!(sandbox.decide_at_once(&event), "allow");
        }
        println!("a hanging refresh: 100 decisions at the first poll, 0 awaited fetches");
    });
    let simulation = Simulation::new();
    simulation.run(jwks(&server), async |sandbox| {
        let start = Instant::now();
        assert_eq!(sandbox.decide(&event("es256")).await, ("keys_unavailable".to_owned(), 1));
        println!("no keys and no response: denied after {:?}; the limit is 2 s", start.elapsed());
    });
}

/// If no source is reachable, the function starts, denies and retries.
#[test]
fn unreachable_sources_deny_and_are_retried() {
    let simulation = Simulation::new();
    let source = format!("jwks:{}", closed_url());
    simulation.run(config(&[&source, "secret:unused"], "https://login.example.com/", ""), async |sandbox| {
        sandbox.function.start().await;
        for _ in 0..20 {
            simulation.advance(100);
            assert_eq!(sandbox.decide(&event("es256")).await.0, "keys_unavailable");
            sandbox.refresh().await;
        }
        let events = key_events(&simulation.take_lines());
        assert!(events.iter().any(|(_, why)| why.contains("Connection refused")), "{events:?}");
        assert!(events.iter().any(|(_, why)| why.contains("AWS_REGION")), "{events:?}");
        assert!(events.iter().all(|(event, _)| event == "keys_missing"), "{events:?}");
    });
}

/// A source is fetched only if the sources before it do not have the key.
#[test]
fn later_sources_are_fetched_only_when_needed() {
    let [first, second] =
        [KeyServer::start(Behaviour::keys(&["ec1"])), KeyServer::start(Behaviour::keys(&["ec2"]))];
    let (first_source, second_source) =
        (format!("jwks:{}", first.url("/1")), format!("jwks:{}", second.url("/2")));
    let fetches = || (first.requested_paths().len(), second.requested_paths().len());
    let simulation = Simulation::new();
    let sources = ["file:keys/users.jwks.json", &first_source, &second_source];
    simulation.run(config(&sources, "https://login.example.com/", ""), async |sandbox| {
        sandbox.function.start().await;
        for _ in 0..10 {
            simulation.advance(1000);
            assert_eq!(sandbox.decide_at_once(&event("es256")), "allow");
            sandbox.refresh().await;
        }
        assert_eq!(fetches(), (0, 0), "a bundled key is enough");
        assert_eq!(sandbox.decide(&event("ec1")).await, ("allow".to_owned(), 1));
        assert_eq!(fetches(), (1, 0));
        assert_eq!(sandbox.decide_at_once(&event("ec2")), "unknown_key", "one fetch in a cooldown");
        simulation.advance(37);
        assert_eq!(sandbox.decide(&event("ec2")).await, ("allow".to_owned(), 1));
        assert_eq!(fetches(), (1, 1));
        simulation.advance(300);
        sandbox.refresh().await;
        assert_eq!(fetches(), (2, 2), "a source that was fetched once is refreshed");
    });
    // Without any key the next source is fetched as soon as one fails, for the same event.
    first.set_behaviour(Behaviour::Close);
    let simulation = Simulation::new();
    simulation.run(
        config(&[&first_source, &second_source], "https://login.example.com/", ""),
        async |sandbox| {
            sandbox.function.start().await;
            assert_eq!(sandbox.decide(&event("ec2")).await, ("allow".to_owned(), 1));
        },
    );
}

/// Of two keys with one `kid` the earlier source's counts, also if the later source was fetched before.
#[test]
fn of_two_sources_with_one_kid_the_earlier_counts() {
    let mut twin = Signer::named("ec1").jwk();
    twin["kid"] = json!("es256-1");
    let server =
        KeyServer::start(Behaviour::ok(json!({ "keys": [twin, Signer::named("ec2").jwk()] }).to_string()));
    let source = format!("jwks:{}", server.url("/"));
    let simulation = Simulation::new();
    simulation.run(
        config(&["file:keys/users.jwks.json", &source], "https://login.example.com/", ""),
        async |sandbox| {
            assert_eq!(sandbox.decide(&event("ec2")).await.0, "allow");
            assert_eq!(sandbox.decide_at_once(&event("es256")), "allow");
            assert_eq!(sandbox.decide_at_once(&event_with_kid("ec1", "es256-1")), "bad_signature");
        },
    );
}

/// Discovery documents, and the event of the log or a part of its `why`.
#[test]
fn discovery_documents() {
    let server = KeyServer::start(Behaviour::keys(&["es256"]));
    let keys = server.url("/keys");
    for (path, document, outcome) in [
        ("", json!({ "issuer": "ISSUER", "jwks_uri": keys }), "keys_changed"),
        ("/", json!({ "issuer": "ISSUER", "jwks_uri": keys, "other": [1] }), "keys_changed"),
        ("/tenant/1", json!({ "issuer": "ISSUER", "jwks_uri": keys }), "keys_changed"),
        ("", json!({ "issuer": "ISSUER/", "jwks_uri": keys }), "names the issuer \""),
        ("/", json!({ "issuer": "https://login.example.com/", "jwks_uri": keys }), "names the issuer \""),
        (
            "",
            json!({ "jwks_uri": keys }),
            "/.well-known/openid-configuration is not a JSON object with `issuer` and `jwks_uri`",
        ),
        (
            "",
            json!({ "issuer": "ISSUER" }),
            "/.well-known/openid-configuration is not a JSON object with `issuer` and `jwks_uri`",
        ),
        (
            "",
            json!({ "issuer": ["ISSUER"], "jwks_uri": keys }),
            "/.well-known/openid-configuration is not a JSON object with `issuer` and `jwks_uri`",
        ),
        (
            "",
            json!("ISSUER"),
            "/.well-known/openid-configuration is not a JSON object with `issuer` and `jwks_uri`",
        ),
        (
            "",
            json!({ "issuer": "ISSUER", "jwks_uri": "/keys" }),
            "the discovery document's `jwks_uri` is not an https address",
        ),
        (
            "",
            json!({ "issuer": "ISSUER", "jwks_uri": "http://login.example.com/keys" }),
            "the discovery document's `jwks_uri` is not an https address",
        ),
        (
            "",
            json!({ "issuer": "ISSUER", "jwks_uri": "http://169.254.170.2/credentials" }),
            "the discovery document's `jwks_uri` is not an https address",
        ),
        (
            "",
            json!({ "issuer": "ISSUER", "jwks_uri": "file:///etc/passwd" }),
            "the discovery document's `jwks_uri` is not an https address",
        ),
        ("", json!({ "issuer": "ISSUER", "jwks_uri": closed_url() }), "Connection refused"),
    ] {
        let host = KeyServer::start(Behaviour::Close);
        let issuer = host.url(path);
        let document: Value = serde_json::from_str(&document.to_string().replace("ISSUER", &issuer)).unwrap();
        host.set_behaviour(Behaviour::ok(document.to_string()));
        let simulation = Simulation::new();
        simulation.run(config(&["oidc"], &issuer, ""), async |sandbox| sandbox.function.start().await);
        let (event, why) = key_events(&simulation.take_lines())[0].clone();
        assert!(event == outcome || why.contains(outcome), "{document}: {event} {why}");
        assert_eq!(
            host.requested_paths(),
            [format!("{}/.well-known/openid-configuration", path.trim_end_matches('/'))]
        );
    }
}

/// `refresh_seconds` and `max_stale_seconds` set when keys are fetched again and when they are dropped.
#[test]
fn refresh_and_max_stale_are_settings() {
    let server = KeyServer::start(Behaviour::keys(&["es256"]));
    let source = format!("jwks:{}", server.url("/"));
    let simulation = Simulation::new();
    let schedule = "refresh_seconds = 10\nmax_stale_seconds = 60";
    simulation.run(config(&[&source], "https://login.example.com/", schedule), async |sandbox| {
        sandbox.function.start().await;
        simulation.advance(7);
        sandbox.refresh().await;
        assert_eq!(server.requested_paths().len(), 1);
        simulation.advance(4);
        sandbox.refresh().await;
        assert_eq!(server.requested_paths().len(), 2);
        server.set_behaviour(Behaviour::Hang);
        simulation.advance(59);
        assert_eq!(sandbox.decide_at_once(&event("es256")), "allow");
        simulation.advance(1);
        assert_eq!(sandbox.decide(&event("es256")).await.0, "keys_unavailable");
    });
}

/// A key that the issuer has withdrawn is dropped at the next fetch.
#[test]
fn a_withdrawn_key_is_denied() {
    let server = KeyServer::start(Behaviour::keys(&["es256", "ec1", "ec2"]));
    let simulation = Simulation::new();
    simulation.run(jwks(&server), async |sandbox| {
        sandbox.function.start().await;
        assert_eq!(sandbox.decide_at_once(&event("ec1")), "allow");
        server.set_behaviour(Behaviour::keys(&["es256"]));
        simulation.advance(300);
        sandbox.refresh().await;
        assert_eq!(sandbox.decide(&event("ec1")).await.0, "unknown_key");
        let changed = simulation.take_lines().into_iter().find(|line| line["removed"] == 2).unwrap();
        assert_eq!(
            (&changed["keys"], &changed["added"], &changed["fetches"]),
            (&json!(1), &json!(0), &json!(2))
        );
    });
}

/// A fetch does not start without time left in the invocation, and ends before the invocation does.
#[test]
fn a_fetch_never_outlasts_its_invocation() {
    use iot_jwt_authorizer::function::Invocation;
    let server = KeyServer::start(Behaviour::Hang);
    let simulation = Simulation::new();
    simulation.run(jwks(&server), async |sandbox| {
        for (time_left, fetches) in [(Duration::from_millis(550), 0), (Duration::from_millis(1500), 1)] {
            let invocation = Invocation {
                request_id: "r",
                trace: None,
                function: support::FUNCTION,
                deadline: simulation.now() + time_left,
                cold_start: false,
            };
            let start = Instant::now();
            let _ = sandbox.function.answer(event("es256").as_bytes(), invocation).await;
            println!("{time_left:?} left of the invocation: decided after {:?}", start.elapsed());
            assert!(start.elapsed() < FETCH_TIMEOUT, "{time_left:?}");
            assert_eq!(server.requested_paths().len(), fetches);
            simulation.advance(10);
        }
    });
}

/// There are five CA certificates for AWS's hosts, all valid, and each has the fingerprint in its comment.
#[test]
fn the_built_in_ca_certificates_are_amazons() {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    let text = include_str!("../src/source/amazon-roots.pem");
    let mut store = rustls::RootCertStore::empty();
    let mut count = 0;
    for certificate in CertificateDer::pem_slice_iter(text.as_bytes()).map(Result::unwrap) {
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &certificate);
        let fingerprint: Vec<String> = hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        assert!(text.contains(&fingerprint.join(":")), "{fingerprint:?}");
        store.add(certificate).unwrap();
        count += 1;
    }
    assert_eq!(count, 5);
}

/// Formats that `jwks:` reads beside a JWK Set, as `file:` and `secret:` do.
#[test]
fn a_response_can_have_each_format() {
    let jwk = Signer::named("es256").jwk();
    let pem = Signer::named("es256").pem();
    for body in [
        format!("\u{feff}{}", key_set(&["es256"])),
        jwk.to_string(),
        pem.clone(),
        json!({ "es256-1": pem }).to_string(),
        json!({ "keys": [{ "kty": "oct", "k": "AAAA" }, jwk] }).to_string(),
    ] {
        let server = KeyServer::start(Behaviour::ok(body.clone()));
        let simulation = Simulation::new();
        simulation.run(jwks(&server), async |sandbox| {
            sandbox.function.start().await;
            assert_eq!(sandbox.decide_at_once(&event("es256")), "allow", "{body}");
            assert_eq!(sandbox.decide(&event_with_kid("ec1", "es256-1")).await.0, "bad_signature", "{body}");
        });
    }
}

/// A deployment whose first source is a PEM file without `kid`.
fn pem_then(signer: &str, second: &str) -> Config {
    let deployment = Deployment::named("all");
    let toml = std::fs::read_to_string(deployment.path("authorizer.toml")).unwrap();
    let sources = json!(["file:keys/a.pem", second]).to_string();
    deployment.write("authorizer.toml", toml.replace("[\"file:keys/users.jwks.json\"]", &sources));
    deployment.write("keys/a.pem", Signer::named(signer).pem());
    deployment.load().unwrap_or_else(|errors| panic!("{errors}"))
}

/// A source behind a key that fits every token is fetched after the first response, then on schedule; a new key of it
/// is found by the fetch for unknown keys.
#[test]
fn a_source_behind_a_key_without_kid_is_fetched() {
    let second = KeyServer::start(Behaviour::keys(&["ec1"]));
    let source = format!("jwks:{}", second.url("/"));
    let simulation = Simulation::new();
    simulation.run(pem_then("es256", &source), async |sandbox| {
        sandbox.function.start().await;
        assert_eq!(second.requested_paths().len(), 0, "the start has a usable key");
        assert_eq!(sandbox.decide_at_once(&event("es256")), "allow");
        sandbox.refresh().await;
        assert_eq!(second.requested_paths().len(), 1);
        assert_eq!(sandbox.decide_at_once(&event("ec1")), "allow");
        for _ in 0..4 {
            simulation.advance(300);
            sandbox.refresh().await;
        }
        assert_eq!(second.requested_paths().len(), 5, "it is on the schedule");
        second.set_behaviour(Behaviour::keys(&["ec1", "ec2"]));
        let mut seconds = 0;
        while sandbox.decide(&event("ec2")).await.0 != "allow" {
            simulation.advance(1);
            seconds += 1;
            assert!(seconds <= 60, "a new key is in use within a minute");
        }
        println!("a new key of the second source: in use after {seconds} s");
        assert_eq!(sandbox.decide_at_once(&event("es256")), "allow");
    });
    // An event that comes before the first response's refresh waits for its own fetch.
    let simulation = Simulation::new();
    simulation.run(pem_then("es256", &source), async |sandbox| {
        assert_eq!(sandbox.decide(&event("ec1")).await, ("allow".to_owned(), 1));
    });
}

/// A key server without `kid`s before another: the second is fetched and refreshed too.
#[test]
fn a_key_server_behind_one_without_kids_is_fetched() {
    let bare = |signer: &str| Signer::named(signer).bare_jwk();
    let first = KeyServer::start(Behaviour::ok(json!({ "keys": [bare("es256")] }).to_string()));
    let second = KeyServer::start(Behaviour::keys(&["ec1"]));
    let sources = [format!("jwks:{}", first.url("/")), format!("jwks:{}", second.url("/"))];
    let config = config(&[&sources[0], &sources[1]], "https://login.example.com/", "");
    let simulation = Simulation::new();
    simulation.run(config, async |sandbox| {
        sandbox.function.start().await;
        let mut denied = 0;
        for _ in 0..40 {
            simulation.advance(60);
            denied += u32::from(sandbox.decide(&event("ec1")).await.0 != "allow");
            assert_eq!(sandbox.decide_at_once(&event("es256")), "allow");
            sandbox.refresh().await;
        }
        let fetches = [&first, &second].map(|server| server.requested_paths().len());
        println!("40 minutes, two key servers: {denied} of 40 tokens denied, fetches {fetches:?}");
        assert_eq!(denied, 0);
        assert!(fetches.iter().all(|count| (8..=11).contains(count)), "{fetches:?}");
    });
}

/// Tokens without `kid` of the second source, though keys with `kid` of the first fit them.
#[test]
fn a_source_behind_keys_that_only_fit_is_fetched() {
    let deployment = Deployment::named("all");
    let server = KeyServer::start(Behaviour::keys(&["ec5"]));
    let toml = std::fs::read_to_string(deployment.path("authorizer.toml")).unwrap();
    let sources = json!(["file:keys/users.jwks.json", format!("jwks:{}", server.url("/"))]).to_string();
    deployment.write("authorizer.toml", toml.replace("[\"file:keys/users.jwks.json\"]", &sources));
    deployment.write("keys/users.jwks.json", key_set(&["es256"]));
    let without_kid = |signer: &str| {
        let signer = Signer::named(signer);
        let claims = json!({ "iss": "https://login.example.com/", "aud": "iot.example.com", "sub": "ana", "exp": 4_000_000_000_u64 });
        json!({ "token": signer.sign(br#"{"alg":"ES256"}"#, claims.to_string().as_bytes()) }).to_string()
    };
    let simulation = Simulation::new();
    simulation.run(deployment.load().unwrap(), async |sandbox| {
        assert_eq!(sandbox.decide_at_once(&without_kid("es256")), "allow");
        sandbox.refresh().await;
        assert_eq!(server.requested_paths().len(), 0, "nothing shows that the source is needed");
        assert_eq!(sandbox.decide(&without_kid("ec5")).await, ("allow".to_owned(), 1));
        assert_eq!(sandbox.decide_at_once(&without_kid("ec1")), "bad_signature", "one fetch in a cooldown");
        // By name: never a fetch, whatever the time.
        simulation.advance(100);
        let before = server.requested_paths().len();
        for _ in 0..50 {
            assert_eq!(sandbox.decide_at_once(&event_with_kid("ec1", "es256-1")), "bad_signature");
            simulation.advance(40);
        }
        assert_eq!(server.requested_paths().len(), before);
    });
}

/// A `kid` that is known with another algorithm only: a later source may have a key of the same name for this one, so
/// the event counts as one with an unknown key.
#[test]
fn a_later_source_has_the_kid_with_another_algorithm() {
    let named = |signer: &str| {
        let mut key = Signer::named(signer).jwk();
        key["kid"] = json!("shared");
        key
    };
    let deployment = Deployment::named("all");
    let server = KeyServer::start(Behaviour::keys(&["es384"]));
    let toml = std::fs::read_to_string(deployment.path("authorizer.toml")).unwrap();
    let sources = json!(["file:keys/users.jwks.json", format!("jwks:{}", server.url("/"))]).to_string();
    deployment.write("authorizer.toml", toml.replace("[\"file:keys/users.jwks.json\"]", &sources));
    deployment.write("keys/users.jwks.json", json!({ "keys": [named("rs256")] }).to_string());
    let simulation = Simulation::new();
    simulation.run(deployment.load().unwrap(), async |sandbox| {
        let [first, second] = ["rs256", "ec1"].map(|signer| event_with_kid(signer, "shared"));
        assert_eq!(sandbox.decide_at_once(&first), "allow");
        // The source has no such key: one fetch in a cooldown, and the code of a known `kid`.
        assert_eq!(sandbox.decide(&second).await, ("unsupported_algorithm".to_owned(), 1));
        for _ in 0..1000 {
            assert_eq!(sandbox.decide_at_once(&second), "unsupported_algorithm");
        }
        assert_eq!(server.requested_paths().len(), 1);
        server.set_behaviour(Behaviour::ok(json!({ "keys": [named("ec1")] }).to_string()));
        simulation.advance(37);
        assert_eq!(sandbox.decide(&second).await, ("allow".to_owned(), 1));
        assert_eq!(sandbox.decide_at_once(&first), "allow");
        // Both are known by name now: a bad signature is final, and so is an algorithm that the issuer does not list.
        for (signer, code) in [("untrusted", "bad_signature"), ("ec2", "bad_signature")] {
            simulation.advance(100);
            assert_eq!(sandbox.decide_at_once(&event_with_kid(signer, "shared")), code);
        }
        assert_eq!(server.requested_paths().len(), 2);
    });
}

/// 10,000 events with invented `kid`s in ten minutes, where a key without `kid` is tried for each: one fetch in 30
/// seconds, as for other unknown keys. `fetches` counts the fetches of the second source, whose key is `ec1`.
fn invented_kids(name: &str, config: Config, issuer: &str, fetches: impl Fn() -> usize) {
    let simulation = Simulation::new();
    simulation.run(config, async |sandbox| {
        sandbox.function.start().await;
        sandbox.refresh().await;
        let start = fetches();
        let mut awaited = 0;
        let signed: Vec<String> =
            (0..20).map(|kid| event_of_issuer(issuer, "ec2", &format!("invented-{kid}"))).collect();
        for number in 0..10_000_usize {
            if number % 1000 == 0 {
                simulation.advance(60);
            }
            let (code, fetched) = sandbox.decide(&signed[number % signed.len()]).await;
            assert_eq!(code, "bad_signature");
            awaited += fetched;
            assert_eq!(fetches() - start, usize::try_from(awaited).unwrap());
            simulation.take_lines();
        }
        println!("10,000 invented kids in 10 minutes against a PEM file and {name}: {awaited} fetches");
        assert!(awaited <= 20, "{awaited}");
        // Within one cooldown there is one.
        simulation.advance(40);
        let before = fetches();
        for event in signed.iter().cycle().take(500) {
            assert_eq!(sandbox.decide(event).await.0, "bad_signature");
        }
        assert_eq!(fetches() - before, 1);
        for signer in ["es256", "ec1"] {
            let event = event_of_issuer(issuer, signer, &Signer::named(signer).kid);
            assert_eq!(sandbox.decide_at_once(&event), "allow");
        }
    });
}

#[test]
fn ten_thousand_invented_kids_against_a_key_without_kid() {
    let server = KeyServer::start(Behaviour::keys(&["ec1"]));
    let config = pem_then("es256", &format!("jwks:{}", server.url("/")));
    invented_kids("a key server", config, ISSUER, || server.requested_paths().len());
}

/// An issuer with a discovery document, which names another server for its keys.
struct Discovery {
    host: KeyServer,
    keys: KeyServer,
    issuer: String,
}

impl Discovery {
    fn start(signers: &[&str]) -> Self {
        let (host, keys) = (KeyServer::start(Behaviour::Close), KeyServer::start(Behaviour::keys(signers)));
        let issuer = host.url("/");
        host.set_behaviour(Behaviour::ok(
            json!({ "issuer": issuer, "jwks_uri": keys.url("/keys") }).to_string(),
        ));
        Self { host, keys, issuer }
    }

    /// The deployment with the chain of a PEM file and this issuer's `oidc`.
    fn behind_pem(&self, signer: &str) -> Config {
        let deployment = Deployment::named("all");
        let toml = std::fs::read_to_string(deployment.path("authorizer.toml")).unwrap();
        let toml = toml.replace(ISSUER, &self.issuer);
        let sources = json!(["file:keys/a.pem", "oidc"]).to_string();
        deployment.write("authorizer.toml", toml.replace("[\"file:keys/users.jwks.json\"]", &sources));
        deployment.write("keys/a.pem", Signer::named(signer).pem());
        deployment.load().unwrap_or_else(|errors| panic!("{errors}"))
    }

    /// Requests for the discovery document and for the key set.
    fn requests(&self) -> [usize; 2] {
        [&self.host, &self.keys].map(|server| server.requested_paths().len())
    }
}

/// A fetch of `oidc` is two requests, the discovery document and the key set, which count as one.
#[test]
fn ten_thousand_invented_kids_against_discovery() {
    let discovery = Discovery::start(&["ec1"]);
    invented_kids("`oidc`", discovery.behind_pem("es256"), &discovery.issuer, || {
        let [documents, sets] = discovery.requests();
        assert_eq!(documents, sets);
        sets
    });
    let [documents, sets] = discovery.requests();
    println!("requests in all: {documents} for the discovery document, {sets} for the key set");
}

/// A new key of an issuer with discovery, behind a PEM file.
#[test]
fn a_new_key_behind_discovery_is_in_use_within_a_minute() {
    let discovery = Discovery::start(&["ec1"]);
    let event = |signer| event_of_issuer(&discovery.issuer, signer, &Signer::named(signer).kid);
    let simulation = Simulation::new();
    simulation.run(discovery.behind_pem("es256"), async |sandbox| {
        sandbox.function.start().await;
        assert_eq!(discovery.requests(), [0, 0], "the start has a usable key");
        assert_eq!(sandbox.decide_at_once(&event("es256")), "allow");
        sandbox.refresh().await;
        assert_eq!(sandbox.decide_at_once(&event("ec1")), "allow");
        // An invented `kid` has just used the one fetch, which is the worst case.
        assert_eq!(sandbox.decide(&event("ec3")).await, ("bad_signature".to_owned(), 1));
        discovery.keys.set_behaviour(Behaviour::keys(&["ec1", "ec2"]));
        let mut seconds = 0;
        while sandbox.decide(&event("ec2")).await.0 != "allow" {
            simulation.advance(1);
            seconds += 1;
            assert!(seconds <= 60, "a new key is in use within a minute");
        }
        println!(
            "a new key of `oidc` behind a PEM file, right after another fetch: in use after {seconds} s"
        );
        assert!((30..=36).contains(&seconds), "{seconds}");
        assert_eq!(sandbox.decide_at_once(&event("es256")), "allow");
    });
}

/// A clock that goes two days ahead and back: fetches go on, and withdrawn keys do not stay.
#[test]
fn a_clock_that_is_set_back_stops_no_fetch() {
    const TWO_DAYS: u64 = 2 * 86_400;
    let server = KeyServer::start(Behaviour::keys(&["es256", "ec1"]));
    let simulation = Simulation::new();
    simulation.run(jwks(&server), async |sandbox| {
        sandbox.function.start().await;
        simulation.advance(TWO_DAYS);
        sandbox.refresh().await;
        assert_eq!(sandbox.decide(&event("ec2")).await.0, "unknown_key");
        simulation.set_back(TWO_DAYS);
        server.set_behaviour(Behaviour::keys(&["es256", "ec2"]));
        // The cooldown of the other time does not count.
        assert_eq!(sandbox.decide(&event("ec2")).await, ("allow".to_owned(), 1));
        assert_eq!(sandbox.decide(&event("ec1")).await.0, "unknown_key");
        let before = server.requested_paths().len();
        for _ in 0..4 {
            simulation.advance(300);
            sandbox.refresh().await;
        }
        assert_eq!(server.requested_paths().len() - before, 4);
        // Back without a fetch in between: the schedule counts from now.
        simulation.advance(TWO_DAYS);
        sandbox.refresh().await;
        simulation.set_back(TWO_DAYS);
        let before = server.requested_paths().len();
        assert_eq!(sandbox.decide_at_once(&event("es256")), "allow");
        sandbox.refresh().await;
        assert_eq!(server.requested_paths().len() - before, 1);
        // Keys do not stay longer than `max_stale_seconds` because of a date in the future.
        simulation.advance(TWO_DAYS);
        sandbox.refresh().await;
        server.set_behaviour(Behaviour::Close);
        simulation.set_back(TWO_DAYS);
        assert_eq!(sandbox.decide_at_once(&event("es256")), "allow");
        simulation.advance(86_399);
        assert_eq!(sandbox.decide_at_once(&event("es256")), "allow");
        simulation.advance(1);
        assert_eq!(sandbox.decide(&event("es256")).await.0, "keys_unavailable");
    });
}

/// A bundled key is enough for a start, also behind a source that is fetched.
#[test]
fn a_start_with_a_bundled_key_fetches_nothing() {
    let server = KeyServer::start(Behaviour::keys(&["ec1"]));
    let source = format!("jwks:{}", server.url("/"));
    let config = config(&[&source, "file:keys/users.jwks.json"], ISSUER, "");
    let simulation = Simulation::new();
    simulation.run(config, async |sandbox| {
        sandbox.function.start().await;
        assert_eq!(server.requested_paths().len(), 0);
        assert_eq!(sandbox.decide_at_once(&event("es256")), "allow");
    });
}

/// Every source behind a key without `kid` is fetched, not only the next one.
#[test]
fn all_sources_behind_a_key_without_kid_are_fetched() {
    let servers = [["ec1"], ["ec2"]].map(|keys| KeyServer::start(Behaviour::keys(&keys)));
    let [first, second] = &servers;
    let sources =
        json!(["file:keys/a.pem", format!("jwks:{}", first.url("/")), format!("jwks:{}", second.url("/"))]);
    let deployment = Deployment::named("all");
    let toml = std::fs::read_to_string(deployment.path("authorizer.toml")).unwrap();
    deployment
        .write("authorizer.toml", toml.replace("[\"file:keys/users.jwks.json\"]", &sources.to_string()));
    deployment.write("keys/a.pem", Signer::named("es256").pem());
    let simulation = Simulation::new();
    simulation.run(deployment.load().unwrap(), async |sandbox| {
        sandbox.refresh().await;
        assert!(servers.iter().all(|server| server.requested_paths().len() == 1));
        for signer in ["es256", "ec1", "ec2"] {
            assert_eq!(sandbox.decide_at_once(&event(signer)), "allow");
        }
    });
}

/// The log line has the age of the oldest fetched keys.
#[test]
fn the_line_has_the_age_of_the_keys() {
    let server = KeyServer::start(Behaviour::keys(&["es256"]));
    let simulation = Simulation::new();
    simulation.run(jwks(&server), async |sandbox| {
        sandbox.function.start().await;
        simulation.advance(100);
        simulation.take_lines();
        assert_eq!(sandbox.decide_at_once(&event("es256")), "allow");
        assert_eq!(simulation.take_lines()[0]["key_age_seconds"], 100);
    });
}

/// A response may have 100 keys, also in its last entry.
#[test]
fn a_response_can_have_100_keys() {
    let key = |index: usize| {
        let mut key = Signer::named(if index == 99 { "es256" } else { "ec1" }).jwk();
        key["kid"] = json!(if index == 99 { "es256-1".to_owned() } else { index.to_string() });
        key
    };
    let keys: Vec<Value> = (0..100).map(key).collect();
    let server = KeyServer::start(Behaviour::ok(json!({ "keys": keys }).to_string()));
    let simulation = Simulation::new();
    simulation.run(jwks(&server), async |sandbox| {
        sandbox.function.start().await;
        assert_eq!(sandbox.decide_at_once(&event("es256")), "allow");
    });
}

/// Keys of one source that become too old do not take those of another with them.
#[test]
fn only_the_keys_of_a_source_that_fails_expire() {
    let [first, second] = [["ec1"], ["ec2"]].map(|keys| KeyServer::start(Behaviour::keys(&keys)));
    let sources = [&first, &second].map(|server| format!("jwks:{}", server.url("/")));
    let schedule = "refresh_seconds = 10\nmax_stale_seconds = 60";
    let config = config(&[&sources[0], &sources[1]], ISSUER, schedule);
    let simulation = Simulation::new();
    simulation.run(config, async |sandbox| {
        sandbox.function.start().await;
        assert_eq!(sandbox.decide(&event("ec2")).await, ("allow".to_owned(), 1));
        first.set_behaviour(Behaviour::Close);
        simulation.advance(40);
        sandbox.refresh().await;
        simulation.advance(19);
        assert_eq!(sandbox.decide_at_once(&event("ec1")), "allow");
        simulation.advance(1);
        simulation.take_lines();
        assert_eq!(sandbox.decide_at_once(&event("ec2")), "allow");
        let expired = key_events(&simulation.take_lines());
        assert!(matches!(&*expired, [(event, _)] if event == "keys_expired"), "{expired:?}");
        assert_eq!(sandbox.decide(&event("ec1")).await.0, "unknown_key");
    });
}

/// The denial for lack of keys says which source failed and why.
#[test]
fn the_denial_for_lack_of_keys_has_the_cause() {
    let server = KeyServer::start(Behaviour::ok("{\"keys\":[]}"));
    let simulation = Simulation::new();
    simulation.run(jwks(&server), async |sandbox| {
        sandbox.function.start().await;
        assert_eq!(sandbox.decide(&event("es256")).await.0, "keys_unavailable");
        let lines = simulation.take_lines();
        let line = lines.iter().find(|line| line["code"] == "keys_unavailable").unwrap();
        let detail = format!("jwks:{}: the key set is empty: `keys` has no entry", server.url("/keys"));
        assert_eq!(line["detail"], detail, "{line}");
    });
}

/// A discovery document that is elsewhere: the log has the address that was asked, and names `jwks:`.
#[test]
fn a_discovery_document_that_is_elsewhere() {
    let host = KeyServer::start(Behaviour::Response(404, String::new(), String::new()));
    let issuer = host.url("/tenant/v2.0/");
    let asked = format!("{issuer}.well-known/openid-configuration");
    let other =
        json!({ "issuer": "https://elsewhere.example/", "jwks_uri": "https://elsewhere.example/keys" });
    for (behaviour, parts) in [
        (None, vec![format!("status 404 from {asked}"), "name its key set with `jwks:URL`".to_owned()]),
        (
            Some(Behaviour::ok(other.to_string())),
            vec![
                asked.clone(),
                "\"https://elsewhere.example/\"".to_owned(),
                format!("{issuer:?}"),
                "`jwks:URL`".to_owned(),
            ],
        ),
        (
            Some(Behaviour::ok("<html>")),
            vec![asked.clone(), "is not a JSON object with `issuer` and `jwks_uri`".to_owned()],
        ),
    ] {
        if let Some(behaviour) = behaviour {
            host.set_behaviour(behaviour);
        }
        let simulation = Simulation::new();
        simulation.run(config(&["oidc"], &issuer, ""), async |sandbox| sandbox.function.start().await);
        let (_, why) = key_events(&simulation.take_lines())[0].clone();
        assert!(parts.iter().all(|part| why.contains(part)), "{parts:?}: {why}");
    }
}
