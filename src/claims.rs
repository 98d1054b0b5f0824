//! The claim rules: a signed payload becomes [`Claims`] if every rule of its issuer holds.
//!
//! [`ClaimRules::rules`] lists the rules in the order of their codes; [`ClaimRules::judge`] checks that list and stops
//! at the first rule that fails. Each rule has cases on both sides of its edge in `tests/cases/claims.json`, which
//! `tests/decisions.rs` runs.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::condition::Condition;
use crate::denial::{Code, Denial};
use crate::json::{Json, Object};
use crate::time::NumericDate;
use crate::token::SignedPayload;

/// The claims that may hold the audience. The first is the default.
pub const AUDIENCE_CLAIMS: [&str; 4] = ["aud", "client_id", "azp", "cid"];

/// What an issuer's tokens must say.
#[derive(Clone, Debug)]
pub struct ClaimRules {
    /// Exact `iss`.
    pub issuer: Box<str>,
    /// Accepted audiences, any of; never empty.
    pub audience: Vec<Box<str>>,
    /// The claims that may hold the audience: `aud`, or what the issuer uses instead; never empty. The first that a
    /// token has counts.
    pub audience_claims: Vec<Box<str>>,
    /// Tolerance for `exp`, `nbf` and `iat`, in seconds.
    pub leeway_seconds: u64,
    /// Largest `exp - iat`, in seconds.
    pub max_lifetime_seconds: Option<u64>,
    /// Least time until `exp`, in seconds.
    pub min_remaining_seconds: u64,
    /// Conditions that must all hold.
    pub require: Vec<Condition>,
    /// Whether every token must be bound to the client's certificate (RFC 8705).
    pub certificate_bound: bool,
    /// `[[refuse]]` rules. A token is denied if all conditions of one of them hold.
    pub refuse: Vec<Vec<Condition>>,
}

/// Claims that an issuer of ours signed, for us, valid now.
///
/// Only [`ClaimRules::judge`] makes them:
///
/// ```compile_fail
/// use iot_jwt_authorizer::{claims::Claims, json::Object, time::NumericDate};
/// fn forge(object: Object<'_>, expires: NumericDate) -> Claims<'_> {
///     Claims { object, expires }
/// }
/// ```
pub struct Claims<'p> {
    object: Object<'p>,
    expires: NumericDate,
}

