//! The alphabets of the names that a template creates or refers to.
//! <https://docs.aws.amazon.com/iot/latest/apireference/API_CreateThing.html> and the pages of the other operations.

use iot_local_base::names::is_name;

/// The characters of attribute values besides letters and digits.
const ATTRIBUTE_VALUE: &str = "_.,@/:#=[]-";

/// The characters, besides letters and digits, of a parameter's value within a policy document. Without wildcards,
/// level separators, quotes and variables, a value can only name one level of one topic.
const POLICY_VALUE: &str = "_:.,@=-";

/// What a text must be to serve as a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameKind {
    /// The name of a thing, type, thing group or billing group.
    Thing,
    /// The name of an attribute.
    AttributeName,
    /// The value of an attribute. It may be empty.
    AttributeValue,
    /// The name of a policy.
    Policy,
    /// A certificate id: 64 lower-case hexadecimal digits.
    CertificateId,
}

impl NameKind {
    /// Checks a text.
    ///
    /// # Errors
    /// What was expected. The text is not repeated: it may be long and hold anything.
    pub(super) fn check(self, text: &str) -> Result<(), String> {
        let (is_valid, expected) = match self {
            Self::Thing => (is_name(text, ":_-", 1..=128), "[a-zA-Z0-9:_-]{1,128}"),
            Self::AttributeName => (is_name(text, "_.,@/:#-", 1..=128), "[a-zA-Z0-9_.,@/:#-]{1,128}"),
            Self::AttributeValue => {
                (is_name(text, ATTRIBUTE_VALUE, 0..=800), "[a-zA-Z0-9_.,@/:#=\\[\\]-]{0,800}")
            }
            Self::Policy => (is_name(text, "_+=,.@-", 1..=128), "[a-zA-Z0-9_+=,.@-]{1,128}"),
            Self::CertificateId => (is_certificate_id(text), "64 lower-case hexadecimal digits"),
        };
        if is_valid { Ok(()) } else { Err(format!("invalid {}; expected {expected}", self.name())) }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Thing => "name",
            Self::AttributeName => "attribute name",
            Self::AttributeValue => "attribute value",
            Self::Policy => "policy name",
            Self::CertificateId => "certificate id",
        }
    }
}

/// Returns whether a value that a device chose may be part of a policy document.
pub(super) fn is_safe_in_policy(value: &str) -> bool {
    is_name(value, POLICY_VALUE, 1..=128)
}

fn is_certificate_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}
