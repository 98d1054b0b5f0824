//! `certificate`: a client certificate that the door accepts, for X.509 custom authentication.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/custom-auth-509cert.html>

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use thiserror::Error;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use crate::tls::{Authority, AuthorityError, ClientCertificate};
use crate::workspace::{self, PrepareError, files};

/// What the command takes.
#[derive(Debug, Args)]
pub struct CertificateArgs {
    /// Who the certificate is for: its common name, and the name of its files
    #[arg(long, value_parser = name)]
    pub name: String,
    /// The configuration beside which the certificate is kept
    #[arg(long, value_name = "FILE", default_value = "authorizer.toml")]
    pub config: PathBuf,
}

/// Why there is no certificate.
#[derive(Debug, Error)]
pub enum CertificateError {
    /// There is no state folder.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// There is no authority, or it does not sign.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// A file of the certificate.
    #[error("{}: {fault}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// What is said of it cannot be written.
    #[error("cannot write to the terminal: {0}")]
    Write(#[from] io::Error),
}

/// Makes the certificate of that name, or finds the one that there is, and says where it is and what AWS IoT would call it.
///
/// # Errors
/// See [`CertificateError`].
pub fn run(args: &CertificateArgs, out: &mut dyn Write) -> Result<(), CertificateError> {
    let workspace = workspace::bare(&args.config)?;
    let authority = Authority::open(&workspace.root)?;
    let folder = workspace.root.join("clients");
    files::private_folder(&folder).map_err(|error| wrong(&folder, error))?;
    let path = folder.join(format!("{}.pem", args.name));
    let key = folder.join(format!("{}.key.pem", args.name));
    if !path.exists() || !key.exists() {
        let (certificate_pem, key_pem) = authority.client(&args.name)?.pem();
        files::replace(&key, key_pem.as_bytes()).map_err(|error| wrong(&key, error))?;
        files::replace(&path, certificate_pem.as_bytes()).map_err(|error| wrong(&path, error))?;
    }
    let certificate = CertificateDer::from_pem_file(&path).map_err(|error| wrong(&path, error))?;
    writeln!(out, "certificate  {}", path.display())?;
    writeln!(out, "key          {}", key.display())?;
    writeln!(out, "trust        {}", authority.path().display())?;
    writeln!(out, "id           {}", ClientCertificate::new(&certificate).id)?;
    Ok(())
}

fn wrong(path: &Path, fault: impl std::fmt::Display) -> CertificateError {
    CertificateError::File { path: path.to_owned(), fault: fault.to_string() }
}

fn name(text: &str) -> Result<String, &'static str> {
    let is_plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    match is_plain && (1..=64).contains(&text.len()) && !text.starts_with('.') {
        true => Ok(text.to_owned()),
        false => Err("a name has 1 to 64 letters, digits, dots, _ and -, and begins with no dot"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(config: PathBuf, name: &str) -> String {
        let mut out = Vec::new();
        run(&CertificateArgs { name: name.to_owned(), config }, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_certificate_is_made_once_for_each_name() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("authorizer.toml");
        let first = said(config.clone(), "device-1");
        assert_eq!(said(config.clone(), "device-1"), first);
        let id = |text: &str| text.rsplit(' ').next().unwrap().trim().to_owned();
        assert_eq!(id(&first).len(), 64);
        assert_ne!(id(&said(config, "device-2")), id(&first));
        assert!(folder.path().join(".iot-local/clients/device-1.key.pem").exists());
    }

    #[test]
    fn a_name_is_no_path() {
        for bad in ["", ".", "..", ".a", "a/b", "../a", "a b", "a\n", &"a".repeat(65)] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
        assert_eq!(name("Device_1.a-b").as_deref(), Ok("Device_1.a-b"));
    }
}
