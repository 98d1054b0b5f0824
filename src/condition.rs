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
            // RFC 8693 section 4.2: a space-separated list. In other claims a space is part of the value. An empty
            // claim and two spaces in a row give empty words, which are no scope.
            Some(Json::String(text)) if matches!(&*self.name, "scope" | "scp") => {
                let mut words = text.split(' ').filter(|word| !word.is_empty());
                words.any(|word| self.any_of.iter().any(|scalar| scalar.is_string(word)))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a condition `NAME = [any_of]` holds for claims.
    fn holds(name: &str, any_of: &[&str], claims: &str) -> bool {
        let any_of = any_of.iter().map(|text| Scalar::String((*text).into())).collect();
        let condition = Condition { path: ClaimPath::parse(name), name: name.into(), any_of };
        condition.holds(&Object::parse_str(claims).unwrap())
    }

    /// The configuration refuses an empty string. If one came here all the same, it would match no scope.
    #[test]
    fn an_empty_word_is_no_scope() {
        for claims in
            [r#"{"scope":""}"#, r#"{"scope":" "}"#, r#"{"scope":"read  write"}"#, r#"{"scope":" read "}"#]
        {
            assert!(!holds("scope", &[""], claims), "{claims}");
            assert!(!holds("scope", &["", "admin"], claims), "{claims}");
        }
        for claims in [r#"{"scp":"read  write"}"#, r#"{"scp":" write"}"#, r#"{"scp":"write "}"#] {
            assert!(holds("scp", &["write"], claims), "{claims}");
        }
        for claims in [r#"{"scope":"read\twrite"}"#, r#"{"scope":"rewrite"}"#, r#"{"scopes":"write"}"#] {
            assert!(!holds("scope", &["write"], claims), "{claims}");
        }
    }
}
