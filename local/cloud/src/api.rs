//! The AWS APIs: from an HTTP request to an operation, and back.
//! <https://docs.aws.amazon.com/iot/latest/apireference/>
//!
//! ```text
//! request -> guard (Host, Origin, size) -> routes -> guard (Authorization, service, Region)
//!         -> signature of a known key -> permission of its caller -> operation -> format
//! ```

pub mod data_plane;
pub mod guard;

mod format;
mod path;
mod permission;
mod routes;
mod service;
mod target;

use serde_json::Value;
use uuid::Uuid;

use self::format::Format;
use self::guard::Scope;
use self::routes::{Route, Run};
use self::service::Service;
use self::target::Target;
use crate::cloud::Cloud;
use crate::credentials::{Caller, TEMPORARY_PREFIX};
pub use crate::effect::{Effect, Invocation, InvocationType};
use crate::error::{ApiError, ErrorKind};
use crate::operations::Input;
use crate::sigv4::{SignatureDenial, SignedRequest};

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
    /// The body. More than [`guard::MAX_BODY_BYTES`] are rejected, so that much and one byte more suffice.
    pub body: Vec<u8>,
    /// The port that the request came to, to check its `Host`.
    pub port: u16,
}

/// A response. Not `Debug`: it may hold a private key.
#[derive(Clone)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers, `Content-Type` among them.
    pub headers: Vec<(&'static str, String)>,
    /// The body, JSON or XML.
    pub body: Vec<u8>,
    /// AWS's name of the operation, if it is known, for the event log.
    pub operation: Option<&'static str>,
    /// What the operator should know, for the event log: why a request from a working client was rejected, and what to
    /// change.
    pub note: Option<String>,
    /// What must be done before the response is sent. Until [`Response::complete`], the response is an error.
    pub effect: Option<Effect>,
}

impl Response {
    /// Returns the response with the result of its effect.
    #[must_use]
    pub fn complete(self, outcome: Result<Value, ApiError>) -> Self {
        let request_id = Uuid::new_v4().to_string();
        let complete = match outcome {
            // The operations with effects are those of AWS IoT.
            Ok(value) => Format::RestJson.success(self.operation.unwrap_or_default(), &value, &request_id),
            Err(error) => Format::RestJson.error(&error, &request_id),
        };
        Self { operation: self.operation, note: self.note, ..complete }
    }
}

impl Request {
    /// Returns the values of a header. The name is in lower case.
    pub(crate) fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns the value of a header that occurs once. The name is in lower case.
    pub(crate) fn only_header<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        let mut values = self.headers(name);
        values.next().filter(|_| values.next().is_none())
    }
}

impl Cloud {
    /// Answers a request of the API. Blocks while a change is stored.
    #[must_use]
    pub fn respond(&self, request: &Request) -> Response {
        respond(self, request)
    }
}

fn respond(cloud: &Cloud, request: &Request) -> Response {
    let request_id = Uuid::new_v4().to_string();
    let mut exchange = Exchange { format: Format::of(request, None), operation: None, note: None };
    let mut response = match exchange.run(cloud, request) {
        Ok(Outcome::Answer(value)) => {
            exchange.format.success(exchange.operation.unwrap_or_default(), &value, &request_id)
        }
        Ok(Outcome::Effect(effect)) => {
            let error = ApiError::new(ErrorKind::NotImplemented, "only a running gateway can answer this");
            Response { effect: Some(effect), ..exchange.format.error(&error, &request_id) }
        }
        Err(error) => {
            exchange.note = exchange.note.or(error.note.clone());
            exchange.format.error(&error, &request_id)
        }
    };
    response.operation = exchange.operation;
    response.note = exchange.note;
    response
}

/// What an operation results in.
enum Outcome {
    Answer(Value),
    Effect(Effect),
}

/// What is known of a request while it is checked.
struct Exchange {
    format: Format,
    operation: Option<&'static str>,
    note: Option<String>,
}

