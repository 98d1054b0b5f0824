//! Just-in-time provisioning: runs the template of a CA for a certificate that is registered.

use crate::cloud::Cloud;
use crate::error::{ApiError, ErrorKind};
use crate::provisioning::{Parameters, Plan, Template, TemplateKind};
use crate::registry::{
    CaCertificate, CertificateStatus, PolicyTarget, Principal, RegistrationConfig, Registry, TemplateType,
};

/// What the template has led to, for the event log.
pub(super) struct Outcome {
    /// Where the certificate is now.
    pub(super) progress: Progress,
    /// What was provisioned, or what is missing.
    pub(super) reason: String,
    /// The command or the change that helps.
    pub(super) command: Option<String>,
    /// What AWS might decide otherwise.
    pub(super) warnings: Vec<String>,
}

/// What a template has done with a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// It has provisioned the device.
    Provisioned,
    /// It has failed, and the certificate stays PENDING_ACTIVATION.
    Waiting,
    /// Another connect, or a call of the API, was first.
    Overtaken,
}

/// A reason, and what helps.
type Explanation = (String, Option<String>);

/// Whether first connects are provisioned. A configuration with a role alone has no template.
pub(super) fn has_template(ca: &CaCertificate) -> bool {
    let config = ca.registration_config.as_ref();
    config.is_some_and(|config| config.template_body.is_some() || config.template_name.is_some())
}

impl Cloud {
    /// Runs the template of the CA. Nothing is changed by one that fails.
    pub(super) fn provision_registered(&self, ca: &CaCertificate, id: &str) -> Outcome {
        let template = match self.read(|registry| template_of(registry, ca)) {
            Ok(template) => template,
            Err((reason, command)) => {
                return Outcome { progress: Progress::Waiting, reason, command, warnings: Vec::new() };
            }
        };
        let (progress, (reason, command)) = match self.run(&template, ca, id) {
            Ok(explanation) => (Progress::Provisioned, explanation),
            Err(failure) => failure,
        };
        Outcome { progress, reason, command, warnings: template.warnings() }
    }

    /// # Errors
    /// Why nothing is provisioned.
    fn run(
        &self,
        template: &Template,
        ca: &CaCertificate,
        id: &str,
    ) -> Result<Explanation, (Progress, Explanation)> {
        let of_ca = |what: &dyn std::fmt::Display| format!("template of CA {}: {what}", ca.id);
        let plan = self.parameters(id).and_then(|parameters| {
            let plan = template.evaluate(&parameters);
            plan.map_err(|error| {
                let command = error.parameter.is_some().then(|| other_subject(ca));
                (of_ca(&error), command)
            })
        });
        let plan = plan.map_err(|failure| (Progress::Waiting, failure))?;
        let provisioned = self.carry_out(&plan, |registry| still_pending(registry, id));
        let provisioned = provisioned.map_err(|error| match error.kind {
            ErrorKind::CertificateState => {
                (Progress::Overtaken, (error.message, Some("connect again".to_owned())))
            }
            _ => (Progress::Waiting, (of_ca(&error.message), self.missing_policy(&plan))),
        })?;
        let thing = provisioned.thing.as_deref();
        let named = thing.map(|thing| format!(" as thing {thing}")).unwrap_or_default();
        let done = format!("the template of CA {} has provisioned it now{named}", ca.id);
        Ok(match self.after(id, thing) {
            Some((reason, command)) => (format!("{done}, but {reason}"), command),
            None => (done, Some("connect again: the first connect is always closed".to_owned())),
        })
    }

    /// Reads the parameters from the registered certificate.
    fn parameters(&self, id: &str) -> Result<Parameters, Explanation> {
        let pem = self.read(|registry| registry.certificate(id).map(|certificate| certificate.pem.clone()));
        let der = pem.and_then(|pem| pem::parse(pem).ok());
        let der = der.ok_or_else(|| (format!("certificate {id} is unreadable or deleted"), None))?;
        Parameters::from_certificate(der.contents()).map_err(|error| (error.to_string(), None))
    }

    /// Returns why the next connect is refused, too.
    fn after(&self, id: &str, thing: Option<&str>) -> Option<Explanation> {
        let status = self.read(|registry| registry.certificate(id).map(|certificate| certificate.status));
        let principal = Principal::Certificate(id.to_owned());
        if status.is_some_and(|status| status != CertificateStatus::Active) {
            let command = format!("aws iot update-certificate --certificate-id {id} --new-status ACTIVE");
            return Some(("with a status other than ACTIVE".to_owned(), Some(command)));
        }
        if self.effective_policies(Some(&principal), thing).is_empty() {
            let target = PolicyTarget::Principal(principal).api_name(self.account());
            let command = format!("aws iot attach-policy --policy-name NAME --target {target}");
            return Some(("without a policy".to_owned(), Some(command)));
        }
        None
    }

    /// Returns the command that creates the first policy that the plan names and that does not exist.
    fn missing_policy(&self, plan: &Plan) -> Option<String> {
        let mut named = plan.policies.iter().filter(|policy| policy.document.is_none());
        let missing = self.read(|registry| named.find(|policy| registry.policy(&policy.name).is_none()))?;
        Some(format!(
            "aws iot create-policy --policy-name {} --policy-document file://FILE, and connect again",
            missing.name
        ))
    }
}

fn still_pending(registry: &Registry, id: &str) -> Result<(), ApiError> {
    match registry.certificate(id).map(|certificate| certificate.status) {
        Some(CertificateStatus::PendingActivation) => Ok(()),
        Some(status) => Err(ApiError::new(
            ErrorKind::CertificateState,
            format!("certificate {id} is {status} by now: another connect or call was first"),
        )),
        None => Err(ApiError::not_found(format_args!("certificate {id}"))),
    }
}

/// Returns the template of a CA.
///
/// # Errors
/// It does not exist, is disabled or invalid, or is for something else.
fn template_of(registry: &Registry, ca: &CaCertificate) -> Result<Template, Explanation> {
    let RegistrationConfig { template_body, template_name, .. } =
        ca.registration_config.clone().unwrap_or_default();
    let other = || {
        Some(format!(
            "aws iot update-ca-certificate --certificate-id {} --registration-config file://FILE",
            ca.id
        ))
    };
    let body = match (&template_body, &template_name) {
        (Some(body), _) => body.as_str(),
        (None, Some(name)) => {
            let of_ca = |what| format!("provisioning template {name} of CA {} {what}", ca.id);
            let Some(template) = registry.provisioning_template(name) else {
                return Err((of_ca("does not exist"), other()));
            };
            if template.template_type != TemplateType::Jitp {
                return Err((of_ca("is not of the type JITP"), other()));
            }
            if !template.enabled {
                let command =
                    format!("aws iot update-provisioning-template --template-name {name} --enabled");
                return Err((of_ca("is disabled"), Some(command)));
            }
            template.default_body().ok_or_else(|| (of_ca("has no default version"), None))?
        }
        (None, None) => return Err((format!("CA {} has no template", ca.id), other())),
    };
    Template::parse(TemplateKind::Jitp, body)
        .map_err(|errors| (format!("template of CA {}: {errors}", ca.id), other()))
}

fn other_subject(ca: &CaCertificate) -> String {
    format!(
        "issue a certificate whose subject has the attribute, or change the template: \
         aws iot update-ca-certificate --certificate-id {} --registration-config file://FILE",
        ca.id
    )
}