/// One claim rule.
#[derive(Clone, Copy, Debug)]
pub enum Rule<'r> {
    /// The claim is absent or has this form. INVARIANT (a claim that is present and unreadable is denied).
    Form(&'r str, Form),
    /// The claim is present.
    Present(&'r str),
    /// The audience, which is this claim, is one of [`ClaimRules::audience`].
    Audience(&'r str),
    /// `exp` is not past.
    NotExpired,
    /// `nbf` and `iat` are not in the future. A clock before 1970 is wrong: no token is valid by it.
    Begun,
    /// `exp - iat` is at most this many seconds.
    Lifetime(u64),
    /// `exp` is at least this many seconds away.
    Remaining(u64),
    /// The condition holds.
    Require(&'r Condition),
    /// A bound token comes with its certificate (RFC 8705 section 3.1).
    CertificateBinding,
    /// Not all of these conditions hold.
    Refuse(&'r [Condition]),
}

/// The JSON type of a registered claim (RFC 7519 section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A string.
    Text,
    /// A non-empty string.
    NonEmptyText,
    /// A string or a list of strings (RFC 7519 section 4.1.3).
    Audience,
    /// A [`NumericDate`].
    Date,
    /// An object.
    Object,
}

/// What the rules check.
#[derive(Clone, Copy)]
pub struct Facts<'f, 'p> {
    /// The claims set.
    pub claims: &'f Object<'p>,
    /// The client's certificate, PEM, if it presented one.
    pub certificate: Option<&'f str>,
    /// The present time.
    pub now: NumericDate,
}

impl<'p> Claims<'p> {
    /// All claims, for slots and conditions.
    #[must_use]
    pub fn all(&self) -> &Object<'p> {
        &self.object
    }

    /// `sub`, never empty.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.object.get("sub").and_then(Json::as_str).unwrap_or_default()
    }

    /// `exp`.
    #[must_use]
    pub fn expires(&self) -> NumericDate {
        self.expires
    }
}

impl ClaimRules {
    /// Judges a payload at the time `now`. `certificate` is the client's, PEM, if it presented one.
    ///
    /// # Errors
    /// [`Code::MalformedToken`] if the payload is not a JSON object, else the denial of the first rule that fails.
    pub fn judge<'p>(
        &self,
        payload: &'p SignedPayload,
        certificate: Option<&str>,
        now: NumericDate,
    ) -> Result<Claims<'p>, Denial> {
        let object = payload.claims()?;
        let facts = Facts { claims: &object, certificate, now };
        if let Some(failed) = self.rules(&object).find(|rule| !rule.holds(self, facts)) {
            return Err(failed.denial());
        }
        let expires = facts.date("exp").ok_or_else(|| Rule::Present("exp").denial())?;
        Ok(Claims { object, expires })
    }

    /// The claim that holds the audience of a token: the first of [`ClaimRules::audience_claims`] that it has, whatever
    /// its value is. If the token has none, the first one, which is then missing.
    #[must_use]
    pub fn audience_claim(&self, claims: &Object<'_>) -> &str {
        let [first, others @ ..] = self.audience_claims.as_slice() else { return "aud" };
        // Nearly always there is one name, and nothing to look for.
        let is_present = |name: &str| claims.get(name).is_some();
        if others.is_empty() || is_present(first) {
            return first;
        }
        others.iter().find(|name| is_present(name)).unwrap_or(first)
    }

    /// The rules for a token, in the order in which they are checked: the order of their codes. The claims select only
    /// which claim is the audience.
    pub fn rules(&self, claims: &Object<'_>) -> impl Iterator<Item = Rule<'_>> {
        let audience = self.audience_claim(claims);
        let forms = [
            ("iss", Form::Text),
            ("jti", Form::Text),
            ("sub", Form::NonEmptyText),
            (audience, Form::Audience),
            ("exp", Form::Date),
            ("nbf", Form::Date),
            ("iat", Form::Date),
            ("cnf", Form::Object),
        ];
        let present = ["exp", "sub", audience].into_iter();
        let present = present.chain(self.max_lifetime_seconds.map(|_| "iat"));
        let remaining = Some(self.min_remaining_seconds).filter(|seconds| *seconds > 0);
        forms
            .into_iter()
            .map(|(name, form)| Rule::Form(name, form))
            .chain(present.map(Rule::Present))
            .chain([Rule::Audience(audience), Rule::NotExpired, Rule::Begun])
            .chain(self.max_lifetime_seconds.map(Rule::Lifetime))
            .chain(remaining.map(Rule::Remaining))
            .chain(self.require.iter().map(Rule::Require))
            .chain([Rule::CertificateBinding])
            .chain(self.refuse.iter().map(|conditions| Rule::Refuse(conditions)))
    }
}

