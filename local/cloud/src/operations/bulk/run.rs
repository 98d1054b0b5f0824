//! A task under way.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use iot_local_base::files;
use serde_json::{Map, Value, json};

use super::super::register_thing::parameters;
use super::folders::{Folders, ReportType};
use crate::cloud::Cloud;
use crate::error::{ApiError, ErrorKind};
use crate::provisioning::{Provisioned, Template};
use crate::registry::{Change, RegistrationTask, TaskStatus};
use crate::running_tasks::Progress;

/// Runs a task on a thread of its own.
///
/// # Errors
/// InternalFailure if there is no thread. The task has failed then.
pub(super) fn spawn(
    cloud: &Cloud,
    folders: Folders,
    template: Template,
    task: RegistrationTask,
    progress: Arc<Progress>,
) -> Result<(), ApiError> {
    let failed = task.clone();
    let shared = cloud.clone();
    let run = move || {
        let outcome = register_all(&shared, &folders, &template, &task, &progress);
        let (status, message) = match outcome {
            Ok(()) if progress.is_cancelled() => (TaskStatus::Cancelled, None),
            Ok(()) => (TaskStatus::Completed, None),
            Err(message) => (TaskStatus::Failed, Some(message)),
        };
        let (successes, failures) = progress.counts();
        finish(&shared, RegistrationTask { status, message, successes, failures, ..task });
    };
    let started = std::thread::Builder::new().name("bulk-registration".to_owned()).spawn(run);
    started.map(drop).map_err(|error| {
        let message = format!("the task cannot be started: {error}");
        let status = TaskStatus::Failed;
        finish(cloud, RegistrationTask { status, message: Some(message.clone()), ..failed });
        ApiError::new(ErrorKind::InternalFailure, message)
    })
}

/// Stores the end of a task. If it cannot be stored, the task counts as one that ended with its process.
fn finish(cloud: &Cloud, task: RegistrationTask) {
    let id = task.id.clone();
    let task = RegistrationTask { modified: cloud.now(), ..task };
    let _ = cloud.write(|_| Ok((vec![Change::PutRegistrationTask(task.into())], ())));
    cloud.tasks().end(&id);
}

fn register_all(
    cloud: &Cloud,
    folders: &Folders,
    template: &Template,
    task: &RegistrationTask,
    progress: &Progress,
) -> Result<(), String> {
    let path = folders.file(&task.bucket, &task.key);
    let (file, size) = open(&path, &folders.bucket(&task.bucket))
        .map_err(|error| format!("{}: {}", path.display(), files::io_error(&error)))?;
    let reports = folders.reports(&task.id);
    let create = |report| create(&reports, &folders.report(&task.id, report));
    let unwritable = |error: io::Error| format!("{}: {error}", reports.display());
    let mut results = create(ReportType::Results).map_err(unwritable)?;
    let mut errors = create(ReportType::Errors).map_err(unwritable)?;
    let mut read_bytes = 0_u64;
    for (number, line) in (1_u64..).zip(BufReader::new(file).split(b'\n')) {
        if progress.is_cancelled() {
            break;
        }
        let line = line.map_err(|error| format!("{}: {error}", path.display()))?;
        read_bytes = read_bytes.saturating_add(u64::try_from(line.len()).unwrap_or(0)).saturating_add(1);
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let written = match register(cloud, template, &line) {
            Ok(provisioned) => {
                progress.succeeded();
                writeln!(results, "{}", result(number, &provisioned))
            }
            Err(error) => {
                progress.failed();
                let line = json!({
                    "lineNumber": number, "errorCode": error.kind.name(), "errorMessage": error.message,
                });
                writeln!(errors, "{line}")
            }
        };
        written.map_err(unwritable)?;
        let percentage = read_bytes.saturating_mul(100).checked_div(size).unwrap_or(0).min(99);
        progress.set_percentage(u8::try_from(percentage).unwrap_or(0));
    }
    results.flush().and_then(|()| errors.flush()).map_err(unwritable)
}

fn register(cloud: &Cloud, template: &Template, line: &[u8]) -> Result<Provisioned, ApiError> {
    let members: Map<String, Value> = serde_json::from_slice(line)
        .map_err(|error| ApiError::invalid(format!("expected a JSON object of parameters: {error}")))?;
    cloud.provision(template, &parameters(&members)?)
}

/// The form of AWS's report.
fn result(number: u64, provisioned: &Provisioned) -> Value {
    json!({
        "lineNumber": number,
        "response": {
            "CertificatePem": provisioned.certificate_pem,
            "ResourceArns": provisioned.resource_arns,
        },
    })
}

/// Opens a file, which must be in its bucket after all links are followed.
fn open(path: &Path, bucket: &Path) -> io::Result<(File, u64)> {
    let real = path.canonicalize()?;
    if !real.starts_with(bucket.canonicalize()?) || !real.is_file() {
        return Err(io::Error::other("not a file of the bucket"));
    }
    let file = File::open(real)?;
    let size = file.metadata()?.len();
    Ok((file, size))
}

fn create(folder: &Path, path: &Path) -> io::Result<BufWriter<File>> {
    files::private_folder(folder)?;
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path).map(BufWriter::new)
}
