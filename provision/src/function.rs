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
    fn denied(denial: impl Into<Denial>) -> Self {
        let conclusion = Conclusion { end: End::Denied(denial.into()), certificate: None };
        Self {
            outcome: Ok(conclusion),
            device: None,
            certificate: None,
            authority: None,
            template: None,
            client_id: None,
            identity: None,
            policy: None,
        }
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
    let nothing_made = |_: &str| {};
    if trigger == Trigger::Attach {
        let request = match AttachRequest::read(invocation.identity, config) {
            Ok(request) => request,
            Err(denial) => return Handled::denied(denial),
        };
        return Handled {
            identity: Some(request.identity().to_owned()),
            policy: Some(request.policy()),
            outcome: engine::run(&request, control, &nothing_made).await,
            ..Handled::denied(Code::NoIdentity)
        };
    }
    let Some(event) = Object::parse_str(event) else { return Handled::denied(Code::MalformedEvent) };
    let handled = match trigger {
        Trigger::Jitr => match JitrRequest::read(&event, config, function, invocation.now) {
            Ok(request) => Ok(Handled {
                certificate: Some(request.certificate().to_owned()),
                authority: Some(&request.authority().ca_certificate_id),
                outcome: engine::run(&request, control, &nothing_made).await,
                ..Handled::denied(Code::MalformedEvent)
            }),
            Err(denial) => Err(denial),
        },
        Trigger::Claim => match ClaimRequest::read(&event, config, invocation.now) {
            Ok(request) => {
                let device = request.thing().as_str();
                Ok(Handled {
                    device: Some(device.to_owned()),
                    client_id: client_id(&event),
                    outcome: engine::run(&request, control, &|id| on_made(id, Some(device))).await,
                    ..Handled::denied(Code::MalformedEvent)
                })
            }
            Err(denial) => Err(denial),
        },
        Trigger::Hook | Trigger::Attach => {
            match HookRequest::read(&event, config, function, invocation.now) {
                Ok(request) => Ok(Handled {
                    device: Some(request.device().as_str().to_owned()),
                    certificate: Some(request.certificate().to_owned()),
                    template: Some(&request.template().name),
                    outcome: engine::run(&request, control, &nothing_made).await,
                    ..Handled::denied(Code::MalformedEvent)
                }),
                Err(denial) => Err(denial),
            }
        }
    };
    handled.unwrap_or_else(Handled::denied)
}

/// The client id that a rule selects, if the log can show it.
fn client_id(event: &Object<'_>) -> Option<String> {
    let id = event.get("client_id").and_then(Json::as_str);
    id.filter(|id| id.len() <= MAX_CLIENT_ID_BYTES && is_id(id)).map(str::to_owned)
}
