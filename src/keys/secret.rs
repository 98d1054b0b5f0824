//! Keys from AWS Secrets Manager: every stage of a secret, by name, so that a rotation denies no one.

use std::fmt;
use std::pin::pin;
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::retry::RetryConfig;
use aws_sdk_secretsmanager::config::timeout::TimeoutConfig;
use aws_sdk_secretsmanager::config::{
    Config, Credentials, IdentityCache, Region, SharedHttpClient, StalledStreamProtectionConfig,
};
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::get_secret_value::{GetSecretValueError, GetSecretValueOutput};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use futures_util::future::{Either, join, maybe_done, select};
use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::KeyFile;
use super::fetch_result::{FetchFailure, FetchedKeys, MAX_BODY_BYTES};
use super::http::{self, HttpsClient, Roots};
use super::origin::Address;

/// The CA certificates of Amazon Trust Services, which AWS's endpoints use. There are five; reading the system's more
/// than one hundred would take longer.
const AMAZON_ROOTS: &str = include_str!("amazon-roots.pem");

/// First characters of Regions whose endpoints may use other CA certificates.
const OTHER_PARTITIONS: [&str; 4] = ["cn-", "us-iso", "eu-iso", "eusc-"];

/// Largest response, in bytes: [`MAX_BODY_BYTES`] of a secret, of which JSON escapes each quotation mark and line end.
const MAX_RESPONSE_BYTES: usize = 2 * MAX_BODY_BYTES + 4096;

/// How long AWSCURRENT waits for AWSPENDING.
const STAGGER: Duration = Duration::from_millis(300);

/// How long the other stages may take once AWSCURRENT is there.
const GRACE: Duration = Duration::from_millis(300);

/// The time that is kept for the result, so that a hanging stage does not lose AWSCURRENT.
const RESERVE: Duration = Duration::from_millis(50);

/// What the environment says about AWS. Lambda's credentials are valid for the life of a sandbox.
#[derive(Clone, Debug, Default)]
pub struct AwsEnvironment {
    region: Option<String>,
    endpoint: Option<String>,
    credentials: Option<Credentials>,
}

impl AwsEnvironment {
    /// Reads the variables that Lambda sets, and the two that change the endpoint.
    /// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>
    /// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>
    pub fn read(environment: &dyn Fn(&str) -> Option<String>) -> Self {
        let variable = |name: &str| environment(name).filter(|value| !value.is_empty());
        let credentials = variable("AWS_ACCESS_KEY_ID").zip(variable("AWS_SECRET_ACCESS_KEY"));
        Self {
            region: variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION")),
            endpoint: variable("AWS_ENDPOINT_URL_SECRETS_MANAGER").or_else(|| variable("AWS_ENDPOINT_URL")),
            credentials: credentials.map(|(id, key)| {
                Credentials::new(id, key, variable("AWS_SESSION_TOKEN"), None, "environment")
            }),
        }
    }

    fn client(&self, id: &str) -> Result<Client, FetchFailure> {
        // A secret's ARN may name another Region.
        let region = id.strip_prefix("arn:").and_then(|arn| arn.split(':').nth(2)).or(self.region.as_deref());
        let region = region.ok_or(FetchFailure::Environment("AWS_REGION is not set"))?;
        let credentials = self
            .credentials
            .clone()
            .ok_or(FetchFailure::Environment("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set"))?;
        let config = Config::builder()
            .behavior_version_latest()
            .http_client(self.http_client(region)?)
            .region(Region::new(region.to_owned()))
            .credentials_provider(credentials)
            .identity_cache(IdentityCache::no_cache())
            // The caller limits the time and retries.
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        Ok(Client::from_conf(match &self.endpoint {
            Some(endpoint) => config.endpoint_url(endpoint).build(),
            None => config.build(),
        }))
    }

    fn http_client(&self, region: &str) -> Result<SharedHttpClient, FetchFailure> {
        let roots = match &self.endpoint {
            Some(endpoint) => {
                let address = Address::parse(endpoint).ok_or(FetchFailure::Environment(
                    "AWS_ENDPOINT_URL is not an https address, or http on loopback",
                ))?;
                if address.is_aws() { Roots::of_pem(AMAZON_ROOTS) } else { Roots::for_address(&address) }
            }
            None if OTHER_PARTITIONS.iter().any(|prefix| region.starts_with(prefix)) => Roots::of_system(),
            None => Roots::of_pem(AMAZON_ROOTS),
        };
        let client = HttpsClient::new(roots).map_err(|error| FetchFailure::unreachable(&error))?;
        let connector = SharedHttpConnector::new(SdkConnector(client));
        Ok(http_client_fn(move |_, _| connector.clone()))
    }
}

/// Lets the SDK use our HTTPS client. The SDK reads a body to its end, so its length is limited here.
struct SdkConnector(HttpsClient);

impl HttpConnector for SdkConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            // Secrets Manager's requests are in memory, never streamed.
            let request = request.map(|body| Bytes::copy_from_slice(body.bytes().unwrap_or_default()).into());
            let response = client.send(request).await.map_err(|error| ConnectorError::io(error.into()))?;
            let (head, body) = response.into_parts();
            let body = http::read(body, MAX_RESPONSE_BYTES).await;
            let body = body.map_err(|error| ConnectorError::io(error.into()))?;
            HttpResponse::try_from(::http::Response::from_parts(head, SdkBody::from(body)))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

impl fmt::Debug for SdkConnector {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SdkConnector")
    }
}

type Response = Result<GetSecretValueOutput, SdkError<GetSecretValueError>>;

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
    let binary = || response.secret_binary().and_then(|binary| std::str::from_utf8(binary.as_ref()).ok());
    let text = response.secret_string().or_else(binary).unwrap_or_default();
    if text.len() > MAX_BODY_BYTES {
        return Err(FetchFailure::TooLarge);
    }
    KeyFile::parse(text).map(KeyFile::into_entries).map_err(FetchFailure::Unreadable)
}

/// Most secrets have no AWSPENDING, and a new one has no AWSPREVIOUS either.
fn is_absent(error: &SdkError<GetSecretValueError>) -> bool {
    error.as_service_error().is_some_and(GetSecretValueError::is_resource_not_found_exception)
}

/// AWS's error messages name the caller and the secret, and nothing of the secret's value.
fn failure(error: &SdkError<GetSecretValueError>) -> FetchFailure {
    match error.as_service_error() {
        Some(service_error) => FetchFailure::aws(
            service_error.code().unwrap_or("(no code)"),
            service_error.message().unwrap_or_default(),
        ),
        None => FetchFailure::unreachable(error),
    }
}
