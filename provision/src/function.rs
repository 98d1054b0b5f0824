//! The function around the decision: which of the four it is, what it answers, and what it logs.

use std::time::SystemTime;

use iot_jwt_authorizer::arn::FunctionArn;
use iot_jwt_authorizer::json::{Json, Object};
use iot_jwt_authorizer::slots::is_id;
use serde_json::{Value, json};

use crate::attach::AttachRequest;
use crate::claim::ClaimRequest;
use crate::config::Config;
use crate::control::{CallError, ControlPlane};
use crate::denial::{Code, Denial};
use crate::engine::{self, Conclusion};
use crate::hook::HookRequest;
use crate::jitr::JitrRequest;
use crate::plan::End;

/// The longest client id that the log shows, in bytes.
const MAX_CLIENT_ID_BYTES: usize = 128;

/// What invokes the function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// A rule on `$aws/events/certificates/registered/CA`.
    Jitr,
    /// A rule on the topics of `[[bootstrap]]`.
    Claim,
    /// A template of fleet provisioning.
    Hook,
    /// A user of the identity pool.
    Attach,
}

impl Trigger {
    /// Every trigger.
    pub const ALL: [Self; 4] = [Self::Jitr, Self::Claim, Self::Hook, Self::Attach];

    /// The name, which `_HANDLER` has.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jitr => "jitr",
            Self::Claim => "claim",
            Self::Hook => "hook",
            Self::Attach => "attach",
        }
    }

    /// Parses the value of `_HANDLER`. Returns `None` for an unknown one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|trigger| trigger.name() == name)
    }

    /// The table that the trigger needs, if the configuration lacks it.
    #[must_use]
    pub fn missing_table(self, config: &Config) -> Option<&'static str> {
        let (is_missing, table) = match self {
            Self::Jitr => (config.authorities.is_empty(), "[[authority]]"),
            Self::Claim => (config.bootstraps.is_empty(), "[[bootstrap]]"),
            Self::Hook => (config.templates.is_empty(), "[[template]]"),
            Self::Attach => (config.identity_policy.is_none(), "[cognito]"),
        };
        is_missing.then_some(table)
    }
}

/// What Lambda says about an invocation.
#[derive(Clone, Copy, Debug)]
pub struct Invocation<'i> {
    /// The ARN that was invoked.
    pub function: &'i str,
    /// The Cognito identity that has signed the invocation.
    pub identity: Option<&'i str>,
    /// When it began.
    pub now: SystemTime,
}

/// An event that was handled: what it came to, and what the log shows of it.
#[derive(Clone, Debug)]
pub struct Handled<'c> {
    /// What the request came to, or the call that failed.
    pub outcome: Result<Conclusion, CallError>,
    /// The name of the device.
    pub device: Option<String>,
    /// The certificate that the event names.
    pub certificate: Option<String>,
    /// The CA certificate.
    pub authority: Option<&'c str>,
    /// The template of fleet provisioning.
    pub template: Option<&'c str>,
    /// The client id of the device.
    pub client_id: Option<String>,
    /// The Cognito identity.
    pub identity: Option<String>,
    /// The policy of the identity.
    pub policy: Option<&'c str>,
}

impl Handled<'_> {
    /// An event of which nothing but its outcome is known.
    fn new(outcome: Result<Conclusion, CallError>) -> Self {
        Self {
            outcome,
            device: None,
            certificate: None,
            authority: None,
            template: None,
            client_id: None,
            identity: None,
            policy: None,
        }
    }

    fn denied(denial: impl Into<Denial>) -> Self {
        Self::new(Ok(Conclusion { end: End::Denied(denial.into()), certificate: None }))
    }

    /// The denial, if the event was denied.
    #[must_use]
    pub fn denial(&self) -> Option<&Denial> {
        match self.outcome.as_ref().map(|conclusion| &conclusion.end) {
            Ok(End::Denied(denial)) => Some(denial),
            _ => None,
        }
    }

    /// What Lambda's caller gets. The hook's response is AWS's; a rule ignores its own.
    ///
    /// # Errors
    /// The call that failed, for Lambda to try the event again.
    pub fn response(&self, trigger: Trigger) -> Result<Value, CallError> {
        let Conclusion { end, certificate } = self.outcome.as_ref().map_err(CallError::clone)?;
        Ok(match (trigger, end) {
            (Trigger::Hook, end) => json!({ "allowProvisioning": !matches!(end, End::Denied(_)) }),
            (_, End::Denied(denial)) => json!({ "status": "denied", "code": denial.code().name() }),
            (Trigger::Attach, _) => {
                json!({ "status": "accepted", "identityId": self.identity, "policy": self.policy })
            }
            (Trigger::Jitr | Trigger::Claim, _) => {
                json!({ "status": "accepted", "certificateId": certificate })
            }
        })
    }
}

