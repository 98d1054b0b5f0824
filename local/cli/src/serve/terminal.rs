//! The event log on the terminal: one readable line for each entry.

use std::time::Duration;

use iot_local_gateway::event_log::{EntryKind, LogEntry};
use iot_local_lambda::LineSource;
use serde_json::Value;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use crate::arguments::OutputArgs;

/// The pause after each write. Entries of this time are one write: a write for each would cost as much as the message
/// that it is about.
const PRINT_PAUSE: Duration = Duration::from_millis(10);

/// The most entries in one write.
const MAX_BATCH_ENTRIES: usize = 4096;

/// Prints the entries of the event log, until the log is closed. Dropping the future loses no entry.
pub(super) async fn print_entries(event_log: &mut Receiver<LogEntry>, output: OutputArgs) {
    loop {
        match event_log.recv().await {
            Ok(entry) => {
                let mut lines = terminated(&entry, output);
                append_ready(&mut lines, event_log, output);
                print(&lines);
            }
            Err(RecvError::Lagged(count)) => print_skipped(count),
            Err(RecvError::Closed) => return,
        }
        tokio::time::sleep(PRINT_PAUSE).await;
    }
}

/// Prints the entries that are in the log now.
pub(super) fn print_ready(event_log: &mut Receiver<LogEntry>, output: OutputArgs) {
    let mut lines = String::new();
    append_ready(&mut lines, event_log, output);
    print(&lines);
}

fn append_ready(lines: &mut String, event_log: &mut Receiver<LogEntry>, output: OutputArgs) {
    for _ in 0..MAX_BATCH_ENTRIES {
        match event_log.try_recv() {
            Ok(entry) => lines.push_str(&terminated(&entry, output)),
            Err(TryRecvError::Lagged(count)) => print_skipped(count),
            Err(TryRecvError::Empty | TryRecvError::Closed) => return,
        }
    }
}

/// Prints a text, whose lines have their line ends.
#[expect(clippy::print_stdout, reason = "the terminal shell of `serve`")]
pub(super) fn print(text: &str) {
    print!("{text}");
}

/// On standard error, so that standard output has only entries.
#[expect(clippy::print_stderr, reason = "the terminal shell of `serve`")]
fn print_skipped(count: u64) {
    eprintln!("({count} entries skipped: the terminal is slower than the gateway)");
}

/// Returns the line of an entry with its line end. Empty if it is not printed.
fn terminated(entry: &LogEntry, output: OutputArgs) -> String {
    line(entry, output).map(|line| line + "\n").unwrap_or_default()
}

/// Returns the line of an entry, or `None` if it is not printed.
fn line(entry: &LogEntry, output: OutputArgs) -> Option<String> {
    if output.json {
        return Some(entry.to_json().to_string());
    }
    if output.verbose {
        return Some(entry.to_string());
    }
    match &entry.kind {
        EntryKind::Function(line) => {
            let line_text = match serde_json::from_str(&line.text) {
                Ok(log) => function_line(&log, output.quiet)?,
                Err(_) if output.quiet && line.source == LineSource::Stdout => return None,
                Err(_) => return Some(entry.to_string()),
            };
            Some(format!("{} {line_text}", time(entry)))
        }
        // The function's log line has the decision.
        EntryKind::Authorizer(call) if call.response.is_ok() => None,
        EntryKind::Connected { .. }
        | EntryKind::Allowed { .. }
        | EntryKind::Refreshed
        | EntryKind::Closed { .. }
        | EntryKind::Rule { outcome: Ok(()), .. }
            if output.quiet =>
        {
            None
        }
        _ => Some(entry.to_string()),
    }
}

/// A JSON line of the function: its decisions and key events in words, any other as it is.
fn function_line(log: &Value, is_quiet: bool) -> Option<String> {
    let text = |name: &str| log.get(name).and_then(Value::as_str);
    let is_routine = matches!(text("level"), Some("INFO" | "DEBUG"));
    match (text("decision"), text("event")) {
        (Some(decision), _) => Some(decision_line(log, decision)),
        _ if is_quiet && is_routine => None,
        (None, Some(event)) => Some(key_line(log, event)),
        (None, None) => Some(format!("[function] {}", visible(text("message").unwrap_or(&log.to_string())))),
    }
}

/// `alice authorizer ALLOW app-user device-owner (issuer users, 0.4 ms)`, or `authorizer DENY no_grant (issuer users)`.
fn decision_line(log: &Value, decision: &str) -> String {
    let text = |name: &str| log.get(name).and_then(Value::as_str).map(visible);
    let policies = log.get("policies").and_then(Value::as_array).into_iter().flatten();
    let policies: Vec<_> = policies.filter_map(Value::as_str).map(visible).collect();
    let mut line = text("client_id").map(|id| format!("{id} ")).unwrap_or_default();
    line.push_str(&format!("authorizer {}", decision.to_uppercase()));
    for word in text("code").into_iter().chain(policies) {
        line.push_str(&format!(" {word}"));
    }
    let millis =
        log.get("duration_us").and_then(Value::as_f64).map(|micros| format!("{:.1} ms", micros / 1000.0));
    let facts: Vec<_> = text("issuer").map(|id| format!("issuer {id}")).into_iter().chain(millis).collect();
    if !facts.is_empty() {
        line.push_str(&format!(" ({})", facts.join(", ")));
    }
    if let Some(detail) = text("detail") {
        line.push_str(&format!(": {detail}"));
    }
    line
}