impl Exchange {
    fn run(&mut self, cloud: &Cloud, request: &Request) -> Result<Outcome, ApiError> {
        guard::check_sender(request)?;
        let target = Target::of(request);
        let route = target.route();
        self.operation = route.map(|route| route.name);
        if route.is_some_and(|route| route.service == Service::IotData) {
            self.format = Format::DataPlane;
        }
        let caller = match route.is_none_or(|route| route.is_signed) {
            true => self.caller(cloud, request, route)?,
            false => None,
        };
        if route.is_some_and(|route| route.service == Service::Iot) && cloud.is_throttled() {
            return Err(ApiError::new(ErrorKind::Throttling, "Rate exceeded"));
        }
        let run = route.and_then(|route| route.run).ok_or_else(|| self.not_implemented(&target))?;
        let input = Input { caller, ..target.input(request)? };
        if let Some(route) = route {
            permission::check(cloud, &input, route)?;
        }
        match run {
            Run::Answer(run) => run(cloud, &input).map(Outcome::Answer),
            Run::Effect(run) => run(cloud, &input).map(Outcome::Effect),
        }
    }

    /// Checks the scope of a request and, if this gateway knows its access key, the signature. Returns who signed it,
    /// or `None` for another key: tools and CI have such keys. The data plane accepts none of those.
    fn caller(
        &mut self,
        cloud: &Cloud,
        request: &Request,
        route: Option<&Route>,
    ) -> Result<Option<Caller>, ApiError> {
        let scope = guard::scope(request)?;
        let service = self.check_scope(cloud, request, route, scope)?;
        let is_required = service == Service::IotData || scope.access_key.starts_with(TEMPORARY_PREFIX);
        if !is_required && cloud.credentials().find(scope.access_key).is_none() {
            return Ok(None);
        }
        let Request { method, path, query, headers, body, .. } = request;
        let signed = SignedRequest { method, path, query, headers, body };
        cloud.authenticate(&signed, &[service.signing_name()]).map(Some).map_err(|denial| {
            self.note = Some(format!("a request to {service} was denied: {denial}"));
            ApiError::new(denial_kind(service, &denial), denial.message())
        })
    }

    fn check_scope(
        &mut self,
        cloud: &Cloud,
        request: &Request,
        route: Option<&Route>,
        scope: Scope<'_>,
    ) -> Result<Service, ApiError> {
        self.format = Format::of(request, Some(scope.service));
        let Some(service) = Service::by_signing_name(scope.service) else {
            return Err(self.unknown_service(scope));
        };
        guard::check_region(scope, cloud.account()).inspect_err(|_| {
            self.note = Some(format!(
                "a request was signed for Region {}, and this gateway is Region {}; help: set AWS_REGION={} for the \
                 client, or start with --region {}",
                scope.region,
                cloud.account().region(),
                cloud.account().region(),
                scope.region
            ));
        })?;
        match route {
            Some(route) if route.service != service => Err(ApiError::new(
                ErrorKind::SignatureDoesNotMatch,
                // The final blank is AWS's.
                format!(
                    "Credential should be scoped to correct service: '{}'. ",
                    route.service.signing_name()
                ),
            )),
            _ => Ok(service),
        }
    }

    fn unknown_service(&mut self, scope: Scope<'_>) -> ApiError {
        let message = format!(
            "service {} is not part of this gateway; help: remove AWS_ENDPOINT_URL, which names the endpoint of all \
             services, and set AWS_ENDPOINT_URL_IOT, AWS_ENDPOINT_URL_IOT_DATA_PLANE, \
             AWS_ENDPOINT_URL_COGNITO_IDENTITY and AWS_ENDPOINT_URL_STS",
            scope.service
        );
        self.note = Some(message.clone());
        ApiError::new(ErrorKind::NotImplemented, message)
    }

    fn not_implemented(&mut self, target: &Target<'_>) -> ApiError {
        let message = format!("{target} is not implemented by this gateway; nothing was changed");
        self.note = Some(message.clone());
        ApiError::new(ErrorKind::NotImplemented, message)
    }
}

/// Returns the error of a denied signature. The data plane of AWS IoT has one for all.
fn denial_kind(service: Service, denial: &SignatureDenial) -> ErrorKind {
    match denial {
        _ if service == Service::IotData => ErrorKind::Forbidden,
        SignatureDenial::UnknownKey(_) | SignatureDenial::SessionToken { .. } => {
            ErrorKind::UnrecognizedClient
        }
        SignatureDenial::CredentialsExpired(_) => ErrorKind::ExpiredToken,
        SignatureDenial::Malformed(_) | SignatureDenial::Doubled => ErrorKind::IncompleteSignature,
        _ => ErrorKind::SignatureDoesNotMatch,
    }
}

/// Whether a REST operation has this method and path, implemented or not. The path is percent-encoded.
#[must_use]
pub fn is_operation(method: &str, path: &str) -> bool {
    routes::by_path(method, path).is_some()
}
