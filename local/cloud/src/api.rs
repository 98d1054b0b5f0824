//! The REST API: from an HTTP request to an operation, and back.
//! <https://docs.aws.amazon.com/iot/latest/apireference/>

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::error::{ApiError, ErrorKind};

/// A request, read whole. Not `Debug`: it may hold a key.
#[derive(Clone)]
pub struct Request {
    /// The method, upper case.
    pub method: String,
    /// The path as sent, percent-encoded.
    pub path: String,
    /// The query as sent, without its `?`.
    pub query: String,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body: at most 1 MiB.
    pub body: Vec<u8>,
    /// The port that the request came to, to check its `Host`.
    pub port: u16,
}

/// A response. Not `Debug`: it may hold a private key.
#[derive(Clone)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body, JSON.
    pub body: Vec<u8>,
}

/// Answers a request.
pub(crate) fn respond(_cloud: &Cloud, request: &Request) -> Response {
    let error = ApiError::new(
        ErrorKind::NotImplemented,
        format!("{} {} is no operation of this gateway", request.method, request.path),
    );
    Response::from(Err(error))
}

impl From<Result<Value, ApiError>> for Response {
    fn from(result: Result<Value, ApiError>) -> Self {
        match result {
            Ok(value) => Self { status: 200, headers: Vec::new(), body: value.to_string().into_bytes() },
            Err(error) => Self {
                status: error.kind.status(),
                headers: vec![("x-amzn-ErrorType", error.kind.name().to_owned())],
                body: json!({ "message": error.message }).to_string().into_bytes(),
            },
        }
    }
}
