//! The decision on one screen: an event and the time come in, a response or a denial goes out.
//!
//! INVARIANT (the hot path is pure): nothing here reads a clock, a file, the environment or the network, writes a log
//! or parses configuration, and nothing fails except with a [`Denial`].

use crate::algorithm::Algorithm;
use crate::arn::FunctionArn;
use crate::bindings::Bindings;
use crate::claims::{ClaimRules, Claims};
use crate::client_id::{self, ClientIdPattern};
use crate::credentials::{Credentials, TokenRule};
use crate::denial::{Code, Denial};
use crate::keys::{Candidates, KeySet};
use crate::policy::{Policies, Template};
use crate::request::{Protocol, Request};
use crate::response::{PrincipalId, Response, Session};
use crate::revocation::Revocation;
use crate::slot_values::SlotValues;
use crate::slots::Slot;
use crate::template_text::UsedSlots;
use crate::time::NumericDate;
use crate::token::{Header, TokenType, UnverifiedToken};

/// Everything that a decision needs, made from the configuration at start.
#[derive(Clone, Debug)]
pub struct Authorizer {
    /// Where tokens may be.
    pub token: TokenRule,
    /// Whose tokens are accepted.
    pub issuers: Vec<Issuer>,
    /// Who gets which policy.
    pub policies: Policies,
    /// How long a connection lasts.
    pub session: Session,
    /// Which tokens are revoked.
    pub revocation: Revocation,
}

/// One issuer. INVARIANT (a key belongs to its issuer): keys, rules, slots and client ids count for its tokens only.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// Short name, for grants and logs.
    pub id: Box<str>,
    /// Accepted `typ`, canonical.
    pub types: Vec<TokenType>,
    /// Accepted `alg`.
    pub algorithms: Vec<Algorithm>,
    /// Public keys.
    pub keys: KeySet,
    /// What the claims must say.
    pub rules: ClaimRules,
    /// `[claims]`, with this issuer's own paths.
    pub slots: Vec<Slot>,
    /// Allowed MQTT client ids.
    pub client_ids: Vec<ClientIdPattern>,
    /// The slots that `client_ids` uses.
    pub client_id_slots: UsedSlots,
}

/// The decision about one event.
#[must_use]
pub struct Decision<'a> {
    /// What is known about the request, for the log.
    pub learned: Learned<'a>,
    /// The response, or why the request is denied.
    pub outcome: Result<Response, Denial>,
}

/// What a decision learned about a request until it ended.
#[derive(Default)]
pub struct Learned<'a> {
    /// AWS IoT's id of the connection.
    pub connection_id: Option<String>,
    /// The outermost protocol of the request.
    pub protocol: Option<Protocol>,
    /// The issuer's short name, once it is known.
    pub issuer: Option<&'a str>,
    /// Whether the issuer's keys may lack the token's; see [`Issuer::may_lack_key`].
    pub may_lack_key: bool,
    /// The `kid` of the key that verified the signature.
    pub kid: Option<&'a str>,
    /// The principal, once the signature is verified.
    pub principal: Option<PrincipalId>,
    /// What is known about revoked tokens, if the decision came to ask and there is a `[revocation]`.
    pub revocation: Option<&'a Revocation>,
    /// The client id, once it is admitted.
    pub client_id: Option<String>,
    /// The policies whose grants matched.
    pub policies: Vec<&'a str>,
}

