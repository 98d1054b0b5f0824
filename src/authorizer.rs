//! The hot path on one screen: an event and the time come in, a decision goes out.
//!
//! Nothing here reads a clock, a file or the network, writes a log or parses configuration, and nothing fails but with a
//! [`Denial`].

use std::borrow::Cow;

use crate::arn::FunctionArn;
use crate::claims::NumericDate;
use crate::client_id::{self, ClientIdPattern};
use crate::credentials::{Credentials, TokenRule};
use crate::denial::{Code, Denial};
use crate::keys::{Algorithm, Candidates, KeySet};
use crate::policy::{Bindings, Policies, Template, Used};
use crate::request::Request;
use crate::response::{Answer, PrincipalId, Session};
use crate::slots::Slot;
use crate::token::{Header, TokenType, UnverifiedToken};
use crate::verify::{ClaimRules, Claims};

/// All that a decision needs, made from the configuration at start.
#[derive(Clone, Debug)]
pub struct Authorizer {
    /// Where tokens are looked for.
    pub token: TokenRule,
    /// Whose tokens are taken.
    pub issuers: Vec<Issuer>,
    /// Who gets which policy.
    pub policies: Policies,
    /// How long a connection lasts.
    pub session: Session,
}

/// One issuer: whose keys, rules, slots and client ids are its own and nobody else's.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// Short name, for grants and logs.
    pub id: Box<str>,
    /// Accepted `typ`, in canonical form.
    pub types: Vec<TokenType>,
    /// Accepted `alg`.
    pub algorithms: Vec<Algorithm>,
    /// Its public keys.
    pub keys: KeySet,
    /// What its claims have to say.
    pub rules: ClaimRules,
    /// `[claims]`, with this issuer's own paths.
    pub slots: Vec<Slot>,
    /// What the MQTT client id may be.
    pub client_ids: Vec<ClientIdPattern>,
    /// The slots that these use.
    pub client_id_slots: Used,
}

/// What was decided about one event, and what was learned on the way, for the log.
#[must_use]
pub struct Decision<'a> {
    /// AWS IoT's name for the connection.
    pub connection_id: Option<String>,
    /// The issuer's short name, once it is known.
    pub issuer: Option<&'a str>,
    /// The `kid` of the key that made the signature.
    pub kid: Option<&'a str>,
    /// The principal, from the moment the signature has held.
    pub principal: Option<PrincipalId>,
    /// The client id, once it has been admitted.
    pub client_id: Option<String>,
    /// The policies whose grants matched.
    pub policies: Vec<&'a str>,
    /// The outcome.
    pub outcome: Result<Answer, Denial>,
}

