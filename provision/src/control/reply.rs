//! What AWS answers, read: errors by their names, and the members that the functions need.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{CallError, StepResult};
use crate::expected::{DeviceRecord, SecretHash};
use crate::plan::Step;
use crate::registered::{Certificate, Status, Thing};

/// Most characters of AWS's message in an error.
const MAX_MESSAGE_CHARACTERS: usize = 200;

/// Errors after which the same call may succeed.
/// <https://docs.aws.amazon.com/iot/latest/apireference/CommonErrors.html>
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>
const THROTTLED: [&str; 5] = [
    "ThrottlingException",
    "Throttling",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
];

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The header `x-amzn-ErrorType`.
    pub error_type: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// Whether the call succeeded.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// AWS's name of the error, as `ResourceNotFoundException`. REST APIs have it in a header, which may go on with a
    /// colon and an address; DynamoDB has it in the body, after a `#`.
    #[must_use]
    pub fn error(&self) -> String {
        let in_body = || self.members().and_then(|members| members.kind.or(members.code));
        let name = self.error_type.clone().or_else(in_body).unwrap_or_default();
        let name = name.split(':').next().unwrap_or_default();
        name.rsplit('#').next().unwrap_or_default().to_owned()
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.status == 429 || self.status >= 500 || self.is_throttled()
    }

    /// Whether AWS limits the rate of the calls.
    #[must_use]
    pub fn is_throttled(&self) -> bool {
        self.status == 429 || THROTTLED.contains(&self.error().as_str())
    }

    /// The error of a call with this answer.
    #[must_use]
    pub fn failure(&self, operation: &'static str) -> CallError {
        let message = self.members().and_then(|members| members.message).unwrap_or_default();
        let message: String =
            message.chars().filter(|c| !c.is_control()).take(MAX_MESSAGE_CHARACTERS).collect();
        CallError { operation, what: format!("{} {}: {message}", self.status, self.error()) }
    }

    /// What a step came to.
    ///
    /// # Errors
    /// An answer that is neither success nor one of the outcomes that a plan expects.
    pub fn of_step(&self, step: &Step) -> Result<StepResult, CallError> {
        if self.is_success() {
            return match step {
                Step::CreateCertificate { .. } => {
                    self.parse::<Made>(step.operation()).map(|made| StepResult::Made(made.certificate_id))
                }
                _ => Ok(StepResult::Done),
            };
        }
        let error = self.error();
        match (step, self.status) {
            (Step::CreateCertificate { .. }, 400) if error == "InvalidRequestException" => {
                Ok(StepResult::Rejected)
            }
            // Another run has deleted it, or has given it rights, and then it stays.
            (Step::DeleteCertificate(_), 404 | 406 | 409) => Ok(StepResult::Done),
            (Step::DetachThing { .. }, 404) => Ok(StepResult::Done),
            (Step::CreateThing { .. }, 409)
            | (Step::UpdateThing { .. }, 404 | 409)
            | (Step::AttachThing { .. }, 404)
            | (Step::Activate(_) | Step::Deactivate(_), 404 | 406) => Ok(StepResult::Conflict),
            (Step::Record { .. }, 400) if error == "ConditionalCheckFailedException" => {
                Ok(StepResult::Conflict)
            }
            _ => Err(self.failure(step.operation())),
        }
    }

    /// The certificate that DescribeCertificate describes; `None` if there is no such certificate.
    ///
    /// # Errors
    /// Another error, or an unreadable answer.
    pub fn certificate(&self, operation: &'static str) -> Result<Option<Certificate>, CallError> {
        let found = self.found::<CertificateReply>(operation)?;
        Ok(found.map(|found| found.certificate_description.into()))
    }

    /// The thing that DescribeThing describes; `None` if there is no such thing.
    ///
    /// # Errors
    /// Another error, or an unreadable answer.
    pub fn thing(&self, operation: &'static str) -> Result<Option<Thing>, CallError> {
        let found = self.found::<ThingReply>(operation)?;
        Ok(found.map(|found| Thing {
            version: found.version,
            attributes: found.attributes,
            principals: Vec::new(),
        }))
    }

    /// A page of ListThingPrincipals: the principals, and the token of the next page.
    ///
    /// # Errors
    /// An error other than a missing thing, or an unreadable answer.
    pub fn principals(&self, operation: &'static str) -> Result<(Vec<String>, Option<String>), CallError> {
        let found = self.found::<PrincipalsReply>(operation)?.unwrap_or_default();
        Ok((found.principals, found.next_token.filter(|token| !token.is_empty())))
    }

    /// The row that GetItem returns; `None` if there is no such row.
    ///
    /// # Errors
    /// An error, an unreadable answer, or a row with unreadable columns.
    pub fn device(&self, operation: &'static str) -> Result<Option<DeviceRecord>, CallError> {
        if !self.is_success() {
            return Err(self.failure(operation));
        }
        let Some(item) = self.parse::<ItemReply>(operation)?.item else { return Ok(None) };
        let unreadable = |what: &str| CallError { operation, what: format!("unreadable row: {what}") };
        let text = |name: &str| match item.get(name) {
            None => Ok(None),
            Some(value) => {
                let text = value.get("S").and_then(serde_json::Value::as_str);
                text.map(Some).ok_or_else(|| unreadable(&format!("`{name}` is not a string")))
            }
        };
        let secret = text("secret_sha256")?.map(|text| {
            SecretHash::parse(text).ok_or_else(|| unreadable("`secret_sha256` is not 64 hexadecimal digits"))
        });
        Ok(Some(DeviceRecord {
            secret: secret.transpose()?,
            certificate: text("certificate_id")?.map(str::to_owned),
        }))
    }

    /// The answer of a question; `None` for 404.
    fn found<T: DeserializeOwned>(&self, operation: &'static str) -> Result<Option<T>, CallError> {
        match self.status {
            404 => Ok(None),
            _ if self.is_success() => self.parse(operation).map(Some),
            _ => Err(self.failure(operation)),
        }
    }

    fn parse<T: DeserializeOwned>(&self, operation: &'static str) -> Result<T, CallError> {
        let unreadable = |error| CallError { operation, what: format!("unreadable answer: {error}") };
        serde_json::from_slice(&self.body).map_err(unreadable)
    }

    fn members(&self) -> Option<ErrorMembers> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// The body of an error.
