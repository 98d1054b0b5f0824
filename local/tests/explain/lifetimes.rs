//! `docs/revocation.md`: how long a connection lasts, row by row as the function answers.

use serde_json::json;

use super::own::{self, NOW, connect, deployment, now, token};
use super::support::root;
use iot_local::explain::Walk;

/// The table's rows: life left, the three settings, and what comes of them.
fn rows(page: &str) -> Vec<Vec<String>> {
    let (_, table) = page.split_once("| token's life left at the connect |").unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    rows.map(cells).collect()
}

#[test]
fn every_row_of_the_page_is_what_the_function_answers() {
    let page = std::fs::read_to_string(root().join("docs/revocation.md")).unwrap();
    let rows = rows(&page);
    assert!(rows.len() >= 10, "{rows:?}");
    for row in rows {
        let number = |at: usize| row[at].parse::<i64>().unwrap_or_else(|_| panic!("{row:?}"));
        let mut deployment = deployment();
        let authorizer = &mut deployment.config.authorizer;
        authorizer.session.disconnect_after_seconds = number(1).try_into().unwrap();
        authorizer.session.refresh_after_seconds = number(2).try_into().unwrap();
        for issuer in &mut authorizer.issuers {
            issuer.rules.min_remaining_seconds = number(3).try_into().unwrap();
        }
        let expires = NOW.checked_add_signed(number(0)).unwrap();
        let token = token(&json!({}), &json!({ "iat": expires - 86_400, "exp": expires }));
        let event = connect(&token, "ana").to_string();
        let explanation = Walk::new(authorizer, event.as_bytes(), own::FUNCTION, now()).explain();
        let found = match &explanation.outcome {
            Ok(granted) => {
                let outlives = i64::try_from(granted.disconnect_after).unwrap() - number(0);
                let outlives = outlives.max(0);
                vec![
                    granted.disconnect_after.to_string(),
                    granted.refresh_after.to_string(),
                    outlives.to_string(),
                ]
            }
            Err(denial) => vec![format!("`{}`", denial.code().name()), String::new(), String::new()],
        };
        assert_eq!(found, row[4..], "{row:?}: {explanation}");
    }
}
