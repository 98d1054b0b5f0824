//! An event around a token: an MQTT connect with the token in a place that the configuration reads.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use iot_jwt_authorizer::authorizer::{Authorizer, Issuer};
use iot_jwt_authorizer::client_id::ClientIdPattern;
use iot_jwt_authorizer::credentials::TokenPlace;
use iot_jwt_authorizer::json::{Json, Object};
use iot_jwt_authorizer::template_text::Segment;
use serde_json::{Value, json};

use crate::explain::Row;

/// The client id if the token determines none.
const DEFAULT_CLIENT_ID: &str = "client";

/// Returns the event, and notes about what was generated. Without a client id it is the first that the token may use.
pub(super) fn with_token(
    authorizer: &Authorizer,
    token: &str,
    client_id: Option<&str>,
) -> (Vec<u8>, Vec<Row>) {
    let mut notes = Vec::new();
    let id = client_id.map(str::to_owned).unwrap_or_else(|| {
        notes.push(Row::note("generated", "the event and its client id; --client-id sets another"));
        first_client_id(authorizer, token).unwrap_or_else(|| DEFAULT_CLIENT_ID.to_owned())
    });
    let places = &authorizer.token.places;
    let place = places.iter().find(|place| **place == TokenPlace::Password).or(places.first());
    let event = match place {
        None | Some(TokenPlace::Password) => {
            json!({ "protocolData": { "mqtt": { "clientId": id, "password": STANDARD.encode(token) } } })
        }
        Some(TokenPlace::Token) => json!({ "token": token, "protocolData": { "mqtt": { "clientId": id } } }),
        Some(TokenPlace::UserName) => with_user_name(&id, token),
        Some(TokenPlace::UserNameParameter(name)) => with_user_name(&id, &format!("?{name}={token}")),
        Some(TokenPlace::Header(name)) => with_http(&id, &json!({ "headers": { &**name: token } })),
        Some(TokenPlace::Query(name)) => {
            with_http(&id, &json!({ "queryString": format!("?{name}={token}") }))
        }
    };
    (event.to_string().into_bytes(), notes)
}

fn with_user_name(client_id: &str, user_name: &str) -> Value {
    json!({ "protocolData": { "mqtt": { "clientId": client_id, "username": user_name } } })
}

fn with_http(client_id: &str, http: &Value) -> Value {
    json!({ "protocolData": { "http": http, "mqtt": { "clientId": client_id } } })
}

/// A client id from the unverified payload. The decision says whether it is allowed.
fn first_client_id(authorizer: &Authorizer, token: &str) -> Option<String> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims = Object::parse(&payload)?;
    let iss = claims.get("iss")?.as_str()?;
    let issuer = authorizer.issuers.iter().find(|issuer| *issuer.rules.issuer == *iss)?;
    let without_tail = issuer.client_ids.iter().filter(|pattern| !pattern.tail);
    let with_tail = issuer.client_ids.iter().filter(|pattern| pattern.tail);
    without_tail.chain(with_tail).find_map(|pattern| fill(pattern, issuer, &claims))
}

fn fill(pattern: &ClientIdPattern, issuer: &Issuer, claims: &Object<'_>) -> Option<String> {
    let mut id = String::new();
    for segment in &pattern.text.segments {
        match segment {
            Segment::Literal(text) => id.push_str(text),
            Segment::Issuer => id.push_str(&issuer.id),
            Segment::Slot(index) => {
                let slot = issuer.slots.get(*index)?;
                let value = match slot.path.find(claims)? {
                    Json::Array(items) => items.first()?,
                    value => value,
                };
                let text = match value {
                    Json::String(text) => Cow::Borrowed(&**text),
                    Json::Unsigned(number) => Cow::Owned(number.to_string()),
                    _ => return None,
                };
                // A claim that the slot does not accept is used as it is: the decision denies it.
                id.push_str(&slot.slot_type.value(text.clone()).unwrap_or(text));
            }
            Segment::ClientId | Segment::Partition | Segment::Region | Segment::Account => return None,
        }
    }
    if pattern.tail {
        id.push('1');
    }
    Some(id)
}
