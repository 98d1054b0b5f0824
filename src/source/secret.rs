//! AWS Secrets Manager: what the environment says about AWS, and how one stage of a secret is read.

use std::error::Error;
use std::fmt;

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

use super::address::Address;
use super::failure::FetchFailure;
use super::http::{self, HttpsClient, Roots};

/// The CA certificates of Amazon Trust Services, which AWS's endpoints use. There are five; reading the system's more
/// than one hundred would take longer.
const AMAZON_ROOTS: &str = include_str!("amazon-roots.pem");

/// First characters of Regions whose endpoints may use other CA certificates.
const OTHER_PARTITIONS: [&str; 4] = ["cn-", "us-iso", "eu-iso", "eusc-"];

/// Largest secret, in bytes: AWS's limit, too.
/// <https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html>
pub const MAX_SECRET_BYTES: usize = 64 * 1024;

/// Largest response, in bytes: [`MAX_SECRET_BYTES`] of a secret, of which JSON escapes each quotation mark and line
/// end.
const MAX_RESPONSE_BYTES: usize = 2 * MAX_SECRET_BYTES + 4096;

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

    /// A client for the secret with this name or ARN.
    ///
    /// # Errors
    /// What the environment lacks.
    pub fn client(&self, id: &str) -> Result<Client, FetchFailure> {
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
            let body = http::read(body, MAX_RESPONSE_BYTES).await.map_err(|failure| match failure {
                FetchFailure::TooLarge(_) => FetchFailure::TooLarge(MAX_SECRET_BYTES),
                failure => failure,
            });
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

/// The response to a read of one stage.
pub(crate) type Response = Result<GetSecretValueOutput, SdkError<GetSecretValueError>>;

/// The text of a secret, within [`MAX_SECRET_BYTES`]; empty if it has none.
///
/// # Errors
/// [`FetchFailure::TooLarge`], or what `not_utf8` says.
pub(crate) fn text(
    response: &GetSecretValueOutput,
    not_utf8: impl FnOnce() -> FetchFailure,
) -> Result<&str, FetchFailure> {
    let text = match (response.secret_string(), response.secret_binary()) {
        (Some(text), _) => text,
        (None, Some(binary)) => std::str::from_utf8(binary.as_ref()).map_err(|_| not_utf8())?,
        (None, None) => "",
    };
    if text.len() > MAX_SECRET_BYTES { Err(FetchFailure::TooLarge(MAX_SECRET_BYTES)) } else { Ok(text) }
}

/// Why a call failed. AWS's error messages name the caller and the secret, and nothing of the secret's value.
pub fn failure<E: ProvideErrorMetadata + Error + 'static>(error: &SdkError<E>) -> FetchFailure {
    match error.as_service_error() {
        Some(service_error) => FetchFailure::aws(
            service_error.code().unwrap_or("(no code)"),
            service_error.message().unwrap_or_default(),
        ),
        None => FetchFailure::unreachable(error),
    }
}
