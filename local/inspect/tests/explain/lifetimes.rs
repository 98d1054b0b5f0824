//! How long a connection lasts: each row of the pages' tables is what the function responds.

use iot_local_inspect::explain::Trace;
use serde_json::json;

use super::own::{self, NOW, connect, deployment, now, token};
use super::recipes;
use super::support::root;

/// The rows of the table of a page whose first column has this heading.
fn rows(page: &str, first: &str) -> Vec<Vec<String>> {
    let page = std::fs::read_to_string(root().join(page)).unwrap();
    let (_, table) = page.split_once(&format!("| {first} |")).unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    rows.map(cells).collect()
}

#[test]
fn every_row_of_the_page_is_what_the_function_responds() {
    let rows = rows("docs/revocation.md", "token's life left at the connect");
    assert!(rows.len() >= 10, "{rows:?}");
    for row in rows {
        let number = |index: usize| row[index].parse::<i64>().unwrap_or_else(|_| panic!("{row:?}"));
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
        let explanation = Trace::new(authorizer, event.as_bytes(), own::FUNCTION, now()).explain();
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

#[test]
fn keycloak_tokens_last_as_long_as_its_recipe_says() {
    let recipe = root().join("docs/recipes/keycloak");
    let user = std::fs::read_to_string(recipe.join("claims/user.json")).unwrap();
    let rows = rows("docs/recipes/keycloak/README.md", "token's age at the connect");
    assert!(rows.len() >= 5, "{rows:?}");
    for row in rows {
        let age: u64 = row[0].parse().unwrap();
        let mut claims: serde_json::Value = serde_json::from_str(&user).unwrap();
        claims["iat"] = json!(NOW - age);
        claims["exp"] = json!(NOW - age + 300);
        let explanation = recipes::judge(&mut recipes::deployment(&recipe), &claims);
        let left = 300 - i64::try_from(age).unwrap();
        let (ends, outlives) = match &explanation.outcome {
            Ok(granted) => {
                let ends = granted.disconnect_after;
                (ends.to_string(), (i64::try_from(ends).unwrap() - left).to_string())
            }
            Err(denial) => (format!("`{}`", denial.code().name()), String::new()),
        };
        assert_eq!([left.to_string(), ends, outlives], row[1..], "{row:?}: {explanation}");
    }
}
