//! Mints a token of the development issuer for the page, also an expired one or one with another audience.

use hyper::{Response, StatusCode};
use iot_local_base::clock;
use iot_local_identity::oidc::Provider;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Body, json_response};

/// The body of a request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenBody {
    /// The id of the issuer. Absent for the first one.
    issuer: Option<String>,
    /// The claims in addition to the registered ones, and `sub`. They replace registered claims of the same name.
    claims: Map<String, Value>,
    /// The seconds until the token expires. A negative number makes an expired token. Absent for the default.
    expires_in: Option<i64>,
    /// The audience in place of the configured one.
    audience: Option<String>,
}

/// Responds with `access_token` and `expires_in`, or with status 400 and `error`.
pub(super) fn respond(provider: &Provider, body: &[u8]) -> Response<Body> {
    match mint(provider, body) {
        Ok(response) => json_response(StatusCode::OK, &response),
        Err(error) => json_response(StatusCode::BAD_REQUEST, &json!({ "error": error })),
    }
}

fn mint(provider: &Provider, body: &[u8]) -> Result<Value, String> {
    let TokenBody { issuer: id, mut claims, expires_in, audience } = serde_json::from_slice(body).map_err(|_| {
        "invalid body; expected {\"claims\": {\"sub\": ...}}, optionally with issuer, expires_in and audience".to_owned()
    })?;
    let is_wanted = |issuer: &str| id.as_ref().is_none_or(|id| id == issuer);
    let realm = provider.realms().iter().find(|realm| is_wanted(&realm.issuer.settings().id));
    let issuer = &realm.ok_or("unknown issuer; expected the id of a configured one")?.issuer;
    let Some(Value::String(sub)) = claims.get("sub").cloned() else {
        return Err("missing claim `sub`; expected a string".to_owned());
    };
    if let Some(audience) = audience {
        claims.insert(issuer.settings().audience_claim.clone(), json!(audience));
    }
    let default = i64::try_from(issuer.default_lifetime().as_secs()).unwrap_or(i64::MAX);
    let expires_in = expires_in.unwrap_or(default);
    let request = issuer.request(sub, claims, expires_in, clock::now()).map_err(|error| error.to_string())?;
    let token = issuer.mint(&request).map_err(|error| error.to_string())?;
    Ok(json!({ "access_token": token, "expires_in": expires_in }))
}
