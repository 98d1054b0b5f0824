//! Entries as text and JSON, and what later readers get.

use super::*;

#[test]
fn a_later_reader_gets_the_newest_entries_once_and_in_order() {
    let event_log = EventLog::default();
    let write = || event_log.record(None, Some("ana"), EntryKind::Refreshed);
    for _ in 0..HISTORY_CAPACITY_ENTRIES + 10 {
        write();
    }
    let (entries, mut live) = event_log.since(0);
    write();
    let numbers: Vec<_> = entries.iter().map(|entry| entry.number).collect();
    assert_eq!(numbers, (11..=410).collect::<Vec<_>>());
    assert_eq!(live.try_recv().unwrap().number, 411);
    assert_eq!(event_log.since(410).0.len(), 1);
    assert!(event_log.since(411).0.is_empty());
}

/// Names in reasons are quoted, and stay as the client sent them.
#[test]
fn texts_of_clients_cannot_control_a_terminal_and_quotes_stay() {
    let event_log = EventLog::default();
    let reason = "unknown authorizer \"a\u{1b}[2J\u{202e}\\\"; expected \"b\"".to_owned();
    event_log.record(None, Some("ana\n"), EntryKind::ConnectDenied { reason, decided_by: None });
    let line = event_log.since(0).0[0].to_string();
    let expected = "ana\\n connect DENIED: unknown authorizer \"a\\u{1b}[2J\\u{202e}\\\"; expected \"b\"";
    assert!(line.ends_with(expected), "{line}");
}

#[test]
fn entries_about_the_gateway_name_no_client() {
    let event_log = EventLog::default();
    let files = vec!["policies/a.json".to_owned()];
    let line = |text: &str| SandboxLine { sandbox: 0, source: LineSource::Stdout, text: text.to_owned() };
    let reason = "error: x\n --> a:1\n".to_owned();
    for (kind, name, expected) in [
        (EntryKind::Notice { text: "n".to_owned() }, "notice", "note: n"),
        (
            EntryKind::Reloaded { files: files.clone() },
            "reloaded",
            "reloaded: policies/a.json changed; new connections use the new configuration, others from their next refresh",
        ),
        (
            EntryKind::ReloadFailed { files, reason },
            "reload_failed",
            "reload FAILED: policies/a.json changed; the earlier configuration stays in use, since the new one has an \
             error\nerror: x\n --> a:1",
        ),
        (
            EntryKind::of_line(line(r#"{"event":"keys_expired","issuer":"i","source":"oidc"}"#)),
            "keys",
            "[keys] issuer i: the keys from oidc reached max_stale_seconds and were dropped",
        ),
        (EntryKind::of_line(line("other")), "function", "[function 0 out] other"),
    ] {
        event_log.record(None, None, kind);
        let entry = event_log.since(0).0.pop().unwrap();
        assert_eq!(entry.to_string().split_once("Z ").unwrap().1, expected);
        assert_eq!(entry.to_json()["kind"], name);
    }
}

#[test]
fn a_line_names_its_protocol_and_has_no_escaped_quotes() {
    let denied = |reason: &str| EntryKind::ConnectDenied { reason: reason.to_owned(), decided_by: None };
    let publish = || {
        let verdict = Verdict { allowed: true, reason: "by \"a\"".to_owned(), decided_by: None };
        EntryKind::decided(Action::Publish, "topic/a'b", verdict)
    };
    for (client, kind, expected) in [
        (Some("ana"), denied("no authorizer \"wrong\""), "ana connect DENIED: no authorizer \"wrong\""),
        (Some("a\"\u{1b}[2J\n"), denied("x"), "a\"\\u{1b}[2J\\n connect DENIED: x"),
        (None, denied("x"), "(no client id) DENIED: x"),
        (None, publish(), "(HTTP publish) iot:Publish topic/a'b allowed (by \"a\")"),
        (Some("ana"), publish(), "ana iot:Publish topic/a'b allowed (by \"a\")"),
    ] {
        let event_log = EventLog::default();
        event_log.record(None, client, kind);
        let line = event_log.since(0).0[0].to_string();
        assert_eq!(line.split_once("Z ").unwrap().1, expected);
    }
}

#[test]
fn a_call_is_logged_with_connection_and_client() {
    let event_log = EventLog::default();
    let event = br#"{"token":"t","protocolData":{"mqtt":{"clientId":"ana"}},"connectionMetadata":{"id":"6ba7b810-9dad-11d1-80b4-00c04fd430c8"}}"#;
    event_log.record_call(event, Ok(br#"{"isAuthenticated":true}"#), Duration::from_millis(3));
    event_log.record_call(event, Err("no response".to_owned()), Duration::from_secs(5));
    let (entries, _) = event_log.since(0);
    let entry = entries[0].to_json();
    assert_eq!(
        (&entry["kind"], &entry["client"], &entry["lets_in"]),
        (&"authorizer".into(), &"ana".into(), &true.into())
    );
    assert_eq!(entry["connection"], "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
    assert_eq!(entry["event"]["token"], "••• (1 characters)");
    assert_eq!(
        (&entries[1].to_json()["error"], &entries[1].to_json()["lets_in"]),
        (&"no response".into(), &false.into())
    );
    let line = entries[1].to_string();
    assert!(line.ends_with("ana the authorizer did not authenticate the client, in 5000.0 ms"), "{line}");
}
