//! The report of a registration task: one JSON object a line, in AWS's form.

use std::collections::BTreeMap;
use std::path::Path;

use iot_local_base::files;
use rcgen::PublicKeyData;
use serde::Deserialize;

use super::devices::is_thing_name;
use super::{KitError, keys};

/// What became of a report.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Certificates that were written.
    pub(super) written: usize,
    /// Certificates that were there already.
    pub(super) known: usize,
    /// Lines without a usable certificate, and why.
    pub(super) failures: Vec<String>,
}

#[derive(Deserialize)]
struct Line {
    response: Response,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Response {
    certificate_pem: String,
    resource_arns: BTreeMap<String, String>,
}

/// Writes each certificate of a report next to its key. A certificate that is there already is not replaced by another
/// one.
///
/// # Errors
/// The report cannot be read, or a file cannot be written.
pub(super) fn write(report: &Path, folder: &Path) -> Result<Outcome, KitError> {
    let text = std::fs::read_to_string(report).map_err(|error| KitError::file(report, &error))?;
    let mut outcome = Outcome::default();
    for (number, line) in (1_usize..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        match read_line(line, folder) {
            Err(what) => outcome.failures.push(format!("{}:{number}: {what}", report.display())),
            Ok((name, pem)) => {
                let path = keys::certificate_path(folder, &name);
                match std::fs::read(&path) {
                    Ok(present) if present == pem.as_bytes() => {
                        outcome.known = outcome.known.saturating_add(1);
                    }
                    Ok(_) => outcome.failures.push(format!(
                        "{}:{number}: {name} has another certificate; help: delete {} to replace it",
                        report.display(),
                        path.display()
                    )),
                    Err(_) => {
                        let written = files::create_once(&path, pem.as_bytes());
                        written.map_err(|error| KitError::file(&path, &error))?;
                        outcome.written = outcome.written.saturating_add(1);
                    }
                }
            }
        }
    }
    Ok(outcome)
}

/// Returns the thing's name and its certificate, which must be for the key in the folder.
fn read_line(line: &str, folder: &Path) -> Result<(String, String), String> {
    let line: Line = serde_json::from_str(line)
        .map_err(|error| format!("expected response.CertificatePem and response.ResourceArns: {error}"))?;
    let things = line.response.resource_arns.values().filter_map(|arn| arn.split_once(":thing/"));
    let name = things.map(|(_, name)| name).find(|name| is_thing_name(name));
    let name = name.ok_or("response.ResourceArns has no thing")?.to_owned();
    if !keys::key_path(folder, &name).exists() {
        return Err(format!("{} has no key of {name}", folder.display()));
    }
    let key = keys::read_key(folder, &name).map_err(|error| error.to_string())?;
    let certificate = pem::parse(&line.response.certificate_pem)
        .ok()
        .filter(|block| block.tag() == "CERTIFICATE")
        .ok_or_else(|| format!("the certificate of {name} is not PEM"))?;
    // The certificate holds the key's SubjectPublicKeyInfo as it is.
    let public_key = key.subject_public_key_info();
    if !certificate.contents().windows(public_key.len()).any(|part| part == public_key) {
        return Err(format!("the certificate of {name} is for another key"));
    }
    Ok((name, line.response.certificate_pem))
}
