//! The control plane of AWS: calls signed with Signature Version 4 over one HTTPS client, tried again with back-off
//! while there is time. The only file that talks to AWS.
//!
//! A client lives for one event: a sandbox that freezes keeps no connection that is dead when it wakes.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::backoff;
use super::call::Call;
use super::reply::Reply;
use super::settings::AwsSettings;
use super::{CallError, ControlPlane, StepResult};
use crate::expected::DeviceRecord;
use crate::plan::Step;
use crate::registered::{Certificate, Thing};

/// The longest time of one attempt.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// The largest answer, in bytes. A page of principals is the largest that is expected.
const MAX_BODY_BYTES: usize = 1 << 20;

/// The system's CA certificates. Read once for each sandbox.
#[derive(Clone)]
pub struct Roots(Arc<RootCertStore>);

impl Roots {
    /// The system's CA certificates, which `SSL_CERT_FILE` may replace; none for endpoints without TLS.
    #[must_use]
    pub fn of_system(settings: &AwsSettings) -> Self {
        let mut store = RootCertStore::empty();
        if !settings.is_plain() {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        Self(Arc::new(store))
    }
}

/// The control plane of one event.
pub struct Aws<'a> {
    settings: &'a AwsSettings,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    clock: &'a dyn Fn() -> SystemTime,
    deadline: Instant,
    counts: Cell<Counts>,
}

/// How often AWS was called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls, with those that were tried again.
    pub calls: u32,
    /// Calls that AWS has throttled.
    pub throttled: u32,
}

impl<'a> Aws<'a> {
    /// A control plane that answers within `time`.
    ///
    /// # Errors
    /// Never in practice: AWS-LC supports TLS 1.2 and 1.3.
    pub fn new(
        settings: &'a AwsSettings,
        roots: &Roots,
        clock: &'a dyn Fn() -> SystemTime,
        time: Duration,
    ) -> Result<Self, rustls::Error> {
        let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots.0.clone())
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        let now = Instant::now();
        let deadline = now.checked_add(time).unwrap_or(now);
        Ok(Self { settings, client, clock, deadline, counts: Cell::default() })
    }

    /// How often AWS was called so far.
    pub fn counts(&self) -> Counts {
        self.counts.get()
    }

    /// Makes a call, again after each failure that may pass, until there is no time for another attempt.
    async fn call(&self, call: &Call) -> Result<Reply, CallError> {
        let mut failures = 0_u32;
        loop {
            let failure = match self.attempt(call).await {
                Ok(reply) if !reply.is_retryable() => return Ok(reply),
                Ok(reply) => {
                    let throttled = u32::from(reply.is_throttled());
                    self.count(|counts| counts.throttled = counts.throttled.saturating_add(throttled));
                    reply.failure(call.operation)
                }
                Err(what) => CallError { operation: call.operation, what },
            };
            failures = failures.saturating_add(1);
            let next = Instant::now().checked_add(backoff::delay(failures, fastrand::f64()));
            match next.filter(|next| *next < self.deadline) {
                Some(next) => sleep_until(next).await,
                None => return Err(failure),
            }
        }
    }

    async fn attempt(&self, call: &Call) -> Result<Reply, String> {
        self.count(|counts| counts.calls = counts.calls.saturating_add(1));
        let request = self.sign(call)?;
        let limit = Instant::now().checked_add(ATTEMPT_TIMEOUT).unwrap_or(self.deadline).min(self.deadline);
        let exchange = async {
            let response = self.client.request(request).await.map_err(|error| with_causes(&error))?;
            read(response).await
        };
        timeout_at(limit, exchange).await.unwrap_or_else(|_| Err("timed out".to_owned()))
    }

    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>
    fn sign(&self, call: &Call) -> Result<Request<Full<Bytes>>, String> {
        let uri: Uri = format!("{}{}", self.settings.endpoint(call.service), call.target)
            .parse()
            .map_err(|error| format!("invalid address: {error}"))?;
        let identity = self.settings.credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.settings.region)
            .name(call.service.signing_name())
            .time((self.clock)())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| format!("cannot sign: {error}"))?
            .into();
        let headers = call.headers.iter().map(|(name, value)| (*name, value.as_str()));
        let body = SignableBody::Bytes(call.body.as_bytes());
        let signable = SignableRequest::new(call.method.as_str(), uri.to_string(), headers, body);
        let signable = signable.map_err(|error| format!("cannot sign: {error}"))?;
        let signed = sign(signable, &parameters).map_err(|error| format!("cannot sign: {error}"))?;
        let mut request = Request::builder().method(call.method.clone()).uri(uri);
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        let mut request = request
            .body(Full::new(Bytes::from(call.body.clone())))
            .map_err(|error| format!("invalid request: {error}"))?;
        signed.into_parts().0.apply_to_request_http1x(&mut request);
        Ok(request)
    }

    fn count(&self, change: impl FnOnce(&mut Counts)) {
        let mut counts = self.counts.get();
        change(&mut counts);
        self.counts.set(counts);
    }
}

impl ControlPlane for Aws<'_> {
    async fn certificate(&self, id: &str) -> Result<Option<Certificate>, CallError> {
        let call = Call::describe_certificate(id);
        self.call(&call).await?.certificate(call.operation)
    }

    async fn thing(&self, name: &str) -> Result<Option<Thing>, CallError> {
        let call = Call::describe_thing(name);
        self.call(&call).await?.thing(call.operation)
    }

    async fn principals(&self, thing: &str) -> Result<Vec<String>, CallError> {
        let (mut principals, mut token) = (Vec::new(), None);
        loop {
            let call = Call::list_thing_principals(thing, token.as_deref());
            let (page, next) = self.call(&call).await?.principals(call.operation)?;
            principals.extend(page);
            match next {
                Some(next) => token = Some(next),
                None => return Ok(principals),
            }
        }
    }

    async fn device(&self, table: &str, device: &str) -> Result<Option<DeviceRecord>, CallError> {
        let call = Call::get_item(table, device);
        self.call(&call).await?.device(call.operation)
    }

    async fn run(&self, step: &Step) -> Result<StepResult, CallError> {
        self.call(&Call::of_step(step)).await?.of_step(step)
    }
}

async fn read(response: Response<Incoming>) -> Result<Reply, String> {
    let (head, body) = response.into_parts();
    let body = Limited::new(body, MAX_BODY_BYTES).collect().await;
    let body = body.map_err(|error| format!("unreadable answer: {error}"))?.to_bytes().into();
    let error_type =
        head.headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok()).map(str::to_owned);
    Ok(Reply { status: head.status.as_u16(), error_type, body })
}

/// An error with what has caused it. hyper's own text only says that a request failed.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
