//! Keys from AWS Secrets Manager: every stage of a secret, by name, so that a rotation denies no one.

use std::pin::pin;
use std::time::Duration;

use aws_sdk_secretsmanager::error::SdkError;
use aws_sdk_secretsmanager::operation::get_secret_value::{GetSecretValueError, GetSecretValueOutput};
use futures_util::future::{Either, join, maybe_done, select};
use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::fetch_result::{FetchedKeys, KeysError};
use super::{KeyFile, KeyFileError};
use crate::source::failure::FetchFailure;
use crate::source::secret::{AwsEnvironment, Response, failure, text};

/// How long AWSCURRENT waits for AWSPENDING.
const STAGGER: Duration = Duration::from_millis(500);

/// How long the other stages may take once AWSCURRENT is there.
const GRACE: Duration = Duration::from_millis(500);

/// The time that is kept for the result, so that a hanging stage does not lose AWSCURRENT.
const RESERVE: Duration = Duration::from_millis(50);

/// Reads the three stages, for at most `time`. AWSCURRENT must be readable; the others may be absent.
///
/// A rotation moves a version from AWSPENDING to AWSCURRENT to AWSPREVIOUS. Reading the stages in that order finds
/// every version even if it moves meanwhile. A stage that hangs delays the next by [`STAGGER`], and the result by
/// [`GRACE`].
///
/// # Errors
/// Why AWSCURRENT could not be read.
pub(super) async fn read(
    id: &str,
    aws: &AwsEnvironment,
    time: Duration,
) -> Result<FetchedKeys, FetchFailure> {
    let (client, start) = (aws.client(id)?, Instant::now());
    let stage = |stage: &str| client.get_secret_value().secret_id(id).version_stage(stage).send();
    let mut pending = pin!(maybe_done(stage("AWSPENDING")));
    let _ = timeout(STAGGER, pending.as_mut()).await;
    let current = match select(pin!(stage("AWSCURRENT")), pending.as_mut()).await {
        Either::Left((current, _)) => current,
        Either::Right(((), current)) => current.await,
    };
    let current = current.map_err(|error| failure(&error))?;
    let mut fetched = FetchedKeys { parts: vec![Some(entries(&current)?)], notes: Vec::new() };
    let mut previous = pin!(maybe_done(stage("AWSPREVIOUS")));
    let time_left = time.saturating_sub(start.elapsed()).saturating_sub(RESERVE);
    let _ = timeout(GRACE.min(time_left), join(previous.as_mut(), pending.as_mut())).await;
    for (stage, response) in
        [("AWSPREVIOUS", previous.as_mut().take_output()), ("AWSPENDING", pending.as_mut().take_output())]
    {
        let (part, note) = part(response);
        fetched.parts.push(part);
        fetched.notes.extend(note.map(|note| format!("{stage}: {note}")));
    }
    Ok(fetched)
}

/// The entries of a stage other than AWSCURRENT, and why it has none. `None` for one that did not respond.
fn part(response: Option<Response>) -> (Option<Vec<Value>>, Option<FetchFailure>) {
    match response {
        None => (None, Some(FetchFailure::Timeout)),
        Some(Ok(response)) => match entries(&response) {
            Ok(entries) => (Some(entries), None),
            Err(failure) => (Some(Vec::new()), Some(failure)),
        },
        Some(Err(error)) if is_absent(&error) => (Some(Vec::new()), None),
        Some(Err(error)) => (None, Some(failure(&error))),
    }
}

fn entries(response: &GetSecretValueOutput) -> Result<Vec<Value>, FetchFailure> {
    let unreadable = |error| KeysError::Unreadable(error).into();
    let text = text(response, || unreadable(KeyFileError::NotUtf8))?;
    KeyFile::parse(text).map(KeyFile::into_entries).map_err(unreadable)
}

/// Most secrets have no AWSPENDING, and a new one has no AWSPREVIOUS either.
fn is_absent(error: &SdkError<GetSecretValueError>) -> bool {
    error.as_service_error().is_some_and(GetSecretValueError::is_resource_not_found_exception)
}
