//! Certificates that AWS IoT signs itself.
//! <https://docs.aws.amazon.com/iot/latest/apireference/API_CreateKeysAndCertificate.html>,
//! <https://docs.aws.amazon.com/iot/latest/apireference/API_CreateCertificateFromCsr.html>

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use serde_json::{Value, json};
use uuid::Uuid;

use super::request::CertificationRequest;
use super::{Input, arn};
use crate::certificate::CertificateFacts;
use crate::cloud::Cloud;
use crate::error::{ApiError, ErrorKind};
use crate::issuer::{NOT_AFTER, common_name, pem_text};
use crate::registry::{Certificate, CertificateMode, CertificateStatus, Change};

/// The common name of a certificate without a CSR.
const COMMON_NAME: &str = "AWS IoT Certificate";

/// Creates an RSA key and a certificate for it. The private key is in the answer and nowhere else.
pub(crate) fn create_keys_and_certificate(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let status = status(input)?;
    let keys = Keys::generate()?;
    let certificate = sign_keys(cloud, &keys, status, NOT_AFTER)?;
    let mut answer = register(cloud, certificate)?;
    if let Some(members) = answer.as_object_mut() {
        members.insert("keyPair".to_owned(), keys.pair());
    }
    Ok(answer)
}

/// Signs a certificate for a new key, without registering it. `not_after` is in seconds since 1970.
pub(crate) fn sign_keys(
    cloud: &Cloud,
    keys: &Keys,
    status: CertificateStatus,
    not_after: i64,
) -> Result<Certificate, ApiError> {
    sign(cloud, &common_name(COMMON_NAME), &keys.public, status, not_after)
}

/// Creates a certificate for the key of a CSR. The same CSR again gives another certificate.
///
/// # Errors
/// 400 for a CSR that is unreadable, has an unsupported key or an invalid signature.
pub(crate) fn create_certificate_from_csr(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let status = status(input)?;
    let certificate = sign_request(cloud, input.required_text("certificateSigningRequest")?, status)?;
    register(cloud, certificate)
}

/// An RSA key of 2,048 bits. Not `Debug`: it holds the private key.
pub(crate) struct Keys {
    /// `RSAPrivateKey` of PKCS #1 (RFC 8017), as AWS gives it.
    private: Vec<u8>,
    /// `SubjectPublicKeyInfo`.
    public: Vec<u8>,
}

impl Keys {
    /// Generates a key.
    ///
    /// # Errors
    /// InternalFailure: the library cannot.
    pub(crate) fn generate() -> Result<Self, ApiError> {
        Self::try_generate().ok_or_else(|| internal("no RSA key could be made"))
    }

    /// Returns the private key, PEM.
    pub(crate) fn private_pem(&self) -> String {
        pem_text("RSA PRIVATE KEY", &self.private)
    }

    /// Returns the member `keyPair` of a response.
    pub(crate) fn pair(&self) -> Value {
        json!({ "PublicKey": pem_text("PUBLIC KEY", &self.public), "PrivateKey": self.private_pem() })
    }

    fn try_generate() -> Option<Self> {
        let key = KeyPair::generate(KeySize::Rsa2048).ok()?;
        let pkcs8: Pkcs8V1Der<'_> = key.as_der().ok()?;
        let public: PublicKeyX509Der<'_> = key.public_key().as_der().ok()?;
        let private = yasna::parse_der(pkcs8.as_ref(), |reader| {
            // PrivateKeyInfo (RFC 5208): version, algorithm, the key in an octet string.
            reader.read_sequence(|reader| {
                reader.next().read_u8()?;
                reader.next().read_der()?;
                reader.next().read_bytes()
            })
        });
        Some(Self { private: private.ok()?, public: public.as_ref().to_vec() })
    }
}

fn register(cloud: &Cloud, certificate: Certificate) -> Result<Value, ApiError> {
    let answer = json!({
        "certificateArn": arn(cloud.account(), &certificate.id),
        "certificateId": certificate.id,
        "certificatePem": certificate.pem,
    });
    cloud.write(|_| Ok((vec![Change::PutCertificate(certificate.into())], answer)))
}

/// Signs a certificate for the key of a CSR, without registering it.
///
/// # Errors
/// 400 for a CSR that is unreadable, has an unsupported key or an invalid signature.
pub(crate) fn sign_request(
    cloud: &Cloud,
    request: &str,
    status: CertificateStatus,
) -> Result<Certificate, ApiError> {
    let request = CertificationRequest::read(request)?;
    sign(cloud, &request.subject, &request.public_key, status, NOT_AFTER)
}

fn sign(
    cloud: &Cloud,
    subject: &[u8],
    public_key: &[u8],
    status: CertificateStatus,
    not_after: i64,
) -> Result<Certificate, ApiError> {
    let issuer = cloud.issuer().map_err(|error| internal(&error.to_string()))?;
    let der = issuer.sign(subject, public_key, (cloud.options().clock)(), not_after);
    let der = der.map_err(|error| internal(&error.to_string()))?;
    let facts = CertificateFacts::read(&der).map_err(|error| internal(&error.to_string()))?;
    let now = cloud.now();
    Ok(Certificate {
        id: facts.id,
        pem: pem_text("CERTIFICATE", &der),
        status,
        mode: CertificateMode::Default,
        ca_certificate_id: None,
        not_before: facts.not_before,
        not_after: facts.not_after,
        created: now,
        modified: now,
        customer_version: 1,
        generation_id: Uuid::new_v4().to_string(),
    })
}

fn status(input: &Input) -> Result<CertificateStatus, ApiError> {
    let is_active = input.query_flag("setAsActive")?.unwrap_or(false);
    Ok(if is_active { CertificateStatus::Active } else { CertificateStatus::Inactive })
}

fn internal(what: &str) -> ApiError {
    ApiError::new(ErrorKind::InternalFailure, what)
}
