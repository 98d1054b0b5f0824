//! Provisioning templates against tables of cases: each file but `bases.json` is a list of [`case::Case`].

#![cfg(test)]

mod case;
mod inventory;
mod property;
mod subject;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use case::{Bases, Case, Outcome};

const TABLES: [&str; 6] = ["conflicts", "errors", "functions", "kinds", "limits", "values"];

fn read<T: serde::de::DeserializeOwned>(name: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/templates").join(format!("{name}.json"));
    let text = fs::read_to_string(&path).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn cases() {
    let bases: Bases = read("bases");
    let mut names = BTreeSet::new();
    let mut failures = Vec::new();
    let (mut accepted, mut refused) = (0, 0);
    for table in TABLES {
        for case in read::<Vec<Case>>(table) {
            let name = format!("{table}: {}", case.name);
            assert!(names.insert(name.clone()), "{name}: twice");
            match case.expect {
                Outcome::Plan(_) | Outcome::Steps(_) => accepted += 1,
                Outcome::Errors(_) | Outcome::Fails { .. } | Outcome::Conflict(_) => refused += 1,
            }
            if let Err(failure) = case.check(&bases) {
                failures.push(format!("{name}: {failure}"));
            }
        }
    }
    println!("{accepted} accepted, {refused} refused");
    assert!(failures.is_empty(), "{} failed\n{}", failures.len(), failures.join("\n"));
    assert!(accepted + refused >= 150, "{accepted} + {refused}");
    assert!(refused > accepted, "{accepted}, {refused}");
}
