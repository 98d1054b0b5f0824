//! A company's own CA, which issues the certificates of its devices.

use iot_local_gateway::certificate::ClientCertificate;
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A CA of a company, with its key.
pub(super) struct Company {
    pub(super) name: &'static str,
    /// The id that AWS IoT gives its certificate: the SHA-256 of the DER form.
    pub(super) certificate_id: String,
    pub(super) certificate_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Company {
    pub(super) fn new(name: &'static str) -> Result<Self, rcgen::Error> {
        let mut params = CertificateParams::default();
        params.distinguished_name = subject(name, None);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        let certificate_id = ClientCertificate::new(certificate.der()).id;
        Ok(Self { name, certificate_id, certificate_pem: certificate.pem(), issuer: Issuer::new(params, key) })
    }

    /// Issues a certificate with a new key.
    pub(super) fn issue(
        &self,
        common_name: &str,
        country: Option<&str>,
    ) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), rcgen::Error> {
        let mut params = CertificateParams::default();
        params.distinguished_name = subject(common_name, country);
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        Ok((certificate.der().clone(), key))
    }
}

fn subject(common_name: &str, country: Option<&str>) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    country.into_iter().for_each(|country| name.push(DnType::CountryName, country));
    name.push(DnType::CommonName, common_name);
    name
}
