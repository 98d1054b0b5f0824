//! Evaluates a template with parameters.

mod checks;
mod functions;

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use iot_local_base::hex;
use serde_json::Value;

use self::checks::Check;
use self::functions::Evaluator;
use super::error::{TemplateError, element, member};
use super::expression::Expression;
use super::kind::TemplateKind;
use super::names::NameKind;
use super::parameters::{Parameters, subject_attribute};
use super::plan::{
    CertificateSource, EvaluationError, Plan, PlannedCertificate, PlannedPolicy, PlannedThing,
};
use super::resources::{CertificateResource, PolicyContent, PolicyResource, SourceExpression, ThingResource};
use super::template::Template;

impl Template {
    /// Evaluates the template. Values of parameters that it does not declare have no effect.
    ///
    /// Just-in-time provisioning needs a value for each declared parameter and takes no default; AWS does not document
    /// defaults there. A value that a device chose can be part of a policy document only if it consists of
    /// `[a-zA-Z0-9_:.,@=-]`, so that it adds neither wildcards nor statements.
    ///
    /// # Errors
    /// The first parameter without a value, or the first member whose value is invalid.
    pub fn evaluate(&self, parameters: &Parameters) -> Result<Plan, EvaluationError> {
        let values = self.values(parameters)?;
        let mut evaluator = Evaluator::new(self, values);
        let thing = self.thing.as_ref().map(|thing| evaluate_thing(thing, &mut evaluator)).transpose()?;
        let certificate = self.certificate.as_ref();
        let certificate =
            certificate.map(|certificate| evaluate_certificate(certificate, &mut evaluator)).transpose()?;
        let mut policies: Vec<PlannedPolicy> = Vec::new();
        for policy in &self.policies {
            let policy = evaluate_policy(policy, &mut evaluator)?;
            if policies.iter().all(|known| known.name != policy.name) {
                policies.push(policy);
            }
        }
        let mut device_configuration = BTreeMap::new();
        for (name, expression) in &self.device_configuration {
            let place = member("DeviceConfiguration", name);
            let value = evaluator.value(expression, &place)?;
            if value.is_array() || value.is_object() || value.is_null() {
                return Err(EvaluationError::new(&place, "expected a text, a number or a boolean"));
            }
            device_configuration.insert(name.clone(), value);
        }
        Ok(Plan { thing, certificate, policies, device_configuration })
    }

    /// Returns the errors of values that are the same for all parameters.
    pub(super) fn constant_errors(&self) -> Vec<TemplateError> {
        let mut errors = Vec::new();
        let mut evaluator = Evaluator::new(self, BTreeMap::new());
        for (place, expression, check) in self.checked_places() {
            if expression.is_constant()
                && let Err(error) = evaluator.checked(expression, &place, &check)
            {
                errors.push(TemplateError::new(error.member, error.what));
            }
        }
        errors
    }

    /// Returns the value of each declared parameter.
    fn values(&self, given: &Parameters) -> Result<BTreeMap<String, String>, EvaluationError> {
        let mut values = BTreeMap::new();
        for (name, default) in &self.parameters {
            let default = default.as_deref().filter(|_| self.kind != TemplateKind::Jitp);
            let Some(value) = given.get(name).or(default) else {
                let what = match self.kind {
                    TemplateKind::Jitp => {
                        let attribute = subject_attribute(name).unwrap_or("such attribute");
                        format!("the subject of the certificate has no {attribute}")
                    }
                    _ => "no value and no default".to_owned(),
                };
                return Err(EvaluationError::parameter("Parameters", name, what));
            };
            values.insert(name.clone(), value.to_owned());
        }
        if let (true, Some(id)) = (self.kind.is_for_own_certificate(), given.certificate_id()) {
            values.insert(super::parameters::CERTIFICATE_ID.to_owned(), id.to_owned());
        }
        Ok(values)
    }

    /// Returns each value of a resource, with its place and what it must be.
    fn checked_places(&self) -> Vec<(String, &Expression, Check)> {
        let mut places = Vec::new();
        if let Some(thing) = &self.thing {
            let mut add = |name: &str, value, check| {
                places.push((property(&thing.logical_name, name), value, check));
            };
            add("ThingName", &thing.name, Check::Name(NameKind::Thing));
            if let Some(value) = &thing.thing_type {
                add("ThingTypeName", value, Check::Name(NameKind::Thing));
            }
            if let Some(value) = &thing.billing_group {
                add("BillingGroup", value, Check::Name(NameKind::Thing));
            }
            for (i, value) in (0..).zip(thing.groups.iter().flatten()) {
                add(&element("ThingGroups", i), value, Check::Name(NameKind::Thing));
            }
            for (name, value) in thing.attributes.iter().flatten() {
                add(&member("AttributePayload", name), value, Check::Attribute(name.clone()));
            }
        }
        if let Some(certificate) = &self.certificate {
            let name = &certificate.logical_name;
            if let SourceExpression::Id(id) = &certificate.source {
                places.push((property(name, "CertificateId"), id, Check::Name(NameKind::CertificateId)));
            }
            if let Some(status) = &certificate.status {
                places.push((property(name, "Status"), status, Check::Status));
            }
        }
        for policy in &self.policies {
            let name = &policy.logical_name;
            places.push(match &policy.content {
                PolicyContent::Name(value) => {
                    (property(name, "PolicyName"), value, Check::Name(NameKind::Policy))
                }
                PolicyContent::Document(value) => (property(name, "PolicyDocument"), value, Check::Document),
            });
        }
        places
    }
}

