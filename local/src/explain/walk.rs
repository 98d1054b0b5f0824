//! The steps of one decision, with the library's own pieces and in the order of its `authorizer.rs`.

mod grant;
mod look;

use std::time::SystemTime;

use iot_jwt_authorizer::arn::FunctionArn;
use iot_jwt_authorizer::authorizer::{Authorizer, Issuer};
use iot_jwt_authorizer::client_id;
use iot_jwt_authorizer::credentials::Credentials;
use iot_jwt_authorizer::denial::{Code, Denial};
use iot_jwt_authorizer::keys::{Candidates, Key, KeySet};
use iot_jwt_authorizer::policy::{Bindings, Policies, Template};
use iot_jwt_authorizer::request::Request;
use iot_jwt_authorizer::response::PrincipalId;
use iot_jwt_authorizer::token::{SignedPayload, UnverifiedToken};
use iot_jwt_authorizer::verify::Claims;

use super::rules::{self, quoted};
use super::{Explanation, Granted, Mark, Row, Step};
use crate::moment;

/// A source of keys by the name that the configuration gives it, and what it holds.
#[derive(Debug)]
pub struct NamedKeys {
    /// `file:PATH`, `oidc` and so on.
    pub source: String,
    /// Its keys; none, where nobody asked it.
    pub keys: KeySet,
}

/// One decision, while it is explained.
pub struct Walk<'a> {
    authorizer: &'a Authorizer,
    event: &'a [u8],
    function: &'a str,
    at: SystemTime,
    sources: &'a [Vec<NamedKeys>],
    unsigned: bool,
    notes: Vec<Row>,
    issuer: Option<String>,
    steps: Vec<Step>,
}

impl<'a> Walk<'a> {
    /// The decision about an event, by a function and at a time.
    #[must_use]
    pub fn new(authorizer: &'a Authorizer, event: &'a [u8], function: &'a str, at: SystemTime) -> Self {
        Self {
            authorizer,
            event,
            function,
            at,
            sources: &[],
            unsigned: false,
            notes: Vec::new(),
            issuer: None,
            steps: Vec::new(),
        }
    }

    /// Says where each issuer's keys come from, in the order of the issuers.
    #[must_use]
    pub fn with_sources(self, sources: &'a [Vec<NamedKeys>]) -> Self {
        Self { sources, ..self }
    }

    /// The claims came without a token, so nothing is said of header, key and signature.
    #[must_use]
    pub fn unsigned(self, unsigned: bool) -> Self {
        Self { unsigned, ..self }
    }

    /// Says more about where the event came from.
    #[must_use]
    pub fn with_notes(self, notes: Vec<Row>) -> Self {
        Self { notes, ..self }
    }

    /// Goes through the steps until one refuses.
    #[must_use]
    pub fn explain(mut self) -> Explanation {
        let outcome = self.decide();
        if let (Err(_), Some(step)) = (&outcome, self.steps.last_mut()) {
            step.mark = Mark::Failed;
        }
        for step in &mut self.steps {
            let is_skipped = step.mark == Mark::Held && step.rows.iter().any(|row| row.name == SKIPPED);
            step.mark = if is_skipped { Mark::Told } else { step.mark };
        }
        Explanation {
            at: self.at,
            function: self.function.to_owned(),
            issuer: self.issuer,
            steps: self.steps,
            outcome,
        }
    }

