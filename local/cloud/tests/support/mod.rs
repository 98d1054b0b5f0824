//! Calls of the API without a port.

#![allow(dead_code, clippy::allow_attributes, reason = "each target uses a part")]

pub(crate) mod table;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use iot_local_cloud::api::{Request, Response};
use iot_local_cloud::registry::{Authorizer, AuthorizerStatus};
use iot_local_cloud::{Account, BuiltInAuthorizer, Cloud, CloudOptions};
use serde_json::Value;

pub(crate) mod random_calls;

use random_calls::Call;

/// The port that requests come to.
pub(crate) const PORT: u16 = 8080;
/// 2026-01-01T00:00:00Z.
pub(crate) const NOW: u64 = 1_767_225_600;
pub(crate) const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/iot/aws4_request, \
     SignedHeaders=host;x-amz-date, Signature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// A control plane in memory, with the built-in authorizer of a gateway without options.
pub(crate) fn cloud() -> Cloud {
    let cloud = Cloud::open(options(None)).unwrap_or_else(|error| panic!("{error}"));
    let authorizer = Authorizer {
        name: "iot-jwt-authorizer".to_owned(),
        function_arn: "arn:aws:lambda:us-east-1:123456789012:function:iot-jwt-authorizer".to_owned(),
        token_key: Some("token".to_owned()),
        signing_keys: BTreeMap::new(),
        status: AuthorizerStatus::Active,
        signing_disabled: true,
        caching_for_http: false,
        created: 0,
        modified: 0,
    };
    cloud.set_built_in_authorizer(BuiltInAuthorizer { authorizer: authorizer.into(), is_default: true });
    cloud
}

/// A control plane whose issuer's key is in a folder.
pub(crate) fn cloud_with_private(folder: &Path) -> Cloud {
    let options = CloudOptions { private: Some(folder.to_owned()), ..options(None) };
    Cloud::open(options).unwrap_or_else(|error| panic!("{error}"))
}

/// The options of a control plane in memory, or with the registry in a folder.
pub(crate) fn options(folder: Option<PathBuf>) -> CloudOptions {
    CloudOptions {
        account: Account::new("us-east-1", "123456789012").unwrap(),
        folder,
        private: None,
        endpoint: "localhost".to_owned(),
        clock: || UNIX_EPOCH.checked_add(Duration::from_secs(NOW)).unwrap_or(SystemTime::UNIX_EPOCH),
    }
}

/// A signed request of this machine. `target` is a path with a query.
pub(crate) fn request(method: &str, target: &str, body: Vec<u8>) -> Request {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers = [("host", "localhost:8080"), ("authorization", AUTHORIZATION)];
    Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        body,
        port: PORT,
    }
}

/// The status, the type of the error if it is one, and the body of an answer.
pub(crate) fn call(cloud: &Cloud, method: &str, target: &str, body: &Value) -> (u16, String, Value) {
    let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    parts(&cloud.respond(&request(method, target, bytes)))
}

pub(crate) fn parts(response: &Response) -> (u16, String, Value) {
    let kind = response.headers.iter().find(|(name, _)| *name == "x-amzn-ErrorType");
    let body = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
    (response.status, kind.map(|(_, kind)| kind.clone()).unwrap_or_default(), body)
}

/// Sends a random call. Returns the status and the body of the answer.
pub(crate) fn send(cloud: &Cloud, call: &Call) -> (u16, Value) {
    let bytes = if call.body.is_null() { Vec::new() } else { call.body.to_string().into_bytes() };
    let mut request = request(&call.method, &call.target, bytes);
    if let Some(principal) = &call.principal {
        request.headers.push(("x-amzn-principal".to_owned(), principal.clone()));
    }
    let (status, _, body) = parts(&cloud.respond(&request));
    (status, body)
}

/// The seed of a random test, as `./test --seed` sets it.
#[expect(clippy::disallowed_methods, reason = "a failure is run again with its seed")]
pub(crate) fn seed() -> u64 {
    std::env::var("PROPTEST_RNG_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1)
}

/// The body of an answer that is a success.
pub(crate) fn succeed(cloud: &Cloud, method: &str, target: &str, body: &Value) -> Value {
    let (status, kind, answer) = call(cloud, method, target, body);
    assert_eq!(status, 200, "{method} {target}: {kind} {answer}");
    answer
}

/// A file of `local/cloud/tests/data`.
pub(crate) fn data(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
