//! Requests as data: `send`, `headers`, `body`, and what is expected.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use iot_local_cloud::api::{Request, Response};
use serde_json::Value;

use super::{PORT, data};

/// How an answer differs from what a row expects: `expect` is a status, and the type of the error; `says` is part of
/// the body.
pub(crate) fn difference(row: &Value, response: &Response) -> Result<(), String> {
    let expected = row["expect"].as_str().unwrap_or("200");
    let (status, kind) = expected.split_once(' ').unwrap_or((expected, ""));
    let body = body(response);
    let says = row["says"].as_str().map(expand).unwrap_or_default();
    let header = response.headers.iter().find(|(name, _)| *name == "x-amzn-ErrorType");
    let is_kind = match header {
        Some((_, found)) => found == kind,
        None if kind.is_empty() => true,
        // XML has the name in its body, without the suffix; STS has its own for an invalid scope.
        None => {
            let code = if kind == "InvalidSignatureException" { "SignatureDoesNotMatch" } else { kind };
            body.contains(&format!("<Code>{}</Code>", code.trim_end_matches("Exception")))
        }
    };
    let is_expected = response.status.to_string() == status && is_kind;
    if is_expected && body.contains(&says) { Ok(()) } else { Err(format!("{} {body}", response.status)) }
}

/// The body as text.
pub(crate) fn body(response: &Response) -> String {
    String::from_utf8(response.body.clone()).unwrap()
}

/// The request of a row.
pub(crate) fn request(case: &Value) -> Request {
    let (method, target) = case["send"].as_str().unwrap().split_once(' ').unwrap();
    let content = match (&case["body"], &case["text"], &case["base64"]) {
        (Value::Null, Value::Null, Value::Null) => Vec::new(),
        (Value::Null, Value::String(text), _) => expand(text).into_bytes(),
        (Value::Null, _, Value::String(text)) => STANDARD.decode(text).unwrap(),
        (value, _, _) => expand_all(value).to_string().into_bytes(),
    };
    let mut request = super::request(method, &expand(target), content);
    for (name, value) in case["headers"].as_object().into_iter().flatten() {
        request.headers.retain(|(known, _)| known != name);
        request.headers.extend(value.as_str().map(|value| (name.clone(), expand(value))));
    }
    request
}

pub(crate) fn expand_all(value: &Value) -> Value {
    match value {
        Value::String(text) => expand(text).into(),
        Value::Array(items) => items.iter().map(expand_all).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (expand(name), expand_all(value))).collect()
        }
        other => other.clone(),
    }
}

/// Fills in `${port}`, `${file:NAME}`, `${id:NAME}` (the certificate id of a file) and `${repeat:TEXT:COUNT}`.
fn expand(text: &str) -> String {
    let mut parts = text.split("${");
    let mut expanded = parts.next().unwrap().to_owned();
    for part in parts {
        let filled = part.split_once('}').and_then(|(name, rest)| Some((fill(name)?, rest)));
        match filled {
            Some((value, rest)) => expanded.extend([&value, rest]),
            None => expanded.extend(["${", part]),
        }
    }
    expanded
}

fn fill(name: &str) -> Option<String> {
    match name.split_once(':') {
        None if name == "port" => Some(PORT.to_string()),
        Some(("file", file)) => Some(data(file)),
        Some(("id", file)) => {
            let der = pem::parse(data(file)).unwrap().into_contents();
            Some(digest(&SHA256, &der).as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
        }
        Some(("repeat", rest)) => {
            let (text, count) = rest.rsplit_once(':').unwrap();
            Some(text.repeat(count.parse().unwrap()))
        }
        _ => None,
    }
}
