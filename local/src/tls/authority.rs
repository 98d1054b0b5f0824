//! The door's own certificate authority: made on first use, kept in the state folder, never committed.
//!
//! Whoever trusts it trusts it for this machine alone: its name constraints (RFC 5280, section 4.2.1.10) leave out every
//! other server, so that a stolen key is of no use against anything that matters.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SanType,
};
use time::OffsetDateTime;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use super::pem_text;
use crate::clock;
use crate::workspace::files;

/// How long the authority is good for.
const AUTHORITY_LIFE: Duration = days(3650);

/// How long what it signs is good for. The door's own certificate is made anew at each start.
const LEAF_LIFE: Duration = days(365);

/// For clients whose clock is a little behind.
const EARLIER: Duration = days(1);

/// A certificate and its private key. Not `Debug`: it holds the key.
pub struct Identity {
    /// The certificate.
    pub certificate: CertificateDer<'static>,
    /// Its key.
    pub key: PrivatePkcs8KeyDer<'static>,
}

impl Identity {
    /// Certificate and key, each PEM.
    #[must_use]
    pub fn pem(&self) -> (String, String) {
        (pem_text("CERTIFICATE", &self.certificate), pem_text("PRIVATE KEY", self.key.secret_pkcs8_der()))
    }
}

/// Why there is no authority, or no certificate of it.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A file of the state folder.
    #[error("{}: {fault}; remove it and start again, and clients have to trust the new one", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// A certificate cannot be made.
    #[error("a certificate cannot be made: {0}")]
    Sign(#[from] rcgen::Error),
}

/// The authority.
pub struct Authority {
    path: PathBuf,
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Opens the authority of a state folder, or makes it: `ca.pem`, which clients are given, and its key in `private/`.
    ///
    /// # Errors
    /// Files that cannot be read or written, or that hold something else.
    pub fn open(state: &Path) -> Result<Self, AuthorityError> {
        let (path, key_path) = (state.join("ca.pem"), state.join("private").join("ca.key.pem"));
        let key = KeyPair::generate()?;
        create(&key_path, pem_text("PRIVATE KEY", key.serialized_der()).as_bytes())?;
        // Another process may have been quicker: what is in the file holds.
        let key = PrivatePkcs8KeyDer::from_pem_file(&key_path).map_err(|error| wrong(&key_path, error))?;
        let key = KeyPair::try_from(&key).map_err(|error| wrong(&key_path, error))?;
        let certificate = authority(&key).self_signed(&key)?;
        create(&path, pem_text("CERTIFICATE", certificate.der()).as_bytes())?;
        let certificate = CertificateDer::from_pem_file(&path).map_err(|error| wrong(&path, error))?;
        let public = key.public_key_raw();
        if !certificate.windows(public.len()).any(|part| part == public) {
            return Err(wrong(&path, format!("it is not of the key in {}", key_path.display())));
        }
        Ok(Self { path, certificate, issuer: Issuer::new(authority(&key), key) })
    }

    /// Where clients find the certificate, PEM.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The certificate.
    #[must_use]
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// A new certificate for the door: `localhost`, 127.0.0.1 and ::1.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn server(&self) -> Result<Identity, AuthorityError> {
        let mut params = lasting(LEAF_LIFE);
        params.distinguished_name = named("localhost");
        params.subject_alt_names = vec![
            SanType::DnsName("localhost".try_into()?),
            SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            SanType::IpAddress(IpAddr::V6(Ipv6Addr::LOCALHOST)),
        ];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(params)
    }

    /// A new client certificate for X.509 custom authentication.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn client(&self, common_name: &str) -> Result<Identity, AuthorityError> {
        let mut params = lasting(LEAF_LIFE);
        params.distinguished_name = named(common_name);
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

/// The name is that of the key: it is the same in a later run, and another in another checkout, so that a client can trust
/// several.
fn authority(key: &KeyPair) -> CertificateParams {
    let mut params = lasting(AUTHORITY_LIFE);
    let id: String = params.key_identifier(key).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    params.distinguished_name = named(&format!("iot-local development CA {id}"));
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

fn lasting(life: Duration) -> CertificateParams {
    let now = clock::now();
    let mut params = CertificateParams::default();
    params.not_before = date(now.checked_sub(EARLIER));
    params.not_after = date(now.checked_add(life));
    params
}

/// The date of a time between 1970 and 9999; the clock of a machine is nowhere else.
fn date(time: Option<SystemTime>) -> OffsetDateTime {
    let since = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or_default();
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

const fn days(number: u64) -> Duration {
    Duration::from_secs(number.saturating_mul(86_400))
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

fn create(path: &Path, content: &[u8]) -> Result<(), AuthorityError> {
    if path.exists() {
        return Ok(());
    }
    files::create_once(path, content).map_err(|error| wrong(path, error))
}

fn wrong(path: &Path, fault: impl std::fmt::Display) -> AuthorityError {
    AuthorityError::File { path: path.to_owned(), fault: fault.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authority_stays_what_it_is() {
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
    fn a_file_that_is_something_else_is_named() {
        for file in ["ca.pem", "private/ca.key.pem"] {
            let state = tempfile::tempdir().unwrap();
            std::fs::create_dir(state.path().join("private")).unwrap();
            std::fs::write(state.path().join(file), "nothing").unwrap();
            let Err(error) = Authority::open(state.path()) else { panic!("{file} was taken") };
            assert!(error.to_string().contains("remove it and start again"), "{error}");
        }
    }

    #[test]
    fn a_certificate_of_another_key_is_named() {
        let state = tempfile::tempdir().unwrap();
        std::fs::create_dir(state.path().join("private")).unwrap();
        Authority::open(state.path()).unwrap();
        std::fs::remove_file(state.path().join("private/ca.key.pem")).unwrap();
        let Err(error) = Authority::open(state.path()) else { panic!("taken") };
        assert!(error.to_string().contains("ca.pem: it is not of the key"), "{error}");
    }
}