impl Authorizer {
    /// Decides about one event.
    ///
    /// `event` is what AWS IoT sent, in full; `function` the ARN that it invoked; `now` the present time.
    pub fn authorize(&self, event: &[u8], function: &str, now: NumericDate) -> Decision<'_> {
        let mut decision = Decision {
            connection_id: None,
            issuer: None,
            kid: None,
            principal: None,
            client_id: None,
            policies: Vec::new(),
            outcome: Err(Code::MalformedEvent.into()),
        };
        decision.outcome = self.decide(event, function, now, &mut decision);
        decision
    }

    /// Gives an issuer, named by its place, the keys that it has now.
    pub fn set_keys(&mut self, issuer: usize, keys: KeySet) {
        if let Some(issuer) = self.issuers.get_mut(issuer) {
            issuer.keys = keys;
        }
    }

    fn decide<'a>(
        &'a self,
        event: &[u8],
        function: &str,
        now: NumericDate,
        learned: &mut Decision<'a>,
    ) -> Result<Answer, Denial> {
        let request = Request::parse(event)?;
        learned.connection_id = request.connection_id().map(str::to_owned);
        let function = FunctionArn::parse(function)?;
        let credentials = Credentials::find(&request, &self.token)?;
        let token = UnverifiedToken::parse(&credentials)?;

        let (index, issuer) = self.issuer(&token)?;
        learned.issuer = Some(&issuer.id);
        let keys = issuer.keys_for(token.header())?;
        let (payload, key) = token.verify(&keys)?;
        learned.kid = key.kid();

        let certificate = request.tls().and_then(|tls| tls.x509_certificate_pem.as_ref()).map(|pem| &*pem.0);
        let claims = match issuer.rules.judge(&payload, certificate, now) {
            Ok(claims) => claims,
            Err(denial) => {
                // The signature vouches for who was refused.
                let subject = payload.subject();
                learned.principal = subject.and_then(|subject| principal(&request, issuer, &subject).ok());
                return Err(denial);
            }
        };
        let principal = learned.principal.insert(principal(&request, issuer, claims.subject())?).clone();

        let templates = self.policies.matching(index, &claims)?;
        learned.policies = templates.iter().map(|template| &*template.name).collect();
        let bindings = issuer.bindings(&request, function, &claims, &templates)?;
        learned.client_id = bindings.client_id().map(str::to_owned);
        let grant = Policies::grant(&templates, &bindings)?;
        Ok(Answer::allow(principal, grant, self.session, claims.expires().since(now)))
    }

    /// The issuer that a token names. A `typ` that no issuer takes is told before an issuer that nobody knows.
    fn issuer(&self, token: &UnverifiedToken<'_>) -> Result<(usize, &Issuer), Code> {
        let typ = &token.header().token_type;
        if !self.issuers.iter().any(|issuer| issuer.types.contains(typ)) {
            return Err(Code::WrongType);
        }
        let claimed: Cow<'_, str> = token.claimed_issuer().ok_or(Code::UnknownIssuer)?;
        let mut named =
            self.issuers.iter().enumerate().filter(|(_, issuer)| *issuer.rules.issuer == *claimed);
        let (index, issuer) = named.next().ok_or(Code::UnknownIssuer)?;
        if issuer.types.contains(typ) { Ok((index, issuer)) } else { Err(Code::WrongType) }
    }
}

impl Issuer {
    fn keys_for(&self, header: &Header) -> Result<Candidates<'_>, Code> {
        let algorithm = header.algorithm.ok_or(Code::UnsupportedAlgorithm)?;
        if !self.algorithms.contains(&algorithm) {
            return Err(Code::UnsupportedAlgorithm);
        }
        self.keys.select(header)
    }

    /// Fills the slots that this request needs and admits its client id. An HTTPS publish has none.
    fn bindings<'a>(
        &'a self,
        request: &'a Request<'_>,
        function: FunctionArn<'a>,
        claims: &'a Claims<'_>,
        templates: &[&Template],
    ) -> Result<Bindings<'a>, Denial> {
        let mut bindings = Bindings::new(&self.slots, &self.id, function);
        if let Some(mqtt) = request.mqtt() {
            let id = mqtt.client_id.as_ref().map(|id| &*id.0).filter(|id| !id.is_empty());
            let id = id.ok_or(Code::ClientIdNotAllowed)?;
            bindings.fill(&self.client_id_slots, claims)?;
            let id = client_id::admit(id, &self.client_ids, &bindings)?;
            bindings.set_client_id(id);
        }
        for template in templates {
            bindings.fill(&template.used, claims)?;
        }
        Ok(bindings)
    }
}

/// Under X.509 custom authentication it is the certificate's, as AWS demands; else the subject's.
/// <https://docs.aws.amazon.com/iot/latest/developerguide/custom-auth-509cert.html>
fn principal(request: &Request<'_>, issuer: &Issuer, subject: &str) -> Result<PrincipalId, Code> {
    match request.tls().and_then(|tls| tls.principal_id.as_ref()) {
        Some(id) => PrincipalId::of_certificate(&id.0).ok_or(Code::MalformedEvent),
        None => Ok(PrincipalId::of_subject(&issuer.rules.issuer, subject)),
    }
}
