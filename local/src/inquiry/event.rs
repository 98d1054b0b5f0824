//! An event around a token: an MQTT connect with the token where the configuration looks for one.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use iot_jwt_authorizer::authorizer::{Authorizer, Issuer};
use iot_jwt_authorizer::client_id::ClientIdPattern;
use iot_jwt_authorizer::credentials::Place;
use iot_jwt_authorizer::json::{Json, Object};
use iot_jwt_authorizer::policy::Part;
use serde_json::{Value, json};

use crate::explain::Row;

/// The client id where none can be made of the token.
const ANY: &str = "client";

/// The event, and what was made up for it. Without a client id it is the first that the token may use.
pub(super) fn of(authorizer: &Authorizer, token: &str, client_id: Option<&str>) -> (Vec<u8>, Vec<Row>) {
    let mut notes = Vec::new();
    let id = client_id.map_or_else(
        || {
            let made = first_client_id(authorizer, token).unwrap_or_else(|| ANY.to_owned());
            notes.push(Row::told(
                "made for this",
                "the event, around the token; the client id too: --client-id names another",
            ));
            made
        },
        str::to_owned,
    );
    let places = &authorizer.token.places;
    let place = places.iter().find(|place| **place == Place::Password).or(places.first());
    let event = match place {
        None | Some(Place::Password) => {
            json!({ "protocolData": { "mqtt": { "clientId": id, "password": STANDARD.encode(token) } } })
        }
        Some(Place::Token) => json!({ "token": token, "protocolData": { "mqtt": { "clientId": id } } }),
        Some(Place::UserName) => with_user_name(&id, token),
        Some(Place::UserNameParameter(name)) => with_user_name(&id, &format!("?{name}={token}")),
        Some(Place::Header(name)) => with_http(&id, &json!({ "headers": { &**name: token } })),
        Some(Place::Query(name)) => with_http(&id, &json!({ "queryString": format!("?{name}={token}") })),
    };
    (event.to_string().into_bytes(), notes)
}

fn with_user_name(id: &str, name: &str) -> Value {
    json!({ "protocolData": { "mqtt": { "clientId": id, "username": name } } })
}

fn with_http(id: &str, http: &Value) -> Value {
    json!({ "protocolData": { "http": http, "mqtt": { "clientId": id } } })
}

/// Reads the payload without believing it: whether the client id holds is for the decision to say.
fn first_client_id(authorizer: &Authorizer, token: &str) -> Option<String> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims = Object::parse(&payload)?;
    let iss = claims.get("iss")?.as_str()?;
    let issuer = authorizer.issuers.iter().find(|issuer| *issuer.rules.issuer == *iss)?;
    let whole = issuer.client_ids.iter().filter(|pattern| !pattern.tail);
    let open = issuer.client_ids.iter().filter(|pattern| pattern.tail);
    whole.chain(open).find_map(|pattern| fill(pattern, issuer, &claims))
}

fn fill(pattern: &ClientIdPattern, issuer: &Issuer, claims: &Object<'_>) -> Option<String> {
    let mut id = String::new();
    for part in &pattern.text.parts {
        match part {
            Part::Literal(text) => id.push_str(text),
            Part::Issuer => id.push_str(&issuer.id),
            Part::Slot(index) => {
                let slot = issuer.slots.get(*index)?;
                if slot.kind == iot_jwt_authorizer::slots::SlotKind::Hash {
                    return None;
                }
                let value = match slot.path.find(claims)? {
                    Json::Array(items) => items.first()?,
                    one => one,
                };
                match value {
                    Json::String(text) => id.push_str(text),
                    Json::Unsigned(number) => id.push_str(&number.to_string()),
                    _ => return None,
                }
            }
            _ => return None,
        }
    }
    if pattern.tail {
        id.push('1');
    }
    Some(id)
}
