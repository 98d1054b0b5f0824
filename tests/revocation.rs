//! The revocation list while the function runs. Whatever its source does, no good token is denied while the last good
//! list counts, and a list that counts no longer is not used.

#![cfg(test)]
#![allow(clippy::disallowed_methods, reason = "measures the time of answers")]
#![allow(clippy::arithmetic_side_effects, reason = "the numbers are the test's own")]

mod support;

use std::time::Instant;

use futures_util::future::join_all;
use iot_jwt_authorizer::config::Config;
use iot_jwt_authorizer::revocation::RevocationList;
use serde_json::{Value, json};
use support::deployment::Deployment;
use support::in_threads;
use support::key_server::{Behaviour, KeyServer, closed_url};
use support::sandbox::{Sandbox, Simulation, event, event_of_subject, event_with_kid};

/// A deployment with bundled keys and this `[revocation]`.
fn deployment(source: &str, members: &str) -> Deployment {
    let deployment = Deployment::named("all");
    let toml = std::fs::read_to_string(deployment.path("authorizer.toml")).unwrap();
    deployment.write("authorizer.toml", format!("{toml}\n[revocation]\nsource = \"{source}\"\n{members}\n"));
    deployment
}

fn config(source: &str, members: &str) -> Config {
    deployment(source, members).load().unwrap_or_else(|errors| panic!("{errors}"))
}

fn served(server: &KeyServer) -> Config {
    config(&server.url("/revoked.json"), "")
}

/// A list with this version that revokes these subjects.
fn list(version: u64, subjects: &[&str]) -> String {
    json!({ "version": version, "sub": { "users": subjects } }).to_string()
}

/// A list of `entries` subjects and `eve`.
fn long_list(version: u64, entries: usize) -> String {
    let subjects: Vec<String> = (1..entries).map(|number| format!("subject-{number}")).collect();
    let subjects: Vec<&str> = subjects.iter().map(String::as_str).chain(["eve"]).collect();
    list(version, &subjects)
}

/// The events of the list among log lines: `event` and `why`.
fn list_events(lines: &[Value]) -> Vec<(String, String)> {
    let text =
        |line: &Value, member: &str| line.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
    let is_of_list = |line: &&Value| text(line, "event").starts_with("revocation_");
    lines.iter().filter(is_of_list).map(|line| (text(line, "event"), text(line, "why"))).collect()
}

/// Lists that are rejected as a whole: a name, the text, and a part of the reason.
fn rejected() -> Vec<(&'static str, String, &'static str)> {
    let list = |members: Value| {
        let mut list = json!({ "version": 8 });
        list.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        list.to_string()
    };
    let entries = "a list of non-empty strings; one that begins with `sha256:` has 64 hexadecimal digits";
    let times = "an object of times in seconds since 1970";
    vec![
        ("nothing", String::new(), "has invalid JSON at line 1, column 0"),
        ("HTML", "<html>log in</html>".to_owned(), "has invalid JSON at line 1, column 1"),
        ("cut JSON", "{\"version\": 8, \"sub\": {\"users\": [\"e".to_owned(), "has invalid JSON at line 1"),
        ("null", "null".to_owned(), "is not a JSON object"),
        ("a list of subjects", "[\"eve\"]".to_owned(), "is not a JSON object"),
        ("a duplicate name", "{\"version\": 8, \"version\": 9}".to_owned(), "duplicate names"),
        (
            "an issuer twice",
            "{\"version\": 8, \"sub\": {\"users\": [\"eve\"], \"users\": []}}".to_owned(),
            "duplicate names",
        ),
        ("no version", json!({ "sub": {} }).to_string(), "has no `version`"),
        ("a version as text", json!({ "version": "8" }).to_string(), "has no `version`"),
        ("a negative version", json!({ "version": -1 }).to_string(), "has no `version`"),
        ("a version with a fraction", json!({ "version": 8.5 }).to_string(), "has no `version`"),
        (
            "a misspelt member",
            list(json!({ "subs": {} })),
            "an unknown member `subs`; expected `version`, `sub`",
        ),
        (
            "subjects without an issuer",
            list(json!({ "sub": ["eve"] })),
            "an invalid `sub`; expected an object",
        ),
        ("a subject as text", list(json!({ "sub": { "users": "eve" } })), entries),
        ("a subject as a number", list(json!({ "sub": { "users": ["eve", 7] } })), entries),
        ("an empty subject", list(json!({ "sub": { "users": [""] } })), entries),
        ("an empty token id", list(json!({ "jti": { "users": [""] } })), "an invalid `jti.users`"),
        ("a null", list(json!({ "kid": { "users": null } })), "an invalid `kid.users`"),
        ("a short hash", list(json!({ "sub": { "users": ["sha256:12ab"] } })), entries),
        (
            "a hash with a sign",
            list(json!({ "sub": { "users": [format!("sha256:+1{}", "0".repeat(62))] } })),
            entries,
        ),
        ("a long hash", list(json!({ "sub": { "users": [format!("sha256:{}", "0".repeat(66))] } })), entries),
        ("times in a list", list(json!({ "issued_before": { "users": ["eve"] } })), times),
        ("a time as text", list(json!({ "issued_before": { "users": { "eve": "1" } } })), times),
        ("a time before 1970", list(json!({ "issued_before": { "users": { "eve": -1 } } })), times),
        ("100,001 entries", long_list(8, 100_001), "has more than 100000 entries"),
    ]
}

