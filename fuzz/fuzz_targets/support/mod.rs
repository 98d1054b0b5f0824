//! What the targets share with the tests: deployments in temporary folders, and signers.

#![allow(dead_code, reason = "each target uses a part of it")]

#[path = "../../../tests/support/deployment.rs"]
pub mod deployment;
#[path = "../../../tests/support/signer.rs"]
pub mod signer;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use iot_jwt_authorizer::response::Response;
use iot_jwt_authorizer::time::NumericDate;
use serde_json::Value;

/// The present time of the targets, in seconds since 1970.
pub const NOW: u64 = 1_800_000_000;

/// The ARN of the function that AWS IoT invoked.
pub const FUNCTION: &str = "arn:aws:lambda:eu-west-1:123456789012:function:authorizer";

/// The folder of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// [`NOW`] as the decision takes it.
pub fn now() -> NumericDate {
    NumericDate::from(SystemTime::UNIX_EPOCH + Duration::from_secs(NOW))
}

/// Panics if AWS IoT would not accept the response: at most ten documents of at most 2,048 characters, and times of 300
/// to 86,400 seconds.
pub fn assert_legal(response: &Response) {
    let response: Value = serde_json::to_value(response).unwrap();
    let documents = response["policyDocuments"].as_array().unwrap();
    assert!(documents.len() <= 10);
    assert!(documents.iter().all(|document| document.to_string().chars().count() <= 2048));
    let seconds = |name: &str| response[name].as_u64().unwrap();
    let (refresh, disconnect) = (seconds("refreshAfterInSeconds"), seconds("disconnectAfterInSeconds"));
    assert!((300..=86_400).contains(&refresh) && (refresh..=86_400).contains(&disconnect));
}
