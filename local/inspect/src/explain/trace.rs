//! The steps of one decision, in the order of `authorizer.rs`, each with the decision's own station.

mod grant;

use std::time::SystemTime;

use iot_jwt_authorizer::arn::FunctionArn;
use iot_jwt_authorizer::authorizer::Authorizer;
use iot_jwt_authorizer::credentials::Credentials;
use iot_jwt_authorizer::denial::Denial;
use iot_jwt_authorizer::policy::Policies;
use iot_jwt_authorizer::request::Request;
use iot_jwt_authorizer::response::Response;
use iot_jwt_authorizer::token::UnverifiedToken;

use super::render;
use super::{Explanation, Granted, Mark, Row, Step};
use crate::keys::NamedKeys;

/// One decision that is being explained.
pub struct Trace<'a> {
    authorizer: &'a Authorizer,
    event: &'a [u8],
    function: &'a str,
    at: SystemTime,
    sources: &'a [Vec<NamedKeys>],
    is_unsigned: bool,
    event_notes: Vec<Row>,
    issuer: Option<String>,
    may_lack_key: bool,
    steps: Vec<Step>,
}

impl<'a> Trace<'a> {
    /// The decision about an event by the function with this ARN, at the time `at`.
    #[must_use]
    pub fn new(authorizer: &'a Authorizer, event: &'a [u8], function: &'a str, at: SystemTime) -> Self {
        Self {
            authorizer,
            event,
            function,
            at,
            sources: &[],
            is_unsigned: false,
            event_notes: Vec::new(),
            issuer: None,
            may_lack_key: false,
            steps: Vec::new(),
        }
    }

    /// Names the key sources of each issuer, in the order of the issuers.
    #[must_use]
    pub fn with_sources(self, sources: &'a [Vec<NamedKeys>]) -> Self {
        Self { sources, ..self }
    }

    /// For claims that came without a token: header, key and signature are not shown.
    #[must_use]
    pub fn unsigned(self) -> Self {
        Self { is_unsigned: true, ..self }
    }

    /// Adds rows about the origin of the event.
    #[must_use]
    pub fn with_event_notes(self, event_notes: Vec<Row>) -> Self {
        Self { event_notes, ..self }
    }

    /// Takes the steps until one fails.
    #[must_use]
    pub fn explain(mut self) -> Explanation {
        let outcome = self.decide();
        if let (Err(_), Some(step)) = (&outcome, self.steps.last_mut()) {
            step.mark = Mark::Failed;
        }
        Explanation {
            at: self.at,
            function: self.function.to_owned(),
            issuer: self.issuer,
            may_lack_key: self.may_lack_key,
            steps: self.steps,
            development_keys: None,
            outcome,
        }
    }

    fn decide(&mut self) -> Result<Granted, Denial> {
        let (authorizer, now) = (self.authorizer, self.at.into());
        self.open("event", render::size(self.event));
        let request = Request::parse(self.event)?;
        self.add(render::protocol(&request));
        let event_notes = std::mem::take(&mut self.event_notes);
        self.add(event_notes);
        let function = FunctionArn::parse(self.function)?;

        self.open_of_token("token", || render::places(&request, &authorizer.token));
        let credentials = Credentials::find(&request, &authorizer.token)?;
        self.add(render::length(&credentials, &authorizer.token));
        self.open_of_token("header", || render::header(&credentials));
        let token = UnverifiedToken::parse(&credentials)?;

        let named = authorizer.issuer_of(&token);
        let code = named.as_ref().err().map(Denial::code);
        self.open("issuer", render::issuer(authorizer, &token, code, self.is_unsigned));
        let (index, issuer) = named?;
        self.issuer = Some(issuer.id.to_string());
        let sources = self.sources.get(index).map(Vec::as_slice).unwrap_or_default();
        let keys = issuer.candidates(token.header());
        self.may_lack_key = issuer.may_lack_key(token.header(), &keys);
        self.open_of_token("key", || render::keys(issuer, token.header(), &keys, sources));
        let keys = keys?;
        let verified = token.verify(&keys);
        let signer = verified.as_ref().ok().map(|(_, key)| *key);
        self.open_of_token("signature", || render::signature(&keys.keys, signer, sources));
        let (payload, key) = verified?;

        self.open("claims", render::claims(&issuer.rules, &payload, request.certificate(), self.at));
        let claims = issuer.rules.judge(&payload, request.certificate(), now)?;
        let principal = issuer.principal_of(&request, claims.subject());
        self.open("principal", render::principal(&request, &principal));
        let principal = principal?;

        if !authorizer.revocation.is_off() {
            self.open(
                "revocation",
                render::revocation(&authorizer.revocation, &issuer.id, key.kid(), &claims),
            );
        }
        authorizer.revocation.check(&issuer.id, key.kid(), &claims)?;

        self.open("grants", render::grants(authorizer, index, &claims));
        let templates = authorizer.policies.matching(index, &claims)?;
        let bindings = issuer.bindings(&request, function, &claims, &templates);
        self.open("client id", render::client_id(issuer, &request, &claims, bindings.as_ref().err()));
        if !self.has_failed_row() {
            self.open(
                "slots",
                render::slots(issuer, templates.iter().map(|template| &template.used), &claims),
            );
        }
        let bindings = bindings?;
        self.open("policy", Vec::new());
        let grant = Policies::grant(&templates, &bindings)?;
        let response = Response::allow(principal, grant, authorizer.session, claims.expires().since(now));
        let granted = grant::granted(&response, issuer, &claims, &templates, &bindings);
        self.add(grant::rows(&granted));
        Ok(granted)
    }

    fn open(&mut self, name: &'static str, rows: Vec<Row>) {
        self.steps.push(Step { name, mark: Mark::Held, rows });
    }

    /// Opens a step that examines the token itself. It is skipped if the claims came without one.
    fn open_of_token(&mut self, name: &'static str, rows: impl FnOnce() -> Vec<Row>) {
        if self.is_unsigned {
            let rows = vec![Row::note("skipped", "the claims came without a token")];
            self.steps.push(Step { name, mark: Mark::Note, rows });
        } else {
            self.open(name, rows());
        }
    }

    /// Adds rows to the last step, unless it is skipped.
    fn add(&mut self, rows: Vec<Row>) {
        if let Some(step) = self.steps.last_mut().filter(|step| step.mark != Mark::Note) {
            step.rows.extend(rows);
        }
    }

    fn has_failed_row(&self) -> bool {
        self.steps.last().is_some_and(|step| step.rows.iter().any(|row| row.mark == Mark::Failed))
    }
}