#[test]
fn a_list_is_read_strictly() {
    for (name, text, reason) in rejected() {
        let error =
            RevocationList::parse(text.as_bytes()).err().unwrap_or_else(|| panic!("{name}")).to_string();
        assert!(error.contains(reason), "{name}: {error}");
    }
    assert!(RevocationList::parse(b"{\"version\":1,\"sub\":{\"users\":[\"\xff\"]}}").is_err());
    for (text, version, entries, plain) in [
        ("{\"version\": 0}".to_owned(), 0, 0, 0),
        (list(18_446_744_073_709_551_615, &["a", "a", "b"]), u64::MAX, 2, 2),
        (list(1, &[&format!("sha256:{}", "aB".repeat(32))]), 1, 1, 0),
        (
            json!({ "version": 2, "sub": { "a": ["x"] }, "jti": { "a": ["y"] }, "kid": { "b": ["z"] },
                "issued_before": { "a": { "x": 1 }, "b": { format!("sha256:{}", "0".repeat(64)): 2.5 } } })
            .to_string(),
            2,
            5,
            4,
        ),
        (long_list(1, 100_000), 1, 100_000, 100_000),
    ] {
        let list = RevocationList::parse(text.as_bytes()).unwrap();
        assert_eq!((list.version(), list.entries(), list.plain_entries()), (version, entries, plain));
        // Subjects are personal data.
        assert_eq!(
            format!("{list:?}"),
            format!("RevocationList {{ version: {version}, entries: {entries}, .. }}")
        );
    }
}

/// Failures of a source: a name, its behaviour, and a part of `why`.
fn failures() -> Vec<(&'static str, Behaviour, &'static str)> {
    let mut failures: Vec<_> =
        rejected().into_iter().map(|(name, text, why)| (name, Behaviour::ok(text), why)).collect();
    let status = |status, headers: &str| Behaviour::Response(status, headers.to_owned(), list(8, &[]));
    failures.extend([
        ("500", status(500, ""), "status 500"),
        ("404", status(404, ""), "status 404"),
        ("304", Behaviour::Bytes(b"HTTP/1.1 304 Not Modified\r\n\r\n".to_vec()), "status 304"),
        ("a redirect", status(302, "location: /other\r\n"), "status 302"),
        ("a lower version", Behaviour::ok(list(6, &[])), "has version 6, lower than 7 of the last good list"),
        ("version 0", Behaviour::ok(list(0, &[])), "has version 0, lower than 7"),
        (
            "more than 8 MiB",
            Behaviour::ok(format!("{}{}", list(8, &[]), " ".repeat(8 * 1024 * 1024))),
            "the response is longer than 8388608 bytes",
        ),
        // Whichever limit it reaches first.
        ("an endless response", Behaviour::Endless, ""),
        ("a closed connection", Behaviour::Close, "not reachable ("),
        ("a reset", Behaviour::Reset, "not reachable ("),
        ("no response", Behaviour::Hang, "no response in time"),
        ("a slow response", Behaviour::Drip, "no response in time"),
    ]);
    failures
}

