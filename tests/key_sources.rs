//! Keys that are fetched: whatever a key server does, a usable key at hand is used at once, and without one there is a refusal in time.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "tests fail by panicking, and print what they measured"
)]

mod support;

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use iot_jwt_authorizer::config::Config;
use serde_json::{Value, json};
use support::deployment::Deployment;
use support::key_server::{Behaviour, KeyServer, nobody};
use support::sandbox::{World, event, event_of};
use support::signer::Signer;

/// The deployment for all algorithms, its keys from these sources; `more` are further members of the issuer.
fn config(sources: &[&str], issuer: &str, more: &str) -> Config {
    let deployment = Deployment::named("all");
    let toml = std::fs::read_to_string(deployment.path("authorizer.toml")).unwrap();
    let toml = toml
        .replace("[\"file:keys/users.jwks.json\"]", &format!("{}\n{more}", json!(sources)))
        .replace("https://login.example.com/", issuer);
    deployment.write("authorizer.toml", toml);
    deployment.load().unwrap_or_else(|faults| panic!("{faults}"))
}

fn jwks(server: &KeyServer) -> Config {
    config(&[&format!("jwks:{}", server.url("/keys"))], "https://login.example.com/", "")
}

/// The events about keys among lines, as `event`, with why.
fn key_events(lines: &[Value]) -> Vec<(String, String)> {
    let text =
        |line: &Value, member: &str| line.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
    lines
        .iter()
        .filter(|line| line.get("event").is_some())
        .map(|line| (text(line, "event"), text(line, "why")))
        .collect()
}

/// What a key server can do wrong, and how the log calls it.
fn troubles() -> Vec<(&'static str, Behaviour, &'static str)> {
    let ok = |body: &str| Behaviour::ok(body);
    let json = |body: Value| Behaviour::ok(body.to_string());
    let answer = |status, headers: &str| Behaviour::Answer(status, headers.to_owned(), key_set(&["es256"]));
    let mut private = Signer::named("es256").jwk();
    private["d"] = json!("AAAA");
    let many: Vec<Value> = (0..101)
        .map(|at| {
            let mut key = Signer::named("es256").jwk();
            key["kid"] = json!(at.to_string());
            key
        })
        .collect();
    // RFC 7517 appendix A.1: a key whose private half is printed there.
    let published = json!({ "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" });
    let no_set = "is no JWK Set";
    let no_key = "has no key that serves";
    vec![
        ("500", answer(500, ""), "status 500"),
        ("503", answer(503, "retry-after: 1\r\n"), "status 503"),
        ("404", answer(404, ""), "status 404"),
        ("401", answer(401, ""), "status 401"),
        ("201", answer(201, ""), "status 201"),
        ("204", Behaviour::Bytes(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()), "status 204"),
        ("304", Behaviour::Bytes(b"HTTP/1.1 304 Not Modified\r\n\r\n".to_vec()), "status 304"),
        ("301 to a good set", answer(301, "location: /good\r\n"), "status 301"),
        ("302 elsewhere", answer(302, "location: http://169.254.169.254/\r\n"), "status 302"),
        ("307", answer(307, "location: /good\r\n"), "status 307"),
        ("308", answer(308, "location: /good\r\n"), "status 308"),
        ("an empty answer", ok(""), no_set),
        ("HTML", ok("<html>log in</html>"), no_set),
        ("cut JSON", ok("{\"keys\":[{\"kty\":\"EC\""), no_set),
        (
            "not UTF-8",
            Behaviour::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\n{\"keys\":[\"\xff\"]}".to_vec()),
            no_set,
        ),
        ("null", ok("null"), no_set),
        ("a list", json(json!([Signer::named("es256").jwk()])), no_set),
        ("a single JWK", json(Signer::named("es256").jwk()), no_set),
        ("`key` for `keys`", json(json!({ "key": [Signer::named("es256").jwk()] })), no_set),
        ("`keys` an object", json(json!({ "keys": {} })), no_set),
        (
            "`keys` twice",
            ok(&format!("{{\"keys\":[],{}", key_set(&["es256"]).trim_start_matches('{'))),
            no_set,
        ),
        ("PEM", ok(&Signer::named("es256").pem()), no_set),
        ("deep JSON", ok(&format!("{{\"keys\":{}{}}}", "[".repeat(5000), "]".repeat(5000))), no_set),
        ("no key", json(json!({ "keys": [] })), no_key),
        ("entries of every wrong type", json(json!({ "keys": [1, null, "x", [], {}, true, 1.5] })), no_key),
        ("a symmetric key", json(json!({ "keys": [{ "kty": "oct", "k": "AAAA" }] })), "it is symmetric"),
        ("a private key", json(json!({ "keys": [private] })), "it holds a private key"),
        ("a published key", json(json!({ "keys": [published] })), "its private half is published"),
        (
            "a weak key",
            json(json!({ "keys": [{ "kty": "RSA", "n": "AQAB", "e": "AQAB" }] })),
            "RSA keys have 2,048",
        ),
        ("101 keys", json(json!({ "keys": many })), "more than 100 keys"),
        (
            "a large answer",
            ok(&format!("{}{}", key_set(&["es256"]), " ".repeat(64 * 1024))),
            "longer than 65536 bytes",
        ),
        ("an endless answer", Behaviour::Endless, "longer than 65536 bytes"),
        (
            "a length that lies",
            Behaviour::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{\"keys\":[]}".to_vec()),
            "cannot be reached",
        ),
        ("no HTTP", Behaviour::Bytes(b"220 smtp.example.com ESMTP\r\n".to_vec()), "cannot be reached"),
        ("TLS", Behaviour::Bytes(vec![0x15, 3, 3, 0, 2, 2, 40]), "cannot be reached"),
        (
            "a head without end",
            Behaviour::Bytes([b"HTTP/1.1 200 OK\r\n".to_vec(), b"x: y\r\n".repeat(100_000)].concat()),
            "cannot be reached",
        ),
        ("the end at once", Behaviour::Close, "cannot be reached"),
        ("a reset", Behaviour::Reset, "cannot be reached"),
        ("no answer", Behaviour::Hang, "did not answer in time"),
        ("a slow drip", Behaviour::Drip, "did not answer in time"),
    ]
}

