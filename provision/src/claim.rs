//! Bootstrap: a device with a shared credential sends a certification request, and gets its own certificate on the
//! response topic. The same public key always gets the same certificate.

use std::collections::BTreeMap;
use std::time::SystemTime;

use iot_jwt_authorizer::json::{Json, Object};
use serde_json::json;

use crate::certificate::SigningRequest;
use crate::config::{Bootstrap, Config};
use crate::control::{CallError, ControlPlane};
use crate::denial::{Code, Denial};
use crate::engine::{Attempt, Request};
use crate::expected::SecretHash;
use crate::names::ThingName;
use crate::plan::{self, Applicant, End, Plan, Proof, Step};
use crate::registered::Registered;

/// A device's request for a certificate. It has a response topic, so every denial of it can be sent.
#[derive(Clone, Debug)]
pub struct ClaimRequest<'c> {
    bootstrap: &'c Bootstrap,
    thing: ThingName,
    response_topic: String,
    /// The request and the hash of the secret, or why they are unusable.
    content: Result<Content, Code>,
    now: SystemTime,
}

#[derive(Clone, Debug)]
struct Content {
    request: SigningRequest,
    secret: Option<SecretHash>,
}

impl<'c> ClaimRequest<'c> {
    /// Reads what the rule selects: `topic(N) AS id, csr, secret`, and `topic() AS topic`, which is needed only if
    /// there are several `[[bootstrap]]`. The topic is where the id comes from, never the payload.
    ///
    /// # Errors
    /// [`Code::MalformedEvent`], [`Code::UnknownTopic`], [`Code::UnsafeName`]. Errors of the payload are denied by the
    /// plan, which sends them to the device.
    pub fn read(event: &Object<'_>, config: &'c Config, now: SystemTime) -> Result<Self, Denial> {
        let id = event.get("id").and_then(Json::as_str);
        let id = id.ok_or_else(|| Denial::about(Code::MalformedEvent, "id"))?;
        let bootstrap = match (event.get("topic"), config.bootstraps.as_slice()) {
            (None, [bootstrap]) => bootstrap,
            (Some(Json::String(topic)), all) => {
                let found = all.iter().find(|bootstrap| bootstrap.request.level_of(topic) == Some(id));
                found.ok_or(Code::UnknownTopic)?
            }
            _ => return Err(Denial::about(Code::MalformedEvent, "topic")),
        };
        let is_safe = ThingName::parse(id).is_some();
        let thing = ThingName::parse(&bootstrap.thing.fill_with(id)).filter(|_| is_safe);
        Ok(Self {
            bootstrap,
            thing: thing.ok_or_else(|| Denial::about(Code::UnsafeName, "id"))?,
            response_topic: bootstrap.response.fill_with(id),
            content: Content::read(event),
            now,
        })
    }

    /// The name of the device's thing.
    #[must_use]
    pub fn thing(&self) -> &ThingName {
        &self.thing
    }

    async fn plan_for(
        &self,
        control: &impl ControlPlane,
        content: &Content,
        made: Option<&str>,
    ) -> Result<(Plan, Registered), CallError> {
        let bootstrap = self.bootstrap;
        let registered =
            Registered::read(control, &self.thing, &bootstrap.expected, Vec::new(), made).await?;
        let applicant = Applicant {
            thing: &self.thing,
            attributes: &BTreeMap::new(),
            policy: &bootstrap.policy,
            replace: bootstrap.replace,
            proof: Proof::Request { request: &content.request, secret: content.secret.as_ref(), made },
        };
        Ok((plan::provision(&applicant, &registered, self.now), registered))
    }

    /// Adds the response as the last step of a plan that ends.
    fn answer(&self, mut plan: Plan, registered: &Registered) -> Plan {
        let payload = match (&plan.end, plan.certificate.as_deref().and_then(|id| registered.certificate(id)))
        {
            (End::Again, _) => return plan,
            (End::Denied(denial), _) => json!({ "status": "denied", "code": denial.code().name() }),
            (End::Provisioned | End::Unchanged, certificate) => json!({
                "status": "accepted",
                "thing": self.thing.as_str(),
                "certificateId": plan.certificate,
                "certificatePem": certificate.map(|certificate| certificate.pem.as_str()),
            }),
        };
        plan.steps.push(Step::Publish { topic: self.response_topic.clone(), payload: payload.to_string() });
        plan
    }
}

impl Content {
    fn read(event: &Object<'_>) -> Result<Self, Code> {
        let csr = event.get("csr").and_then(Json::as_str).ok_or(Code::MalformedCsr)?;
        let secret = match event.get("secret") {
            None | Some(Json::Null) => None,
            Some(Json::String(secret)) => Some(SecretHash::of(secret)),
            Some(_) => return Err(Code::WrongSecret),
        };
        Ok(Self { request: SigningRequest::parse(csr)?, secret })
    }
}

impl Request for ClaimRequest<'_> {
    async fn plan(&self, control: &impl ControlPlane, attempt: &Attempt) -> Result<Plan, CallError> {
        let nothing = Registered::default();
        let made = match attempt {
            Attempt::None => None,
            Attempt::Made(id) => Some(id.as_str()),
            Attempt::Rejected => return Ok(self.answer(Plan::denied(Code::RejectedCsr), &nothing)),
        };
        match &self.content {
            Ok(content) => {
                let (plan, registered) = self.plan_for(control, content, made).await?;
                Ok(self.answer(plan, &registered))
            }
            Err(code) => Ok(self.answer(Plan::denied(*code), &nothing)),
        }
    }
}