/// The outcome for a person, and for `eve`, who is on the list of the tests.
async fn outcomes(sandbox: &Sandbox) -> (String, String) {
    let good = sandbox.decide(&event_of_subject("ana")).await.0;
    (good, sandbox.decide(&event_of_subject("eve")).await.0)
}

fn text(good: &str, revoked: &str) -> (String, String) {
    (good.to_owned(), revoked.to_owned())
}

/// While the source fails, the last good list counts until it is `max_stale_seconds` old.
#[test]
fn a_failure_keeps_the_last_good_list() {
    in_threads(failures(), |(name, failure, why)| {
        let server = KeyServer::start(Behaviour::ok(list(7, &["eve"])));
        let simulation = Simulation::new();
        simulation.run(served(&server), async |sandbox| {
            sandbox.function.start().await;
            assert_eq!(outcomes(sandbox).await, text("allow", "revoked"), "{name}");
            server.set_behaviour(failure.clone());
            simulation.take_lines();
            // The event that finds the list old waits for one fetch; those behind it do not.
            simulation.advance(60);
            assert_eq!(sandbox.decide(&event_of_subject("ana")).await, ("allow".to_owned(), 1), "{name}");
            let events = list_events(&simulation.take_lines());
            assert!(
                matches!(&*events, [(event, text)] if event == "revocation_kept" && text.contains(why)),
                "{name}: {events:?}"
            );
            assert_eq!(sandbox.decide_at_once(&event_of_subject("eve")), "revoked", "{name}");
            simulation.advance(3600 - 60 - 1);
            assert_eq!(outcomes(sandbox).await, text("allow", "revoked"), "{name}");
            simulation.advance(1);
            assert_eq!(outcomes(sandbox).await, text("revocation_stale", "revocation_stale"), "{name}");
            let events: Vec<_> =
                list_events(&simulation.take_lines()).into_iter().map(|(event, _)| event).collect();
            assert_eq!(events, ["revocation_kept", "revocation_expired"], "{name}");
            // When it works again, its list counts.
            server.set_behaviour(Behaviour::ok(list(8, &["eve"])));
            simulation.advance(100);
            assert_eq!(outcomes(sandbox).await, text("allow", "revoked"), "{name}");
            assert_eq!(list_events(&simulation.take_lines())[0].0, "revocation_changed", "{name}");
        });
    });
}

/// A sandbox that never had a list decides as `when_stale` says, and says so.
#[test]
fn a_sandbox_that_never_had_a_list_decides_as_configured() {
    let failures: Vec<_> = failures().into_iter().filter(|(name, ..)| !name.contains("version")).collect();
    let cases = [("", "revocation_stale", "WARN"), ("when_stale = \"allow\"", "allow", "ERROR")];
    let cases =
        cases.into_iter().flat_map(|case| failures.iter().map(move |failure| (case, failure.clone())));
    in_threads(cases.collect(), |((members, outcome, _), (name, failure, why))| {
        let server = KeyServer::start(failure);
        let simulation = Simulation::new();
        simulation.run(config(&server.url("/"), members), async |sandbox| {
            sandbox.function.start().await;
            let events = list_events(&simulation.take_lines());
            assert!(
                matches!(&*events, [(event, text)] if event == "revocation_missing" && text.contains(why)),
                "{name}: {events:?}"
            );
            assert_eq!(sandbox.decide_at_once(&event_of_subject("ana")), outcome, "{name}");
            let lines = simulation.take_lines();
            let line = lines.last().unwrap();
            assert_eq!((&line["level"], &line["revocation_stale"]), (&json!("ERROR"), &json!(1)), "{name}");
            let message = line["message"].as_str().unwrap();
            assert!(
                message.contains("revocation list") || message.contains("denied revocation_stale"),
                "{message}"
            );
            server.set_behaviour(Behaviour::ok(list(1, &["eve"])));
            simulation.advance(2);
            assert_eq!(sandbox.decide(&event_of_subject("eve")).await, ("revoked".to_owned(), 1), "{name}");
            assert_eq!(sandbox.decide_at_once(&event_of_subject("ana")), "allow", "{name}");
        });
    });
}

