//! Calls in order as data: conflicts, limits, states and lists. Each group starts with an empty registry.
//! `tests/outside/devices/calls.py` sends the same table to a port.

#![cfg(test)]

mod support;

use serde_json::{Map, Value};
use support::table::{body, difference, expand_all, request};

const TABLES: [&str; 2] = [include_str!("calls.json"), include_str!("calls_provisioning.json")];

#[test]
fn each_call_gets_its_answer_and_an_error_changes_nothing() {
    let tables = TABLES.map(|table| serde_json::from_str::<Map<String, Value>>(table).unwrap());
    let (mut count, mut errors, mut failures) = (0, 0, Vec::new());
    for (group, calls) in tables.iter().flatten() {
        let cloud = support::cloud();
        for (index, call) in calls.as_array().unwrap().iter().enumerate() {
            let before = cloud.read(Clone::clone);
            let response = cloud.respond(&request(call));
            let place = format!("{group}, call {index}: {}", call["send"]);
            if let Err(error) = difference(call, &response) {
                failures.push(format!("{place}: {error}"));
            }
            let answer = serde_json::from_str(&body(&response)).unwrap();
            if !has(&answer, &expand_all(&call["answer"])) {
                failures.push(format!("{place}: {answer}"));
            }
            if response.status != 200 && cloud.read(Clone::clone) != before {
                failures.push(format!("{place}: the registry changed"));
            }
            count += 1;
            errors += usize::from(response.status != 200);
        }
    }
    assert!(failures.is_empty(), "{} of {count}:\n{}", failures.len(), failures.join("\n"));
    println!("{count} calls, {errors} of them errors");
}

/// Whether an answer has the expected members. Lists have the expected length.
fn has(answer: &Value, expected: &Value) -> bool {
    match (answer, expected) {
        (_, Value::Null) => true,
        (Value::Object(answer), Value::Object(expected)) => expected
            .iter()
            .all(|(name, expected)| answer.get(name).is_some_and(|answer| has(answer, expected))),
        (Value::Array(answer), Value::Array(expected)) => {
            answer.len() == expected.len()
                && answer.iter().zip(expected).all(|(left, right)| has(left, right))
        }
        _ => answer == expected,
    }
}
