//! The calls as data: service, method, path, headers and body of each question and step.
//! <https://docs.aws.amazon.com/iot/latest/apireference/API_Operations.html>

use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::settings::Service;
use crate::plan::Step;

/// Characters that RFC 3986 section 2.3 does not reserve stay as they are.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// AWS's name of the operation.
    pub operation: &'static str,
    /// The service.
    pub service: Service,
    /// The method.
    pub method: Method,
    /// Path and query, percent-encoded.
    pub target: String,
    /// Headers other than those of the signature.
    pub headers: Vec<(&'static str, String)>,
    /// The body; empty for a call without one.
    pub body: String,
}

impl Call {
    fn iot(operation: &'static str, method: Method, target: String) -> Self {
        Self { operation, service: Service::Iot, method, target, headers: Vec::new(), body: String::new() }
    }

    fn json(mut self, body: &Value) -> Self {
        self.headers.push(("content-type", "application/json".to_owned()));
        self.body = body.to_string();
        self
    }

    fn principal(mut self, principal: &str) -> Self {
        self.headers.push(("x-amzn-principal", principal.to_owned()));
        self
    }

    fn dynamodb(operation: &'static str, body: &Value) -> Self {
        Self {
            operation,
            service: Service::DynamoDb,
            method: Method::POST,
            target: "/".to_owned(),
            headers: vec![
                ("content-type", "application/x-amz-json-1.0".to_owned()),
                ("x-amz-target", format!("DynamoDB_20120810.{operation}")),
            ],
            body: body.to_string(),
        }
    }

    /// DescribeCertificate.
    #[must_use]
    pub fn describe_certificate(id: &str) -> Self {
        Self::iot("DescribeCertificate", Method::GET, format!("/certificates/{}", encode(id)))
    }

    /// DescribeThing.
    #[must_use]
    pub fn describe_thing(name: &str) -> Self {
        Self::iot("DescribeThing", Method::GET, format!("/things/{}", encode(name)))
    }

    /// ListThingPrincipals, from a page on.
    #[must_use]
    pub fn list_thing_principals(thing: &str, token: Option<&str>) -> Self {
        let next = token.map(|token| format!("&nextToken={}", encode(token))).unwrap_or_default();
        let target = format!("/things/{}/principals?maxResults=100{next}", encode(thing));
        Self::iot("ListThingPrincipals", Method::GET, target)
    }

    /// GetItem, as the last write left it.
    #[must_use]
    pub fn get_item(table: &str, device: &str) -> Self {
        let key = json!({ "device": { "S": device } });
        Self::dynamodb("GetItem", &json!({ "TableName": table, "Key": key, "ConsistentRead": true }))
    }

    /// The call of a step.
    #[must_use]
    pub fn of_step(step: &Step) -> Self {
        let iot = |method, target| Self::iot(step.operation(), method, target);
        let certificate = |id: &str| format!("/certificates/{}", encode(id));
        let status = |id: &str, status| iot(Method::PUT, format!("{}?newStatus={status}", certificate(id)));
        let principals = |thing: &str| format!("/things/{}/principals", encode(thing));
        match step {
            Step::CreateCertificate { csr } => iot(Method::POST, "/certificates".to_owned())
                .json(&json!({ "certificateSigningRequest": csr })),
            Step::DeleteCertificate(id) => iot(Method::DELETE, certificate(id)),
            Step::CreateThing { name, attributes } => iot(Method::POST, format!("/things/{}", encode(name)))
                .json(&json!({ "attributePayload": { "attributes": attributes } })),
            Step::UpdateThing { name, attributes, version } => {
                let payload = json!({ "attributes": attributes, "merge": true });
                let body = json!({ "attributePayload": payload, "expectedVersion": version });
                iot(Method::PATCH, format!("/things/{}", encode(name))).json(&body)
            }
            Step::Record { table, device, certificate, replaces } => {
                Self::dynamodb(step.operation(), &record(table, device, certificate, replaces.as_deref()))
            }
            Step::AttachPolicy { policy, target } => {
                iot(Method::PUT, format!("/target-policies/{}", encode(policy)))
                    .json(&json!({ "target": target }))
            }
            Step::AttachThing { thing, principal } => {
                iot(Method::PUT, principals(thing)).principal(principal)
            }
            Step::DetachThing { thing, principal } => {
                iot(Method::DELETE, principals(thing)).principal(principal)
            }
            Step::Deactivate(id) => status(id, "INACTIVE"),
            Step::Activate(id) => status(id, "ACTIVE"),
            Step::Publish { topic, payload } => Self {
                service: Service::IotData,
                headers: vec![("content-type", "application/octet-stream".to_owned())],
                body: payload.clone(),
                ..iot(Method::POST, format!("/topics/{}?qos=1", encode(topic)))
            },
        }
    }
}

/// The condition makes the write succeed for one certificate only. A repeated write is no conflict.
fn record(table: &str, device: &str, certificate: &str, replaces: Option<&str>) -> Value {
    let unused =
        "attribute_exists(#device) AND (attribute_not_exists(#certificate) OR #certificate = :certificate";
    let mut values = json!({ ":certificate": { "S": certificate } });
    let condition = match replaces {
        None => format!("{unused})"),
        Some(replaces) => {
            if let Some(values) = values.as_object_mut() {
                values.insert(":replaces".to_owned(), json!({ "S": replaces }));
            }
            format!("{unused} OR #certificate = :replaces)")
        }
    };
    json!({
        "TableName": table,
        "Key": { "device": { "S": device } },
        "UpdateExpression": "SET #certificate = :certificate",
        "ConditionExpression": condition,
        "ExpressionAttributeNames": { "#device": "device", "#certificate": "certificate_id" },
        "ExpressionAttributeValues": values,
    })
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}