impl Authorizer {
    /// Decides about one event.
    ///
    /// `event` is what AWS IoT sent, `function` the ARN that it invoked, `now` the present time.
    pub fn authorize(&self, event: &[u8], function: &str, now: NumericDate) -> Decision<'_> {
        let mut learned = Learned::default();
        let outcome = self.decide(event, function, now, &mut learned);
        Decision { learned, outcome }
    }

    /// Replaces the keys of the issuer at `index` of [`Authorizer::issuers`].
    pub fn set_keys(&mut self, index: usize, keys: KeySet) {
        if let Some(issuer) = self.issuers.get_mut(index) {
            issuer.keys = keys;
        }
    }

    fn decide<'a>(
        &'a self,
        event: &[u8],
        function: &str,
        now: NumericDate,
        learned: &mut Learned<'a>,
    ) -> Result<Response, Denial> {
        let request = Request::parse(event)?;
        learned.connection_id = request.connection_id().map(str::to_owned);
        learned.protocol = request.protocol();
        let function = FunctionArn::parse(function)?;
        let credentials = Credentials::find(&request, &self.token)?;
        let token = UnverifiedToken::parse(&credentials)?;

        let (index, issuer) = self.issuer_of(&token)?;
        learned.issuer = Some(&issuer.id);
        let keys = issuer.candidates(token.header());
        learned.may_lack_key = issuer.may_lack_key(token.header(), &keys);
        let keys = keys?;
        let (payload, key) = token.verify(&keys)?;
        learned.kid = key.kid();

        let claims = issuer.rules.judge(&payload, request.certificate(), now).inspect_err(|_| {
            // The signature holds, so the log may name the subject that is denied.
            let subject = payload.unjudged_subject();
            learned.principal = subject.and_then(|subject| issuer.principal_of(&request, &subject).ok());
        })?;
        let principal = issuer.principal_of(&request, claims.subject())?;
        learned.principal = Some(principal.clone());
        learned.revocation = Some(&self.revocation).filter(|revocation| !revocation.is_off());
        self.revocation.check(&issuer.id, key.kid(), &claims)?;

        let templates = self.policies.matching(index, &claims)?;
        learned.policies = templates.iter().map(|template| &*template.name).collect();
        let bindings = issuer.bindings(&request, function, &claims, &templates)?;
        learned.client_id = bindings.client_id().map(str::to_owned);
        let grant = Policies::grant(&templates, &bindings)?;
        Ok(Response::allow(principal, grant, self.session, claims.expires().since(now)))
    }

    /// The issuer that a token names, and its index.
    ///
    /// # Errors
    /// [`Code::WrongType`] if no issuer accepts the `typ`, or the named one does not. [`Code::UnknownIssuer`] with what
    /// is wrong with `iss`.
    pub fn issuer_of(&self, token: &UnverifiedToken<'_>) -> Result<(usize, &Issuer), Denial> {
        let token_type = &token.header().token_type;
        if !self.issuers.iter().any(|issuer| issuer.types.contains(token_type)) {
            return Err(Code::WrongType.into());
        }
        let unknown = || match token.issuer_problem() {
            Some(problem) => Denial::about(Code::UnknownIssuer, problem),
            None => Code::UnknownIssuer.into(),
        };
        let claimed = token.claimed_issuer().ok_or_else(unknown)?;
        let mut issuers = self.issuers.iter().enumerate();
        let named = issuers.find(|(_, issuer)| *issuer.rules.issuer == *claimed);
        let (index, issuer) = named.ok_or_else(unknown)?;
        if issuer.types.contains(token_type) { Ok((index, issuer)) } else { Err(Code::WrongType.into()) }
    }
}

impl Issuer {
    /// The keys to verify a token with.
    ///
    /// # Errors
    /// [`Code::UnsupportedAlgorithm`] if the `alg` is not one of the issuer's; as [`KeySet::select`].
    pub fn candidates(&self, header: &Header) -> Result<Candidates<'_>, Code> {
        let algorithm = header.algorithm.filter(|algorithm| self.algorithms.contains(algorithm));
        self.keys.select(header.kid.as_deref(), algorithm.ok_or(Code::UnsupportedAlgorithm)?)
    }

    /// Whether the right key for a token may be one that the issuer's sources have and the function does not: no key
    /// has both its `kid` and its algorithm, or `candidates` only fit.
    #[must_use]
    pub fn may_lack_key(&self, header: &Header, candidates: &Result<Candidates<'_>, Code>) -> bool {
        let is_supported = header.algorithm.is_some_and(|algorithm| self.algorithms.contains(&algorithm));
        is_supported && candidates.as_ref().map_or(true, |keys| !keys.by_name)
    }

    /// The principal of a request. Under X.509 custom authentication it is the certificate's, as AWS requires.
    /// <https://docs.aws.amazon.com/iot/latest/developerguide/custom-auth-509cert.html>
    ///
    /// # Errors
    /// [`Code::MalformedEvent`] if the certificate's principal is not legal.
    pub fn principal_of(&self, request: &Request<'_>, subject: &str) -> Result<PrincipalId, Code> {
        match request.tls().and_then(|tls| tls.principal_id.as_ref()) {
            Some(id) => PrincipalId::of_certificate(&id.0).ok_or(Code::MalformedEvent),
            None => Ok(PrincipalId::of_subject(&self.rules.issuer, subject)),
        }
    }

    /// Admits the client id, and fills the slots that the request and its templates need. An HTTPS publish has no
    /// client id.
    ///
    /// # Errors
    /// As [`SlotValues::fill`] and [`client_id::admit`].
    pub fn bindings<'a>(
        &'a self,
        request: &'a Request<'_>,
        function: FunctionArn<'a>,
        claims: &'a Claims<'_>,
        templates: &[&Template],
    ) -> Result<Bindings<'a>, Denial> {
        let mut slots = SlotValues::new(&self.slots, &self.id);
        let client_id = match request.mqtt() {
            Some(mqtt) => {
                let id = mqtt.client_id.as_ref().map_or("", |id| &id.0);
                if id.is_empty() {
                    return Err(client_id::missing());
                }
                slots.fill(&self.client_id_slots, claims)?;
                Some(client_id::admit(id, &self.client_ids, &slots)?)
            }
            None => None,
        };
        for template in templates {
            slots.fill(&template.used, claims)?;
        }
        Ok(Bindings::new(slots, client_id, function))
    }
}
