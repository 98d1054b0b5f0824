//! The texts in distinguished names.

use x509_parser::asn1_rs::Tag;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// Object identifiers with their names in policy variables and in the text form of a name.
/// <https://www.rfc-editor.org/rfc/rfc5280#appendix-A.1>
const ATTRIBUTES: [(&str, &str, &str); 13] = [
    ("2.5.4.46", "DistinguishedNameQualifier", "dnQualifier"),
    ("2.5.4.6", "Country", "c"),
    ("2.5.4.10", "Organization", "o"),
    ("2.5.4.11", "OrganizationalUnit", "ou"),
    ("2.5.4.8", "State", "st"),
    ("2.5.4.3", "CommonName", "cn"),
    ("2.5.4.5", "SerialNumber", "serialNumber"),
    ("2.5.4.12", "Title", "title"),
    ("2.5.4.4", "Surname", "sn"),
    ("2.5.4.42", "GivenName", "givenName"),
    ("2.5.4.43", "Initials", "initials"),
    ("2.5.4.65", "Pseudonym", "pseudonym"),
    ("2.5.4.44", "GenerationQualifier", "generationQualifier"),
];

/// Attributes without a policy variable, which can be in the text form of a name.
const OTHERS: [(&str, &str); 4] = [
    ("2.5.4.7", "l"),
    ("2.5.4.9", "street"),
    ("0.9.2342.19200300.100.1.1", "uid"),
    ("0.9.2342.19200300.100.1.25", "dc"),
];

/// Returns the attributes that policy variables have, by the variable's name, in the order of the certificate.
pub(super) fn attributes(name: &X509Name<'_>) -> impl Iterator<Item = (&'static str, String)> {
    name.iter_attributes().filter_map(|attribute| {
        let oid = attribute.attr_type().to_id_string();
        let (_, variable, _) = ATTRIBUTES.iter().find(|(known, _, _)| *known == oid)?;
        Some((*variable, escape(&text(attribute)?)))
    })
}

/// Returns a name as AWS IoT writes the values of `DirectoryName`: the last attribute first, such as
/// `cn=lamp,ou=lights,o=example,c=US`. `None` if a value is not a text.
pub(super) fn directory_name(name: &X509Name<'_>) -> Option<String> {
    let mut parts: Vec<_> = name
        .iter_attributes()
        .map(|attribute| {
            let oid = attribute.attr_type().to_id_string();
            let known = ATTRIBUTES.iter().map(|(known, _, short)| (known, short));
            let known = known.chain(OTHERS.iter().map(|(known, short)| (known, short)));
            let short = known.into_iter().find(|(known, _)| **known == oid).map(|(_, short)| *short);
            text(attribute).map(|text| format!("{}={}", short.unwrap_or(&oid), escape(&text)))
        })
        .collect::<Option<_>>()?;
    parts.reverse();
    Some(parts.join(","))
}

/// Returns the text of an attribute, whatever its string type. `None` if it is not a text.
pub(super) fn text(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    let bytes = attribute.attr_value().data;
    match attribute.attr_value().tag() {
        Tag::BmpString => {
            let units = bytes.chunks(2).map(|pair| pair.try_into().ok().map(u16::from_be_bytes));
            String::from_utf16(&units.collect::<Option<Vec<_>>>()?).ok()
        }
        Tag::UniversalString => {
            bytes.chunks(4).map(|bytes| char::from_u32(u32::from_be_bytes(bytes.try_into().ok()?))).collect()
        }
        // Its many character sets are not used: everybody writes Latin-1.
        Tag::T61String => Some(bytes.iter().copied().map(char::from).collect()),
        _ => attribute.as_str().ok().map(str::to_owned),
    }
}

/// AWS IoT puts a backslash before some characters.
/// <https://docs.aws.amazon.com/iot/latest/developerguide/use-policy-variables.html>
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, ',' | '"' | '\\' | '+' | '=' | '<' | '>' | ';') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