fn evaluate_thing(
    thing: &ThingResource,
    evaluator: &mut Evaluator<'_>,
) -> Result<PlannedThing, EvaluationError> {
    let place = |name: &str| property(&thing.logical_name, name);
    let mut name_of = |name: &str, value: &Expression| {
        evaluator.checked(value, &place(name), &Check::Name(NameKind::Thing))
    };
    let name = name_of("ThingName", &thing.name)?;
    let thing_type = thing.thing_type.as_ref().map(|value| name_of("ThingTypeName", value)).transpose()?;
    let billing_group =
        thing.billing_group.as_ref().map(|value| name_of("BillingGroup", value)).transpose()?;
    let groups = match &thing.groups {
        Some(groups) => {
            let mut names: Vec<String> = Vec::new();
            for (i, group) in (0..).zip(groups) {
                let name = name_of(&element("ThingGroups", i), group)?;
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            Some(names)
        }
        None => None,
    };
    let attributes = match &thing.attributes {
        Some(attributes) => {
            let mut values = BTreeMap::new();
            for (name, value) in attributes {
                let place = place(&member("AttributePayload", name));
                let value = evaluator.checked(value, &place, &Check::Attribute(name.clone()))?;
                // As in CreateThing, an empty value is no attribute.
                if !value.is_empty() {
                    values.insert(name.clone(), value);
                }
            }
            Some(values)
        }
        None => None,
    };
    Ok(PlannedThing {
        logical_name: thing.logical_name.clone(),
        name,
        attributes,
        thing_type,
        groups,
        billing_group,
        on_attributes: thing.on_attributes,
        on_thing_type: thing.on_thing_type,
        on_groups: thing.on_groups,
    })
}

fn evaluate_certificate(
    certificate: &CertificateResource,
    evaluator: &mut Evaluator<'_>,
) -> Result<PlannedCertificate, EvaluationError> {
    let name = &certificate.logical_name;
    let mut text =
        |value: &Expression, member: &str, check| evaluator.checked(value, &property(name, member), check);
    let source = match &certificate.source {
        SourceExpression::Id(id) => {
            CertificateSource::Id(text(id, "CertificateId", &Check::Name(NameKind::CertificateId))?)
        }
        SourceExpression::Request(request) => {
            CertificateSource::Request(text(request, "CertificateSigningRequest", &Check::Text)?)
        }
        SourceExpression::Pem { certificate, ca } => CertificateSource::Pem {
            certificate: text(certificate, "CertificatePem", &Check::Text)?,
            ca: ca.as_ref().map(|ca| text(ca, "CACertificatePem", &Check::Text)).transpose()?,
        },
    };
    let is_active = match &certificate.status {
        Some(status) => text(status, "Status", &Check::Status)?.eq_ignore_ascii_case("ACTIVE"),
        None => true,
    };
    Ok(PlannedCertificate { logical_name: name.clone(), source, is_active, on_status: certificate.on_status })
}

fn evaluate_policy(
    policy: &PolicyResource,
    evaluator: &mut Evaluator<'_>,
) -> Result<PlannedPolicy, EvaluationError> {
    let logical_name = policy.logical_name.clone();
    match &policy.content {
        PolicyContent::Name(value) => {
            let place = property(&logical_name, "PolicyName");
            let name = evaluator.checked(value, &place, &Check::Name(NameKind::Policy))?;
            Ok(PlannedPolicy { logical_name, name, document: None })
        }
        PolicyContent::Document(value) => {
            let place = property(&logical_name, "PolicyDocument");
            let document = evaluator.checked(value, &place, &Check::Document)?;
            let name = hex::encode(digest::digest(&digest::SHA256, document.as_bytes()).as_ref());
            Ok(PlannedPolicy { logical_name, name, document: Some(document) })
        }
    }
}

fn property(logical_name: &str, name: &str) -> String {
    format!("Resources.{logical_name}.Properties.{name}")
}

/// Returns a value as the text of a policy document: a text as it is, so that it comes back as it was written.
fn document_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
