//! Random statements: printing and parsing gives the same statement, and no text makes the parser panic.

use iot_local_cloud::registry::TopicRule;
use iot_local_cloud::rules::sql::{Message, Statement};
use iot_local_cloud::rules::{Payload, Rule, RuleMessage, TopicTemplate, error_message};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use serde_json::{Value, json};

fn config(cases: u32) -> Config {
    let mut config = Config { cases, failure_persistence: None, ..Config::default() };
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(1);
    }
    println!("PROPTEST_RNG_SEED: {:?}", config.rng_seed);
    config
}

fn operand() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z_][a-zA-Z0-9_]{0,5}x(\\.[a-z]{1,3}x){0,2}",
        "'[^']{0,6}'",
        "\"[^\"]{0,6}\"",
        Just("'it''s'".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>()
            .prop_filter("finite", |number| number.is_finite())
            .prop_map(|number| json!(number).to_string()),
        prop::sample::select(vec![
            "true",
            "FALSE",
            "Null",
            "topic()",
            "topic(2)",
            "ClientId()",
            "principal( )",
            "timestamp()"
        ])
        .prop_map(str::to_owned),
    ]
}

fn condition() -> impl Strategy<Value = String> {
    let comparison = prop::sample::select(vec!["=", "<>", "<", "<=", ">", ">="]);
    let leaf = prop_oneof![
        operand(),
        (operand(), comparison, operand())
            .prop_map(|(left, symbol, right)| format!("{left} {symbol} {right}")),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| format!("NOT {inner}")),
            inner.clone().prop_map(|inner| format!("({inner})")),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|all| all.join(" AND ")),
            prop::collection::vec(inner, 2..4).prop_map(|all| all.join(" or ")),
        ]
    })
}

fn statement() -> impl Strategy<Value = String> {
    let item = prop_oneof![
        Just("*".to_owned()),
        operand(),
        (operand(), "[a-z]{1,4}x").prop_map(|(operand, alias)| format!("{operand} AS {alias}")),
    ];
    let items = prop::collection::vec(item, 1..4).prop_map(|items| items.join(", "));
    (items, "'[a-z]{1,3}(/\\+|/[a-z]){0,3}(/#)?'", prop::option::of(condition())).prop_map(
        |(items, filter, condition)| {
            let condition = condition.map(|condition| format!(" WHERE {condition}")).unwrap_or_default();
            format!("select {items} FROM {filter}{condition}")
        },
    )
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| json!(number)),
        prop_oneof![any::<String>(), Just("$aws/things/t/shadow/update".to_owned())].prop_map(Value::String),
    ];
    let name = prop_oneof![any::<String>(), "[a-c]x?"];
    let json = leaf.prop_recursive(4, 32, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::btree_map(name.clone(), inner, 0..5).prop_map(|members| json!(members)),
        ]
    });
    prop_oneof![
        4 => json.prop_map(|value| value.to_string().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..40),
        1 => (0..300_usize).prop_map(|depth| "[".repeat(depth).into_bytes()),
    ]
}

fn template() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[$a/{}.'() 1]{0,30}",
        "(\\$\\$aws/)?[a-c/]{0,4}\\$\\{(a|b|ax|a\\.b|topic\\(2\\)|clientid\\(\\))\\}[a-c/]{0,4}",
    ]
}

proptest! {
    #![proptest_config(config(5_000))]

    /// Whatever a message is: a rule and a topic have a result or an error, and no message makes a topic reserved.
    #[test]
    fn no_message_makes_a_rule_panic(sql in statement(), text in template(), payload in payload(), topic in any::<String>()) {
        let action = json!({ "lambda": { "functionArn": "a" } }).as_object().unwrap().clone();
        let rule = Rule::new(&TopicRule {
            name: "r".to_owned(), sql, sql_version: String::new(), description: None, actions: vec![action],
            error_action: None, is_disabled: false, created: 0,
        }).unwrap();
        for topic in [topic.as_str(), "$aws/rules/r/a/b", "a/b"] {
            let message = RuleMessage {
                topic: rule.topic(topic).unwrap_or(topic), payload: Payload::new(&payload), client_id: Some("c"),
                principal: None, timestamp_ms: 0,
            };
            let _ = rule.select(&message);
            prop_assert!(error_message("r", "t", &message, &[]).is_object());
            let Ok(template) = TopicTemplate::parse(&text) else { continue };
            if let Ok(filled) = template.fill(&message.as_sql()) {
                prop_assert_eq!(filled.starts_with('$'), text.starts_with("$$aws/"), "{} {}", text, filled);
                prop_assert!(!filled.is_empty() && !filled.contains(['+', '#', '\0']));
            }
        }
    }

    #[test]
    fn printing_and_parsing_gives_the_same(sql in statement()) {
        let statement = Statement::parse(&sql).unwrap();
        let printed = statement.to_string();
        prop_assert_eq!(Statement::parse(&printed).unwrap(), statement, "{}", printed);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in prop_oneof![any::<String>(), "[SELECTFROMWHERE*'\"(), <>=.a0-9-]{0,40}"], sql in statement(), cut in 0..200_usize) {
        let payload = json!({ "a": 1 });
        let message = Message { topic: "a/b", payload: &payload, client_id: None, principal: None, timestamp_ms: 0 };
        let cut: String = sql.chars().take(cut).collect();
        for text in [text, cut] {
            match Statement::parse(&text) {
                Ok(statement) => drop(statement.evaluate(&message)),
                Err(error) => prop_assert!(text.get(error.start..).unwrap().starts_with(&error.word)),
            }
        }
    }
}