/// `keys_changed: issuer users, oidc, 2 keys`
fn key_line(log: &Value, event: &str) -> String {
    let text = |name: &str| log.get(name).and_then(Value::as_str).map(visible);
    let issuer = text("issuer").map(|id| format!("issuer {id}"));
    let keys = log.get("keys").and_then(Value::as_u64).map(|keys| format!("usable keys: {keys}"));
    let facts: Vec<_> = [issuer, text("source"), keys, text("why")].into_iter().flatten().collect();
    format!("{}: {}", visible(event), facts.join(", "))
}

/// Replaces control characters.
fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// The time with which the entry's own line begins.
fn time(entry: &LogEntry) -> String {
    entry.to_string().split(' ').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use iot_local_gateway::event_log::DisconnectReason;
    use iot_local_lambda::SandboxLine;

    use super::*;

    const NORMAL: OutputArgs = OutputArgs { verbose: false, quiet: false, json: false };

    fn entry(kind: EntryKind) -> LogEntry {
        let at = UNIX_EPOCH.checked_add(Duration::from_secs(3661)).unwrap();
        LogEntry { number: 1, at, connection: None, client: Some("ana".to_owned()), kind }
    }

    fn function(source: LineSource, text: &str) -> LogEntry {
        entry(EntryKind::Function(SandboxLine { sandbox: 1, source, text: text.to_owned() }))
    }

    #[test]
    fn a_decision_is_one_readable_line_with_its_code() {
        for (log, expected) in [
            (
                r#"{"level":"INFO","decision":"allow","issuer":"users","client_id":"ana","policies":["app-user","device-owner"],"duration_us":412,"_aws":{}}"#,
                Some("01:01:01Z ana authorizer ALLOW app-user device-owner (issuer users, 0.4 ms)"),
            ),
            (
                r#"{"level":"WARN","decision":"deny","code":"no_grant","issuer":"users","detail":"x\u001by","hint":"h"}"#,
                Some("01:01:01Z authorizer DENY no_grant (issuer users): x\u{fffd}y"),
            ),
            (
                r#"{"level":"WARN","event":"keys_kept","issuer":"users","source":"oidc","why":"timeout"}"#,
                Some("01:01:01Z keys_kept: issuer users, oidc, timeout"),
            ),
            (
                r#"{"level":"ERROR","message":"error: the Lambda runtime stopped"}"#,
                Some("01:01:01Z [function] error: the Lambda runtime stopped"),
            ),
            ("plain", Some("01:01:01Z [function 1 out] plain")),
        ] {
            assert_eq!(line(&function(LineSource::Stdout, log), NORMAL).as_deref(), expected);
        }
    }

    #[test]
    fn quiet_prints_decisions_denials_and_errors() {
        let quiet = OutputArgs { quiet: true, ..NORMAL };
        let denied = || EntryKind::ConnectDenied { reason: "x".to_owned(), decided_by: None };
        for (entry, is_printed) in [
            (entry(EntryKind::Refreshed), false),
            (entry(EntryKind::Closed { reason: DisconnectReason::ByClient }), false),
            (function(LineSource::Stdout, "plain"), false),
            (function(LineSource::Stdout, r#"{"level":"INFO","event":"keys_changed"}"#), false),
            (function(LineSource::Stdout, r#"{"level":"WARN","event":"keys_kept"}"#), true),
            (function(LineSource::Stdout, r#"{"level":"INFO","decision":"allow"}"#), true),
            (function(LineSource::Stderr, "plain"), true),
            (entry(denied()), true),
        ] {
            assert_eq!(line(&entry, quiet).is_some(), is_printed, "{entry}");
            assert!(line(&entry, NORMAL).is_some(), "{entry}");
        }
    }

    #[test]
    fn verbose_prints_the_function_s_own_lines_and_json_prints_objects() {
        let log = r#"{"level":"INFO","decision":"allow"}"#;
        let entry = function(LineSource::Stdout, log);
        let verbose = OutputArgs { verbose: true, ..NORMAL };
        assert_eq!(line(&entry, verbose).unwrap(), format!("01:01:01Z [function 1 out] {log}"));
        let json: Value =
            serde_json::from_str(&line(&entry, OutputArgs { json: true, ..NORMAL }).unwrap()).unwrap();
        assert_eq!((&json["kind"], &json["text"]), (&"function".into(), &log.into()));
    }
}
