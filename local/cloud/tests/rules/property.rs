//! Random statements: printing and parsing gives the same statement, and no text makes the parser panic.

use iot_local_cloud::rules::sql::{Message, Statement};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use serde_json::json;

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

proptest! {
    #![proptest_config(config(5_000))]

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
