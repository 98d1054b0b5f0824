//! The claim rules: a signed payload becomes [`Claims`] if it was issued for us and is valid now.
//!
//! Each rule is a function with a table of cases on both sides of its edge in `tests/claims.rs`. The order of the rules is
//! the order of their codes.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::claims::NumericDate;
use crate::condition::Condition;
use crate::denial::{Code, Denial};
use crate::json::{Json, Object};
use crate::token::SignedPayload;

/// What an issuer's tokens have to say. Nothing here can be switched off by leaving it empty.
#[derive(Clone, Debug)]
pub struct ClaimRules {
    /// Exact `iss`.
    pub issuer: Box<str>,
    /// The audience has to hold one of these; never empty.
    pub audience: Vec<Box<str>>,
    /// The claim that names the audience: `aud`, or what the issuer has in its place.
    pub audience_claim: Box<str>,
    /// For `exp`, `nbf` and `iat`.
    pub leeway_seconds: u64,
    /// The largest `exp - iat`.
    pub max_lifetime_seconds: Option<u64>,
    /// The least life that a token must have left.
    pub min_remaining_seconds: u64,
    /// All of these hold.
    pub require: Vec<Condition>,
    /// Every token names the client's certificate.
    pub certificate_bound: bool,
    /// None of these holds in all its entries.
    pub refuse: Vec<Vec<Condition>>,
}

/// Claims signed by a key of ours, issued for us by our issuer, valid now.
///
/// Only [`ClaimRules::judge`] makes them:
///
/// ```compile_fail
/// use iot_jwt_authorizer::{claims::NumericDate, json::Object, verify::Claims};
/// fn forge(object: Object<'_>, expires: NumericDate) -> Claims<'_> {
///     Claims { object, expires }
/// }
/// ```
pub struct Claims<'p> {
    object: Object<'p>,
    expires: NumericDate,
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
    /// Judges a payload at the time `now`; `certificate` is the client's, PEM, where it presented one.
    ///
    /// # Errors
    /// The first rule that fails.
    pub fn judge<'p>(
        &self,
        payload: &'p SignedPayload,
        certificate: Option<&str>,
        now: NumericDate,
    ) -> Result<Claims<'p>, Denial> {
        let claims = payload.claims()?;
        let registered = Registered::read(&claims, &self.audience_claim)?;
        let times = registered.require(self)?;
        self.judge_audience(&registered)?;
        self.judge_times(&times, now)?;
        if let Some(unmet) = self.require.iter().find(|condition| !condition.holds(&claims)) {
            return Err(Denial::over(Code::RequirementNotMet, &unmet.name));
        }
        self.judge_binding(registered.bound_to, certificate)?;
        if self.refuse.iter().any(|rule| rule.iter().all(|condition| condition.holds(&claims))) {
            return Err(Code::RefusedByRule.into());
        }
        let expires = times.expires;
        Ok(Claims { object: claims, expires })
    }

    fn judge_audience(&self, registered: &Registered<'_, '_>) -> Result<(), Code> {
        let ours = |name: &str| self.audience.iter().any(|own| **own == *name);
        if registered.audience.iter().any(|name| ours(name)) { Ok(()) } else { Err(Code::WrongAudience) }
    }

    fn judge_times(&self, times: &Times, now: NumericDate) -> Result<(), Code> {
        if now >= times.expires.plus(self.leeway_seconds) {
            return Err(Code::Expired);
        }
        let earliest = now.plus(self.leeway_seconds);
        if [times.not_before, times.issued].into_iter().flatten().any(|date| date > earliest) {
            return Err(Code::NotYetValid);
        }
        if let (Some(most), Some(issued)) = (self.max_lifetime_seconds, times.issued)
            && times.expires > issued.plus(most)
        {
            return Err(Code::LifetimeTooLong);
        }
        if times.expires.since(now) < Duration::from_secs(self.min_remaining_seconds) {
            return Err(Code::ExpiresTooSoon);
        }
        Ok(())
    }

    /// RFC 8705 section 3.1. A token that is bound is no bearer token, so it is never taken for one.
    fn judge_binding(&self, bound_to: Option<&Object<'_>>, certificate: Option<&str>) -> Result<(), Code> {
        let Some(confirmation) = bound_to else {
            return if self.certificate_bound { Err(Code::CertificateMismatch) } else { Ok(()) };
        };
        let mut methods = confirmation.members();
        match (methods.next(), methods.next()) {
            (Some(("x5t#S256", Json::String(wanted))), None) => {
                let presented = certificate.and_then(thumbprint);
                if presented.is_some_and(|own| own == **wanted) {
                    Ok(())
                } else {
                    Err(Code::CertificateMismatch)
                }
            }
            _ => Err(Code::CertificateMismatch),
        }
    }
}

/// The registered claims, each of its proper type (RFC 7519 section 4.1) or absent.
struct Registered<'c, 'p> {
    subject: Option<&'c str>,
    audience: Vec<&'c str>,
    expires: Option<NumericDate>,
    not_before: Option<NumericDate>,
    issued: Option<NumericDate>,
    bound_to: Option<&'c Object<'p>>,
}

struct Times {
    expires: NumericDate,
    not_before: Option<NumericDate>,
    issued: Option<NumericDate>,
}

impl<'c, 'p> Registered<'c, 'p> {
    /// A claim that is there and cannot be read is never taken as absent.
    fn read(claims: &'c Object<'p>, audience_claim: &str) -> Result<Self, Denial> {
        let text = |name| typed(claims, name, Json::as_str);
        text("iss")?;
        text("jti")?;
        let subject = typed(claims, "sub", |claim| claim.as_str().filter(|subject| !subject.is_empty()))?;
        Ok(Self {
            subject,
            audience: typed(claims, audience_claim, audience)?.unwrap_or_default(),
            expires: typed(claims, "exp", NumericDate::read)?,
            not_before: typed(claims, "nbf", NumericDate::read)?,
            issued: typed(claims, "iat", NumericDate::read)?,
            bound_to: typed(claims, "cnf", Json::as_object)?,
        })
    }

    fn require(&self, rules: &ClaimRules) -> Result<Times, Denial> {
        let missing = |name| Denial::over(Code::MissingClaim, name);
        let expires = self.expires.ok_or_else(|| missing("exp"))?;
        self.subject.ok_or_else(|| missing("sub"))?;
        if self.audience.is_empty() {
            return Err(missing(&rules.audience_claim));
        }
        if rules.max_lifetime_seconds.is_some() && self.issued.is_none() {
            return Err(missing("iat"));
        }
        Ok(Times { expires, not_before: self.not_before, issued: self.issued })
    }
}

fn typed<'c, 'p, T>(
    claims: &'c Object<'p>,
    name: &str,
    read: impl Fn(&'c Json<'p>) -> Option<T>,
) -> Result<Option<T>, Denial> {
    claims
        .get(name)
        .map(|claim| read(claim).ok_or_else(|| Denial::over(Code::MalformedClaim, name)))
        .transpose()
}

/// A string or a list of strings (RFC 7519 section 4.1.3).
fn audience<'c>(claim: &'c Json<'_>) -> Option<Vec<&'c str>> {
    match claim {
        Json::String(one) => Some(vec![one]),
        Json::Array(several) => several.iter().map(Json::as_str).collect(),
        _ => None,
    }
}

/// `x5t#S256` of a certificate: SHA-256 of its DER, base64url.
fn thumbprint(certificate: &str) -> Option<String> {
    let der = pem::parse(certificate).ok()?;
    Some(URL_SAFE_NO_PAD.encode(digest(&SHA256, der.contents())))
}
