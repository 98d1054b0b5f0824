//! `certificate`: creates a client certificate that the gateway accepts, for X.509 custom authentication.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/custom-auth-509cert.html>

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use iot_local_base::names::is_name;
use iot_local_gateway::certificate::{Authority, AuthorityError, ClientFiles, ClientFilesError};
use iot_local_identity::workspace::{self, PrepareError};
use serde_json::json;
use thiserror::Error;

/// The arguments of the command.
#[derive(Debug, Args)]
pub(crate) struct CertificateArgs {
    /// Common name of the certificate, and name of its files
    #[arg(long, value_parser = common_name)]
    pub(crate) name: String,
    /// Configuration of the authorizer; the certificate is created in `.iot-local/clients` next to it
    #[arg(long, value_name = "FILE", default_value = "authorizer.toml")]
    pub(crate) config: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// An error while the certificate is created.
#[derive(Debug, Error)]
pub(crate) enum CertificateError {
    /// The state folder cannot be created.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// The gateway's CA cannot be read or created, or cannot sign.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// A file of the certificate cannot be read or written.
    #[error(transparent)]
    Files(#[from] ClientFilesError),
    /// The output cannot be written.
    #[error("cannot write the output: {0}")]
    Write(#[from] io::Error),
}

/// Creates the certificate, or opens an existing one of that name. Prints its files and the id that AWS IoT would give
/// it.
///
/// # Errors
/// See [`CertificateError`].
pub(crate) fn run(args: &CertificateArgs, out: &mut dyn Write) -> Result<(), CertificateError> {
    let workspace = workspace::bare(&args.config)?;
    let authority = Authority::open(&workspace.root)?;
    let files = ClientFiles::open(&authority, &workspace.root.join("clients"), &args.name)?;
    if args.json {
        let json = json!({
            "certificate": files.certificate,
            "privateKey": files.key,
            "caCertificate": authority.path(),
            "id": files.id,
        });
        return Ok(writeln!(out, "{json:#}")?);
    }
    writeln!(out, "certificate     {}", files.certificate.display())?;
    writeln!(out, "private key     {}", files.key.display())?;
    writeln!(out, "CA certificate  {}", authority.path().display())?;
    writeln!(out, "id              {}", files.id)?;
    Ok(())
}

fn common_name(text: &str) -> Result<String, &'static str> {
    match is_name(text, "._-", 1..=64) && !text.starts_with('.') {
        true => Ok(text.to_owned()),
        false => Err("expected 1 to 64 letters, digits and `. _ -`, not starting with `.`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(config: PathBuf, name: &str) -> String {
        let mut out = Vec::new();
        run(&CertificateArgs { name: name.to_owned(), config, json: false }, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_certificate_is_created_once_for_each_name() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("authorizer.toml");
        let first = output(config.clone(), "device-1");
        assert_eq!(output(config.clone(), "device-1"), first);
        let id = |text: &str| text.rsplit(' ').next().unwrap().trim().to_owned();
        assert_eq!(id(&first).len(), 64);
        assert_ne!(id(&output(config, "device-2")), id(&first));
        assert!(folder.path().join(".iot-local/clients/device-1.key.pem").exists());
    }

    #[test]
    fn a_name_is_not_a_path() {
        for text in ["", ".", "..", ".a", "a/b", "../a", "a b", "a\n", &"a".repeat(65)] {
            assert!(common_name(text).is_err(), "{text:?}");
        }
        assert_eq!(common_name("Device_1.a-b").as_deref(), Ok("Device_1.a-b"));
    }
}
