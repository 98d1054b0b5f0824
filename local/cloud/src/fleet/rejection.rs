//! Why a request of a device is rejected.

use serde_json::{Value, json};

use crate::error::ApiError;

/// The rejection of a request. The device receives status, code and message; the reason is for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The status, as of HTTP.
    pub status: u16,
    /// AWS's name of the error.
    pub code: &'static str,
    /// The class of the error, for the device.
    pub message: String,
    /// What is wrong and what would change it. It holds neither tokens nor keys.
    pub reason: String,
}

impl Rejection {
    /// Returns the payload of the answer.
    #[must_use]
    pub fn answer(&self) -> Value {
        json!({ "statusCode": self.status, "errorCode": self.code, "errorMessage": self.message })
    }

    /// The payload is not what the topic expects.
    #[must_use]
    pub fn payload(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { status: 400, code: "InvalidPayload", message: format!("Invalid payload: {reason}."), reason }
    }

    pub(super) fn denied(reason: impl Into<String>) -> Self {
        Self {
            status: 403,
            code: "AccessDenied",
            message: "Access denied.".to_owned(),
            reason: reason.into(),
        }
    }

    pub(super) fn request(reason: String) -> Self {
        let message = format!("Invalid certificate signing request: {reason}.");
        Self { status: 400, code: "InvalidCertificateSigningRequest", message, reason }
    }

    /// The device sees one message for all tokens that are not valid: which it is would help to guess others.
    pub(super) fn token(reason: impl Into<String>) -> Self {
        let message = "Certificate ownership token is invalid.".to_owned();
        Self { message, reason: reason.into(), ..Self::empty_token() }
    }

    pub(super) fn empty_token() -> Self {
        Self {
            status: 400,
            code: "InvalidCertificateOwnershipToken",
            message: "Certificate ownership token cannot be empty.".to_owned(),
            reason: "the certificate ownership token is empty or missing".to_owned(),
        }
    }

    pub(super) fn template(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        let message = "The template cannot be used for fleet provisioning.".to_owned();
        Self { status: 400, code: "InvalidTemplate", message, reason }
    }

    pub(super) fn parameters(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self {
            status: 400,
            code: "InvalidParameters",
            message: format!("Invalid parameters: {reason}."),
            reason,
        }
    }

    /// The reason may name what belongs to other devices.
    pub(super) fn conflict(reason: impl Into<String>) -> Self {
        let message = "The device does not fit what is registered.".to_owned();
        Self { status: 400, code: "ResourceRegistrationFailure", message, reason: reason.into() }
    }

    pub(super) fn hook_failed(reason: String) -> Self {
        let message = "The pre-provisioning hook failed.".to_owned();
        Self { status: 400, code: "InvocationError", message, reason }
    }

    pub(super) fn hook_answer(reason: impl Into<String>) -> Self {
        let message = "The pre-provisioning hook returned an invalid result.".to_owned();
        Self { status: 400, code: "InvalidResult", message, reason: reason.into() }
    }

    /// Nothing can be done by the device.
    #[must_use]
    pub fn internal(reason: impl Into<String>) -> Self {
        let message = "Internal failure.".to_owned();
        Self { status: 500, code: "InternalFailure", message, reason: reason.into() }
    }
}

impl From<ApiError> for Rejection {
    fn from(error: ApiError) -> Self {
        Self::internal(error.message)
    }
}
