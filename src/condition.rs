//! Conditions on claims: `when` of a grant or refusal, `require` of an issuer.

use crate::claims::ClaimPath;
use crate::json::{Json, Object};

/// One entry: the claim at `path` equals one of `any_of`, or is a list with such an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The claim.
    pub path: ClaimPath,
    /// As the configuration writes it, for messages.
    pub name: Box<str>,
    /// What it may be; never empty.
    pub any_of: Vec<Scalar>,
}

/// What a claim can be compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scalar {
    /// A string; case counts.
    String(Box<str>),
    /// An integer of 0 and more.
    Integer(u64),
    /// A boolean.
    Bool(bool),
}

impl Condition {
    /// Whether the claims meet it. An absent claim, null or an object never does.
    #[must_use]
    pub fn holds(&self, claims: &Object<'_>) -> bool {
        match self.path.find(claims) {
            Some(Json::Array(items)) => items.iter().any(|item| self.admits(item)),
            // RFC 8693 section 4.2: a space-separated list. Other strings may hold spaces of their own.
            Some(Json::String(text)) if matches!(&*self.name, "scope" | "scp") => {
                text.split(' ').any(|word| self.any_of.iter().any(|wanted| wanted.is(word)))
            }
            Some(claim) => self.admits(claim),
            None => false,
        }
    }

    fn admits(&self, claim: &Json<'_>) -> bool {
        self.any_of.iter().any(|wanted| match (wanted, claim) {
            (wanted, Json::String(text)) => wanted.is(text),
            (Scalar::Integer(wanted), Json::Unsigned(claim)) => wanted == claim,
            (Scalar::Bool(wanted), Json::Bool(claim)) => wanted == claim,
            _ => false,
        })
    }
}

impl Scalar {
    fn is(&self, text: &str) -> bool {
        matches!(self, Self::String(wanted) if **wanted == *text)
    }
}
