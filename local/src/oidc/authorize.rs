//! The authorization endpoint: a browser comes with a request and leaves with a code.
//! RFC 6749, section 4.1; RFC 7636, section 4.3; OpenID Connect Core, section 3.1.2.

use std::sync::PoisonError;
use std::time::SystemTime;

use hyper::StatusCode;
use hyper::header::{CONTENT_SECURITY_POLICY, LOCATION};
use serde_json::{Map, Value};

use super::codes::Grant;
use super::form::Form;
use super::{Asked, Provider, Realm, Reply, body, clients, login, random, set, text};
use crate::people::Person;

/// Longest subject and longest claims of somebody who is typed in, in bytes.
const SUB: usize = 128;
const CLAIMS: usize = 8 * 1024;

/// A sound request.
struct Request<'a> {
    client: &'a str,
    redirect_uri: &'a str,
    state: &'a str,
    nonce: Option<&'a str>,
    challenge: &'a str,
    openid: bool,
}

/// What is wrong with a request.
enum Fault {
    /// Nobody can be told but who sits before the browser: the address to go back to cannot be trusted.
    Here(&'static str),
    /// The client is told, at its address.
    There(String),
}

impl Provider {
    /// Shows the login page.
    pub(super) fn authorize(&self, _: usize, realm: &Realm, asked: &Asked<'_>) -> Reply {
        let Some(form) = Form::read(asked.query.as_bytes()) else {
            return refuse("a parameter stands in the request twice");
        };
        match self.read(realm, &form) {
            Ok(request) => page(StatusCode::OK, realm, &request, asked.query, None),
            Err(fault) => fault.reply(),
        }
    }

    /// Takes the login page's form. It holds the request once more, which is checked once more.
    pub(super) fn login(&self, index: usize, realm: &Realm, asked: &Asked<'_>) -> Reply {
        let Some(form) = Form::read(asked.body) else { return refuse("a field stands in the form twice") };
        let query = form.get("request").unwrap_or_default();
        let Some(inner) = Form::read(query.as_bytes()) else {
            return refuse("a parameter stands in the request twice");
        };
        let request = match self.read(realm, &inner) {
            Ok(request) => request,
            Err(fault) => return fault.reply(),
        };
        let (sub, claims) = match chosen(realm, &form) {
            Ok(person) => person,
            Err(fault) => return page(StatusCode::BAD_REQUEST, realm, &request, query, Some(fault)),
        };
        let Some(code) = random() else { return refuse("the system has no random numbers") };
        let answer =
            [("code", code.as_str()), ("state", request.state), ("iss", &realm.issuer.settings().issuer)];
        let reply = back(request.redirect_uri, &answer);
        let grant = request.grant(index, sub, claims, asked.now);
        self.codes.lock().unwrap_or_else(PoisonError::into_inner).keep(code, grant);
        reply
    }

    fn read<'a>(&self, realm: &Realm, form: &'a Form) -> Result<Request<'a>, Fault> {
        let client = form.get("client_id").ok_or(Fault::Here("client_id is missing"))?;
        if !self.clients.knows(client) {
            return Err(Fault::Here(
                "no such client_id; an app of your own is `app`, once --redirect-uri names its address",
            ));
        }
        let redirect_uri = form.get("redirect_uri").ok_or(Fault::Here("redirect_uri is missing"))?;
        let redirect_uri = self.clients.redirect_uri(client, redirect_uri).ok_or(Fault::Here(
            "that redirect_uri is not the client's, letter for letter; --redirect-uri names one for `app`",
        ))?;
        let state = form.get("state");
        checked(client, redirect_uri, state, form).map_err(|(error, description)| {
            let issuer = realm.issuer.settings().issuer.as_str();
            let answer = [("error", error), ("error_description", description), ("iss", issuer)];
            let answer: Vec<_> = answer.into_iter().chain(state.map(|state| ("state", state))).collect();
            Fault::There(location(redirect_uri, &answer))
        })
    }
}

