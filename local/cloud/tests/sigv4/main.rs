//! The verifier of Signature Version 4 against AWS's suite, addresses that real clients signed, changes of them, and
//! AWS's signer for Rust.
//!
//! `suite.json` is AWS's suite as in the crate aws-sigv4 1.6.4 (Apache-2.0), with the two cases that the crate adds.
//! Its paths that are signed as for Amazon S3, and its two queries with a signed session token, are denied here.

#![cfg(test)]

mod changes;
mod property;

use iot_local_cloud::sigv4::{AccessKey, Expected, Signature, SignedRequest};
use serde::Deserialize;

/// The secret of all examples of AWS.
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// A request with its key, as a row of a table.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Case {
    pub(crate) title: String,
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    #[serde(default)]
    pub(crate) body: String,
    /// The session token that belongs to the key.
    pub(crate) token: Option<String>,
    pub(crate) secret: Option<String>,
    /// A part of the reason, if the request is denied.
    pub(crate) denied: Option<String>,
}

impl Case {
    /// Verifies the request at a time. Returns the reason of a denial.
    pub(crate) fn verify(&self, region: &str, services: &[&str], now: i64) -> Result<(), String> {
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let (method, headers, body) = (self.method.as_str(), self.headers.as_slice(), self.body.as_bytes());
        let request = SignedRequest { method, path, query, headers, body };
        let key = AccessKey {
            secret: self.secret.clone().unwrap_or_else(|| SECRET.to_owned()),
            session_token: self.token.clone(),
            expiration: None,
        };
        let signature = Signature::read(&request).map_err(|denial| denial.to_string())?;
        let signature = signature.ok_or("unsigned")?;
        let known = ["ASIAIOSFODNN7EXAMPLE", "AKIDEXAMPLE", "ANOTREAL"].contains(&signature.access_key());
        let expected = Expected { region, services, now };
        let outcome = signature.verify(&request, Some(&key).filter(|_| known), &expected);
        outcome.map_err(|denial| {
            let (reason, message) = (denial.to_string(), denial.message());
            for secret in [&key.secret, self.token.as_ref().unwrap_or(&key.secret)] {
                assert!(!reason.contains(secret) && !message.contains(secret), "{}: {reason}", self.title);
            }
            reason
        })
    }
}

fn check(cases: &[Case], verify: impl Fn(&Case) -> Result<(), String>) {
    let mut failures = Vec::new();
    for case in cases {
        let outcome = verify(case);
        let is_expected = match (&case.denied, &outcome) {
            (None, outcome) => outcome.is_ok(),
            (Some(reason), Err(found)) => found.contains(reason),
            (Some(_), Ok(())) => false,
        };
        if !is_expected {
            failures.push(format!("{}: {outcome:?}", case.title));
        }
    }
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), cases.len(), failures.join("\n"));
    let denied = cases.iter().filter(|case| case.denied.is_some()).count();
    println!("{} requests, {denied} of them denied", cases.len());
}

#[test]
fn the_suite_of_aws_is_verified() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("suite.json")).unwrap();
    assert_eq!(cases.len(), 78);
    check(&cases, |case| match case.title.as_str() {
        "double-url-encode, header" => case.verify("us-east-2", &["lambda"], 1_620_747_645),
        _ => case.verify("us-east-1", &["service"], 1_440_938_160),
    });
}

#[test]
fn addresses_of_real_clients_are_verified() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("clients.json")).unwrap();
    check(&cases, |case| case.verify("us-east-1", &["iotdevicegateway", "iotdata"], changes::NOW));
}