fn key_set(signers: &[&str]) -> String {
    let Behaviour::Answer(_, _, body) = Behaviour::keys(signers) else { panic!("an answer") };
    body
}

/// With keys at hand nothing that the server does is noticed; it recovers by itself.
#[test]
fn trouble_costs_nobody_who_has_a_usable_key() {
    in_threads(troubles(), |(name, trouble, why)| {
        let server = KeyServer::start(Behaviour::keys(&["rs256"]));
        let world = World::new();
        world.run(jwks(&server), async |sandbox| {
            sandbox.function.start().await;
            server.behave(trouble.clone());
            for _ in 0..3 {
                world.pass(400);
                assert_eq!(sandbox.ask_at_once(&event("rs256")), "allow", "{name}");
                world.lines();
                sandbox.after().await;
                let events = key_events(&world.lines());
                assert!(
                    matches!(&*events, [(event, told)] if event == "keys_kept" && told.contains(why)),
                    "{name}: {events:?}"
                );
            }
            server.behave(Behaviour::keys(&["rs256", "es384"]));
            world.pass(400);
            sandbox.after().await;
            assert_eq!(key_events(&world.lines())[0].0, "keys_changed", "{name}");
            assert_eq!(sandbox.ask_at_once(&event("es384")), "allow", "{name}");
        });
    });
}

/// Without keys the function starts all the same, refuses, and lets people in as soon as there are keys.
#[test]
fn trouble_at_the_start_is_a_refusal_that_ends() {
    in_threads(troubles(), |(name, trouble, why)| {
        let server = KeyServer::start(trouble);
        let world = World::new();
        world.run(jwks(&server), async |sandbox| {
            sandbox.function.start().await;
            let events = key_events(&world.lines());
            assert!(
                matches!(&*events, [(event, told)] if event == "keys_missing" && told.contains(why)),
                "{name}: {events:?}"
            );
            assert_eq!(sandbox.ask_at_once(&event("rs256")), "keys_unavailable", "{name}");
            world.pass(2);
            let asked = Instant::now();
            assert_eq!(sandbox.ask(&event("rs256")).await, ("keys_unavailable".to_owned(), 1), "{name}");
            let waited = asked.elapsed();
            if waited > Duration::from_secs(1) {
                println!("{name}: refused after {waited:?}; the budget is 2 s");
            }
            server.behave(Behaviour::keys(&["rs256"]));
            world.pass(4);
            assert_eq!(sandbox.ask(&event("rs256")).await, ("allow".to_owned(), 1), "{name}");
            assert_eq!(sandbox.ask_at_once(&event("rs256")), "allow", "{name}");
        });
    });
}

