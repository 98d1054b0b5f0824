//! Conditions on claims: `when` of a `[[grant]]` or `[[refuse]]`, and `require` of an issuer.

use crate::claim_path::ClaimPath;
use crate::json::{Json, Object};

/// One condition. It holds if the claim at `path` equals one of `any_of`, or is a list with such an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Where the claim is.
    pub path: ClaimPath,
    /// The path as `authorizer.toml` writes it, for messages.
    pub name: Box<str>,
    /// The accepted values; never empty.
    pub any_of: Vec<Scalar>,
}

/// A value that a claim is compared with. Type and value must be equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scalar {
    /// A string, compared case-sensitively.
    String(Box<str>),
    /// A non-negative integer.
    Integer(u64),
    /// A boolean.
    Bool(bool),
}

impl Condition {
    /// Whether the claims meet the condition. An absent claim, null and an object never do.
    #[must_use]
    pub fn holds(&self, claims: &Object<'_>) -> bool {
        match self.path.find(claims) {
            Some(Json::Array(items)) => items.iter().any(|item| self.accepts(item)),
            // RFC 8693 section 4.2: a space-separated list. In other claims a space is part of the value.
            Some(Json::String(text)) if matches!(&*self.name, "scope" | "scp") => {
                text.split(' ').any(|word| self.any_of.iter().any(|scalar| scalar.is_string(word)))
            }
            Some(claim) => self.accepts(claim),
            None => false,
        }
    }

    fn accepts(&self, claim: &Json<'_>) -> bool {
        self.any_of.iter().any(|scalar| match (scalar, claim) {
            (scalar, Json::String(text)) => scalar.is_string(text),
            (Scalar::Integer(wanted), Json::Unsigned(claim)) => wanted == claim,
            (Scalar::Bool(wanted), Json::Bool(claim)) => wanted == claim,
            _ => false,
        })
    }
}

impl Scalar {
    fn is_string(&self, text: &str) -> bool {
        matches!(self, Self::String(wanted) if **wanted == *text)
    }
}
