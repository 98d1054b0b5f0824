//! Answers in the formats of AWS's protocols, chosen by what the request looks like.
//! <https://smithy.io/2.0/aws/protocols/index.html>

use std::fmt::Write;

use serde_json::{Map, Value, json};

use crate::api::{Request, Response};
use crate::error::ApiError;

/// The namespace of STS's answers.
const STS_NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// A protocol of AWS's services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// REST with JSON: AWS IoT, Lambda.
    RestJson,
    /// The same for AWS IoT's data plane, whose errors have a trace id.
    DataPlane,
    /// JSON 1.1, with the operation in `X-Amz-Target`: Cognito.
    Json,
    /// XML, with the operation in the form member `Action`: STS.
    Query,
    /// REST with XML: Amazon S3.
    RestXml,
}

impl Format {
    /// Returns the format that the sender of a request expects. `service` is the name that it is signed for.
    pub(crate) fn of(request: &Request, service: Option<&str>) -> Self {
        let is_form =
            |value: &str| value.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded");
        if request.headers("x-amz-target").next().is_some() {
            Self::Json
        } else if request.headers("content-type").any(is_form) {
            Self::Query
        } else if matches!(service, Some("s3" | "s3express" | "route53" | "cloudfront")) {
            Self::RestXml
        } else if service == Some("iotdata") {
            Self::DataPlane
        } else {
            Self::RestJson
        }
    }

    /// Formats the result of an operation. XML's outermost element has the name of the operation.
    pub(crate) fn success(self, operation: &str, value: &Value, request_id: &str) -> Response {
        let body = match self {
            Self::RestJson | Self::DataPlane | Self::Json => value.to_string(),
            Self::Query | Self::RestXml => {
                let mut result = String::new();
                write_xml(&mut result, value);
                format!(
                    "<{operation}Response xmlns=\"{STS_NAMESPACE}\"><{operation}Result>{result}</{operation}Result>\
                     <ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>"
                )
            }
        };
        self.response(200, body, request_id)
    }

    /// Formats an error.
    pub(crate) fn error(self, error: &ApiError, request_id: &str) -> Response {
        let (kind, message) = (error.kind.name(), error.message.as_str());
        let body = match self {
            Self::RestJson => json_error(error).to_string(),
            Self::DataPlane => json!({ "message": message, "traceId": request_id }).to_string(),
            Self::Json => json!({ "__type": kind, "message": message }).to_string(),
            Self::Query => {
                let (kind, message) = (escape(error.kind.query_code()), escape(message));
                let side = if error.kind.status() < 500 { "Sender" } else { "Receiver" };
                format!(
                    "<ErrorResponse xmlns=\"{STS_NAMESPACE}\"><Error><Type>{side}</Type><Code>{kind}</Code>\
                     <Message>{message}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
                )
            }
            Self::RestXml => {
                let (kind, message) = (escape(error.kind.query_code()), escape(message));
                format!(
                    "<Error><Code>{kind}</Code><Message>{message}</Message><RequestId>{request_id}</RequestId></Error>"
                )
            }
        };
        let mut response = self.response(error.kind.status(), body, request_id);
        match self {
            Self::RestJson | Self::Json => response.headers.push(("x-amzn-ErrorType", kind.to_owned())),
            Self::DataPlane => response.headers.push(("x-amzn-ErrorType", format!("{kind}:"))),
            Self::Query | Self::RestXml => {}
        }
        response
    }

    fn response(self, status: u16, body: String, request_id: &str) -> Response {
        let content_type = match self {
            Self::RestJson | Self::DataPlane => "application/json",
            Self::Json => "application/x-amz-json-1.1",
            Self::Query | Self::RestXml => "text/xml",
        };
        let headers = vec![
            ("Content-Type", content_type.to_owned()),
            ("x-amzn-RequestId", request_id.to_owned()),
            // An answer may hold a private key.
            ("Cache-Control", "no-store".to_owned()),
        ];
        Response { status, headers, body: body.into_bytes(), operation: None, note: None, effect: None }
    }
}

fn json_error(error: &ApiError) -> Value {
    let mut body = Map::new();
    body.insert("message".to_owned(), error.message.as_str().into());
    if let Some((id, arn)) = &error.existing {
        body.insert("resourceId".to_owned(), id.as_str().into());
        body.insert("resourceArn".to_owned(), arn.as_str().into());
    }
    Value::Object(body)
}

/// Writes an object as elements, and everything else as text.
fn write_xml(xml: &mut String, value: &Value) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let _ = write!(xml, "<{name}>");
                write_xml(xml, value);
                let _ = write!(xml, "</{name}>");
            }
        }
        Value::Array(items) => {
            for item in items {
                xml.push_str("<member>");
                write_xml(xml, item);
                xml.push_str("</member>");
            }
        }
        Value::Null => {}
        Value::String(text) => xml.push_str(&escape(text)),
        Value::Bool(_) | Value::Number(_) => xml.push_str(&value.to_string()),
    }
}

/// Escapes text for XML 1.0. Characters that XML does not allow are replaced.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\u{0}'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {
                escaped.push('\u{fffd}');
            }
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn text(response: &Response) -> &str {
        std::str::from_utf8(&response.body).unwrap()
    }

    #[test]
    fn each_format_has_its_own_error() {
        let mut error = ApiError::new(ErrorKind::ResourceAlreadyExists, "a <b> & \u{1}");
        error.existing = Some(("id".to_owned(), "arn".to_owned()));
        for (format, content_type, expected) in [
            (
                Format::RestJson,
                "application/json",
                r#"{"message":"a <b> & \u0001","resourceArn":"arn","resourceId":"id"}"#,
            ),
            (
                Format::Json,
                "application/x-amz-json-1.1",
                r#"{"__type":"ResourceAlreadyExistsException","message":"a <b> & \u0001"}"#,
            ),
            (
                Format::Query,
                "text/xml",
                "<Code>ResourceAlreadyExists</Code><Message>a &lt;b&gt; &amp; \u{fffd}</Message>",
            ),
            (
                Format::RestXml,
                "text/xml",
                "<Error><Code>ResourceAlreadyExists</Code><Message>a &lt;b&gt; &amp; \u{fffd}</Message>",
            ),
        ] {
            let response = format.error(&error, "r");
            assert_eq!(response.status, 409);
            assert!(text(&response).contains(expected), "{}", text(&response));
            assert!(response.headers.contains(&("Content-Type", content_type.to_owned())), "{format:?}");
        }
    }

    #[test]
    fn xml_has_members_in_elements() {
        let value = json!({ "Arn": "a&b", "List": [1, true], "Nothing": null });
        let response = Format::Query.success("Get", &value, "r");
        assert!(
            text(&response).contains(
                "<GetResult><Arn>a&amp;b</Arn><List><member>1</member><member>true</member></List><Nothing></Nothing></GetResult>"
            ),
            "{}",
            text(&response)
        );
    }
}
