//! The gateway's certificate authority (CA). It is created on first use and kept in the state folder.
//!
//! Its name constraints (RFC 5280, section 4.2.1.10) allow only names of this machine. So a client that trusts it
//! accepts no certificate for another server, even if the CA key is stolen.

mod client_files;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest;
use iot_local_base::{clock, files, hex};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SanType,
};
use time::OffsetDateTime;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

pub use self::client_files::{ClientFiles, ClientFilesError};

/// The DNS name in the gateway's certificate.
pub const SERVER_NAME: &str = "localhost";

/// The validity of the CA certificate.
const AUTHORITY_VALIDITY: Duration = days(3650);

/// The validity of other certificates. Each start creates a new server certificate.
const LEAF_VALIDITY: Duration = days(365);

/// How long before their creation certificates are valid, for clients whose clock is behind.
const CLOCK_SKEW: Duration = days(1);

/// A certificate and its private key. Not `Debug`: it holds the key.
pub struct Identity {
    /// The certificate.
    pub certificate: CertificateDer<'static>,
    /// Its private key.
    pub key: PrivatePkcs8KeyDer<'static>,
}

impl Identity {
    /// Returns the certificate and the key as PEM.
    #[must_use]
    pub fn pem(&self) -> (String, String) {
        (pem_text("CERTIFICATE", &self.certificate), pem_text("PRIVATE KEY", self.key.secret_pkcs8_der()))
    }
}

/// A client certificate whose private key the client holds. Nothing else about it is checked yet.
#[derive(Clone)]
pub struct ClientCertificate {
    /// The certificate id of AWS IoT: the SHA-256 of its DER encoding, 64 hexadecimal digits.
    pub id: String,
    /// The certificate, DER.
    pub der: Arc<[u8]>,
    /// The further certificates that the client sent, DER. Usually those of its CAs, in the client's order.
    pub chain: Arc<[Vec<u8>]>,
}

impl ClientCertificate {
    /// Describes a certificate without a chain.
    #[must_use]
    pub fn new(der: &CertificateDer<'_>) -> Self {
        let hash = digest::digest(&digest::SHA256, der);
        Self { id: hex::encode(hash.as_ref()), der: der.to_vec().into(), chain: Arc::default() }
    }

    /// Describes the certificates of a handshake, of which the first is the client's. Returns `None` for an empty list.
    #[must_use]
    pub fn of_handshake(certificates: &[CertificateDer<'_>]) -> Option<Self> {
        let (first, chain) = certificates.split_first()?;
        Some(Self { chain: chain.iter().map(|der| der.to_vec()).collect(), ..Self::new(first) })
    }

    /// Returns the certificate as PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        pem_text("CERTIFICATE", &self.der)
    }
}

/// Encodes PEM with LF line endings, as AWS does.
fn pem_text(label: &str, der: &[u8]) -> String {
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_config(&pem::Pem::new(label, der), config)
}

/// Why the CA cannot be opened, or cannot create a certificate.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A file of the state folder is unusable.
    #[error(
        "{}: {error}\n  help: remove the file and start again; clients must then trust the new CA certificate",
        path.display()
    )]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: String,
    },
    /// A certificate cannot be created.
    #[error("cannot create a certificate: {0}")]
    Sign(#[from] rcgen::Error),
}

/// The gateway's certificate authority.
pub struct Authority {
    path: PathBuf,
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Opens the CA of a state folder, or creates it: the certificate `ca.pem` for clients, and the key in `private/`.
    ///
    /// # Errors
    /// If a file cannot be read or written, or has invalid content.
    pub fn open(state: &Path) -> Result<Self, AuthorityError> {
        let (path, key_path) = (state.join("ca.pem"), state.join("private").join("ca.key.pem"));
        let key = KeyPair::generate()?;
        create(&key_path, pem_text("PRIVATE KEY", key.serialized_der()).as_bytes())?;
        // Another process may have created the file first, so the key is read from it.
        let key =
            PrivatePkcs8KeyDer::from_pem_file(&key_path).map_err(|error| file_error(&key_path, error))?;
        let key = KeyPair::try_from(&key).map_err(|error| file_error(&key_path, error))?;
        let certificate = authority_params(&key).self_signed(&key)?;
        create(&path, pem_text("CERTIFICATE", certificate.der()).as_bytes())?;
        let certificate = CertificateDer::from_pem_file(&path).map_err(|error| file_error(&path, error))?;
        if !has_public_key(&certificate, &key) {
            return Err(file_error(&path, format!("does not match the key in {}", key_path.display())));
        }
        Ok(Self { path, certificate, issuer: Issuer::new(authority_params(&key), key) })
    }

    /// Returns the path of the CA certificate, PEM.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the CA certificate.
    #[must_use]
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// Returns the CA certificate as PEM.
    #[must_use]
    pub fn certificate_pem(&self) -> String {
        pem_text("CERTIFICATE", &self.certificate)
    }