/// Everything whose fault the client can be told: an error code of RFC 6749, section 4.1.2.1, or OpenID Connect Core,
/// section 3.1.2.6, and what to fix.
fn checked<'a>(
    client: &'a str,
    redirect_uri: &'a str,
    state: Option<&'a str>,
    form: &'a Form,
) -> Result<Request<'a>, (&'static str, &'static str)> {
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
        return Err(("request_not_supported", "send the parameters themselves"));
    }
    if form.get("request_uri").is_some() {
        return Err(("request_uri_not_supported", "send the parameters themselves"));
    }
    let state = state.ok_or(invalid("state is missing: it ties the answer to the browser that asked"))?;
    let challenge =
        form.get("code_challenge").ok_or(invalid("code_challenge is missing: PKCE is required"))?;
    if form.get("code_challenge_method") != Some("S256") {
        return Err(invalid("code_challenge_method must be S256"));
    }
    let in_base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if challenge.len() != 43 || !challenge.bytes().all(in_base64url) {
        return Err(invalid("code_challenge must be a SHA-256 in base64url, 43 characters"));
    }
    if form.get("prompt").is_some_and(|prompt| prompt.split(' ').any(|part| part == "none")) {
        return Err(("login_required", "nobody stays logged in here"));
    }
    let openid = form.get("scope").is_some_and(|scope| scope.split(' ').any(|part| part == "openid"));
    Ok(Request { client, redirect_uri, state, nonce: form.get("nonce"), challenge, openid })
}

impl Request<'_> {
    fn grant(&self, realm: usize, sub: String, claims: Map<String, Value>, at: SystemTime) -> Grant {
        Grant {
            realm,
            client: self.client.to_owned(),
            redirect_uri: self.redirect_uri.to_owned(),
            challenge: self.challenge.to_owned(),
            nonce: self.nonce.map(str::to_owned),
            openid: self.openid,
            sub,
            claims,
            at,
        }
    }
}

/// Who was chosen: one of the people, or somebody who is typed in.
fn chosen(realm: &Realm, form: &Form) -> Result<(String, Map<String, Value>), &'static str> {
    if let Some(person) = form.get("person") {
        let known = realm.people.iter().find(|known| known.sub == person);
        let Person { sub, claims, .. } = known.ok_or("There is nobody of that name here.")?;
        return Ok((sub.clone(), claims.clone()));
    }
    let sub = form.get("sub").ok_or("Choose somebody, or type a subject.")?;
    let claims = form.get("claims").unwrap_or("{}");
    if sub.len() > SUB || claims.len() > CLAIMS {
        return Err("Subject or claims are too long.");
    }
    match serde_json::from_str(claims) {
        Ok(claims) => Ok((sub.to_owned(), claims)),
        Err(_) => Err("The claims must be a JSON object, such as {\"tenant\": \"acme\"}."),
    }
}

impl Fault {
    fn reply(self) -> Reply {
        match self {
            Self::Here(why) => refuse(why),
            Self::There(location) => redirect(&location),
        }
    }
}

fn refuse(why: &str) -> Reply {
    text(StatusCode::BAD_REQUEST, &format!("This login cannot go on: {why}\n"))
}

fn page(status: StatusCode, realm: &Realm, request: &Request<'_>, query: &str, fault: Option<&str>) -> Reply {
    let content = login::page(realm, request.client, query, fault);
    let mut reply = body(status, "text/html; charset=utf-8", content);
    // A form may go here, and from here on to where the client is: browsers hold redirects to this rule, too.
    let on = clients::origin(request.redirect_uri).unwrap_or_default();
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' {on}; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    set(&mut reply, CONTENT_SECURITY_POLICY, &policy);
    reply
}

fn back(redirect_uri: &str, answer: &[(&str, &str)]) -> Reply {
    redirect(&location(redirect_uri, answer))
}

fn redirect(location: &str) -> Reply {
    // See Other, so that the form is not sent on (RFC 9700, section 4.12).
    let mut reply = body(StatusCode::SEE_OTHER, "text/plain", String::new());
    set(&mut reply, LOCATION, location);
    reply
}

fn location(redirect_uri: &str, answer: &[(&str, &str)]) -> String {
    let mark = if redirect_uri.contains('?') { '&' } else { '?' };
    let answer = form_urlencoded::Serializer::new(String::new()).extend_pairs(answer).finish();
    format!("{redirect_uri}{mark}{answer}")
}
