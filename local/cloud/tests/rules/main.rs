//! The SQL of topic rules against tables of cases.

#![cfg(test)]

mod property;

use std::fs;
use std::path::Path;

use iot_local_cloud::rules::sql::{Message, SqlError, Statement};
use serde::Deserialize;
use serde_json::Value;

/// A statement and a message. The members of the message have defaults.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Evaluation {
    sql: String,
    #[serde(default = "topic")]
    topic: String,
    #[serde(default)]
    payload: Value,
    /// Absent: sent by HTTPS.
    client: Option<String>,
    principal: Option<String>,
    /// `false`: no result. Else the result.
    expect: Value,
}

/// A statement that is refused, and the word that the error names.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refusal {
    sql: String,
    word: String,
    what: Option<String>,
}

fn topic() -> String {
    "a/b".to_owned()
}

fn read<T: serde::de::DeserializeOwned>(name: &str) -> Vec<T> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules").join(name);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn evaluations() {
    let (mut results, mut none) = (0, 0);
    for case in read::<Evaluation>("evaluations.json") {
        let statement = Statement::parse(&case.sql).unwrap_or_else(|error| panic!("{}: {error}", case.sql));
        let message = Message {
            topic: &case.topic,
            payload: &case.payload,
            client_id: case.client.as_deref(),
            principal: case.principal.as_deref(),
            timestamp_ms: 1_700_000_000_123,
        };
        let expected = if case.expect == Value::Bool(false) { None } else { Some(case.expect) };
        *if expected.is_some() { &mut results } else { &mut none } += 1;
        assert_eq!(statement.evaluate(&message), expected, "{}", case.sql);
        let printed = statement.to_string();
        assert_eq!(Statement::parse(&printed).as_ref(), Ok(&statement), "{printed}");
        assert_eq!(printed, Statement::parse(&printed).unwrap().to_string());
    }
    println!("{results} results, {none} without");
    assert!(results >= 40 && none >= 40, "{results}, {none}");
}

#[test]
fn refusals() {
    let cases = read::<Refusal>("refusals.json");
    println!("{} refusals", cases.len());
    assert!(cases.len() > 50);
    for Refusal { sql, word, what } in cases {
        let error = Statement::parse(&sql).expect_err(&sql);
        assert_eq!(error.word, word, "{sql}: {error}");
        assert!(what.is_none_or(|what| error.what.contains(&what)), "{sql}: {error}");
        assert!(sql.get(error.start..).unwrap().starts_with(&error.word), "{sql}: {error:?}");
    }
}

#[test]
fn large_statements() {
    let parse = |condition: &str| Statement::parse(&format!("SELECT * FROM 'a' WHERE {condition}"));
    let is_nested = |result: Result<Statement, SqlError>| result.unwrap_err().what.contains("more than 64");
    assert!(parse(&format!("{}a{}", "(".repeat(64), ")".repeat(64))).is_ok());
    assert!(is_nested(parse(&format!("{}a{}", "(".repeat(65), ")".repeat(65)))));
    assert!(parse(&format!("{}a", "NOT ".repeat(64))).is_ok());
    assert!(is_nested(parse(&format!("{}a", "NOT ".repeat(65)))));
    let many = parse(&format!("{}a", "a AND ".repeat(2500))).unwrap();
    assert_eq!(Statement::parse(&many.to_string()), Ok(many));
    assert!(parse(&"a AND ".repeat(4000)).unwrap_err().what.contains("expected at most 18432"));
    assert!(parse(&"(".repeat(18_000)).is_err());
}
