//! What a token buys, for the page to show before it connects.

use hyper::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Site, json_answer};
use crate::answer;
use crate::limits;
use crate::rights::{Asked, Examples, Preview, bare, texts};

/// Most client ids that are tried for one question.
const TRIES: usize = 4;

#[derive(Deserialize)]
struct Wanted {
    /// Client ids in the order in which they are tried, until one is let in.
    client_ids: Vec<String>,
}

impl Site {
    /// Asks the authorizer as for a connect, and answers with the policy in a form to be read.
    pub(super) async fn preview(&self, token: Option<&str>, body: &[u8]) -> Answer {
        let refuse = |why: &str| json_answer(StatusCode::BAD_REQUEST, &json!({ "error": why }));
        let Some(token) = token else { return refuse("send the token as `Authorization: Bearer ...`") };
        let sound = |wanted: &Wanted| {
            let fits = |id: &String| (1..=limits::CLIENT_ID).contains(&id.len());
            (1..=TRIES).contains(&wanted.client_ids.len()) && wanted.client_ids.iter().all(fits)
        };
        let Some(wanted) = serde_json::from_slice(body).ok().filter(sound) else {
            return refuse("send {\"client_ids\": [...]}: one to four of 1 to 128 bytes each");
        };
        let asked = Asked { lambda: &self.lambda, arn: &self.arn };
        let mut last = None;
        for client_id in &wanted.client_ids {
            let preview = asked.connect(token, client_id, Some(&self.journal)).await;
            let done = preview.outcome.is_ok();
            last = Some(preview);
            if done {
                break;
            }
        }
        match last {
            Some(preview) => json_answer(StatusCode::OK, &shown(&preview)),
            None => refuse("send at least one client id"),
        }
    }
}

fn shown(preview: &Preview) -> Value {
    let (connection, client_id) = (preview.connection.to_string(), &preview.client_id);
    match &preview.outcome {
        Err(reason) => json!({ "connection": connection, "client_id": client_id, "refused": reason }),
        Ok((raw, answer)) => {
            let answer::Answer { principal, policy, disconnect_after, refresh_after } = answer;
            let examples = Examples::of(raw, policy, client_id);
            let pair = |(allowed, refused): &(Option<String>, Option<String>)| json!({ "allowed": allowed, "refused": refused });
            json!({
                "connection": connection,
                "client_id": client_id,
                "principal": principal,
                "disconnect_after": disconnect_after.as_secs(),
                "refresh_after": refresh_after.as_secs(),
                "statements": statements(raw),
                "examples": { "publish": pair(&examples.publish), "subscribe": pair(&examples.subscribe) },
            })
        }
    }
}

/// The statements of all documents, numbered as in the reasons of the log.
fn statements(answer: &Value) -> Vec<Value> {
    let documents = answer.get("policyDocuments").and_then(Value::as_array).into_iter().flatten();
    let mut rows = Vec::new();
    for (document, content) in (1_usize..).zip(documents) {
        // A document may be a string with JSON in it.
        let parsed = content.as_str().and_then(|text| serde_json::from_str(text).ok());
        let list = match parsed.as_ref().unwrap_or(content).get("Statement") {
            Some(Value::Array(list)) => list.clone(),
            Some(single) => vec![single.clone()],
            None => Vec::new(),
        };
        rows.extend((1_usize..).zip(&list).map(|(number, statement)| row(document, number, statement)));
    }
    rows
}

fn row(document: usize, number: usize, statement: &Value) -> Value {
    let list = |name: &str, inverted: &str| {
        let plain = texts(statement, name);
        let except = texts(statement, inverted);
        let plain = plain.iter().map(|text| bare(text).to_owned());
        let except = except.iter().map(|text| format!("all but {}", bare(text)));
        plain.chain(except).collect::<Vec<_>>()
    };
    json!({
        "place": [document, number],
        "effect": statement.get("Effect"),
        "actions": list("Action", "NotAction"),
        "resources": list("Resource", "NotResource"),
        "condition": statement.get("Condition"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_numbered_as_in_reasons_whatever_the_form_of_their_document() {
        let one =
            json!({ "Effect": "Allow", "Action": "iot:Connect", "Resource": "arn:aws:iot:r:1:client/a" });
        let two = json!({ "Effect": "Deny", "NotAction": ["iot:Connect"], "Resource": "*", "Condition": { "Bool": {} } });
        let text = json!({ "Statement": one }).to_string();
        let rows = statements(&json!({ "policyDocuments": [{ "Statement": [one, two] }, text] }));
        let places: Vec<_> = rows.iter().map(|row| &row["place"]).collect();
        assert_eq!(places, [&json!([1, 1]), &json!([1, 2]), &json!([2, 1])]);
        assert_eq!(
            (&rows[0]["actions"], &rows[0]["resources"]),
            (&json!(["iot:Connect"]), &json!(["client/a"]))
        );
        assert_eq!(
            (&rows[1]["actions"], &rows[1]["condition"]),
            (&json!(["all but iot:Connect"]), &json!({ "Bool": {} }))
        );
    }
}
