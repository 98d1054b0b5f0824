//! Bulk registration: a template, and a file with the parameters of many devices.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/bulk-provisioning.html>
//!
//! A bucket is a folder of `.iot-local/buckets`. The file has one JSON object of parameters a line. One task runs at a
//! time, on a thread of its own.

mod folders;
mod run;

use serde_json::{Value, json};
use uuid::Uuid;

use self::folders::{Folders, ReportType};
use super::paging::Page;
use super::register_thing::template;
use super::templates::read_arn;
use super::{Input, empty, expected, timestamp};
use crate::cloud::Cloud;
use crate::error::ApiError;
use crate::provisioning::TemplateKind;
use crate::registry::{Change, RegistrationTask, Registry, TaskStatus};

/// StartThingRegistrationTask. A file that cannot be read fails the task, not the call.
///
/// # Errors
/// 400: the template, the bucket or the key is invalid, or a task runs already.
pub(crate) fn start_thing_registration_task(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let body = input.required_text("templateBody")?;
    let parsed = template(TemplateKind::Registration, "templateBody", body)?;
    let bucket = folders::bucket(input.required_text("inputFileBucket")?)?;
    let key = folders::key(input.required_text("inputFileKey")?)?;
    let role_arn = read_arn("roleArn", input.required_text("roleArn")?)?;
    let folders = Folders::of(cloud)?;
    let now = cloud.now();
    let task = RegistrationTask {
        id: Uuid::new_v4().to_string(),
        template_body: body.to_owned(),
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        role_arn,
        status: TaskStatus::InProgress,
        message: None,
        successes: 0,
        failures: 0,
        created: now,
        modified: now,
    };
    let response = json!({ "taskId": task.id });
    let progress = cloud.tasks().begin(&task.id).map_err(|running| {
        ApiError::invalid(format!("task {running} runs; one task runs at a time; help: wait, or stop it"))
    })?;
    let stored = cloud.write(|_| Ok((vec![Change::PutRegistrationTask(task.clone().into())], ())));
    if let Err(error) = stored {
        cloud.tasks().end(&task.id);
        return Err(error);
    }
    run::spawn(cloud, folders, parsed, task, progress)?;
    Ok(response)
}

/// DescribeThingRegistrationTask.
pub(crate) fn describe_thing_registration_task(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let (task, percentage) = cloud.read(|registry| find(cloud, registry, input.label("taskId")?))?;
    let mut output = json!({
        "taskId": task.id,
        "creationDate": timestamp(task.created),
        "lastModifiedDate": timestamp(task.modified),
        "templateBody": task.template_body,
        "inputFileBucket": task.bucket,
        "inputFileKey": task.key,
        "roleArn": task.role_arn,
        "status": task.status.name(),
        "successCount": task.successes,
        "failureCount": task.failures,
        "percentageProgress": percentage,
    });
    if let (Some(members), Some(message)) = (output.as_object_mut(), task.message) {
        members.insert("message".to_owned(), Value::String(message));
    }
    Ok(output)
}

/// ListThingRegistrationTasks: all, or those of a status.
pub(crate) fn list_thing_registration_tasks(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let page = Page::by_token("tasks", input)?;
    let status = input.query("status").map(|text| {
        let names: Vec<_> = TaskStatus::ALL.iter().map(|status| status.name()).collect();
        TaskStatus::from_name(text).ok_or_else(|| expected("status", &names.join(", ")))
    });
    let status = status.transpose()?;
    Ok(cloud.read(|registry| {
        let tasks = registry.registration_tasks().filter(|task| {
            status.is_none_or(|status| present(cloud, RegistrationTask::clone(task)).0.status == status)
        });
        let (tasks, token) = page.cut(tasks.map(|task| (task.id.clone(), task.id.clone())));
        super::with_token(json!({ "taskIds": tasks }), "nextToken", token)
    }))
}

/// ListThingRegistrationTaskReports: links to files of this machine.
pub(crate) fn list_thing_registration_task_reports(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let report = match input.required_query("reportType")? {
        "ERRORS" => ReportType::Errors,
        "RESULTS" => ReportType::Results,
        _ => return Err(expected("reportType", "ERRORS or RESULTS")),
    };
    let (task, _) = cloud.read(|registry| find(cloud, registry, input.label("taskId")?))?;
    let path = Folders::of(cloud)?.report(&task.id, report);
    let links: Vec<_> = path.is_file().then(|| format!("file://{}", path.display())).into_iter().collect();
    Ok(json!({ "resourceLinks": links, "reportType": report.name() }))
}

/// StopThingRegistrationTask. What is registered stays so. A task that has ended stays as it is.
pub(crate) fn stop_thing_registration_task(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let (task, _) = cloud.read(|registry| find(cloud, registry, input.label("taskId")?))?;
    cloud.tasks().cancel(&task.id);
    Ok(empty())
}

fn find(cloud: &Cloud, registry: &Registry, id: &str) -> Result<(RegistrationTask, u8), ApiError> {
    let task = registry.registration_task(id);
    let task = task.ok_or_else(|| ApiError::not_found(format_args!("thing registration task {id}")))?;
    Ok(present(cloud, RegistrationTask::clone(task)))
}

/// Returns a task with its counts of now, and its percentage. A task that the registry has as running, and that does
/// not run, ended with the process that ran it.
fn present(cloud: &Cloud, mut task: RegistrationTask) -> (RegistrationTask, u8) {
    if task.status != TaskStatus::InProgress {
        return (task, 100);
    }
    if let Some(progress) = cloud.tasks().progress(&task.id) {
        (task.successes, task.failures) = progress.counts();
        if progress.is_cancelled() {
            task.status = TaskStatus::Cancelling;
        }
        return (task, progress.percentage());
    }
    task.status = TaskStatus::Failed;
    task.message = Some("the gateway ended before the task did; help: start it again".to_owned());
    (task, 0)
}
