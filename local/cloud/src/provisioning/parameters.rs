//! The values that a template is evaluated with.

use std::collections::BTreeMap;

use x509_parser::prelude::{FromDer, X509Certificate};

/// The parameter that holds the id of the client's certificate.
pub(super) const CERTIFICATE_ID: &str = "AWS::IoT::Certificate::Id";

/// The parameters of just-in-time provisioning, with the object identifier and the short name of the subject's
/// attribute (X.520, RFC 4519).
/// <https://docs.aws.amazon.com/iot/latest/developerguide/jit-provisioning.html>
pub(super) const SUBJECT_PARAMETERS: [(&str, &str, &str); 7] = [
    ("AWS::IoT::Certificate::Country", "2.5.4.6", "C"),
    ("AWS::IoT::Certificate::Organization", "2.5.4.10", "O"),
    ("AWS::IoT::Certificate::OrganizationalUnit", "2.5.4.11", "OU"),
    ("AWS::IoT::Certificate::DistinguishedNameQualifier", "2.5.4.46", "dnQualifier"),
    ("AWS::IoT::Certificate::StateName", "2.5.4.8", "ST"),
    ("AWS::IoT::Certificate::CommonName", "2.5.4.3", "CN"),
    ("AWS::IoT::Certificate::SerialNumber", "2.5.4.5", "serialNumber"),
];

/// Returns the short name of the attribute that a parameter of just-in-time provisioning is read from.
pub(super) fn subject_attribute(parameter: &str) -> Option<&'static str> {
    let found = SUBJECT_PARAMETERS.iter().find(|(name, ..)| *name == parameter);
    found.map(|(_, _, attribute)| *attribute)
}

/// The longest value of a parameter, in characters.
const MAX_VALUE_CHARS: usize = 4096;

/// Checked values of parameters, by name. A caller cannot give those whose names begin with `AWS::`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameters(BTreeMap<String, String>);

/// A parameter that a caller or a device cannot give.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("parameter {name:?}: {what}")]
pub struct InvalidParameter {
    /// The name of the parameter.
    pub name: String,
    /// What is wrong with it.
    pub what: &'static str,
}

impl Parameters {
    /// Checks the values that a caller or a device gives.
    ///
    /// # Errors
    /// A name begins with `AWS::`, or a value has more than 4,096 characters.
    pub fn new(values: BTreeMap<String, String>) -> Result<Self, InvalidParameter> {
        for (name, value) in &values {
            let what = if name.starts_with("AWS::") {
                "names that begin with AWS:: are reserved"
            } else if value.chars().count() > MAX_VALUE_CHARS {
                "longer than 4096 characters"
            } else {
                continue;
            };
            return Err(InvalidParameter { name: name.clone(), what });
        }
        Ok(Self(values))
    }

    /// Reads the values of just-in-time provisioning from a certificate, DER. Of several values of one attribute the
    /// first counts; AWS documents no rule.
    ///
    /// # Errors
    /// See [`crate::UnreadableCertificate`].
    pub fn from_certificate(der: &[u8]) -> Result<Self, crate::UnreadableCertificate> {
        let facts = crate::CertificateFacts::read(der)?;
        let mut values = BTreeMap::new();
        if let Ok((_, certificate)) = X509Certificate::from_der(der) {
            for attribute in certificate.subject().iter_attributes() {
                let oid = attribute.attr_type().to_id_string();
                let parameter = SUBJECT_PARAMETERS.iter().find(|(_, known, _)| *known == oid);
                if let (Some((name, ..)), Ok(value)) = (parameter, attribute.as_str()) {
                    values.entry((*name).to_owned()).or_insert_with(|| value.to_owned());
                }
            }
        }
        Ok(Self(values).with_certificate_id(&facts.id))
    }

    /// Adds the id of the certificate that is provisioned.
    #[must_use]
    pub fn with_certificate_id(mut self, id: &str) -> Self {
        self.0.insert(CERTIFICATE_ID.to_owned(), id.to_owned());
        self
    }

    /// Returns the id of the certificate that is provisioned.
    pub(super) fn certificate_id(&self) -> Option<&str> {
        self.get(CERTIFICATE_ID)
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}
