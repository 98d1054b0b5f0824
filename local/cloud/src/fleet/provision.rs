//! Provisions a device by a template, for the certificate of its ownership token.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::create::sha256;
use super::{Caller, Rejection, hook};
use crate::cloud::Cloud;
use crate::operations::provision::provision_registered;
use crate::operations::templates;
use crate::provisioning::{EvaluationError, Parameters, Plan, Provisioned, Template, TemplateKind};
use crate::registry::{
    Certificate, Change, OwnershipToken, ProvisioningTemplate, Record, Registry, TemplateType,
};

/// A request that is checked as far as is possible without the hook. Not `Debug`: it holds the event.
pub struct Attempt {
    caller: Caller,
    /// As it was when the request came.
    template: Record<ProvisioningTemplate>,
    parsed: Template,
    token_sha256: String,
    certificate_id: String,
    parameters: BTreeMap<String, String>,
    hook: Option<(String, Value)>,
}

impl Attempt {
    /// Returns the ARN of the hook's function and its event, if the template has a hook.
    #[must_use]
    pub fn hook(&self) -> Option<(&str, Vec<u8>)> {
        self.hook.as_ref().map(|(arn, event)| (arn.as_str(), event.to_string().into_bytes()))
    }

    /// Returns the id of the certificate that is provisioned.
    #[must_use]
    pub fn certificate_id(&self) -> &str {
        &self.certificate_id
    }

    /// Evaluates the template with the parameters, after the hook.
    fn plan(&self, answer: Option<Result<Vec<u8>, String>>) -> Result<Plan, Rejection> {
        let mut values = self.parameters.clone();
        if let Some((arn, _)) = &self.hook {
            let answer = answer.ok_or_else(|| Rejection::internal(format!("hook {arn} was not invoked")))?;
            let answer = answer.map_err(|reason| Rejection::hook_failed(format!("hook {arn}: {reason}")))?;
            values.extend(hook::overrides(&answer)?);
        }
        let parameters = Parameters::new(values)
            .map_err(|error| Rejection::hook_answer(format!("parameterOverrides: {error}")))?
            .with_certificate_id(&self.certificate_id);
        self.parsed.evaluate(&parameters).map_err(|error| evaluation(&error))
    }

    fn changes(
        &self,
        cloud: &Cloud,
        plan: &Plan,
        registry: &Registry,
        now: i64,
    ) -> Result<(Vec<Change>, Provisioned), Rejection> {
        self.caller.check(registry, now)?;
        let name = &self.template.name;
        if registry.provisioning_template(name) != Some(&self.template) {
            return Err(Rejection::template(format!("provisioning template {name} was changed meanwhile")));
        }
        self.caller.check_template(registry, name)?;
        valid_token(registry, &self.token_sha256, &self.caller, now)?;
        let provisioned = provision_registered(cloud, plan, &self.certificate_id, registry, now);
        let (changes, provisioned) = provisioned.map_err(|error| Rejection::conflict(error.message))?;
        let used = Change::RemoveOwnershipToken { sha256: self.token_sha256.clone() };
        Ok(([vec![used], changes].concat(), provisioned))
    }
}

impl Cloud {
    /// Checks a request to provision a device: the members `certificateOwnershipToken` and `parameters`. Nothing is
    /// changed.
    ///
    /// # Errors
    /// The template, the token, a parameter, or the certificate of the connection is invalid.
    pub fn start_provisioning(
        &self,
        caller: Caller,
        template: &str,
        payload: &Map<String, Value>,
    ) -> Result<Attempt, Rejection> {
        let token = token(payload)?;
        let parameters = parameters(payload)?;
        let token_sha256 = sha256(token);
        let now = self.now();
        self.read(|registry| {
            caller.check(registry, now)?;
            let template = usable_template(registry, template)?.clone();
            caller.check_template(registry, &template.name)?;
            let (token, certificate) = valid_token(registry, &token_sha256, &caller, now)?;
            let certificate_id = token.certificate_id.clone();
            let body = template.default_body().unwrap_or_default();
            let parsed = Template::parse(TemplateKind::Fleet, body)
                .map_err(|errors| Rejection::template(format!("template {}: {errors}", template.name)))?;
            let arn = templates::arn(self, &template.name);
            let hook = template
                .hook
                .as_ref()
                .map(|hook| (hook.target_arn.clone(), hook::event(&caller, certificate, &arn, &parameters)));
            Ok(Attempt { caller, template, parsed, token_sha256, certificate_id, parameters, hook })
        })
    }