    fn decide(&mut self) -> Result<Granted, Denial> {
        let (authorizer, event, function, now) = (self.authorizer, self.event, self.function, self.at.into());
        self.open("event", look::size(event));
        let request = Request::parse(event)?;
        self.tell_all(look::protocol(&request));
        let notes = std::mem::take(&mut self.notes);
        self.tell_all(notes);
        let function = FunctionArn::parse(function)?;

        self.open(
            "token",
            if self.unsigned { Vec::new() } else { look::places(&request, &authorizer.token) },
        );
        let credentials = Credentials::find(&request, &authorizer.token)?;
        self.tell(look::length(&credentials, &authorizer.token, self.unsigned));
        self.open("header", if self.unsigned { vec![skipped()] } else { look::header(&credentials) });
        let token = UnverifiedToken::parse(&credentials)?;

        let (index, issuer) = self.issuer(&token)?;
        let keys = self.keys(index, issuer, &token)?;
        let payload = self.signature(index, token, &keys)?;

        let certificate = request.tls().and_then(|tls| tls.x509_certificate_pem.as_ref()).map(|pem| &*pem.0);
        let claims = self.claims(issuer, &payload, certificate)?;
        let principal = self.principal(&request, issuer, &claims)?;

        let templates = self.grants(index, &claims)?;
        let bindings = self.bindings(&request, function, issuer, &claims, &templates)?;
        self.open("policy", Vec::new());
        let grant = Policies::grant(&templates, &bindings)?;
        let granted = grant::granted(
            grant,
            &grant::Of { authorizer, issuer, claims: &claims, templates: &templates, bindings: &bindings },
            principal,
            claims.expires().since(now),
        );
        self.tell_all(grant::rows(&granted));
        Ok(granted)
    }