/// Handles one event. `on_made` gets the id of each certificate that is made, and the device's name.
pub async fn handle<'c>(
    trigger: Trigger,
    event: &str,
    invocation: Invocation<'_>,
    config: &'c Config,
    control: &impl ControlPlane,
    on_made: &dyn Fn(&str, Option<&str>),
) -> Handled<'c> {
    let Ok(function) = FunctionArn::parse(invocation.function) else {
        return Handled::denied(Denial::about(Code::MalformedEvent, "the function's ARN"));
    };
    let now = invocation.now;
    // The event of `attach` is the caller's own, and may be anything.
    let object = Object::parse_str(event).filter(|_| trigger != Trigger::Attach);
    let handled = match (trigger, object) {
        (Trigger::Attach, _) => match AttachRequest::read(invocation.identity, config) {
            Ok(request) => Ok(attach(&request, control).await),
            Err(denial) => Err(denial),
        },
        (_, None) => Err(Code::MalformedEvent.into()),
        (Trigger::Jitr, Some(event)) => match JitrRequest::read(&event, config, function, now) {
            Ok(request) => Ok(register(&request, control).await),
            Err(denial) => Err(denial),
        },
        (Trigger::Claim, Some(event)) => match ClaimRequest::read(&event, config, now) {
            Ok(request) => {
                Ok(Handled { client_id: client_id(&event), ..claim(&request, control, on_made).await })
            }
            Err(denial) => Err(denial),
        },
        (Trigger::Hook, Some(event)) => match HookRequest::read(&event, config, function, now) {
            Ok(request) => Ok(admit(&request, control).await),
            Err(denial) => Err(denial),
        },
    };
    handled.unwrap_or_else(Handled::denied)
}

async fn register<'c>(request: &JitrRequest<'c>, control: &impl ControlPlane) -> Handled<'c> {
    Handled {
        certificate: Some(request.certificate().to_owned()),
        authority: Some(&request.authority().ca_certificate_id),
        ..Handled::new(engine::run(request, control, &|_| {}).await)
    }
}

async fn claim<'c>(
    request: &ClaimRequest<'c>,
    control: &impl ControlPlane,
    on_made: &dyn Fn(&str, Option<&str>),
) -> Handled<'c> {
    let device = request.thing().as_str();
    Handled {
        device: Some(device.to_owned()),
        ..Handled::new(engine::run(request, control, &|id| on_made(id, Some(device))).await)
    }
}

async fn admit<'c>(request: &HookRequest<'c>, control: &impl ControlPlane) -> Handled<'c> {
    Handled {
        device: Some(request.device().as_str().to_owned()),
        certificate: Some(request.certificate().to_owned()),
        template: Some(&request.template().name),
        ..Handled::new(engine::run(request, control, &|_| {}).await)
    }
}

async fn attach<'c>(request: &AttachRequest<'c>, control: &impl ControlPlane) -> Handled<'c> {
    Handled {
        identity: Some(request.identity().to_owned()),
        policy: Some(request.policy()),
        ..Handled::new(engine::run(request, control, &|_| {}).await)
    }
}

/// The client id that a rule selects, if the log can show it.
fn client_id(event: &Object<'_>) -> Option<String> {
    let id = event.get("client_id").and_then(Json::as_str);
    id.filter(|id| id.len() <= MAX_CLIENT_ID_BYTES && is_id(id)).map(str::to_owned)
}
