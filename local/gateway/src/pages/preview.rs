//! Serves the preview of a token's policy.

use hyper::{Response, StatusCode};
use iot_local_policy::StatementPlace;
use iot_local_policy::authorizer_response::AuthorizerResponse;
use iot_local_policy::json::{resource_name, strings};
use iot_local_policy::limits;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Body, Site, json_response};
use crate::annotation::Annotation;
use crate::preview::{Examples, Preview, PreviewRequest};

/// The largest number of client ids in a request.
const MAX_CLIENT_IDS: usize = 4;

/// The body of a request.
#[derive(Deserialize)]
struct PreviewBody {
    /// Client ids, tried in order until one is allowed.
    client_ids: Vec<String>,
}

impl Site {
    /// Calls the authorizer as for a connect, and responds with the policy as a list of statements.
    pub(super) async fn preview(&self, token: Option<&str>, body: &[u8]) -> Response<Body> {
        let bad_request = |error: &str| json_response(StatusCode::BAD_REQUEST, &json!({ "error": error }));
        let Some(token) = token else {
            return bad_request("missing token; expected `Authorization: Bearer ...`");
        };
        let is_valid = |body: &PreviewBody| {
            let is_valid_length = |id: &String| (1..=limits::MAX_CLIENT_ID_BYTES).contains(&id.len());
            (1..=MAX_CLIENT_IDS).contains(&body.client_ids.len())
                && body.client_ids.iter().all(is_valid_length)
        };
        let Some(body) = serde_json::from_slice(body).ok().filter(is_valid) else {
            return bad_request(
                "invalid body; expected {\"client_ids\": [...]} with 1 to 4 ids of 1 to 128 bytes",
            );
        };
        let mut last = None;
        for client_id in &body.client_ids {
            let request = PreviewRequest { token, client_id, names_authorizer: true, is_logged: true };
            let preview = request.call(&self.auth.custom).await;
            let is_allowed = preview.outcome.is_ok();
            last = Some(preview);
            if is_allowed {
                break;
            }
        }
        match last {
            Some(preview) => {
                let annotation = self.annotate(token, &preview);
                json_response(StatusCode::OK, &preview_json(&preview, &annotation))
            }
            None => bad_request("missing client id"),
        }
    }
}

impl Site {
    fn annotate(&self, token: &str, preview: &Preview) -> Annotation {
        let documents = preview.outcome.as_ref().map_or(&[][..], |response| &response.documents);
        let annotator = self.page.annotator.as_ref();
        annotator
            .map(|annotator| annotator.annotate(token, &preview.client_id, documents))
            .unwrap_or_default()
    }
}

fn preview_json(preview: &Preview, annotation: &Annotation) -> Value {
    let (connection, client_id) = (preview.connection.to_string(), &preview.client_id);
    match &preview.outcome {
        Err(reason) => json!({
            "connection": connection, "client_id": client_id, "denied": reason, "client_ids": annotation.client_ids,
        }),
        Ok(response) => {
            let AuthorizerResponse { principal, policy, documents, disconnect_after, refresh_after } =
                response;
            let examples = Examples::find(documents, policy, client_id);
            let pair = |(allowed, denied): &(Option<String>, Option<String>)| json!({ "allowed": allowed, "denied": denied });
            json!({
                "connection": connection,
                "client_id": client_id,
                "client_ids": annotation.client_ids,
                "principal": principal,
                "disconnect_after": disconnect_after.as_secs(),
                "refresh_after": refresh_after.as_secs(),
                "statements": statements(documents, annotation),
                "examples": { "publish": pair(&examples.publish), "subscribe": pair(&examples.subscribe) },
            })
        }
    }
}

/// Returns the statements of all documents, numbered as in the event log.
fn statements(documents: &[Value], annotation: &Annotation) -> Vec<Value> {
    let mut rows = Vec::new();
    for (document, content) in (1_usize..).zip(documents) {
        let list = match content.get("Statement") {
            Some(Value::Array(list)) => list.clone(),
            Some(single) => vec![single.clone()],
            None => Vec::new(),
        };
        rows.extend((1_usize..).zip(&list).map(|(number, statement)| {
            let place = StatementPlace { document, statement: number };
            row(place, statement, annotation.sources(place))
        }));
    }
    rows
}

fn row(place: StatementPlace, statement: &Value, sources: &[String]) -> Value {
    let list = |name: &str, inverse: &str| {
        let listed = strings(statement, name);
        let excluded = strings(statement, inverse);
        let listed = listed.iter().map(|text| resource_name(text).to_owned());
        let excluded = excluded.iter().map(|text| format!("anything but {}", resource_name(text)));
        listed.chain(excluded).collect::<Vec<_>>()
    };
    json!({
        "place": [place.document, place.statement],
        "sources": sources,
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
    fn statements_are_numbered_as_in_the_event_log_for_all_forms_of_documents() {
        let allow =
            json!({ "Effect": "Allow", "Action": "iot:Connect", "Resource": "arn:aws:iot:r:1:client/a" });
        let deny = json!({ "Effect": "Deny", "NotAction": ["iot:Connect"], "Resource": "*", "Condition": { "Bool": {} } });
        let version = "2012-10-17";
        let text = json!({ "Version": version, "Statement": allow }).to_string();
        let body = json!({
            "isAuthenticated": true, "principalId": "p", "disconnectAfterInSeconds": 300, "refreshAfterInSeconds": 300,
            "policyDocuments": [{ "Version": version, "Statement": [allow, deny] }, text],
        });
        let arn = "arn:aws:lambda:r:1:function:f".parse().unwrap();
        let response = AuthorizerResponse::parse(body.to_string().as_bytes(), &arn, None).unwrap();
        let place = StatementPlace { document: 2, statement: 1 };
        let sources = vec![(place, vec!["policies/a.json:4".to_owned()])];
        let rows = statements(&response.documents, &Annotation { sources, ..Annotation::default() });
        let places: Vec<_> = rows.iter().map(|row| &row["place"]).collect();
        assert_eq!(places, [&json!([1, 1]), &json!([1, 2]), &json!([2, 1])]);
        let sources: Vec<_> = rows.iter().map(|row| &row["sources"]).collect();
        assert_eq!(sources, [&json!([]), &json!([]), &json!(["policies/a.json:4"])]);
        assert_eq!(
            (&rows[0]["actions"], &rows[0]["resources"]),
            (&json!(["iot:Connect"]), &json!(["client/a"]))
        );
        assert_eq!(
            (&rows[1]["actions"], &rows[1]["condition"]),
            (&json!(["anything but iot:Connect"]), &json!({ "Bool": {} }))
        );
    }
}
