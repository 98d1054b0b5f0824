//! The authorization endpoint and the login page's form, whose result is a code (RFC 6749, section 4.1; RFC 7636,
//! section 4.3; OpenID Connect Core, section 3.1.2).

use std::sync::PoisonError;
use std::time::SystemTime;

use hyper::StatusCode;
use hyper::header::{CONTENT_SECURITY_POLICY, LOCATION};
use serde_json::{Map, Value};

use super::codes::Grant;
use super::form::Form;
use super::{Provider, ProviderRequest, Realm, Reply, body, clients, login, random, set, text};
use crate::example_users::ExampleUser;

/// Limits of a subject and claims that are typed in on the login page.
const MAX_SUBJECT_BYTES: usize = 128;
const MAX_CLAIMS_BYTES: usize = 8 * 1024;

/// A valid authorization request.
struct AuthorizationRequest<'a> {
    client_id: &'a str,
    redirect_uri: &'a str,
    state: &'a str,
    nonce: Option<&'a str>,
    code_challenge: &'a str,
    is_openid: bool,
}

/// An error in an authorization request.
enum AuthorizationError {
    /// Shown to the user, since client or redirect URI are invalid.
    Shown(&'static str),
    /// Sent to the client by a redirect to this location.
    Redirected(String),
}

impl Provider {
    /// Shows the login page.
    pub(super) fn authorize(&self, realm: &Realm, request: &ProviderRequest<'_>) -> Reply {
        let Some(form) = Form::parse(request.query.as_bytes()) else {
            return reject("duplicate parameter in the request");
        };
        match self.authorization_request(realm, &form) {
            Ok(authorization) => page(StatusCode::OK, realm, &authorization, request.query, None),
            Err(error) => error.reply(),
        }
    }

    /// Accepts the form of the login page. It contains the authorization request, which is validated again.
    pub(super) fn login(&self, realm_index: usize, realm: &Realm, request: &ProviderRequest<'_>) -> Reply {
        let Some(form) = Form::parse(request.body) else { return reject("duplicate field in the form") };
        let query = form.get("request").unwrap_or_default();
        let Some(query_form) = Form::parse(query.as_bytes()) else {
            return reject("duplicate parameter in the request");
        };
        let authorization = match self.authorization_request(realm, &query_form) {
            Ok(authorization) => authorization,
            Err(error) => return error.reply(),
        };
        let (sub, claims) = match selected_user(realm, &form) {
            Ok(user) => user,
            Err(error) => return page(StatusCode::BAD_REQUEST, realm, &authorization, query, Some(error)),
        };
        let Some(code) = random() else { return reject("the system's random number generator failed") };
        let issuer = realm.issuer.settings().issuer.as_str();
        let parameters = [("code", code.as_str()), ("state", authorization.state), ("iss", issuer)];
        let reply = redirect(&location(authorization.redirect_uri, &parameters));
        let grant = authorization.grant(realm_index, sub, claims, request.now);
        self.codes.lock().unwrap_or_else(PoisonError::into_inner).insert(code, grant);
        reply
    }

    /// Validates client and redirect URI, then the other parameters, whose errors can be sent to the client.
    fn authorization_request<'a>(
        &self,
        realm: &Realm,
        form: &'a Form,
    ) -> Result<AuthorizationRequest<'a>, AuthorizationError> {
        let shown = AuthorizationError::Shown;
        let client_id = form.get("client_id").ok_or(shown("client_id is missing"))?;
        if !self.clients.is_public(client_id) {
            return Err(shown(
                "unknown client_id; your own app is `app`, with the address of --redirect-uri",
            ));
        }
        let redirect_uri = form.get("redirect_uri").ok_or(shown("redirect_uri is missing"))?;
        let redirect_uri = self.clients.redirect_uri(client_id, redirect_uri).ok_or(shown(
            "redirect_uri is not exactly one of the client's; --redirect-uri sets those of `app`",
        ))?;
        let state = form.get("state");
        validate(client_id, redirect_uri, state, form).map_err(|(error, description)| {
            let issuer = realm.issuer.settings().issuer.as_str();
            let parameters = [("error", error), ("error_description", description), ("iss", issuer)];
            let parameters: Vec<_> =
                parameters.into_iter().chain(state.map(|state| ("state", state))).collect();
            AuthorizationError::Redirected(location(redirect_uri, &parameters))
        })
    }
}

