//! The files of one device: key, certificate request, and later its certificate.

use std::path::{Path, PathBuf};

use iot_local_base::files;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};

use super::KitError;

/// The longest common name (X.520). A longer thing name gives a request without one.
const MAX_COMMON_NAME: usize = 64;

/// What a device has to be registered.
pub(super) struct Made {
    /// The certificate request, PEM.
    pub(super) request: String,
    /// Whether its key was made now.
    pub(super) is_new: bool,
}

/// Makes key (P-256) and request of a device. Files that exist are kept; a request that is missing is made from the
/// key, as after a kill between the two.
pub(super) fn make(folder: &Path, name: &str) -> Result<Made, KitError> {
    let (key_path, request_path) = (key_path(folder, name), folder.join(format!("{name}.csr.pem")));
    let is_new = !key_path.exists();
    if is_new {
        let key = KeyPair::generate()?;
        write_once(&key_path, &key.serialize_pem())?;
    }
    if !request_path.exists() {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        if name.len() <= MAX_COMMON_NAME {
            params.distinguished_name.push(DnType::CommonName, name);
        }
        let request = params.serialize_request(&read_key(folder, name)?)?;
        write_once(&request_path, &request.pem()?)?;
    }
    Ok(Made { request: read(&request_path)?, is_new })
}

/// Reads the key of a device.
///
/// # Errors
/// The file is missing or holds no key.
pub(super) fn read_key(folder: &Path, name: &str) -> Result<KeyPair, KitError> {
    let path = key_path(folder, name);
    let unusable = |_| KitError::File { path: path.clone(), what: "not a private key in PEM".to_owned() };
    KeyPair::from_pem(&read(&path)?).map_err(unusable)
}

pub(super) fn key_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.key.pem"))
}

pub(super) fn certificate_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.pem"))
}

fn read(path: &Path) -> Result<String, KitError> {
    std::fs::read_to_string(path).map_err(|error| KitError::file(path, &error))
}

fn write_once(path: &Path, content: &str) -> Result<(), KitError> {
    files::create_once(path, content.as_bytes()).map_err(|error| KitError::file(path, &error))
}