/// The first event after a long pause is decided with the present list.
#[test]
fn a_sandbox_that_slept_fetches_before_it_decides() {
    for seconds in [60, 600, 3600, 86_400] {
        let server = KeyServer::start(Behaviour::ok(list(1, &[])));
        let simulation = Simulation::new();
        simulation.run(served(&server), async |sandbox| {
            sandbox.function.start().await;
            assert_eq!(sandbox.decide_at_once(&event_of_subject("eve")), "allow");
            server.set_behaviour(Behaviour::ok(list(2, &["eve"])));
            simulation.advance(59);
            assert_eq!(sandbox.decide_at_once(&event_of_subject("eve")), "allow");
            simulation.advance(seconds - 59);
            assert_eq!(
                sandbox.decide(&event_of_subject("eve")).await,
                ("revoked".to_owned(), 1),
                "{seconds}"
            );
            let lines = simulation.take_lines();
            let line = lines.last().unwrap();
            assert_eq!(
                (&line["revocation_version"], &line["revocation_age_seconds"], &line["detail"]),
                (&json!(2), &json!(0), &json!("sub"))
            );
            // Not on the list any more.
            server.set_behaviour(Behaviour::ok(list(3, &[])));
            simulation.advance(60);
            assert_eq!(sandbox.decide(&event_of_subject("eve")).await, ("allow".to_owned(), 1));
        });
    }
}

/// In a busy sandbox the list is fetched after a response, so no event waits.
#[test]
fn in_a_busy_sandbox_no_event_waits() {
    let server = KeyServer::start(Behaviour::ok(list(1, &["eve"])));
    let simulation = Simulation::new();
    simulation.run(served(&server), async |sandbox| {
        sandbox.function.start().await;
        for _ in 0..600 {
            simulation.advance(1);
            assert_eq!(sandbox.decide_at_once(&event_of_subject("ana")), "allow");
            sandbox.refresh().await;
        }
        // Every 43 to 54 seconds.
        let fetches = server.requested_paths().len() - 1;
        assert!((10..=14).contains(&fetches), "{fetches}");
        let events = list_events(&simulation.take_lines());
        assert_eq!(events.iter().filter(|(event, _)| event == "revocation_changed").count(), 1);
        assert!(events.iter().skip(1).all(|(event, _)| event == "revocation_same"), "{events:?}");
    });
}

/// Events at once share one fetch, and a request that is denied earlier causes none.
#[test]
fn events_share_a_fetch_and_attacks_cause_none() {
    let server = KeyServer::start(Behaviour::ok(list(1, &["eve"])));
    let simulation = Simulation::new();
    simulation.run(served(&server), async |sandbox| {
        sandbox.function.start().await;
        simulation.advance(1000);
        for (code, event) in [
            ("bad_signature", event_with_kid("untrusted", "rs256-1")),
            ("unknown_key", event_with_kid("es256", "invented")),
            ("no_token", "{}".to_owned()),
            ("malformed_event", "[".to_owned()),
        ] {
            assert_eq!(sandbox.decide_at_once(&event), code);
        }
        assert_eq!(server.requested_paths().len(), 1);
        let good = event_of_subject("ana");
        let outcomes = join_all((0..500).map(|_| sandbox.decide(&good))).await;
        assert!(outcomes.iter().all(|(code, _)| code == "allow"));
        assert_eq!(outcomes.iter().map(|(_, fetches)| fetches).sum::<u64>(), 1);
        assert_eq!(server.requested_paths().len(), 2);
    });
}

