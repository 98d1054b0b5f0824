//! The lines of the log.

use std::time::Duration;

use iot_provision::control::aws::Counts;
use iot_provision::function::Trigger;
use iot_provision::log::{self, LineFacts};
use serde_json::{Value, json};

use crate::support::case::all;
use crate::support::memory::Memory;
use crate::support::{id, now};

fn line(trigger: &str, title: &str) -> Value {
    let case = all().into_iter().find(|case| case.trigger == trigger && case.title == title).unwrap();
    let run = case.run(&Memory::new(case.state()));
    assert!(run.line.ends_with("}\n") && run.line.lines().count() == 1, "{}", run.line);
    serde_json::from_str(&run.line).unwrap()
}

fn metrics(outcome: &str, codes: &Value) -> Value {
    let names = json!([
        { "Name": outcome, "Unit": "Count" },
        { "Name": "throttled", "Unit": "Count" },
        { "Name": "duration_us", "Unit": "Microseconds" },
    ]);
    let mut sets =
        vec![json!({ "Namespace": "iot-provision", "Dimensions": [["function"]], "Metrics": names })];
    sets.extend(codes.is_object().then(|| codes.clone()));
    json!({ "Timestamp": 1_800_000_000_000_u64, "CloudWatchMetrics": sets })
}

#[test]
fn a_provisioned_device_has_a_line() {
    let expected = json!({
        "message": "provisioned device-2", "level": "INFO", "timestamp": "2027-01-15T08:00:00Z", "function": "provision",
        "trigger": "claim", "outcome": "provisioned", "device": "device-2",
        "certificate_id": format!("{:064}", 1), "client_id": "bootstrap-1", "request_id": "r-1", "calls": 7, "throttled": 2,
        "duration_us": 5000, "cold_start": false, "provisioned": 1, "_aws": metrics("provisioned", &Value::Null),
    });
    assert_eq!(line("claim", "a device with its secret"), expected);
}

#[test]
fn a_denied_device_has_a_line_with_code_and_hint() {
    let codes = json!({
        "Namespace": "iot-provision", "Dimensions": [["function", "code"]],
        "Metrics": [{ "Name": "denied", "Unit": "Count" }],
    });
    let found = line("jitr", "a subject without a country");
    let hint = found["hint"].as_str().unwrap().to_owned();
    assert!(hint.contains("subject"), "{hint}");
    let expected = json!({
        "message": "denied missing_name: a name that the configuration uses is missing", "level": "WARN",
        "timestamp": "2027-01-15T08:00:00Z", "function": "provision", "trigger": "jitr", "outcome": "denied",
        "code": "missing_name", "detail": "Country", "hint": hint, "certificate_id": id('a'), "ca_certificate_id": id('c'),
        "request_id": "r-1", "calls": 7, "throttled": 2, "duration_us": 5000, "cold_start": false, "denied": 1,
        "_aws": metrics("denied", &codes),
    });
    assert_eq!(found, expected);
}

#[test]
fn other_lines_name_what_they_are_about() {
    for (trigger, title, members) in [
        (
            "jitr",
            "an ACTIVE certificate: done",
            json!({ "message": "unchanged", "outcome": "unchanged", "unchanged": 1 }),
        ),
        (
            "hook",
            "a new device",
            json!({ "template": "fleet", "device": "sensor-1", "certificate_id": id('a') }),
        ),
        (
            "hook",
            "a serial number that is used",
            json!({ "template": "fleet", "device": "sensor-1", "certificate_id": id('a'), "code": "already_used" }),
        ),
        (
            "attach",
            "an identity",
            json!({ "identity": "eu-west-1:00000000-0000-4000-8000-000000000001", "policy": "app", "trigger": "attach" }),
        ),
    ] {
        let found = line(trigger, title);
        for (name, value) in members.as_object().unwrap() {
            assert_eq!(found[name], *value, "{title}: {found}");
        }
    }
}

#[test]
fn a_failed_run_is_an_error() {
    let case = all().into_iter().find(|case| case.title == "a new device").unwrap();
    let memory = Memory::new(case.state());
    memory.stop_after.set(Some(2));
    let run = case.run(&memory);
    let found: Value = serde_json::from_str(&run.line).unwrap();
    assert_eq!(found["level"], "ERROR");
    assert_eq!((&found["outcome"], &found["failed"]), (&json!("failed"), &json!(1)));
    assert_eq!(found["error"], "AttachThingPrincipal failed: stopped");
    assert_eq!(found["message"], "failed: AttachThingPrincipal failed: stopped");
    assert_eq!(run.response, json!("AttachThingPrincipal failed: stopped"));
}

#[test]
fn a_cold_start_is_counted() {
    let case = all().into_iter().find(|case| case.trigger == "attach").unwrap();
    assert!(!case.run(&Memory::new(case.state())).line.contains("cold_starts"));
    let config = crate::support::config(&[]);
    let handled = crate::support::schedule::block_on(iot_provision::function::handle(
        Trigger::Jitr,
        "{}",
        iot_provision::function::Invocation {
            function: crate::support::FUNCTION,
            identity: None,
            now: now(),
        },
        &config,
        &Memory::default(),
        &|_, _| {},
    ));
    let facts = LineFacts {
        time: now(),
        function: "f",
        trigger: Trigger::Jitr,
        request_id: "r",
        duration: Duration::ZERO,
        cold_start: true,
        counts: Counts::default(),
    };
    let line: Value = serde_json::from_slice(&log::line(&handled, &facts)).unwrap();
    assert_eq!((&line["cold_start"], &line["cold_starts"]), (&json!(true), &json!(1)));
    let metrics = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap().clone();
    assert!(metrics.contains(&json!({ "Name": "cold_starts", "Unit": "Count" })), "{metrics:?}");
}

#[test]
fn other_messages_are_lines_of_json() {
    let made: Value = serde_json::from_slice(&log::made("a", Some("d"), "r", "f", now())).unwrap();
    let expected = json!({
        "message": "made a certificate, which is INACTIVE and has no rights yet", "level": "INFO",
        "timestamp": "2027-01-15T08:00:00Z", "function": "f", "event": "certificate_made", "certificate_id": "a",
        "device": "d", "request_id": "r",
    });
    assert_eq!(made, expected);
    let notice: Value = serde_json::from_slice(&log::notice("error: \"x\"", now())).unwrap();
    assert_eq!(
        notice,
        json!({ "message": "error: \"x\"", "level": "ERROR", "timestamp": "2027-01-15T08:00:00Z" })
    );
}
