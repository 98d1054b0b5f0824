//! The files of a client certificate.

use std::path::{Path, PathBuf};

use iot_local_base::files;
use rcgen::KeyPair;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use super::{Authority, AuthorityError, ClientCertificate, has_public_key};

/// The files of a client certificate and its key, for X.509 custom authentication.
/// <https://docs.aws.amazon.com/iot/latest/developerguide/custom-auth-509cert.html>
#[derive(Debug)]
pub struct ClientFiles {
    /// The certificate, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// The certificate id, see [`ClientCertificate::id`].
    pub id: String,
}

/// Why a client certificate cannot be read or created.
#[derive(Debug, thiserror::Error)]
pub enum ClientFilesError {
    /// The CA cannot create it.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// A file or the folder is unusable.
    #[error("{}: {error}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        error: String,
    },
}

impl ClientFiles {
    /// Opens the certificate of that name in a folder. Creates it if a file is missing, or if certificate and key do
    /// not match, as after a kill between the two writes. `name` becomes part of the file names.
    ///
    /// # Errors
    /// See [`ClientFilesError`].
    pub fn open(authority: &Authority, folder: &Path, name: &str) -> Result<Self, ClientFilesError> {
        files::private_folder(folder).map_err(|error| file_error(folder, error))?;
        let certificate = folder.join(format!("{name}.pem"));
        let key = folder.join(format!("{name}.key.pem"));
        if !certificate.exists() || !key.exists() || !is_pair(&certificate, &key)? {
            let (certificate_pem, key_pem) = authority.client(name)?.pem();
            files::replace(&key, key_pem.as_bytes()).map_err(|error| file_error(&key, error))?;
            files::replace(&certificate, certificate_pem.as_bytes())
                .map_err(|error| file_error(&certificate, error))?;
        }
        let der =
            CertificateDer::from_pem_file(&certificate).map_err(|error| file_error(&certificate, error))?;
        let id = ClientCertificate::new(&der).id;
        Ok(Self { certificate, key, id })
    }
}

/// Whether the files hold a certificate and its key.
fn is_pair(certificate: &Path, key: &Path) -> Result<bool, ClientFilesError> {
    let der = CertificateDer::from_pem_file(certificate).map_err(|error| file_error(certificate, error))?;
    let key_der = PrivatePkcs8KeyDer::from_pem_file(key).map_err(|error| file_error(key, error))?;
    let key_pair = KeyPair::try_from(&key_der).map_err(|error| file_error(key, error))?;
    Ok(has_public_key(&der, &key_pair))
}

fn file_error(path: &Path, error: impl std::fmt::Display) -> ClientFilesError {
    ClientFilesError::File { path: path.to_owned(), error: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_created_once_and_again_if_it_does_not_match() {
        let state = tempfile::tempdir().unwrap();
        std::fs::create_dir(state.path().join("private")).unwrap();
        let authority = Authority::open(state.path()).unwrap();
        let folder = state.path().join("certificates");
        let open = |name: &str| ClientFiles::open(&authority, &folder, name).unwrap();
        let first = open("device");
        assert_eq!(open("device").id, first.id);
        std::fs::copy(open("another").key, &first.key).unwrap();
        let created = open("device");
        assert_ne!(created.id, first.id);
        assert!(is_pair(&created.certificate, &created.key).unwrap());
        std::fs::remove_file(&created.key).unwrap();
        assert_ne!(open("device").id, created.id);
        std::fs::write(&created.key, "not PEM").unwrap();
        let error = ClientFiles::open(&authority, &folder, "device").unwrap_err().to_string();
        assert!(error.contains("device.key.pem: "), "{error}");
    }
}
