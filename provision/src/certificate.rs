//! What is read from certificates and certification requests: public keys and subjects. AWS IoT has verified them; here
//! they are only taken apart, whatever their version.

use x509_parser::asn1_rs::Tag;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

use crate::denial::{Code, Denial};

/// The largest certification request that AWS IoT accepts, in bytes.
/// <https://docs.aws.amazon.com/iot/latest/apireference/API_CreateCertificateFromCsr.html>
const MAX_CSR_BYTES: usize = 4096;

/// The parts of a subject that a pattern may name, with their object identifiers: those of AWS's templates.
/// <https://docs.aws.amazon.com/iot/latest/developerguide/jit-provisioning.html>
const SUBJECT: [(&str, &str); 7] = [
    ("Country", "2.5.4.6"),
    ("Organization", "2.5.4.10"),
    ("OrganizationalUnit", "2.5.4.11"),
    ("DistinguishedNameQualifier", "2.5.4.46"),
    ("StateName", "2.5.4.8"),
    ("CommonName", "2.5.4.3"),
    ("SerialNumber", "2.5.4.5"),
];

/// The variables of an `[[authority]]`: the parts of a subject, and the id of the certificate.
pub const VARIABLES: [&str; 8] = [
    "Country",
    "Organization",
    "OrganizationalUnit",
    "DistinguishedNameQualifier",
    "StateName",
    "CommonName",
    "SerialNumber",
    "Id",
];

/// A public key: its SubjectPublicKeyInfo (RFC 5280 section 4.1) in DER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(Box<[u8]>);

impl PublicKey {
    /// The key of a certificate in PEM. Returns `None` if it is unreadable.
    #[must_use]
    pub fn of_certificate(pem: &str) -> Option<Self> {
        let der = pem::parse(pem).ok()?.into_contents();
        let (_, certificate) = X509Certificate::from_der(&der).ok()?;
        Some(Self(certificate.public_key().raw.into()))
    }
}

/// A certification request (PKCS #10, RFC 2986) that is signed by its own key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningRequest {
    pem: Box<str>,
    key: PublicKey,
}

impl SigningRequest {
    /// Parses a request in PEM and verifies its signature, so that no one has a certificate made for another's key.
    ///
    /// # Errors
    /// [`Code::MalformedCsr`].
    pub fn parse(text: &str) -> Result<Self, Code> {
        Self::read(text).ok_or(Code::MalformedCsr)
    }

    fn read(text: &str) -> Option<Self> {
        let block = pem::parse(text).ok().filter(|_| text.len() <= MAX_CSR_BYTES)?;
        if block.tag() != "CERTIFICATE REQUEST" {
            return None;
        }
        let (rest, request) = X509CertificationRequest::from_der(block.contents()).ok()?;
        request.verify_signature().ok().filter(|()| rest.is_empty())?;
        let key = request.certification_request_info.subject_pki.raw;
        Some(Self { pem: text.into(), key: PublicKey(key.into()) })
    }

    /// The request as it was sent.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The key that the certificate is for.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        &self.key
    }
}

/// The subject of a certificate: the parts that a pattern may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject(Vec<(&'static str, Option<Box<str>>)>);

impl Subject {
    /// The subject of a certificate in PEM. Returns `None` if the certificate is unreadable.
    #[must_use]
    pub fn parse(pem: &str) -> Option<Self> {
        let der = pem::parse(pem).ok()?.into_contents();
        let (_, certificate) = X509Certificate::from_der(&der).ok()?;
        Some(Self(parts(certificate.subject())))
    }

    /// The value of one part, as `CommonName`.
    ///
    /// # Errors
    /// [`Code::MissingName`]; [`Code::AmbiguousName`] if the subject has the part more than once, as it is not
    /// documented which of them AWS takes; [`Code::UnsafeName`] if its string type has more than one reading.
    pub fn value(&self, name: &'static str) -> Result<&str, Denial> {
        let mut values = self.0.iter().filter(|(known, _)| *known == name).map(|(_, value)| value);
        match (values.next(), values.next()) {
            (None, _) => Err(Denial::about(Code::MissingName, name)),
            (Some(_), Some(_)) => Err(Denial::about(Code::AmbiguousName, name)),
            (Some(value), None) => value.as_deref().ok_or_else(|| Denial::about(Code::UnsafeName, name)),
        }
    }
}

fn parts(subject: &X509Name<'_>) -> Vec<(&'static str, Option<Box<str>>)> {
    let named = |attribute: &AttributeTypeAndValue<'_>| {
        let identifier = attribute.attr_type().to_id_string();
        let (name, _) = SUBJECT.into_iter().find(|(_, known)| *known == identifier)?;
        Some((name, text(attribute)))
    };
    subject.iter_attributes().filter_map(named).collect()
}

/// The text of a string whose type has one reading. `None` for others, such as TeletexString and BMPString.
fn text(attribute: &AttributeTypeAndValue<'_>) -> Option<Box<str>> {
    let value = attribute.attr_value();
    let is_known =
        matches!(value.tag(), Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::NumericString);
    str::from_utf8(value.data).ok().filter(|_| is_known).map(Into::into)
}
