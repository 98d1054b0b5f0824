//! The values of certificate and thing variables.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/cert-policy-variables.html>,
//! <https://docs.aws.amazon.com/iot/latest/developerguide/thing-policy-variables.html>

use crate::question::{CertificateContext, ThingContext};

const CERTIFICATE: &str = "iot:Certificate.";
const THING: &str = "iot:Connection.Thing.";

/// Prefixes of the keys whose values come from a client certificate, or from a thing that is attached to one.
const PREFIXES: [&str; 3] = [THING, CERTIFICATE, "iot:Thing."];

/// The attributes of a distinguished name, and of an alternative name, after `Subject.` and `Issuer.`.
const NAME_ATTRIBUTES: [&str; 18] = [
    "DistinguishedNameQualifier",
    "Country",
    "Organization",
    "OrganizationalUnit",
    "State",
    "CommonName",
    "SerialNumber",
    "Title",
    "Surname",
    "GivenName",
    "Initials",
    "Pseudonym",
    "GenerationQualifier",
    "AlternativeName.RFC822Name",
    "AlternativeName.DNSName",
    "AlternativeName.DirectoryName",
    "AlternativeName.UniformResourceIdentifier",
    "AlternativeName.IPAddress",
];

/// AWS IoT ignores further values of an attribute.
const MAX_VALUES: usize = 5;

/// AWS IoT does not substitute a longer value.
const MAX_VALUE_CHARS: usize = 1024;

/// The values of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyValues {
    /// All values. Empty if the certificate or the thing has none.
    pub(crate) values: Vec<String>,
    /// Whether the key is a list, which cannot be a variable.
    pub(crate) is_list: bool,
}

/// Whether a certificate or a thing gives the key its value.
pub(crate) fn is_certificate_key(name: &str) -> bool {
    PREFIXES.iter().any(|prefix| strip_prefix(name, prefix).is_some())
}

/// Checks a value before it becomes a part of a policy: a device may have chosen it.
///
/// AWS IoT has these rules for certificates. Here they hold for attributes of things, too, since `#` and `+` are
/// wildcards of topic filters. An empty value is not substituted either: `topic/${...}*` would become `topic/*`.
///
/// # Errors
/// Why the value is not substituted.
pub(crate) fn check_substitution(value: &str) -> Result<(), &'static str> {
    if value.is_empty() {
        return Err("is not substituted: its value is empty");
    }
    if value.contains(['*', '$', '+', '?', '#']) {
        return Err("is not substituted: its value contains *, $, +, ? or #");
    }
    if value.chars().count() > MAX_VALUE_CHARS {
        return Err("is not substituted: its value is longer than 1,024 characters");
    }
    Ok(())
}

impl CertificateContext {
    /// Returns the values of a key, `None` for an unknown name. Names are compared without regard to case, as IAM does;
    /// the name of a thing's attribute is compared exactly.
    pub(crate) fn key(&self, name: &str) -> Option<KeyValues> {
        if let Some(name) = strip_prefix(name, THING) {
            return thing_values(self.thing.as_ref(), name).map(KeyValues::single);
        }
        let name = strip_prefix(name, CERTIFICATE)?;
        if name.eq_ignore_ascii_case("AvailableKeys") {
            return Some(KeyValues { values: self.available_keys(), is_list: true });
        }
        if is_attribute(name) {
            return Some(KeyValues::single(self.attribute(name).next()));
        }
        let (name, suffix) = name.rsplit_once('.').filter(|(name, _)| is_attribute(name))?;
        if suffix.eq_ignore_ascii_case("List") {
            return Some(KeyValues { values: self.attribute(name).collect(), is_list: true });
        }
        let is_index = suffix.len() == 1;
        let index: usize = suffix.parse().ok().filter(|_| is_index)?;
        Some(KeyValues::single(self.attribute(name).nth(index)))
    }

    /// Returns the first values of an attribute.
    fn attribute(&self, name: &str) -> impl Iterator<Item = String> {
        let mut attributes = self.certificate.iter();
        let found = attributes.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, values)| values.as_slice()).unwrap_or_default().iter().take(MAX_VALUES).cloned()
    }

    /// Returns the names of the variables with values.
    fn available_keys(&self) -> Vec<String> {
        let attributes =
            self.certificate.iter().filter(|(name, values)| is_attribute(name) && !values.is_empty());
        attributes.map(|(name, _)| format!("{CERTIFICATE}{name}")).collect()
    }
}

impl KeyValues {
    fn single(value: Option<String>) -> Self {
        Self { values: value.into_iter().collect(), is_list: false }
    }
}

/// Returns the value of a thing's key. The outer `None` means an unknown name.
fn thing_values(thing: Option<&ThingContext>, name: &str) -> Option<Option<String>> {
    if name.eq_ignore_ascii_case("IsAttached") {
        return Some(Some(thing.is_some().to_string()));
    }
    if name.eq_ignore_ascii_case("ThingName") {
        return Some(thing.map(|thing| thing.name.clone()));
    }
    if name.eq_ignore_ascii_case("ThingTypeName") {
        return Some(thing.and_then(|thing| thing.type_name.clone()));
    }
    let attribute = strip_prefix(name, "Attributes[")?.strip_suffix(']')?;
    Some(thing.and_then(|thing| thing.attributes.get(attribute).cloned()))
}

fn is_attribute(name: &str) -> bool {
    let of_name = |prefix| {
        strip_prefix(name, prefix)
            .is_some_and(|rest| NAME_ATTRIBUTES.iter().any(|attribute| attribute.eq_ignore_ascii_case(rest)))
    };
    name.eq_ignore_ascii_case("SerialNumber") || of_name("Subject.") || of_name("Issuer.")
}

/// Removes a prefix without regard to case.
fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (first, rest) = text.split_at_checked(prefix.len())?;
    first.eq_ignore_ascii_case(prefix).then_some(rest)
}

#[cfg(test)]
mod tests;
