//! What an evaluated value must be.

use iot_local_policy::{Arn, Policy};
use serde_json::Value;

use super::super::names::NameKind;
use super::super::strict_json;

/// The longest policy document without white space, in characters.
const MAX_DOCUMENT_CHARS: usize = 2048;

/// What a value must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Check {
    /// Any text.
    Text,
    /// A name.
    Name(NameKind),
    /// The value of the attribute of this name, which is checked, too.
    Attribute(String),
    /// `ACTIVE` or `INACTIVE`. AWS's examples write `Active`, too.
    Status,
    /// A policy document: an object, or a text with one in it.
    Document,
}

impl Check {
    /// Checks the text of a value.
    ///
    /// # Errors
    /// What is wrong and what is expected.
    pub(super) fn check(&self, text: &str) -> Result<(), String> {
        match self {
            Self::Text => Ok(()),
            Self::Name(kind) => kind.check(text),
            Self::Attribute(name) => {
                NameKind::AttributeName.check(name)?;
                NameKind::AttributeValue.check(text)
            }
            Self::Status if text.eq_ignore_ascii_case("ACTIVE") || text.eq_ignore_ascii_case("INACTIVE") => {
                Ok(())
            }
            Self::Status => Err("invalid status; expected ACTIVE or INACTIVE".to_owned()),
            Self::Document => check_document(text),
        }
    }
}

fn check_document(text: &str) -> Result<(), String> {
    let length = text.chars().filter(|character| !character.is_whitespace()).count();
    if length > MAX_DOCUMENT_CHARS {
        return Err(format!(
            "{length} characters without white space; expected at most {MAX_DOCUMENT_CHARS}"
        ));
    }
    let document = strict_json::parse(text).map_err(|error| format!("invalid JSON: {error}"))?;
    if !document.is_object() {
        return Err("expected a policy document, which is a JSON object".to_owned());
    }
    parse_policy(document)
}

/// Region and account play no part in what is a valid document.
fn parse_policy(document: Value) -> Result<(), String> {
    let arn: Arn = "arn:aws:iot:us-east-1:123456789012:policy/document"
        .parse()
        .map_err(|error: iot_local_policy::NotAnArn| error.to_string())?;
    Policy::parse(&[document], &arn).map(drop).map_err(|errors| errors.join("; "))
}
