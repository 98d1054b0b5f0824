//! A provisioning template, read and checked.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::error::{TemplateError, TemplateErrors, member};
use super::expression::{Expression, ExpressionReader, Shape};
use super::kind::TemplateKind;
use super::mappings::Mappings;
use super::resources::{CertificateResource, PolicyResource, Resources, ThingResource};
use super::strict_json;

/// The largest body of a template.
pub const MAX_BODY_BYTES: usize = 10_240;

/// A template whose every member is known, whose functions are complete, and whose constants are valid.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    pub(super) kind: TemplateKind,
    /// The declared parameters with their defaults.
    pub(super) parameters: BTreeMap<String, Option<String>>,
    pub(super) mappings: Mappings,
    pub(super) thing: Option<ThingResource>,
    pub(super) certificate: Option<CertificateResource>,
    pub(super) policies: Vec<PolicyResource>,
    pub(super) device_configuration: Vec<(String, Expression)>,
    functions: BTreeSet<&'static str>,
}

impl Template {
    /// Parses a body: JSON of at most 10,240 bytes.
    ///
    /// # Errors
    /// All errors, each with its member.
    pub fn parse(kind: TemplateKind, body: &str) -> Result<Self, TemplateErrors> {
        let root = read_body(body).map_err(|error| TemplateErrors(vec![error]))?;
        let mut errors = Vec::new();
        check_sections(kind, &root, &mut errors);
        let parameters = match root.get("Parameters") {
            Some(section) => read_parameters(kind, section, &mut errors),
            None => BTreeMap::new(),
        };
        let mappings = match root.get("Mappings") {
            Some(section) => Mappings::parse(section, &mut errors),
            None => Mappings::default(),
        };
        let names = parameters.keys().cloned().collect();
        let mut reader = ExpressionReader {
            kind,
            parameters: &names,
            mappings: &mappings,
            errors,
            functions: BTreeSet::new(),
        };
        let resources = Resources::read(root.get("Resources"), &mut reader);
        let device_configuration = read_configuration(root.get("DeviceConfiguration"), &mut reader);
        let ExpressionReader { errors, functions, .. } = reader;
        let Resources { thing, certificate, policies } = resources;
        let template = Self {
            kind,
            parameters,
            mappings,
            thing,
            certificate,
            policies,
            device_configuration,
            functions,
        };
        template.checked(errors)
    }

    /// Returns what the template is for.
    #[must_use]
    pub fn kind(&self) -> TemplateKind {
        self.kind
    }

    /// Returns what AWS might evaluate differently, for the event log.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        if self.kind == TemplateKind::Fleet || self.functions.is_empty() {
            return Vec::new();
        }
        let functions: Vec<_> = self.functions.iter().copied().collect();
        vec![format!(
            "AWS documents {} for fleet provisioning only; {} may fail there",
            functions.join(", "),
            self.kind
        )]
    }

    fn checked(self, mut errors: Vec<TemplateError>) -> Result<Self, TemplateErrors> {
        if errors.is_empty() {
            errors = self.constant_errors();
        }
        if errors.is_empty() { Ok(self) } else { Err(TemplateErrors(errors)) }
    }
}

fn read_body(body: &str) -> Result<Map<String, Value>, TemplateError> {
    if body.len() > MAX_BODY_BYTES {
        return Err(TemplateError::new(
            "",
            format!("{} bytes; expected at most {MAX_BODY_BYTES}", body.len()),
        ));
    }
    match strict_json::parse(body) {
        Ok(Value::Object(root)) => Ok(root),
        Ok(_) => Err(TemplateError::new("", "expected a JSON object")),
        Err(error) => Err(TemplateError::new("", format!("invalid JSON: {error}"))),
    }
}

fn check_sections(kind: TemplateKind, root: &Map<String, Value>, errors: &mut Vec<TemplateError>) {
    for section in root.keys() {
        match section.as_str() {
            "Parameters" | "Resources" => {}
            "Mappings" | "DeviceConfiguration" if kind.has_fleet_sections() => {}
            "Mappings" | "DeviceConfiguration" => errors.push(TemplateError::new(
                section,
                format!("a section of fleet provisioning; this template is for {kind}"),
            )),
            _ => errors.push(TemplateError::new(
                section,
                "unknown section; expected Parameters, Resources, Mappings or DeviceConfiguration",
            )),
        }
    }
}

fn read_parameters(
    kind: TemplateKind,
    section: &Value,
    errors: &mut Vec<TemplateError>,
) -> BTreeMap<String, Option<String>> {
    let mut parameters = BTreeMap::new();
    if !section.is_object() {
        errors.push(TemplateError::new("Parameters", "expected an object"));
    }
    for (name, declaration) in section.as_object().into_iter().flatten() {
        let place = member("Parameters", name);
        if name.is_empty() || name.trim() != name || name.chars().any(char::is_control) {
            errors.push(TemplateError::new(
                &place,
                format!(
                    "{name:?} is empty, or has a blank at an end or a control character; no caller would send it"
                ),
            ));
        } else if let Err(what) = kind.check_parameter(name) {
            errors.push(TemplateError::new(&place, what));
        }
        parameters.insert(name.clone(), read_declaration(declaration, &place, errors));
    }
    parameters
}

fn read_declaration(declaration: &Value, place: &str, errors: &mut Vec<TemplateError>) -> Option<String> {
    let Some(members) = declaration.as_object() else {
        errors.push(TemplateError::new(place, "expected an object with the member Type"));
        return None;
    };
    for name in members.keys().filter(|name| !matches!(name.as_str(), "Type" | "Default")) {
        errors.push(TemplateError::new(member(place, name), "unknown member; expected Type or Default"));
    }
    if members.get("Type").is_none_or(|declared| declared != "String") {
        errors.push(TemplateError::new(member(place, "Type"), "expected \"String\""));
    }
    let default = members.get("Default")?;
    if !default.is_string() {
        errors.push(TemplateError::new(member(place, "Default"), "expected a text"));
    }
    default.as_str().map(str::to_owned)
}

fn read_configuration(
    section: Option<&Value>,
    reader: &mut ExpressionReader<'_>,
) -> Vec<(String, Expression)> {
    let Some(section) = section else { return Vec::new() };
    let Some(members) = section.as_object() else {
        reader.error::<()>("DeviceConfiguration", "expected an object");
        return Vec::new();
    };
    let read = members.iter().filter_map(|(name, value)| {
        let place = member("DeviceConfiguration", name);
        if value.is_number() || value.is_boolean() {
            return Some((name.clone(), Expression::Literal(value.clone())));
        }
        reader.read(value, &place, Shape::Text).map(|value| (name.clone(), value))
    });
    read.collect()
}