/// An event waits for a second, also if it waits for a key, too; and the retries wait longer and longer.
#[test]
fn a_source_that_hangs_costs_an_event_a_second() {
    let server = KeyServer::start(Behaviour::ok(list(1, &["eve"])));
    let simulation = Simulation::new();
    simulation.run(served(&server), async |sandbox| {
        sandbox.function.start().await;
        server.set_behaviour(Behaviour::Hang);
        simulation.advance(60);
        let start = Instant::now();
        assert_eq!(sandbox.decide(&event("es256")).await, ("allow".to_owned(), 1));
        println!("a hanging source: allowed after {:?}; the limit is 1 s", start.elapsed());
        let mut waited = 0;
        for _ in 0..300 {
            simulation.advance(1);
            if futures_util::FutureExt::now_or_never(sandbox.decide(&event("es256"))).is_none() {
                waited += 1;
            }
        }
        assert!(waited >= 1, "{waited}");
    });
    // After 1, 2, 4 ... seconds, then every 60 s, each times 0.5 to 1.5.
    server.set_behaviour(Behaviour::ok(list(1, &["eve"])));
    let simulation = Simulation::new();
    simulation.run(served(&server), async |sandbox| {
        sandbox.function.start().await;
        server.set_behaviour(Behaviour::Response(500, String::new(), String::new()));
        simulation.advance(60);
        let mut fetches = 0;
        for _ in 0..3000 {
            simulation.advance(1);
            let (code, awaited) = sandbox.decide(&event("es256")).await;
            assert_eq!(code, "allow");
            fetches += awaited;
        }
        println!("50 minutes without the source: 0 of 3000 tokens denied, {fetches} of them waited");
        assert!((40..=100).contains(&fetches), "{fetches}");
    });
}

/// A file is read again, wherever it is.
#[test]
fn a_file_is_followed() {
    let outside = tempfile::tempdir().unwrap();
    let absolute = outside.path().join("revoked.json");
    for source in ["revoked.json", absolute.to_str().unwrap()] {
        let deployment = deployment(&format!("file:{source}"), "");
        let path = deployment.path(".").join(source);
        let write = |text: String| std::fs::write(&path, text).unwrap();
        let config = deployment.load().unwrap();
        assert_eq!(config.files.iter().any(|name| name == source), source == "revoked.json", "{source}");
        let simulation = Simulation::new();
        simulation.run(config, async |sandbox| {
            sandbox.function.start().await;
            let events = list_events(&simulation.take_lines());
            assert!(events[0].1.contains("cannot read the file: entity not found"), "{events:?}");
            write(list(1, &["eve"]));
            simulation.advance(2);
            assert_eq!(outcomes(sandbox).await, text("allow", "revoked"));
            write(list(2, &["ana"]));
            simulation.advance(60);
            assert_eq!(outcomes(sandbox).await, text("revoked", "allow"));
            write(" ".repeat(8 * 1024 * 1024 + 1));
            simulation.take_lines();
            simulation.advance(60);
            assert_eq!(outcomes(sandbox).await, text("revoked", "allow"));
            let events = list_events(&simulation.take_lines());
            assert!(events[0].1.contains("the revocation list is longer than 8388608 bytes"), "{events:?}");
        });
    }
}

/// An equal version is accepted, and equal bytes are not read again.
#[test]
fn versions_never_go_down() {
    let server = KeyServer::start(Behaviour::ok(list(5, &["eve"])));
    let simulation = Simulation::new();
    simulation.run(served(&server), async |sandbox| {
        sandbox.function.start().await;
        for (version, subjects, event, outcome) in [
            (5, &["eve"][..], "revocation_same", "revoked"),
            (5, &["eve", "dan"], "revocation_changed", "revoked"),
            (4, &[], "revocation_kept", "revoked"),
            (6, &[], "revocation_changed", "allow"),
            (5, &["eve"], "revocation_kept", "allow"),
            (7, &["eve"], "revocation_changed", "revoked"),
        ] {
            server.set_behaviour(Behaviour::ok(list(version, subjects)));
            simulation.take_lines();
            simulation.advance(100);
            assert_eq!(sandbox.decide(&event_of_subject("eve")).await, (outcome.to_owned(), 1), "{version}");
            assert_eq!(list_events(&simulation.take_lines())[0].0, event, "{version}");
        }
        // Also after the list was dropped.
        server.set_behaviour(Behaviour::ok(list(6, &[])));
        simulation.advance(3600);
        assert_eq!(sandbox.decide(&event_of_subject("eve")).await.0, "revocation_stale");
    });
}

