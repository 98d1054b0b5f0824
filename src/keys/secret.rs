//! Keys out of AWS Secrets Manager: every stage of a secret by name, so that a rotation drops nobody.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::retry::RetryConfig;
use aws_sdk_secretsmanager::config::timeout::TimeoutConfig;
use aws_sdk_secretsmanager::config::{
    Config, Credentials, IdentityCache, Region, SharedHttpClient, StalledStreamProtectionConfig,
};
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::get_secret_value::{GetSecretValueError, GetSecretValueOutput};
use aws_smithy_runtime_api::client::http::{SharedHttpConnector, http_client_fn};
use serde_json::Value;

use super::fetch::{self, Failure, Found};
use super::file::KeyFile;
use super::http::{Http, Roots};
use super::origin::Address;

/// The roots of Amazon Trust Services, which sign for AWS' endpoints: five, where the system's store would have a start read and parse
/// more than a hundred.
const AMAZON_ROOTS: &str = include_str!("amazon-roots.pem");

/// Regions whose endpoints are not known to be signed by these roots.
const OTHER_PARTITIONS: [&str; 4] = ["cn-", "us-iso", "eu-iso", "eusc-"];

/// What the environment says of AWS. Lambda's credentials are fixed for a sandbox's life.
#[derive(Clone, Debug, Default)]
pub struct Aws {
    region: Option<String>,
    endpoint: Option<String>,
    credentials: Option<Credentials>,
}

impl Aws {
    /// Reads the variables that Lambda sets, and the two that move the endpoint.
    /// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>
    /// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>
    pub fn of(environment: &dyn Fn(&str) -> Option<String>) -> Self {
        let filled = |name: &str| environment(name).filter(|value| !value.is_empty());
        let credentials = filled("AWS_ACCESS_KEY_ID").zip(filled("AWS_SECRET_ACCESS_KEY"));
        Self {
            region: filled("AWS_REGION").or_else(|| filled("AWS_DEFAULT_REGION")),
            endpoint: filled("AWS_ENDPOINT_URL_SECRETS_MANAGER").or_else(|| filled("AWS_ENDPOINT_URL")),
            credentials: credentials
                .map(|(id, key)| Credentials::new(id, key, filled("AWS_SESSION_TOKEN"), None, "environment")),
        }
    }

    fn client(&self, id: &str) -> Result<Client, Failure> {
        // A secret that is named by its ARN may be one of another Region.
        let region = id.strip_prefix("arn:").and_then(|arn| arn.split(':').nth(2)).or(self.region.as_deref());
        let region = region.ok_or(Failure::Environment("the environment has no AWS_REGION"))?;
        let credentials = self.credentials.clone();
        let credentials = credentials.ok_or(Failure::Environment(
            "the environment has no AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        ))?;
        let config = Config::builder()
            .behavior_version_latest()
            .http_client(self.http_client(region)?)
            .region(Region::new(region.to_owned()))
            .credentials_provider(credentials)
            .identity_cache(IdentityCache::no_cache())
            // Budget and retries are the caller's.
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        Ok(Client::from_conf(match &self.endpoint {
            Some(endpoint) => config.endpoint_url(endpoint).build(),
            None => config.build(),
        }))
    }

    fn http_client(&self, region: &str) -> Result<SharedHttpClient, Failure> {
        let amazons = || Roots::of_pem(AMAZON_ROOTS);
        let roots = match &self.endpoint {
            Some(endpoint) => {
                let address = Address::parse(endpoint).ok_or(Failure::Environment(
                    "AWS_ENDPOINT_URL has to be https; http is for loopback alone",
                ))?;
                if address.is_amazons() { amazons() } else { Roots::of_system_for(&address) }
            }
            None if OTHER_PARTITIONS.iter().any(|prefix| region.starts_with(prefix)) => Roots::of_system(),
            None => amazons(),
        };
        let http = Http::trusting(roots).map_err(|error| fetch::unreachable(&error))?;
        let connector = SharedHttpConnector::new(http);
        Ok(http_client_fn(move |_, _| connector.clone()))
    }
}

/// Reads the three stages. AWSCURRENT has to answer; the others may be absent.
///
/// A rotation takes a version from AWSPENDING to AWSCURRENT to AWSPREVIOUS. Read in that order, none is missed, wherever it goes
/// meanwhile; read at once, one could be in neither place. And one connection serves for all.
///
/// # Errors
/// Why AWSCURRENT could not be read.
pub(super) async fn read(id: &str, aws: &Aws) -> Result<Found, Failure> {
    let client = aws.client(id)?;
    let stage = |stage: &str| client.get_secret_value().secret_id(id).version_stage(stage).send();
    let pending = stage("AWSPENDING").await;
    let current = stage("AWSCURRENT").await.map_err(|error| failure(&error))?;
    let previous = stage("AWSPREVIOUS").await;
    let mut found = Found { parts: vec![Some(entries(&current)?)], notes: Vec::new() };
    for (stage, answer) in [("AWSPREVIOUS", previous), ("AWSPENDING", pending)] {
        let (part, fault) = match answer {
            Ok(answer) => match entries(&answer) {
                Ok(entries) => (Some(entries), None),
                Err(fault) => (Some(Vec::new()), Some(fault)),
            },
            Err(error) if is_absent(&error) => (Some(Vec::new()), None),
            Err(error) => (None, Some(failure(&error))),
        };
        found.parts.push(part);
        found.notes.extend(fault.map(|fault| format!("{stage}: {fault}")));
    }
    Ok(found)
}

fn entries(answer: &GetSecretValueOutput) -> Result<Vec<Value>, Failure> {
    let binary = || answer.secret_binary().and_then(|binary| std::str::from_utf8(binary.as_ref()).ok());
    let text = answer.secret_string().or_else(binary).unwrap_or_default();
    if text.len() > fetch::MAX_BYTES {
        return Err(Failure::TooLarge);
    }
    KeyFile::parse(text).map(KeyFile::into_entries).map_err(Failure::Unreadable)
}

/// Most secrets have no AWSPENDING, and a new one has no AWSPREVIOUS either.
fn is_absent(error: &SdkError<GetSecretValueError>) -> bool {
    error.as_service_error().is_some_and(GetSecretValueError::is_resource_not_found_exception)
}

/// What AWS says of a refusal names who asked for what, and nothing out of the secret.
fn failure(error: &SdkError<GetSecretValueError>) -> Failure {
    match error.as_service_error() {
        Some(refusal) => Failure::Aws(format!(
            "{} {}",
            refusal.code().unwrap_or("without a code"),
            refusal.message().unwrap_or_default()
        )),
        None => fetch::unreachable(error),
    }
}