    /// Creates a server certificate for `localhost`, 127.0.0.1 and ::1.
    ///
    /// # Errors
    /// If the certificate cannot be created.
    pub fn server(&self) -> Result<Identity, AuthorityError> {
        let mut params = params_valid_for(LEAF_VALIDITY);
        params.distinguished_name = distinguished_name(SERVER_NAME);
        params.subject_alt_names = vec![
            SanType::DnsName(SERVER_NAME.try_into()?),
            SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            SanType::IpAddress(IpAddr::V6(Ipv6Addr::LOCALHOST)),
        ];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(params)
    }

    /// Creates a server certificate for a host name.
    ///
    /// # Errors
    /// If the certificate cannot be created.
    pub fn server_for(&self, name: &str) -> Result<Identity, AuthorityError> {
        let mut params = params_valid_for(LEAF_VALIDITY);
        // A common name has 64 characters at most, a host name 253.
        params.distinguished_name = distinguished_name(SERVER_NAME);
        params.subject_alt_names = vec![SanType::DnsName(name.try_into()?)];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(params)
    }

    /// Creates a client certificate for X.509 custom authentication.
    ///
    /// # Errors
    /// If the certificate cannot be created.
    pub fn client(&self, common_name: &str) -> Result<Identity, AuthorityError> {
        let mut params = params_valid_for(LEAF_VALIDITY);
        params.distinguished_name = distinguished_name(common_name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(params)
    }

    fn sign(&self, mut params: CertificateParams) -> Result<Identity, AuthorityError> {
        let key = KeyPair::generate()?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Identity { certificate: certificate.der().clone(), key: key.serialize_der().into() })
    }
}

/// The name contains an id of the key. So it stays the same in later runs, and a client can trust the CAs of several
/// checkouts.
fn authority_params(key: &KeyPair) -> CertificateParams {
    let mut params = params_valid_for(AUTHORITY_VALIDITY);
    let mut id = hex::encode(&params.key_identifier(key));
    id.truncate(8);
    params.distinguished_name = distinguished_name(&format!("iot-local development CA {id}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![
            GeneralSubtree::DnsName("localhost".to_owned()),
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix(Ipv4Addr::LOCALHOST.octets(), 32)),
            GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix(Ipv6Addr::LOCALHOST.octets(), 128)),
        ],
        excluded_subtrees: Vec::new(),
    });
    params
}

fn params_valid_for(validity: Duration) -> CertificateParams {
    let now = clock::now();
    let mut params = CertificateParams::default();
    params.not_before = date(now.checked_sub(CLOCK_SKEW));
    params.not_after = date(now.checked_add(validity));
    params
}

/// Converts a time between 1970 and 9999. Any other time becomes 1970.
fn date(time: Option<SystemTime>) -> OffsetDateTime {
    let since_epoch = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    let seconds = i64::try_from(since_epoch.as_secs()).unwrap_or_default();
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

const fn days(number: u64) -> Duration {
    Duration::from_secs(number.saturating_mul(86_400))
}

fn distinguished_name(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

/// Whether the certificate contains the public key of `key`.
fn has_public_key(certificate: &CertificateDer<'_>, key: &KeyPair) -> bool {
    let public_key = key.public_key_raw();
    certificate.windows(public_key.len()).any(|bytes| bytes == public_key)
}

/// Creates a file unless it exists.
fn create(path: &Path, content: &[u8]) -> Result<(), AuthorityError> {
    if path.exists() {
        return Ok(());
    }
    files::create_once(path, content).map_err(|error| file_error(path, error))
}

fn file_error(path: &Path, error: impl std::fmt::Display) -> AuthorityError {
    AuthorityError::File { path: path.to_owned(), error: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authority_is_the_same_when_opened_again() {
        let state = tempfile::tempdir().unwrap();
        std::fs::create_dir(state.path().join("private")).unwrap();
        let first = Authority::open(state.path()).unwrap();
        let again = Authority::open(state.path()).unwrap();
        assert_eq!(first.certificate(), again.certificate());
        assert_ne!(first.server().unwrap().certificate, again.server().unwrap().certificate);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let key = std::fs::metadata(state.path().join("private/ca.key.pem")).unwrap();
            assert_eq!(key.permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn an_invalid_file_is_reported() {
        for file in ["ca.pem", "private/ca.key.pem"] {
            let state = tempfile::tempdir().unwrap();
            std::fs::create_dir(state.path().join("private")).unwrap();
            std::fs::write(state.path().join(file), "nothing").unwrap();
            let Err(error) = Authority::open(state.path()) else { panic!("{file} was accepted") };
            assert!(error.to_string().contains("\n  help: remove the file and start again"), "{error}");
        }
    }

    #[test]
    fn a_certificate_of_another_key_is_reported() {
        let state = tempfile::tempdir().unwrap();
        std::fs::create_dir(state.path().join("private")).unwrap();
        Authority::open(state.path()).unwrap();
        std::fs::remove_file(state.path().join("private/ca.key.pem")).unwrap();
        let Err(error) = Authority::open(state.path()) else { panic!("it was accepted") };
        assert!(error.to_string().contains("ca.pem: does not match the key in "), "{error}");
    }
}
