//! One case: a template, its parameters, what is registered, and what must come out.

use std::collections::BTreeMap;

use iot_local_cloud::provisioning::{
    CertificateSource, Conflict, Parameters, Plan, Template, TemplateKind, resolve,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::inventory::Registered;
use crate::subject;

/// What cases begin with, by name.
pub(crate) type Bases = BTreeMap<String, Base>;

/// The id of a certificate that is made from a request, and of the client.
pub(crate) const CERTIFICATE: &str = "1111111111111111111111111111111111111111111111111111111111111111";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Base {
    kind: Kind,
    template: Value,
    #[serde(default)]
    parameters: Value,
    #[serde(default)]
    subject: Vec<(String, String)>,
    #[serde(default)]
    registry: Value,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Jitp,
    Registration,
    Fleet,
}

/// `template`, `parameters` and `registry` are merged into those of the base (RFC 7396: null removes a member).
/// Texts, lists and objects can be generated, see [`expand`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    base: String,
    #[serde(default)]
    template: Value,
    /// Values by their place, such as `Resources/thing/Properties/ThingName`, which replace what is there.
    #[serde(default)]
    set: BTreeMap<String, Value>,
    /// A body in place of the template.
    body: Option<String>,
    #[serde(default)]
    parameters: Value,
    subject: Option<Vec<(String, String)>>,
    #[serde(default)]
    registry: Value,
    pub(crate) expect: Outcome,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    /// The template is refused: each member, and a part of its error.
    Errors(BTreeMap<String, String>),
    /// The template is accepted, and its evaluation fails.
    Fails { member: String, parameter: Option<String>, what: String },
    /// The plan has these members. `null`: a member is absent.
    Plan(Value),
    /// The plan does not fit what is registered. A part of the reason.
    Conflict(String),
    /// The plan has these steps.
    Steps(Vec<Value>),
}

impl Case {
    pub(crate) fn check(&self, bases: &Bases) -> Result<(), String> {
        let base = bases.get(&self.base).ok_or("unknown base")?;
        let template = match parse(base, self) {
            Ok(template) => template,
            Err(errors) => return self.check_errors(&errors),
        };
        let parameters = parameters(base, self)?;
        let plan = match template.evaluate(&parameters) {
            Ok(plan) => plan,
            Err(error) => match &self.expect {
                Outcome::Fails { member, parameter, what }
                    if error.member == *member
                        && error.parameter == *parameter
                        && error.what.contains(what) =>
                {
                    return Ok(());
                }
                _ => return Err(format!("{error:?}")),
            },
        };
        if let Outcome::Plan(expected) = &self.expect {
            return contains(&serde_json::to_value(&plan).unwrap(), &expand(expected), "plan");
        }
        let registered = Registered::read(&merged(&base.registry, &self.registry))?;
        match (resolve(&plan, certificate_id(&plan), &registered), &self.expect) {
            (Err(Conflict { what, .. }), Outcome::Conflict(expected)) if what.contains(expected) => Ok(()),
            (Ok(steps), Outcome::Steps(expected)) => {
                contains(&json!(steps), &json!(expected), "steps")?;
                let again = resolve(&plan, certificate_id(&plan), &registered.after(&steps));
                match again {
                    Ok(again) if again.is_empty() => Ok(()),
                    Ok(again) => Err(format!("a second run has steps: {again:?}")),
                    Err(conflict) if conflict.what.contains("FAIL") => Ok(()),
                    Err(conflict) => Err(format!("a second run: {conflict}")),
                }
            }
            (result, _) => Err(format!("{result:?}")),
        }
    }

    fn check_errors(&self, errors: &[(String, String)]) -> Result<(), String> {
        let Outcome::Errors(expected) = &self.expect else { return Err(format!("{errors:?}")) };
        let fits = errors.len() == expected.len()
            && errors
                .iter()
                .all(|(member, what)| expected.get(member).is_some_and(|expected| what.contains(expected)));
        if fits { Ok(()) } else { Err(format!("{errors:?}")) }
    }
}