/// The line of a change has its figures, and names issuers that the configuration does not have, but no one else.
#[test]
fn the_line_of_a_fetch_has_its_figures() {
    let text =
        json!({ "version": 4, "sub": { "users": ["eve"], "user": ["ana"] }, "jti": { "users": ["x", "y"] } });
    let server = KeyServer::start(Behaviour::ok(text.to_string()));
    let simulation = Simulation::new();
    simulation.run(served(&server), async |sandbox| sandbox.function.start().await);
    let lines = simulation.take_lines();
    let members = [
        "event",
        "level",
        "version",
        "entries",
        "left_out",
        "fetches",
        "fetch_failures",
        "revocation_refreshes",
    ];
    let members = members.map(|name| lines[0][name].clone());
    assert_eq!(
        json!(members),
        json!(["revocation_changed", "INFO", 4, 4, ["unknown issuer `user`"], 1, 0, 1])
    );
    assert_eq!(lines[0].get("issuer"), None);
    assert!(!lines[0].to_string().contains("\"eve\""));
    let message =
        format!("revocation list from {}: fetched, the list has changed", server.url("/revoked.json"));
    assert_eq!(lines[0]["message"], message);
}

/// The denial for lack of a list has the cause.
#[test]
fn the_denial_for_lack_of_a_list_has_the_cause() {
    let url = closed_url();
    let simulation = Simulation::new();
    simulation.run(config(&url, ""), async |sandbox| {
        sandbox.function.start().await;
        assert_eq!(sandbox.decide_at_once(&event("es256")), "revocation_stale");
        let detail = simulation.take_lines().pop().unwrap()["detail"].as_str().unwrap().to_owned();
        assert!(detail.starts_with(&format!("{url}: not reachable (")), "{detail}");
    });
}

/// A clock that is set back makes the list no younger than now, and stops no fetch.
#[test]
fn a_clock_that_is_set_back_stops_no_fetch() {
    let server = KeyServer::start(Behaviour::ok(list(1, &[])));
    let simulation = Simulation::new();
    simulation.run(served(&server), async |sandbox| {
        sandbox.function.start().await;
        assert_eq!(sandbox.decide_at_once(&event_of_subject("eve")), "allow");
        simulation.set_back(100_000);
        server.set_behaviour(Behaviour::ok(list(2, &["eve"])));
        let _ = sandbox.decide(&event_of_subject("eve")).await;
        simulation.advance(60);
        assert_eq!(sandbox.decide(&event_of_subject("eve")).await.0, "revoked");
    });
}

/// `refresh_seconds` and `max_stale_seconds` are settings.
#[test]
fn the_lifetimes_are_settings() {
    let server = KeyServer::start(Behaviour::ok(list(1, &["eve"])));
    let simulation = Simulation::new();
    let config = config(&server.url("/"), "refresh_seconds = 5\nmax_stale_seconds = 20");
    simulation.run(config, async |sandbox| {
        sandbox.function.start().await;
        simulation.advance(4);
        assert_eq!(sandbox.decide_at_once(&event_of_subject("ana")), "allow");
        server.set_behaviour(Behaviour::Close);
        simulation.advance(1);
        assert_eq!(sandbox.decide(&event_of_subject("ana")).await, ("allow".to_owned(), 1));
        simulation.advance(14);
        assert_eq!(sandbox.decide(&event_of_subject("ana")).await.0, "allow");
        simulation.advance(1);
        assert_eq!(sandbox.decide(&event_of_subject("ana")).await.0, "revocation_stale");
    });
}