/// Several cases at once, since some wait for the whole budget.
fn in_threads<T: Send>(cases: Vec<T>, check: impl Fn(T) + Sync) {
    let check = &check;
    std::thread::scope(|scope| {
        let threads: Vec<_> = cases.into_iter().map(|case| scope.spawn(move || check(case))).collect();
        for thread in threads {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
}

/// A token may name any `kid` it likes: that is worth one fetch in 30 seconds, and nobody else waits for it.
#[test]
fn ten_thousand_invented_kids() {
    let server = KeyServer::start(Behaviour::keys(&["es256"]));
    let world = World::new();
    world.run(jwks(&server), async |sandbox| {
        sandbox.function.start().await;
        let (invented, good) = (event("ec1"), event("es256"));
        let mut waited = 0;
        for number in 0..10_000 {
            let (code, fetches) = sandbox.ask(&event_of("ec1", &format!("invented-{number}"))).await;
            assert_eq!(code, "unknown_key");
            waited += fetches;
            sandbox.after().await;
            if number % 100 == 0 {
                assert_eq!(sandbox.ask_at_once(&good), "allow");
            }
            world.lines();
        }
        println!("10,000 invented kids: {} fetches, the start's among them", server.asked().len());
        assert_eq!(waited, 1);
        assert_eq!(server.asked().len(), 2);
        // Many at once, in the next cooldown: one fetch is for all of them.
        world.pass(40);
        let before = server.asked().len();
        let codes = join_all((0..500).map(|_| sandbox.ask(&invented))).await;
        assert!(codes.iter().all(|(code, _)| code == "unknown_key"));
        println!("500 unknown kids at once: {} fetch", server.asked().len() - before);
        assert_eq!(server.asked().len() - before, 1);
    });
}

/// Those who wait for a fetch share it, and each is let in by what it brought.
#[test]
fn a_rotated_key_is_fetched_once_for_all_who_wait() {
    let server = KeyServer::start(Behaviour::keys(&["es256"]));
    let world = World::new();
    world.run(jwks(&server), async |sandbox| {
        sandbox.function.start().await;
        server.behave(Behaviour::keys(&["es256", "ec1"]));
        let codes =
            join_all((0..200).map(async |number| sandbox.ask(&event(["es256", "ec1"][number % 2])).await.0))
                .await;
        assert!(codes.iter().all(|code| code == "allow"), "{codes:?}");
        assert_eq!(server.asked().len(), 2);
        // The next new key comes within the cooldown: it has to wait for that, or for the schedule.
        server.behave(Behaviour::keys(&["ec1", "ec2"]));
        assert_eq!(sandbox.ask_at_once(&event("ec2")), "unknown_key");
        world.pass(37);
        assert_eq!(sandbox.ask(&event("ec2")).await, ("allow".to_owned(), 1));
        assert_eq!(sandbox.ask_at_once(&event("es256")), "unknown_key");
    });
}

/// What cannot be mended by a key is no reason to ask for one.
#[test]
fn other_refusals_never_fetch() {
    let server = KeyServer::start(Behaviour::keys(&["rs256", "es256"]));
    let world = World::new();
    world.run(jwks(&server), async |sandbox| {
        sandbox.function.start().await;
        let signer = Signer::named("rs256");
        let mut other = signer.header();
        other["alg"] = json!("PS256");
        let token = |header: &Value, claims: Value| {
            json!({ "token": signer.sign(header.to_string().as_bytes(), claims.to_string().as_bytes()) })
                .to_string()
        };
        let claims =
            json!({ "iss": "https://login.example.com/", "aud": "iot.example.com", "sub": "ana", "exp": 1 });
        for (code, event) in [
            ("bad_signature", event_of("stranger", "rs256-1")),
            ("unsupported_algorithm", token(&other, claims.clone())),
            ("expired", token(&signer.header(), claims)),
            ("unknown_issuer", token(&signer.header(), json!({ "iss": "https://other.example.com/" }))),
            ("no_token", "{}".to_owned()),
            ("malformed_event", "[".to_owned()),
        ] {
            for _ in 0..50 {
                assert_eq!(sandbox.ask_at_once(&event), code);
            }
        }
        assert_eq!(server.asked().len(), 1);
    });
}

/// An hour without the key server, in simulated time, an event each second.
#[test]
fn a_key_server_that_is_down_for_an_hour() {
    let server = KeyServer::start(Behaviour::keys(&["es256"]));
    let world = World::new();
    world.run(jwks(&server), async |sandbox| {
        sandbox.function.start().await;
        server.behave(Behaviour::Close);
        let event = event("es256");
        for _ in 0..3600 {
            world.pass(1);
            assert_eq!(sandbox.ask_at_once(&event), "allow");
            sandbox.after().await;
        }
        let fetches = server.asked().len() - 1;
        println!("an hour without key server: 0 of 3600 valid tokens refused, {fetches} fetches");
        // 1, 2, 4 ... 256 s, then every 300 s, each between half and one and a half of that; hyper tries a lost request twice.
        assert!((9..=40).contains(&fetches), "{fetches}");
        world.pass(86_400 - 3600 - 10);
        assert_eq!(sandbox.ask_at_once(&event), "allow");
        world.pass(10);
        world.lines();
        assert_eq!(sandbox.ask(&event).await, ("keys_unavailable".to_owned(), 1));
        let events: Vec<String> = key_events(&world.lines()).into_iter().map(|(event, _)| event).collect();
        assert_eq!(events, ["keys_expired", "keys_missing"]);
        server.behave(Behaviour::keys(&["es256"]));
        world.pass(301 * 3 / 2);
        assert_eq!(sandbox.ask(&event).await.0, "allow");
    });
}

/// Back-off and schedule are jittered: sandboxes that start together do not march in step.
#[test]
fn sandboxes_do_not_march_in_step() {
    let server = KeyServer::start(Behaviour::keys(&["es256"]));
    let waits = |fail: bool| -> Vec<f64> {
        let one = |_| {
            server.behave(if fail {
                Behaviour::Answer(500, String::new(), String::new())
            } else {
                Behaviour::keys(&["es256"])
            });
            let world = World::new();
            world.run(jwks(&server), async |sandbox| sandbox.function.start().await);
            world.lines()[0]["next_seconds"].as_f64().unwrap()
        };
        (0..40).map(one).collect()
    };
    for (fail, least, most) in [(false, 240.0, 300.0), (true, 0.5, 1.5)] {
        let mut waits = waits(fail);
        assert!(waits.iter().all(|wait| (least..=most).contains(wait)), "{waits:?}");
        waits.sort_by(f64::total_cmp);
        waits.dedup();
        assert!(waits.len() > 5, "{waits:?}");
    }
}

/// The key server never answers. With keys an answer is there at the first poll; without, in the budget.
#[test]
fn a_key_server_that_never_answers() {
    let server = KeyServer::start(Behaviour::keys(&["es256"]));
    let world = World::new();
    world.run(jwks(&server), async |sandbox| {
        sandbox.function.start().await;
        server.behave(Behaviour::Hang);
        world.pass(400);
        let event = event("es256");
        // A refresh is on its way and hangs; answers pass it by.
        let mut refresh = std::pin::pin!(sandbox.after());
        for _ in 0..100 {
            assert!(futures_util::poll!(refresh.as_mut()).is_pending());
            assert_eq!(sandbox.ask_at_once(&event), "allow");
        }
        println!("a hanging refresh: 100 answers at the first poll, fetches awaited on the path: 0");
    });
    let world = World::new();
    world.run(jwks(&server), async |sandbox| {
        let asked = Instant::now();
        assert_eq!(sandbox.ask(&event("es256")).await, ("keys_unavailable".to_owned(), 1));
        println!("no keys and no answer: refused after {:?}; the budget is 2 s", asked.elapsed());
    });
}

/// Nobody listens at the address: the function starts, refuses and tries again.
#[test]
fn without_network() {
    let world = World::new();
    let source = format!("jwks:{}", nobody());
    world.run(config(&[&source, "secret:nobody"], "https://login.example.com/", ""), async |sandbox| {
        sandbox.function.start().await;
        for _ in 0..20 {
            world.pass(100);
            assert_eq!(sandbox.ask(&event("es256")).await.0, "keys_unavailable");
            sandbox.after().await;
        }
        let events = key_events(&world.lines());
        assert!(events.iter().any(|(_, why)| why.contains("Connection refused")), "{events:?}");
        assert!(events.iter().any(|(_, why)| why.contains("AWS_REGION")), "{events:?}");
        assert!(events.iter().all(|(event, _)| event == "keys_missing"), "{events:?}");
    });
}

/// Sources are asked from left to right, each first when those before it lack the key.
#[test]
fn a_chain_is_asked_lazily() {
    let [first, second] =
        [KeyServer::start(Behaviour::keys(&["ec1"])), KeyServer::start(Behaviour::keys(&["ec2"]))];
    let (one, two) = (format!("jwks:{}", first.url("/1")), format!("jwks:{}", second.url("/2")));
    let asked = || (first.asked().len(), second.asked().len());
    let world = World::new();
    let sources = ["file:keys/users.jwks.json", &one, &two];
    world.run(config(&sources, "https://login.example.com/", ""), async |sandbox| {
        sandbox.function.start().await;
        for _ in 0..10 {
            world.pass(1000);
            assert_eq!(sandbox.ask_at_once(&event("es256")), "allow");
            sandbox.after().await;
        }
        assert_eq!(asked(), (0, 0), "a bundled key is enough");
        assert_eq!(sandbox.ask(&event("ec1")).await, ("allow".to_owned(), 1));
        assert_eq!(asked(), (1, 0));
        assert_eq!(sandbox.ask_at_once(&event("ec2")), "unknown_key", "one fetch in a cooldown");
        world.pass(37);
        assert_eq!(sandbox.ask(&event("ec2")).await, ("allow".to_owned(), 1));
        assert_eq!(asked(), (1, 1));
        world.pass(300);
        sandbox.after().await;
        assert_eq!(asked(), (2, 2), "what was fetched once is refreshed");
    });
    // Without a key at hand the next source is asked as soon as one fails, in the same breath.
    first.behave(Behaviour::Close);
    let world = World::new();
    world.run(config(&[&one, &two], "https://login.example.com/", ""), async |sandbox| {
        sandbox.function.start().await;
        assert_eq!(sandbox.ask(&event("ec2")).await, ("allow".to_owned(), 1));
    });
}

/// Of one `kid` the earlier source's key counts, whichever was fetched first.
#[test]
fn the_earlier_source_wins() {
    let mut twin = Signer::named("ec1").jwk();
    twin["kid"] = json!("es256-1");
    let server =
        KeyServer::start(Behaviour::ok(json!({ "keys": [twin, Signer::named("ec2").jwk()] }).to_string()));
    let source = format!("jwks:{}", server.url("/"));
    let world = World::new();
    world.run(
        config(&["file:keys/users.jwks.json", &source], "https://login.example.com/", ""),
        async |sandbox| {
            assert_eq!(sandbox.ask(&event("ec2")).await.0, "allow");
            assert_eq!(sandbox.ask_at_once(&event("es256")), "allow");
            assert_eq!(sandbox.ask_at_once(&event_of("ec1", "es256-1")), "bad_signature");
        },
    );
}

/// What a discovery document can say, and what comes of it.
#[test]
fn discovery() {
    let server = KeyServer::start(Behaviour::keys(&["es256"]));
    let keys = server.url("/keys");
    for (path, document, outcome) in [
        ("", json!({ "issuer": "ISSUER", "jwks_uri": keys }), "keys_changed"),
        ("/", json!({ "issuer": "ISSUER", "jwks_uri": keys, "more": [1] }), "keys_changed"),
        ("/tenant/1", json!({ "issuer": "ISSUER", "jwks_uri": keys }), "keys_changed"),
        ("", json!({ "issuer": "ISSUER/", "jwks_uri": keys }), "names another issuer"),
        ("/", json!({ "issuer": "https://login.example.com/", "jwks_uri": keys }), "names another issuer"),
        ("", json!({ "jwks_uri": keys }), "no JSON object with `issuer`"),
        ("", json!({ "issuer": "ISSUER" }), "no JSON object with `issuer`"),
        ("", json!({ "issuer": ["ISSUER"], "jwks_uri": keys }), "no JSON object with `issuer`"),
        ("", json!("ISSUER"), "no JSON object with `issuer`"),
        ("", json!({ "issuer": "ISSUER", "jwks_uri": "/keys" }), "not https"),
        ("", json!({ "issuer": "ISSUER", "jwks_uri": "http://login.example.com/keys" }), "not https"),
        ("", json!({ "issuer": "ISSUER", "jwks_uri": "http://169.254.170.2/credentials" }), "not https"),
        ("", json!({ "issuer": "ISSUER", "jwks_uri": "file:///etc/passwd" }), "not https"),
        ("", json!({ "issuer": "ISSUER", "jwks_uri": nobody() }), "Connection refused"),
    ] {
        let host = KeyServer::start(Behaviour::Close);
        let issuer = host.url(path);
        let document: Value = serde_json::from_str(&document.to_string().replace("ISSUER", &issuer)).unwrap();
        host.behave(Behaviour::ok(document.to_string()));
        let world = World::new();
        world.run(config(&["oidc"], &issuer, ""), async |sandbox| sandbox.function.start().await);
        let (event, why) = key_events(&world.lines())[0].clone();
        assert!(event == outcome || why.contains(outcome), "{document}: {event} {why}");
        assert_eq!(
            host.asked(),
            [format!("{}/.well-known/openid-configuration", path.trim_end_matches('/'))]
        );
    }
}

/// A schedule of one's own.
#[test]
fn refresh_and_max_stale_are_settings() {
    let server = KeyServer::start(Behaviour::keys(&["es256"]));
    let source = format!("jwks:{}", server.url("/"));
    let world = World::new();
    let more = "refresh_seconds = 10\nmax_stale_seconds = 60";
    world.run(config(&[&source], "https://login.example.com/", more), async |sandbox| {
        sandbox.function.start().await;
        world.pass(7);
        sandbox.after().await;
        assert_eq!(server.asked().len(), 1);
        world.pass(4);
        sandbox.after().await;
        assert_eq!(server.asked().len(), 2);
        server.behave(Behaviour::Hang);
        world.pass(59);
        assert_eq!(sandbox.ask_at_once(&event("es256")), "allow");
        world.pass(1);
        assert_eq!(sandbox.ask(&event("es256")).await.0, "keys_unavailable");
    });
}

/// A key that its issuer withdraws is gone with the next fetch.
#[test]
fn a_withdrawn_key_is_refused() {
    let server = KeyServer::start(Behaviour::keys(&["es256", "ec1"]));
    let world = World::new();
    world.run(jwks(&server), async |sandbox| {
        sandbox.function.start().await;
        assert_eq!(sandbox.ask_at_once(&event("ec1")), "allow");
        server.behave(Behaviour::keys(&["es256"]));
        world.pass(300);
        sandbox.after().await;
        assert_eq!(sandbox.ask(&event("ec1")).await.0, "unknown_key");
        let changed = world.lines().into_iter().find(|line| line["removed"] == 1).unwrap();
        assert_eq!(
            (&changed["keys"], &changed["added"], &changed["fetches"]),
            (&json!(1), &json!(0), &json!(2))
        );
    });
}

/// Time that Lambda does not give is not spent: a fetch that would outlast the invocation is not begun.
#[test]
fn a_fetch_never_outlasts_its_invocation() {
    use iot_jwt_authorizer::function::Invocation;
    let server = KeyServer::start(Behaviour::Hang);
    let world = World::new();
    world.run(jwks(&server), async |sandbox| {
        for (left, most) in [(Duration::from_millis(550), 0.05), (Duration::from_millis(1500), 1.5)] {
            let invocation = Invocation {
                request_id: "r",
                trace: None,
                function: support::FUNCTION,
                deadline: world.now() + left,
                cold_start: false,
            };
            let asked = Instant::now();
            let _ = sandbox.function.answer(event("es256").as_bytes(), invocation).await;
            println!("{left:?} left of the invocation: answered after {:?}", asked.elapsed());
            assert_eq!(server.asked().len(), usize::from(most > 1.0));
            world.pass(10);
        }
    });
}

/// The roots that AWS's own hosts are trusted by: five, sound, and what their fingerprints say.
#[test]
fn the_built_in_roots_are_amazon_s() {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    let text = include_str!("../src/keys/amazon-roots.pem");
    let mut store = rustls::RootCertStore::empty();
    let mut count = 0;
    for root in CertificateDer::pem_slice_iter(text.as_bytes()).map(Result::unwrap) {
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &root);
        let print: Vec<String> = hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        assert!(text.contains(&print.join(":")), "{print:?}");
        store.add(root).unwrap();
        count += 1;
    }
    assert_eq!(count, 5);
}