fn parse(base: &Base, case: &Case) -> Result<Template, Vec<(String, String)>> {
    let kind = match base.kind {
        Kind::Jitp => TemplateKind::Jitp,
        Kind::Registration => TemplateKind::Registration,
        Kind::Fleet => TemplateKind::Fleet,
    };
    let body = match &case.body {
        Some(body) => expand(&json!(body)).as_str().unwrap().to_owned(),
        None => {
            let mut template = merged(&base.template, &case.template);
            for (place, value) in &case.set {
                *place.split('/').fold(&mut template, |value, name| &mut value[name]) = value.clone();
            }
            expand(&template).to_string()
        }
    };
    Template::parse(kind, &body).map_err(|errors| {
        assert!(!errors.0.is_empty());
        errors.0.into_iter().map(|error| (error.member, error.what)).collect()
    })
}

fn parameters(base: &Base, case: &Case) -> Result<Parameters, String> {
    let subject = case.subject.as_ref().unwrap_or(&base.subject);
    if let Kind::Jitp = base.kind {
        let der = subject::certificate(subject);
        let parameters = Parameters::from_certificate(&der).map_err(|error| error.to_string())?;
        return Ok(parameters.with_certificate_id(CERTIFICATE));
    }
    let values = expand(&merged(&base.parameters, &case.parameters));
    let values = serde_json::from_value(values).map_err(|error| error.to_string())?;
    let parameters = Parameters::new(values).map_err(|error| error.to_string())?;
    Ok(match base.kind {
        Kind::Fleet => parameters.with_certificate_id(CERTIFICATE),
        _ => parameters,
    })
}

fn certificate_id(plan: &Plan) -> Option<&str> {
    plan.certificate.as_ref().map(|certificate| match &certificate.source {
        CertificateSource::Id(id) => id.as_str(),
        CertificateSource::Request(_) | CertificateSource::Pem { .. } => CERTIFICATE,
    })
}

/// Merges a patch into a value (RFC 7396).
fn merged(value: &Value, patch: &Value) -> Value {
    let Value::Object(patch) = patch else {
        return if patch.is_null() { value.clone() } else { patch.clone() };
    };
    let mut result = value.as_object().cloned().unwrap_or_default();
    for (name, patch) in patch {
        if patch.is_null() {
            result.remove(name);
        } else {
            let before = result.get(name).cloned().unwrap_or(Value::Null);
            result.insert(name.clone(), merged(&before, patch));
        }
    }
    Value::Object(result)
}

/// Replaces `"@repeat:TEXT:COUNT"`, `{"@list": ["g{}", COUNT]}` and `{"@object": ["a{}", VALUE, COUNT]}`. `{}` counts
/// from 0.
fn expand(value: &Value) -> Value {
    let numbered = |text: &Value, i: u64| text.as_str().unwrap().replace("{}", &i.to_string());
    match value {
        Value::String(text) => match text.strip_prefix("@repeat:").and_then(|rest| rest.rsplit_once(':')) {
            Some((text, count)) => json!(text.repeat(count.parse().unwrap())),
            None => value.clone(),
        },
        Value::Array(list) => list.iter().map(expand).collect(),
        Value::Object(object) => {
            if let Some(list) = object.get("@list") {
                (0..list[1].as_u64().unwrap()).map(|i| numbered(&list[0], i)).collect()
            } else if let Some(list) = object.get("@object") {
                let members =
                    (0..list[2].as_u64().unwrap()).map(|i| (numbered(&list[0], i), list[1].clone()));
                Value::Object(members.collect())
            } else {
                object.iter().map(|(name, value)| (name.clone(), expand(value))).collect()
            }
        }
        other => other.clone(),
    }
}

/// Whether a value has all that is expected. Lists have equal lengths.
fn contains(value: &Value, expected: &Value, place: &str) -> Result<(), String> {
    match (value, expected) {
        (Value::Object(value), Value::Object(expected)) => {
            expected.iter().try_for_each(|(name, expected)| {
                let value = value.get(name).unwrap_or(&Value::Null);
                contains(value, expected, &format!("{place}.{name}"))
            })
        }
        (Value::Array(value), Value::Array(expected)) if value.len() == expected.len() => value
            .iter()
            .zip(expected)
            .enumerate()
            .try_for_each(|(i, (value, expected))| contains(value, expected, &format!("{place}[{i}]"))),
        _ if value == expected => Ok(()),
        _ => Err(format!("{place} is {value}")),
    }
}