/// Validates all parameters but client and redirect URI. An error consists of a code of RFC 6749, section 4.1.2.1, or
/// OpenID Connect Core, section 3.1.2.6, and a description.
fn validate<'a>(
    client_id: &'a str,
    redirect_uri: &'a str,
    state: Option<&'a str>,
    form: &'a Form,
) -> Result<AuthorizationRequest<'a>, (&'static str, &'static str)> {
    let invalid = |description| ("invalid_request", description);
    match form.get("response_type") {
        Some("code") => {}
        Some(_) => return Err(("unsupported_response_type", "response_type must be code")),
        None => return Err(invalid("response_type is missing")),
    }
    if form.get("response_mode").is_some_and(|mode| mode != "query") {
        return Err(invalid("response_mode must be query"));
    }
    if form.get("request").is_some() {
        return Err(("request_not_supported", "request is not supported; send plain parameters"));
    }
    if form.get("request_uri").is_some() {
        return Err(("request_uri_not_supported", "request_uri is not supported; send plain parameters"));
    }
    let state = state.ok_or(invalid("state is missing; it binds the response to the browser"))?;
    let code_challenge =
        form.get("code_challenge").ok_or(invalid("code_challenge is missing; PKCE is required"))?;
    if form.get("code_challenge_method") != Some("S256") {
        return Err(invalid("code_challenge_method must be S256"));
    }
    let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if code_challenge.len() != 43 || !code_challenge.bytes().all(is_base64url) {
        return Err(invalid("code_challenge must be a SHA-256 in base64url, 43 characters"));
    }
    if form.get("prompt").is_some_and(|prompt| prompt.split(' ').any(|value| value == "none")) {
        return Err(("login_required", "prompt=none always fails; there are no login sessions"));
    }
    let is_openid = form.get("scope").is_some_and(|scope| scope.split(' ').any(|value| value == "openid"));
    let nonce = form.get("nonce");
    Ok(AuthorizationRequest { client_id, redirect_uri, state, nonce, code_challenge, is_openid })
}

impl AuthorizationRequest<'_> {
    fn grant(
        &self,
        realm_index: usize,
        sub: String,
        claims: Map<String, Value>,
        auth_time: SystemTime,
    ) -> Grant {
        Grant {
            realm_index,
            client_id: self.client_id.to_owned(),
            redirect_uri: self.redirect_uri.to_owned(),
            code_challenge: self.code_challenge.to_owned(),
            nonce: self.nonce.map(str::to_owned),
            is_openid: self.is_openid,
            sub,
            claims,
            auth_time,
        }
    }
}

/// The subject and claims of the selected example user, or those that were typed in.
fn selected_user(realm: &Realm, form: &Form) -> Result<(String, Map<String, Value>), &'static str> {
    if let Some(name) = form.get("user") {
        let user = realm.users.iter().find(|user| user.name == name);
        let ExampleUser { sub, claims, .. } = user.ok_or("Unknown user.")?;
        return Ok((sub.clone(), claims.clone()));
    }
    let sub = form.get("sub").ok_or("Choose a user or enter a subject.")?;
    let claims = form.get("claims").unwrap_or("{}");
    if sub.len() > MAX_SUBJECT_BYTES {
        return Err("The subject is too long: it may have 128 bytes.");
    }
    if claims.len() > MAX_CLAIMS_BYTES {
        return Err("The claims are too long: they may have 8,192 bytes.");
    }
    match serde_json::from_str(claims) {
        Ok(claims) => Ok((sub.to_owned(), claims)),
        Err(_) => Err("The claims must be a JSON object, such as {\"tenant\": \"acme\"}."),
    }
}

impl AuthorizationError {
    fn reply(self) -> Reply {
        match self {
            Self::Shown(what) => reject(what),
            Self::Redirected(location) => redirect(&location),
        }
    }
}

fn reject(what: &str) -> Reply {
    text(StatusCode::BAD_REQUEST, &format!("Login rejected: {what}\n"))
}

fn page(
    status: StatusCode,
    realm: &Realm,
    authorization: &AuthorizationRequest<'_>,
    query: &str,
    error: Option<&str>,
) -> Reply {
    let content = login::page(realm, authorization.client_id, query, error);
    let mut reply = body(status, "text/html; charset=utf-8", content);
    // The form is sent to this server, which redirects to the client. Browsers apply form-action to redirects, too.
    let client_origin = clients::origin(authorization.redirect_uri).unwrap_or_default();
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' {client_origin}; \
         base-uri 'none'; frame-ancestors 'none'"
    );
    set(&mut reply, CONTENT_SECURITY_POLICY, &policy);
    reply
}

fn redirect(location: &str) -> Reply {
    // 303, so that the browser does not send the form again (RFC 9700, section 4.12).
    let mut reply = body(StatusCode::SEE_OTHER, "text/plain", String::new());
    set(&mut reply, LOCATION, location);
    reply
}

fn location(redirect_uri: &str, parameters: &[(&str, &str)]) -> String {
    let separator = if redirect_uri.contains('?') { '&' } else { '?' };
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    format!("{redirect_uri}{separator}{query}")
}
