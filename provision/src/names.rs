//! The alphabets of names and values. What a device sends becomes the name of a thing, a level of a topic or an
//! attribute only if it has no other characters: INVARIANT (data is never syntax).
//!
//! The lengths and alphabets are those of AWS IoT's API.
//! <https://docs.aws.amazon.com/iot/latest/apireference/API_CreateThing.html>

use std::fmt;

use iot_jwt_authorizer::config_schema::{Alphabet, Letters};

/// Names of things.
pub static THING_NAME: Alphabet = alphabet(1, 128, ":_-");

/// Names of attributes.
pub static ATTRIBUTE_NAME: Alphabet = alphabet(1, 128, "_.,@/:#-");

/// Values of attributes.
pub static ATTRIBUTE_VALUE: Alphabet = alphabet(0, 800, "_.,@/:#=[]-");

/// Names of policies.
pub static POLICY_NAME: Alphabet = alphabet(1, 128, "_+=,.@-");

/// Names of provisioning templates.
pub static TEMPLATE_NAME: Alphabet = alphabet(1, 36, "_-");

/// Names of DynamoDB tables.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html>
static TABLE_NAME: Alphabet = alphabet(3, 255, "_.-");

/// Ids of certificates.
pub static CERTIFICATE_ID: Alphabet =
    Alphabet { letters: Letters::LowerHex, punctuation: "", lengths: 64..=64 };

/// Regions in the ids of Cognito identities.
static REGION: Alphabet = alphabet(1, 32, "-");

/// The name of a thing: 1 to 128 of `A-Z a-z 0-9 : _ -`. It is safe as a level of a topic, too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ThingName(Box<str>);

impl ThingName {
    /// Parses a name. Returns `None` for one with another length or other characters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        THING_NAME.has(text).then(|| Self(text.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ThingName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Whether a text is the name of an attribute: 1 to 128 of `A-Z a-z 0-9 _ . , @ / : # -`.
#[must_use]
pub fn is_attribute_name(text: &str) -> bool {
    ATTRIBUTE_NAME.has(text)
}

/// Whether a text is the value of an attribute: at most 800 of `A-Z a-z 0-9 _ . , @ / : # = [ ] -`.
#[must_use]
pub fn is_attribute_value(text: &str) -> bool {
    ATTRIBUTE_VALUE.has(text)
}

/// Whether a text is the name of a policy: 1 to 128 of `A-Z a-z 0-9 _ + = , . @ -`.
#[must_use]
pub fn is_policy_name(text: &str) -> bool {
    POLICY_NAME.has(text)
}

/// Whether a text is the name of a provisioning template: 1 to 36 of `A-Z a-z 0-9 _ -`.
#[must_use]
pub fn is_template_name(text: &str) -> bool {
    TEMPLATE_NAME.has(text)
}

/// Whether a text is the name of a DynamoDB table: 3 to 255 of `A-Z a-z 0-9 _ . -`.
#[must_use]
pub fn is_table_name(text: &str) -> bool {
    TABLE_NAME.has(text)
}

/// Whether a text is the id of a certificate: 64 hexadecimal digits in lower case.
#[must_use]
pub fn is_certificate_id(text: &str) -> bool {
    CERTIFICATE_ID.has(text)
}

/// Whether a text is the id of a Cognito identity: a Region, a colon, and a UUID in lower case.
/// <https://docs.aws.amazon.com/cognitoidentity/latest/APIReference/API_GetId.html>
#[must_use]
pub fn is_identity_id(text: &str) -> bool {
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.split_once(':').is_some_and(|(region, id)| {
        REGION.has(region)
            && id.split('-').map(str::len).eq([8, 4, 4, 4, 12])
            && id.bytes().all(|byte| is_hex(byte) || byte == b'-')
    })
}

const fn alphabet(min: usize, max: usize, punctuation: &'static str) -> Alphabet {
    Alphabet { letters: Letters::Alphanumeric, punctuation, lengths: min..=max }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader, the punctuation that it accepts, and its shortest and longest text.
    type Alphabet = (fn(&str) -> bool, &'static str, usize, usize);

    const ALPHABETS: [Alphabet; 6] = [
        (|text| ThingName::parse(text).is_some_and(|name| name.as_str() == text), ":_-", 1, 128),
        (is_attribute_name, "_.,@/:#-", 1, 128),
        (is_attribute_value, "_.,@/:#=[]-", 0, 800),
        (is_policy_name, "_+=,.@-", 1, 128),
        (is_template_name, "_-", 1, 36),
        (is_table_name, "_.-", 3, 255),
    ];

    #[test]
    fn names_have_their_alphabet_and_length() {
        for (index, (is_valid, punctuation, shortest, longest)) in ALPHABETS.into_iter().enumerate() {
            for character in (0_u8..=127).map(char::from).chain(['é', '\u{430}', '\u{200b}']) {
                let text: String = std::iter::repeat_n(character, shortest.max(1)).collect();
                let expected = character.is_ascii_alphanumeric() || punctuation.contains(character);
                assert_eq!(is_valid(&text), expected, "{index} {character:?}");
                assert_eq!(is_valid(&format!("aaa{character}a")), expected, "{index} {character:?}");
            }
            assert!(is_valid(&"a".repeat(longest)) && is_valid(&"a".repeat(shortest)), "{index}");
            assert!(!is_valid(&"a".repeat(longest + 1)), "{index}");
            assert!(shortest == 0 || !is_valid(&"a".repeat(shortest - 1)), "{index}");
        }
    }

    #[test]
    fn ids_have_their_digits() {
        let id = "0123456789abcdef".repeat(4);
        assert!(is_certificate_id(&id));
        for bad in
            ["", id.strip_prefix('0').unwrap(), &format!("{id}0"), &id.to_uppercase(), &id.replace('f', "g")]
        {
            assert!(!is_certificate_id(bad), "{bad}");
        }
        assert!(is_identity_id("eu-west-1:00000000-0000-4000-8000-00000000000f"));
        for bad in [
            "",
            "eu-west-1",
            "00000000-0000-4000-8000-00000000000f",
            ":00000000-0000-4000-8000-00000000000f",
            "eu west:00000000-0000-4000-8000-00000000000f",
            "eu-west-1:00000000-0000-4000-8000-00000000000F",
            "eu-west-1:00000000-0000-4000-8000-00000000000g",
            "eu-west-1:000000000000400080000000000000000000",
            "eu-west-1:00000000-0000-4000-8000-00000000000f-",
            "eu-west-1:00000000-0000-4000-8000-00000000000f:1",
        ] {
            assert!(!is_identity_id(bad), "{bad}");
        }
    }
}
