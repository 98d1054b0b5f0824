//! `certificate`: creates key and certificate of a device, and registers the certificate with the running gateway.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use iot_local_base::files;
use iot_local_base::names::is_name;
use iot_local_gateway::certificate::{Authority, AuthorityError, ClientFiles, ClientFilesError};
use iot_local_identity::workspace::{self, PrepareError};
use serde_json::{Value, json};
use thiserror::Error;

use crate::control::{Call, Control, ControlArgs, ControlError, percent_encoded};
use crate::local_settings::LocalSettingsError;
use crate::shell::{quoted, quoted_path};

/// The arguments of the command.
#[derive(Debug, Args)]
pub(crate) struct CertificateArgs {
    /// Common name of the certificate, and name of its files
    #[arg(value_parser = common_name, default_value = "device", conflicts_with = "name")]
    device: String,
    /// The same as an option
    #[arg(long, value_parser = common_name, hide = true)]
    name: Option<String>,
    /// Configuration of the authorizer; the certificate is created in `.iot-local/clients` next to it
    #[arg(long, value_name = "FILE", default_value = "authorizer.toml")]
    config: PathBuf,
    /// MQTT port of the gateway, for the command that connects
    #[arg(long, value_name = "PORT", default_value_t = 8883, help_heading = "Gateway")]
    mqtts_port: u16,
    #[command(flatten)]
    control: ControlArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// An error while the certificate is created or registered.
#[derive(Debug, Error)]
pub(crate) enum CertificateError {
    /// The state folder cannot be created.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// Others could read the private keys.
    #[error(
        "{}: other users can read this folder, which has private keys\n  help: chmod 700 {}",
        .0.display(), quoted_path(.0)
    )]
    OpenFolder(PathBuf),
    /// The gateway's CA cannot be read or created, or cannot sign.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// A file of the certificate cannot be read or written.
    #[error(transparent)]
    Files(#[from] ClientFilesError),
    /// `local.toml` is invalid.
    #[error(transparent)]
    Settings(#[from] LocalSettingsError),
    /// The certificate cannot be read again.
    #[error("{}: {error}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
    /// The certificate exists, but the gateway does not know it.
    #[error("the certificate is not registered: {0}")]
    Control(#[from] ControlError),
    /// The output cannot be written.
    #[error("cannot write the output: {0}")]
    Write(#[from] io::Error),
}

/// What the gateway's registry has.
struct Registered {
    arn: String,
    status: String,
}

/// Creates the certificate, or opens an existing one of that name. Registers it ACTIVE and without a policy, unless the
/// registry has it. Prints its files, its id, and the commands that let it connect.
///
/// # Errors
/// See [`CertificateError`]. The files are printed even if the certificate cannot be registered.
pub(crate) async fn run(args: &CertificateArgs, out: &mut dyn Write) -> Result<(), CertificateError> {
    let name = args.name.as_ref().unwrap_or(&args.device);
    let workspace = workspace::bare(&args.config)?;
    let folder = workspace.root.join("clients");
    check_private(&folder)?;
    let authority = Authority::open(&workspace.root)?;
    let files = ClientFiles::open(&authority, &folder, name)?;
    let region = args.control.region(&args.config)?;
    let registered = register(&Control::new(&args.control.endpoint, &region), &files).await;
    let found = registered.as_ref().ok();
    if args.json {
        let json = json!({
            "certificate": files.certificate,
            "privateKey": files.key,
            "caCertificate": authority.path(),
            "id": files.id,
            "arn": found.map(|found| &found.arn),
            "status": found.map(|found| &found.status),
        });
        writeln!(out, "{json:#}")?;
    } else {
        writeln!(out, "certificate     {}", files.certificate.display())?;
        writeln!(out, "private key     {}", files.key.display())?;
        writeln!(out, "CA certificate  {}", authority.path().display())?;
        writeln!(out, "id              {}", files.id)?;
        if let Some(found) = found {
            writeln!(out, "arn             {}", found.arn)?;
            writeln!(out, "status          {}", found.status)?;
            out.write_all(next_commands(args, &region, name, &files, authority.path(), found).as_bytes())?;
        }
    }
    registered.map(|_| ())
}

/// Registers the certificate, or reads its status if it is registered.
async fn register(control: &Control, files: &ClientFiles) -> Result<Registered, CertificateError> {
    let path = &files.certificate;
    let pem = std::fs::read_to_string(path)
        .map_err(|error| CertificateError::Certificate { path: path.clone(), error })?;
    let body = json!({ "certificatePem": pem, "status": "ACTIVE" });
    let call = Call::new("RegisterCertificateWithoutCA", "POST", "/certificate/register-no-ca");
    match control.call(Call { body: Some(&body), ..call }).await {
        Ok(response) => {
            Ok(Registered { arn: text(&response, "/certificateArn"), status: "ACTIVE".to_owned() })
        }
        Err(error) if error.is("ResourceAlreadyExistsException") => {
            let target = format!("/certificates/{}", percent_encoded(&files.id));
            let response = control.call(Call::new("DescribeCertificate", "GET", &target)).await?;
            Ok(Registered {
                arn: text(&response, "/certificateDescription/certificateArn"),
                status: text(&response, "/certificateDescription/status"),
            })
        }
        Err(error) => Err(error.into()),
    }
}

fn text(response: &Value, pointer: &str) -> String {
    response.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The commands for a shell that give the certificate a policy and a thing, and connect.
fn next_commands(
    args: &CertificateArgs,
    region: &str,
    name: &str,
    files: &ClientFiles,
    authority: &Path,
    registered: &Registered,
) -> String {
    // A thing's name has no dot.
    let thing = name.replace('.', "-");
    let endpoint = &args.control.endpoint;
    let arn = &registered.arn;
    let mut text =
        String::from("\nThe certificate has no policy yet, so the gateway closes its connections. Next:\n");
    let lines = [
        format!(
            "export AWS_ENDPOINT_URL_IOT={} AWS_REGION={region} AWS_DEFAULT_REGION={region}",
            quoted(endpoint)
        ),
        "export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local".to_owned(),
        "aws iot create-policy --policy-name device --policy-document file://device.json".to_owned(),
        format!("aws iot attach-policy --policy-name device --target {arn}"),
        format!("aws iot create-thing --thing-name {thing}"),
        format!("aws iot attach-thing-principal --thing-name {thing} --principal {arn}"),
        format!(
            "mosquitto_sub -h localhost -p {} --cafile {} --cert {} --key {} -i {thing} -t 'devices/{thing}/#' -d",
            args.mqtts_port,
            quoted_path(authority),
            quoted_path(&files.certificate),
            quoted_path(&files.key)
        ),
    ];
    for line in lines {
        text.push_str(&format!("  {line}\n"));
    }
    text.push_str("docs/devices.md has a device.json that gives each device its own topics.\n");
    text
}

/// Checks that only its owner can read a folder, if it exists.
fn check_private(folder: &Path) -> Result<(), CertificateError> {
    if files::is_private(folder) { Ok(()) } else { Err(CertificateError::OpenFolder(folder.to_owned())) }
}

fn common_name(text: &str) -> Result<String, &'static str> {
    match is_name(text, "._-", 1..=64) && !text.starts_with('.') {
        true => Ok(text.to_owned()),
        false => Err("expected 1 to 64 letters, digits and `. _ -`, not starting with `.`"),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: CertificateArgs,
    }

    /// Runs the command without a gateway.
    async fn run_in(folder: &Path, name: &str) -> (String, CertificateError) {
        let config = folder.join("authorizer.toml").display().to_string();
        let line = ["certificate", name, "--config", &config, "--endpoint", "http://127.0.0.1:1"];
        let args = Line::try_parse_from(line).unwrap().args;
        let mut out = Vec::new();
        let error = run(&args, &mut out).await.unwrap_err();
        (String::from_utf8(out).unwrap(), error)
    }

    #[tokio::test]
    async fn a_certificate_is_created_once_for_each_name() {
        let folder = tempfile::tempdir().unwrap();
        let (first, error) = run_in(folder.path(), "device-1").await;
        let error = error.to_string();
        assert!(
            error.starts_with("the certificate is not registered: no gateway at http://127.0.0.1:1"),
            "{error}"
        );
        assert_eq!(run_in(folder.path(), "device-1").await.0, first);
        let id = |text: &str| text.rsplit(' ').next().unwrap().trim().to_owned();
        assert_eq!(id(&first).len(), 64);
        assert_ne!(id(&run_in(folder.path(), "device-2").await.0), id(&first));
        assert!(folder.path().join(".iot-local/clients/device-1.key.pem").exists());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn keys_are_private_and_an_open_folder_is_an_error() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        run_in(folder.path(), "device-1").await;
        let clients = folder.path().join(".iot-local/clients");
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&clients), mode(&clients.join("device-1.key.pem"))), (0o700, 0o600));
        for open in [0o750, 0o701, 0o755] {
            std::fs::set_permissions(&clients, PermissionsExt::from_mode(open)).unwrap();
            let (out, error) = run_in(folder.path(), "device-2").await;
            assert!(out.is_empty() && error.to_string().contains("help: chmod 700 "), "{open:o}: {error}");
            assert!(!clients.join("device-2.key.pem").exists());
        }
    }

    #[test]
    fn a_name_is_not_a_path() {
        for text in ["", ".", "..", ".a", "a/b", "../a", "a b", "a\n", &"a".repeat(65)] {
            assert!(common_name(text).is_err(), "{text:?}");
        }
        assert_eq!(common_name("Device_1.a-b").as_deref(), Ok("Device_1.a-b"));
    }
}