    fn issuer<'i>(&mut self, token: &UnverifiedToken<'_>) -> Result<(usize, &'i Issuer), Denial>
    where
        'a: 'i,
    {
        let issuers = &self.authorizer.issuers;
        let typ = &token.header().token_type;
        self.open("issuer", Vec::new());
        let known = issuers.iter().any(|issuer| issuer.types.contains(typ));
        if !known {
            let types: Vec<_> =
                issuers.iter().flat_map(|issuer| &issuer.types).map(|typ| quoted(typ)).collect();
            self.tell(Row::check(false, "typ", quoted(typ), types.join(" or ")));
            return Err(Code::WrongType.into());
        }
        let claimed = token.claimed_issuer();
        let named = claimed
            .as_deref()
            .and_then(|iss| issuers.iter().enumerate().find(|(_, issuer)| *issuer.rules.issuer == *iss));
        let actual = claimed.as_deref().map_or_else(|| "no string".to_owned(), quoted);
        let ours: Vec<_> = issuers.iter().map(|issuer| quoted(&issuer.rules.issuer)).collect();
        self.tell(Row::check(named.is_some(), "iss", actual, ours.join(" or ")));
        let (index, issuer) = named.ok_or(Code::UnknownIssuer)?;
        let types: Vec<_> = issuer.types.iter().map(|typ| quoted(typ)).collect();
        let fits = issuer.types.contains(typ);
        if !self.unsigned || !fits {
            self.tell(Row::check(fits, "typ", quoted(typ), types.join(" or ")));
        }
        self.tell(Row::told("called", &*issuer.id));
        if !fits {
            return Err(Code::WrongType.into());
        }
        self.issuer = Some(issuer.id.to_string());
        Ok((index, issuer))
    }

    fn keys<'i>(
        &mut self,
        index: usize,
        issuer: &'i Issuer,
        token: &UnverifiedToken<'_>,
    ) -> Result<Candidates<'i>, Denial> {
        let header = token.header();
        self.open("key", if self.unsigned { vec![skipped()] } else { Vec::new() });
        if !self.unsigned {
            let sources = self.sources.get(index).map(Vec::as_slice).unwrap_or_default();
            self.tell_all(look::algorithm(issuer, header));
            self.tell_all(look::sources(sources));
        }
        let algorithm = header.algorithm.ok_or(Code::UnsupportedAlgorithm)?;
        if !issuer.algorithms.contains(&algorithm) {
            return Err(Code::UnsupportedAlgorithm.into());
        }
        let selected = issuer.keys.select(header);
        if !self.unsigned {
            self.tell(look::selected(header, &issuer.keys, &selected));
        }
        Ok(selected?)
    }

    fn signature(
        &mut self,
        index: usize,
        token: UnverifiedToken<'_>,
        keys: &[&Key],
    ) -> Result<SignedPayload, Denial> {
        self.open("signature", if self.unsigned { vec![skipped()] } else { Vec::new() });
        let verified = token.verify(keys);
        if !self.unsigned {
            let sources = self.sources.get(index).map(Vec::as_slice).unwrap_or_default();
            self.tell(look::signature(keys, verified.as_ref().ok().map(|(_, key)| *key), sources));
        }
        Ok(verified?.0)
    }

    fn claims<'p>(
        &mut self,
        issuer: &Issuer,
        payload: &'p SignedPayload,
        certificate: Option<&str>,
    ) -> Result<Claims<'p>, Denial> {
        let judged = issuer.rules.judge(payload, certificate, self.at.into());
        let rows = match payload.claims() {
            Ok(claims) => {
                let now = moment::seconds(self.at);
                rules::rows(&issuer.rules, &claims, certificate.is_some(), now, judged.as_ref().err())
            }
            Err(_) => {
                vec![Row::check(false, "payload", "something else", "one JSON object without doubled names")]
            }
        };
        self.open("claims", rows);
        judged
    }

    fn principal(
        &mut self,
        request: &Request<'_>,
        issuer: &Issuer,
        claims: &Claims<'_>,
    ) -> Result<PrincipalId, Denial> {
        self.open("principal", Vec::new());
        match request.tls().and_then(|tls| tls.principal_id.as_ref()) {
            Some(id) => {
                let principal = PrincipalId::of_certificate(&id.0);
                let legal = "1 to 128 letters and digits: the certificate's id";
                self.tell(Row::check(principal.is_some(), "principal", quoted(&id.0), legal));
                Ok(principal.ok_or(Code::MalformedEvent)?)
            }
            None => {
                let principal = PrincipalId::of_subject(&issuer.rules.issuer, claims.subject());
                self.tell(Row::told("hash of iss and sub", principal.as_str()));
                Ok(principal)
            }
        }
    }

    fn grants(&mut self, index: usize, claims: &Claims<'_>) -> Result<Vec<&'a Template>, Denial> {
        self.open("grants", look::grants(self.authorizer, index, claims));
        Ok(self.authorizer.policies.matching(index, claims)?)
    }

    fn bindings<'b>(
        &mut self,
        request: &'b Request<'_>,
        function: FunctionArn<'b>,
        issuer: &'b Issuer,
        claims: &'b Claims<'_>,
        templates: &[&Template],
    ) -> Result<Bindings<'b>, Denial> {
        let mut bindings = Bindings::new(&issuer.slots, &issuer.id, function);
        self.open("client id", Vec::new());
        match request.mqtt() {
            None => self.tell(Row::told("none", "an HTTPS publish or a test call has none")),
            Some(mqtt) => {
                let id = mqtt.client_id.as_ref().map(|id| &*id.0).filter(|id| !id.is_empty());
                if id.is_none() {
                    self.tell(Row::check(false, "client id", "none", "one: an MQTT client has to have it"));
                }
                let id = id.ok_or(Code::ClientIdNotAllowed)?;
                self.tell_all(look::slots(issuer, &[&issuer.client_id_slots], claims));
                bindings.fill(&issuer.client_id_slots, claims)?;
                let admitted = client_id::admit(id, &issuer.client_ids, &bindings);
                let patterns = grant::client_ids(issuer, claims).join(" or ");
                self.tell(Row::check(admitted.is_ok(), "client id", quoted(id), patterns));
                bindings.set_client_id(admitted?);
            }
        }
        let used: Vec<_> = templates.iter().map(|template| &template.used).collect();
        self.open("slots", look::slots(issuer, &used, claims));
        for used in used {
            bindings.fill(used, claims)?;
        }
        Ok(bindings)
    }

    fn open(&mut self, name: &'static str, rows: Vec<Row>) {
        self.steps.push(Step { name, mark: Mark::Held, rows });
    }

    fn tell(&mut self, row: Row) {
        self.tell_all([row]);
    }

    fn tell_all(&mut self, rows: impl IntoIterator<Item = Row>) {
        if let Some(step) = self.steps.last_mut() {
            step.rows.extend(rows);
        }
    }
}

/// What a step is called that claims without a token have no part in.
const SKIPPED: &str = "skipped";

fn skipped() -> Row {
    Row::told(SKIPPED, "the claims came without a token")
}