impl Rule<'_> {
    /// Whether the rule holds for these facts. A rule that is not about an absent claim holds: [`Rule::Present`] denies
    /// it.
    #[must_use]
    pub fn holds(self, rules: &ClaimRules, facts: Facts<'_, '_>) -> bool {
        let claims = facts.claims;
        match self {
            Self::Form(name, form) => claims.get(name).is_none_or(|claim| form.fits(claim)),
            Self::Present(name) => claims.get(name).is_some_and(|claim| !is_empty_list(claim)),
            Self::Audience(name) => {
                let is_accepted = |name: &str| rules.audience.iter().any(|accepted| **accepted == *name);
                claims.get(name).is_some_and(|claim| audiences(claim).iter().any(|name| is_accepted(name)))
            }
            Self::NotExpired => {
                facts.date("exp").is_none_or(|expires| facts.now < expires.plus(rules.leeway_seconds))
            }
            Self::Begun => {
                let latest = facts.now.plus(rules.leeway_seconds);
                facts.now >= NumericDate::EPOCH
                    && ["nbf", "iat"]
                        .into_iter()
                        .all(|name| facts.date(name).is_none_or(|date| date <= latest))
            }
            Self::Lifetime(seconds) => match (facts.date("exp"), facts.date("iat")) {
                (Some(expires), Some(issued)) => expires <= issued.plus(seconds),
                _ => true,
            },
            Self::Remaining(seconds) => facts
                .date("exp")
                .is_none_or(|expires| expires.since(facts.now) >= Duration::from_secs(seconds)),
            Self::Require(condition) => condition.holds(claims),
            Self::CertificateBinding => is_bound_as_required(rules, facts),
            Self::Refuse(conditions) => !conditions.iter().all(|condition| condition.holds(claims)),
        }
    }

    /// The denial of a token that breaks the rule.
    pub fn denial(self) -> Denial {
        match self {
            Self::Form(name, _) => Denial::about(Code::MalformedClaim, name),
            Self::Present(name) => Denial::about(Code::MissingClaim, name),
            Self::Audience(_) => Code::WrongAudience.into(),
            Self::NotExpired => Code::Expired.into(),
            Self::Begun => Code::NotYetValid.into(),
            Self::Lifetime(_) => Code::LifetimeTooLong.into(),
            Self::Remaining(_) => Code::ExpiresTooSoon.into(),
            Self::Require(condition) => Denial::about(Code::RequirementNotMet, &condition.name),
            Self::CertificateBinding => Code::CertificateMismatch.into(),
            Self::Refuse(_) => Code::RefusedByRule.into(),
        }
    }
}

impl Form {
    /// Whether a claim has the form.
    #[must_use]
    pub fn fits(self, claim: &Json<'_>) -> bool {
        match (self, claim) {
            (Self::Text, Json::String(_)) | (Self::Object, Json::Object(_)) => true,
            (Self::NonEmptyText, Json::String(text)) => !text.is_empty(),
            (Self::Audience, Json::String(_)) => true,
            (Self::Audience, Json::Array(items)) => items.iter().all(|item| item.as_str().is_some()),
            (Self::Date, claim) => NumericDate::read(claim).is_some(),
            _ => false,
        }
    }
}

impl Facts<'_, '_> {
    fn date(&self, name: &str) -> Option<NumericDate> {
        self.claims.get(name).and_then(NumericDate::read)
    }
}

/// The strings of an audience claim.
fn audiences<'c>(claim: &'c Json<'_>) -> Vec<&'c str> {
    match claim {
        Json::Array(items) => items.iter().filter_map(Json::as_str).collect(),
        claim => Vec::from_iter(claim.as_str()),
    }
}

fn is_empty_list(claim: &Json<'_>) -> bool {
    matches!(claim, Json::Array(items) if items.is_empty())
}

/// RFC 8705 section 3.1. A bound token is not a bearer token, so one with an unknown kind of binding is denied.
fn is_bound_as_required(rules: &ClaimRules, facts: Facts<'_, '_>) -> bool {
    let Some(confirmation) = facts.claims.get("cnf").and_then(Json::as_object) else {
        return !rules.certificate_bound;
    };
    let mut methods = confirmation.members();
    match (methods.next(), methods.next()) {
        (Some(("x5t#S256", Json::String(bound_to))), None) => {
            facts.certificate.and_then(thumbprint).is_some_and(|presented| presented == **bound_to)
        }
        _ => false,
    }
}

/// `x5t#S256` of a certificate: the SHA-256 of its DER, in base64url.
fn thumbprint(certificate: &str) -> Option<String> {
    let der = pem::parse(certificate).ok()?;
    Some(URL_SAFE_NO_PAD.encode(digest(&SHA256, der.contents())))
}