    /// Provisions the device: all of its changes and the use of its token at once, or none. `answer` is that of the
    /// hook, or why it has none; it is ignored for a template without a hook.
    ///
    /// # Errors
    /// The hook fails or denies the device, a parameter is missing, the device does not fit what is registered, or what
    /// was checked before has changed. The token stays valid then.
    pub fn finish_provisioning(
        &self,
        attempt: &Attempt,
        answer: Option<Result<Vec<u8>, String>>,
    ) -> Result<Value, Rejection> {
        let plan = attempt.plan(answer)?;
        let now = self.now();
        let provisioned = self.write(|registry| {
            let mut changes = registry.expired(now);
            Ok(match attempt.changes(self, &plan, registry, now) {
                Ok((provisioning, provisioned)) => {
                    changes.extend(provisioning);
                    (changes, Ok(provisioned))
                }
                Err(rejection) => (changes, Err(rejection)),
            })
        })??;
        let mut answer = json!({ "deviceConfiguration": provisioned.device_configuration });
        if let (Some(members), Some(thing)) = (answer.as_object_mut(), provisioned.thing) {
            members.insert("thingName".to_owned(), thing.into());
        }
        Ok(answer)
    }
}

fn token(payload: &Map<String, Value>) -> Result<&str, Rejection> {
    match payload.get("certificateOwnershipToken") {
        None | Some(Value::Null) => Err(Rejection::empty_token()),
        Some(Value::String(token)) if token.is_empty() => Err(Rejection::empty_token()),
        Some(Value::String(token)) => Ok(token),
        Some(_) => Err(Rejection::payload("certificateOwnershipToken is not a text")),
    }
}

fn parameters(payload: &Map<String, Value>) -> Result<BTreeMap<String, String>, Rejection> {
    let members = match payload.get("parameters") {
        None | Some(Value::Null) => return Ok(BTreeMap::new()),
        Some(members) => members.as_object(),
    };
    let members = members.ok_or_else(|| Rejection::payload("parameters is not an object"))?;
    let mut values = BTreeMap::new();
    for (name, value) in members {
        let text = value.as_str();
        let text = text.ok_or_else(|| Rejection::parameters(format!("parameter {name:?} is not a text")))?;
        values.insert(name.clone(), text.to_owned());
    }
    Parameters::new(values.clone()).map_err(|error| Rejection::parameters(error.to_string()))?;
    Ok(values)
}

fn usable_template<'a>(
    registry: &'a Registry,
    name: &str,
) -> Result<&'a Record<ProvisioningTemplate>, Rejection> {
    let found = registry.provisioning_template(name);
    let template =
        found.ok_or_else(|| Rejection::template(format!("provisioning template {name} does not exist")))?;
    if template.template_type != TemplateType::FleetProvisioning {
        let reason = format!("provisioning template {name} has the type JITP; expected FLEET_PROVISIONING");
        return Err(Rejection::template(reason));
    }
    if !template.enabled {
        return Err(Rejection::template(format!(
            "provisioning template {name} is disabled; help: aws iot update-provisioning-template --template-name \
             {name} --enabled"
        )));
    }
    Ok(template)
}

/// Finds a token and its certificate.
fn valid_token<'a>(
    registry: &'a Registry,
    sha256: &str,
    caller: &Caller,
    now: i64,
) -> Result<(&'a OwnershipToken, &'a Certificate), Rejection> {
    let token = registry.ownership_token(sha256);
    let token = token.ok_or_else(|| {
        Rejection::token("the certificate ownership token is unknown, expired, or was used")
    })?;
    if token.expires <= now {
        return Err(Rejection::token("the certificate ownership token has expired"));
    }
    if token.principal != caller.principal {
        return Err(Rejection::token(format!(
            "the certificate ownership token belongs to principal {}, not to {}",
            token.principal, caller.principal
        )));
    }
    let certificate = registry.certificate(&token.certificate_id);
    let certificate = certificate.ok_or_else(|| Rejection::token("the token's certificate was deleted"))?;
    Ok((token, certificate))
}

/// A missing or unusable parameter is the device's error, anything else the template's.
fn evaluation(error: &EvaluationError) -> Rejection {
    match error.parameter {
        Some(_) => Rejection::parameters(error.to_string()),
        None => Rejection::conflict(error.to_string()),
    }
}
