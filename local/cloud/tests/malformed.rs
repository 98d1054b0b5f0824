//! Malformed requests as data: each gets its error, and nothing changes. `tests/outside/devices/malformed.py` sends the
//! same table to a port.

#![cfg(test)]

mod support;

use serde_json::{Map, Value};
use support::table::{body, difference, request};

const TABLE: &str = include_str!("malformed.json");

#[test]
fn each_malformed_request_gets_its_error_and_changes_nothing() {
    let table: Map<String, Value> = serde_json::from_str(TABLE).unwrap();
    let cloud = support::cloud();
    for step in table["setup"].as_array().unwrap() {
        let response = cloud.respond(&request(step));
        assert_eq!(response.status, 200, "{step}: {}", body(&response));
    }
    let mut registry = cloud.read(Clone::clone);
    let (mut count, mut failures) = (0, Vec::new());
    for (group, cases) in table.iter().filter(|(group, _)| *group != "setup") {
        for case in cases.as_array().unwrap() {
            count += 1;
            if let Err(error) = difference(case, &cloud.respond(&request(case))) {
                failures.push(format!("{group}: {}: {error}", case["title"]));
            }
            let after = cloud.read(Clone::clone);
            if after != registry {
                failures.push(format!("{group}: {}: the registry changed", case["title"]));
                registry = after;
            }
        }
    }
    assert!(failures.is_empty(), "{} of {count}:\n{}", failures.len(), failures.join("\n"));
    assert!(count >= 200, "{count} cases");
    println!("{count} malformed requests");
}
