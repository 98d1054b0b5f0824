//! The values of certificate variables.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/cert-policy-variables.html>

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::X509Certificate;

use super::names;

/// Returns the values by the name of the variable after `iot:Certificate.`, such as `Subject.CommonName`, in the order
/// of the certificate.
pub(super) fn read(certificate: &X509Certificate<'_>) -> BTreeMap<String, Vec<String>> {
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut add = |name: String, value: String| values.entry(name).or_default().push(value);
    // The policy variable is decimal.
    add("SerialNumber".to_owned(), certificate.tbs_certificate.serial.to_string());
    for (prefix, name) in [("Subject", certificate.subject()), ("Issuer", certificate.issuer())] {
        for (attribute, value) in names::attributes(name) {
            add(format!("{prefix}.{attribute}"), value);
        }
    }
    for extension in certificate.extensions() {
        let (prefix, names) = match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(names) => ("Subject", &names.general_names),
            ParsedExtension::IssuerAlternativeName(names) => ("Issuer", &names.general_names),
            _ => continue,
        };
        for (kind, value) in names.iter().filter_map(alternative_name) {
            add(format!("{prefix}.AlternativeName.{kind}"), value);
        }
    }
    values
}

fn alternative_name(name: &GeneralName<'_>) -> Option<(&'static str, String)> {
    match name {
        GeneralName::RFC822Name(text) => Some(("RFC822Name", (*text).to_owned())),
        GeneralName::DNSName(text) => Some(("DNSName", (*text).to_owned())),
        GeneralName::URI(text) => Some(("UniformResourceIdentifier", (*text).to_owned())),
        GeneralName::DirectoryName(name) => Some(("DirectoryName", names::directory_name(name)?)),
        GeneralName::IPAddress(bytes) => Some(("IPAddress", address(bytes)?)),
        _ => None,
    }
}

fn address(bytes: &[u8]) -> Option<String> {
    let v4 = <[u8; 4]>::try_from(bytes).map(|bytes| Ipv4Addr::from(bytes).to_string());
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(|bytes| Ipv6Addr::from(bytes).to_string())).ok()
}
