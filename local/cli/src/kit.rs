//! `kit`: keys and certificate requests of many devices, and the files of AWS IoT's bulk registration.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/bulk-provisioning.html>
//!
//! ```text
//! --count, --list -> Device -> key, CSR (files) -> template.json, devices.json
//! --results       -> report of the task -> certificate next to its key
//! ```

mod devices;
mod keys;
mod results;
#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args};
use iot_local_base::files;
use serde_json::json;
use thiserror::Error;

use self::devices::{Device, DevicesError};
use crate::shell::{quoted, quoted_path};

/// The name of the file with the parameters, one device a line.
const PARAMETERS: &str = "devices.json";
const TEMPLATE: &str = "template.json";

/// The arguments of the command.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["count", "list", "results"]))]
pub(crate) struct KitArgs {
    /// Number of devices
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    count: Option<u32>,
    /// Names of the devices, with their number in the place of the default's, from 1, with leading zeros
    #[arg(long, value_name = "NAME", default_value = "dev-${n}", conflicts_with_all = ["list", "results"])]
    name: String,
    /// CSV with the columns `ThingName` (or `device`) and `SerialNumber` (optional)
    #[arg(long, value_name = "FILE")]
    list: Option<PathBuf>,
    /// Report of the registration task; each certificate is written next to its key
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
    /// Folder of the keys
    #[arg(long, value_name = "DIR", default_value = "kit")]
    out: PathBuf,
    /// Policy of the devices, which must exist
    #[arg(long, value_name = "NAME", default_value = "device", conflicts_with = "results")]
    policy: String,
}

/// Why a kit cannot be made.
#[derive(Debug, Error)]
pub(crate) enum KitError {
    /// The names or the list are invalid.
    #[error(transparent)]
    Devices(#[from] DevicesError),
    /// Others could read the private keys.
    #[error(
        "{}: other users can read this folder, which has private keys\n  help: chmod 700 {}",
        .0.display(), quoted_path(.0)
    )]
    OpenFolder(PathBuf),
    /// A file or folder is unusable.
    #[error("{}: {what}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// No key or request can be made.
    #[error("no key can be made: {0}")]
    Key(#[from] rcgen::Error),
    /// The output cannot be written.
    #[error("cannot write the output: {0}")]
    Write(#[from] io::Error),
}

impl KitError {
    fn file(path: &Path, error: &io::Error) -> Self {
        Self::File { path: path.to_owned(), what: files::io_error(error) }
    }
}

/// Makes what is missing in the folder, or writes the certificates of a report. Returns `false` if a line of the report
/// has no usable certificate.
///
/// # Errors
/// See [`KitError`]. Files that exist already stay as they are.
pub(crate) fn run(args: &KitArgs, out: &mut dyn Write) -> Result<bool, KitError> {
    if let Some(results) = &args.results {
        check_private(&args.out)?;
        let outcome = results::write(results, &args.out)?;
        writeln!(out, "certificates    {} new, {} known", outcome.written, outcome.known)?;
        for failure in &outcome.failures {
            writeln!(out, "not written     {failure}")?;
        }
        return Ok(outcome.failures.is_empty());
    }
    let devices = match &args.list {
        Some(list) => {
            let text = std::fs::read_to_string(list).map_err(|error| KitError::file(list, &error))?;
            devices::read_list(list, &text)?
        }
        None => devices::numbered(&args.name, args.count.unwrap_or(1))?,
    };
    devices::check_policy(&args.policy)?;
    prepare_folder(&args.out)?;
    let (new, waiting) = make(&args.out, &devices)?;
    replace(&args.out.join(TEMPLATE), &format!("{:#}\n", template(&args.policy)))?;
    replace(&args.out.join(PARAMETERS), &waiting.join(""))?;
    writeln!(out, "devices         {}, {new} of them new", devices.len())?;
    writeln!(out, "folder          {}", args.out.display())?;
    writeln!(out, "to register     {}", waiting.len())?;
    if !waiting.is_empty() {
        out.write_all(next_commands(args).as_bytes())?;
    }
    Ok(true)
}

/// Makes the keys and requests that are missing. Returns how many devices are new, and the parameters of those that
/// have no certificate yet: registered again, a device would get a second one.
fn make(folder: &Path, devices: &[Device]) -> Result<(usize, Vec<String>), KitError> {
    let mut new = 0_usize;
    let mut waiting = Vec::new();
    for device in devices {
        let made = keys::make(folder, &device.name)?;
        new = new.saturating_add(usize::from(made.is_new));
        if !keys::certificate_path(folder, &device.name).exists() {
            let line = json!({ "ThingName": device.name, "SerialNumber": device.serial_number, "CSR": made.request });
            waiting.push(format!("{line}\n"));
        }
    }
    Ok((new, waiting))
}

fn check_private(folder: &Path) -> Result<(), KitError> {
    if files::is_private(folder) { Ok(()) } else { Err(KitError::OpenFolder(folder.to_owned())) }
}

/// Creates the folder, with a `.gitignore` of everything. An existing folder must be private already.
fn prepare_folder(folder: &Path) -> Result<(), KitError> {
    if folder.exists() {
        check_private(folder)?;
    }
    files::private_folder(folder).map_err(|error| KitError::file(folder, &error))?;
    replace(&folder.join(".gitignore"), "*\n")
}

fn replace(path: &Path, content: &str) -> Result<(), KitError> {
    files::replace(path, content.as_bytes()).map_err(|error| KitError::file(path, &error))
}

fn template(policy: &str) -> serde_json::Value {
    json!({
        "Parameters": {
            "ThingName": { "Type": "String" },
            "SerialNumber": { "Type": "String" },
            "CSR": { "Type": "String" },
        },
        "Resources": {
            "thing": {
                "Type": "AWS::IoT::Thing",
                "Properties": {
                    "ThingName": { "Ref": "ThingName" },
                    "AttributePayload": { "serialNumber": { "Ref": "SerialNumber" } },
                },
            },
            "certificate": {
                "Type": "AWS::IoT::Certificate",
                "Properties": { "CertificateSigningRequest": { "Ref": "CSR" }, "Status": "ACTIVE" },
            },
            "policy": { "Type": "AWS::IoT::Policy", "Properties": { "PolicyName": policy } },
        },
    })
}

/// The commands for a shell that register the devices with the local gateway.
fn next_commands(args: &KitArgs) -> String {
    let parameters = quoted_path(&args.out.join(PARAMETERS));
    let template = quoted(&format!("file://{}", args.out.join(TEMPLATE).display()));
    let out = quoted_path(&args.out);
    format!(
        "\nRegister them:\n  \
         mkdir -p .iot-local/buckets/kit && cp {parameters} .iot-local/buckets/kit/\n  \
         TASK=$(aws iot start-thing-registration-task --template-body {template} --input-file-bucket kit \\\n    \
         --input-file-key {PARAMETERS} --role-arn arn:aws:iam::123456789012:role/kit --query taskId --output text)\n  \
         cargo local kit --results \".iot-local/reports/$TASK/results.json\" --out {out}\n"
    )
}
