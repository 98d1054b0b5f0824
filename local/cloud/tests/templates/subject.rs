//! Certificates with any subject.

use std::sync::LazyLock;

use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyPair};

static KEY: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::generate().unwrap());

/// The last arc of the object identifiers below 2.5.4.
const ATTRIBUTES: [(&str, u8); 9] = [
    ("CN", 3),
    ("serialNumber", 5),
    ("C", 6),
    ("L", 7),
    ("ST", 8),
    ("O", 10),
    ("OU", 11),
    ("title", 12),
    ("dnQualifier", 46),
];

/// Returns a certificate, DER, whose subject has these attributes in this order. rcgen takes each attribute once, so
/// each gets an identifier of its own first, which is then replaced. The signature is invalid; nothing checks it.
pub(crate) fn certificate(subject: &[(String, String)]) -> Vec<u8> {
    let mut names = DistinguishedName::new();
    for (arc, (_, value)) in (100_u64..).zip(subject) {
        names.push(DnType::CustomDnType(vec![2, 5, 4, arc]), DnValue::Utf8String(value.clone()));
    }
    let mut params = CertificateParams::default();
    params.distinguished_name = names;
    let mut der = params.self_signed(&*KEY).unwrap().der().to_vec();
    for (arc, (name, _)) in (100_u8..).zip(subject) {
        let (_, known) = ATTRIBUTES.iter().find(|(known, _)| known == name).unwrap();
        let identifier = [6, 3, 0x55, 4, arc];
        while let Some(i) = der.windows(5).position(|window| window == identifier) {
            *der[i..].get_mut(4).unwrap() = *known;
        }
    }
    der
}