#[derive(Deserialize)]
struct ErrorMembers {
    #[serde(rename = "__type")]
    kind: Option<String>,
    code: Option<String>,
    #[serde(alias = "Message")]
    message: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    certificate_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CertificateReply {
    certificate_description: CertificateDescription,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CertificateDescription {
    certificate_id: String,
    certificate_arn: String,
    status: String,
    ca_certificate_id: Option<String>,
    certificate_pem: String,
    creation_date: Option<f64>,
    last_modified_date: Option<f64>,
}

impl From<CertificateDescription> for Certificate {
    fn from(found: CertificateDescription) -> Self {
        let since = found.creation_date.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        Self {
            status: Status::parse(&found.status),
            // Without a date, the certificate is never abandoned.
            created: since
                .and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since))
                .unwrap_or_else(far_future),
            is_untouched: found.creation_date.is_some() && found.creation_date == found.last_modified_date,
            id: found.certificate_id,
            arn: found.certificate_arn,
            authority: found.ca_certificate_id,
            pem: found.certificate_pem,
        }
    }
}

#[derive(Deserialize)]
struct ThingReply {
    version: u64,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct PrincipalsReply {
    #[serde(default)]
    principals: Vec<String>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ItemReply {
    item: Option<BTreeMap<String, serde_json::Value>>,
}

/// The year 9999, later than any time that a certificate is compared with.
fn far_future() -> SystemTime {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(253_402_300_799)).unwrap_or(SystemTime::UNIX_EPOCH)
}
