//! The operation that a request names: by method and path, by the header `X-Amz-Target`, or by the form member
//! `Action`.

use std::fmt;

use serde_json::{Map, Value};

use crate::api::Request;
use crate::api::path;
use crate::api::routes::{self, Route};
use crate::api::service::Service;
use crate::error::ApiError;
use crate::operations::Input;

/// The name of Cognito's identity pools in `X-Amz-Target`, before the operation.
const COGNITO_IDENTITY: &str = "AWSCognitoIdentityService";

/// What a request asks for. `Display` names the operation.
pub(crate) enum Target<'a> {
    /// A method and a path, with the labels of the route, still encoded.
    Path { request: &'a Request, found: Option<(&'static Route, Vec<(&'static str, &'a str)>)> },
    /// A name in `X-Amz-Target`.
    Header { name: &'a str, route: Option<&'static Route> },
    /// A form, with a name in `Action`.
    Form { name: String, route: Option<&'static Route>, members: Vec<(String, String)> },
}

impl<'a> Target<'a> {
    /// Finds the operation of a request. `POST /` names it elsewhere.
    pub(crate) fn of(request: &'a Request) -> Self {
        if request.method != "POST" || request.path != "/" {
            return Self::Path { request, found: routes::by_path(&request.method, &request.path) };
        }
        if let Some(name) = request.headers("x-amz-target").next() {
            let operation = name.split_once('.').filter(|(service, _)| *service == COGNITO_IDENTITY);
            let route =
                operation.and_then(|(_, operation)| routes::by_name(Service::CognitoIdentity, operation));
            return Self::Header { name, route };
        }
        let members: Vec<(String, String)> = form_urlencoded::parse(&request.body).into_owned().collect();
        let action = members.iter().find(|(name, _)| name == "Action");
        let name = action.map(|(_, value)| value.clone()).unwrap_or_default();
        Self::Form { route: routes::by_name(Service::Sts, &name), name, members }
    }

    /// Returns the row of the operation, if it is known.
    pub(crate) fn route(&self) -> Option<&'static Route> {
        match self {
            Self::Path { found, .. } => found.as_ref().map(|(route, _)| *route),
            Self::Header { route, .. } | Self::Form { route, .. } => *route,
        }
    }

    /// Decodes the request for the operation.
    ///
    /// # Errors
    /// 400 for an invalid encoding, a repeated parameter, or a body that is not a JSON object.
    pub(crate) fn input(&self, request: &Request) -> Result<Input, ApiError> {
        let mut input = Input { query: path::query(&request.query)?, ..Input::default() };
        input.headers.extend(request.headers.iter().filter(|(name, _)| name != "authorization").cloned());
        match self {
            Self::Path { found, .. } => {
                for (name, value) in found.iter().flat_map(|(_, labels)| labels) {
                    input.labels.push(((*name).to_owned(), path::decode(value)?));
                }
                match found {
                    Some((route, _)) if route.service == Service::Lambda => {
                        input.raw_body.clone_from(&request.body);
                    }
                    _ => input.body = json_object(&request.body)?,
                }
            }
            Self::Header { .. } => input.body = json_object(&request.body)?,
            Self::Form { members, .. } => {
                for (name, value) in members {
                    if input.body.insert(name.clone(), value.as_str().into()).is_some() {
                        return Err(ApiError::invalid(format!("form member {name:?} occurs twice")));
                    }
                }
            }
        }
        Ok(input)
    }
}

impl fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.route(), self) {
            (Some(route), _) => write!(f, "{} {}", route.service, route.name),
            (None, Self::Path { request, .. }) => {
                write!(f, "{} {:?}", request.method.escape_debug(), shorten(&request.path))
            }
            (None, Self::Header { name, .. }) => write!(f, "X-Amz-Target {:?}", shorten(name)),
            (None, Self::Form { name, .. }) if name.is_empty() => {
                f.write_str("POST / without X-Amz-Target or Action")
            }
            (None, Self::Form { name, .. }) => write!(f, "Action {:?}", shorten(name)),
        }
    }
}

/// Returns the start of a text that a client chose.
fn shorten(text: &str) -> String {
    text.chars().take(128).collect()
}

/// Parses the body. Without one, there are no members.
fn json_object(body: &[u8]) -> Result<Map<String, Value>, ApiError> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(ApiError::invalid("the body is not a JSON object")),
        // The error's text repeats no content: the body may hold a key.
        Err(error) => Err(ApiError::invalid(format!(
            "the body is not JSON: line {}, column {}",
            error.line(),
            error.column()
        ))),
    }
}
