//! The section `Resources`: at most one thing, at most one certificate, and policies.

use serde_json::{Map, Value};

use super::error::{element, member};
use super::expression::{Expression, ExpressionReader, Shape};
use super::parameters::CERTIFICATE_ID;

/// The largest number of policies, as a certificate takes no more.
const MAX_POLICIES: usize = 10;

/// What to do with a property of a resource that exists already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Override {
    /// Leaves the existing value.
    DoNothing,
    /// Replaces the existing value.
    Replace,
    /// Refuses to provision.
    Fail,
    /// Adds to the existing value. Only for attributes and groups.
    Merge,
}

/// The resources of a template.
#[derive(Debug, Default)]
pub(super) struct Resources {
    pub(super) thing: Option<ThingResource>,
    pub(super) certificate: Option<CertificateResource>,
    pub(super) policies: Vec<PolicyResource>,
}

/// A thing. Each value comes with what to do if it exists already.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ThingResource {
    pub(super) logical_name: String,
    pub(super) name: Expression,
    pub(super) attributes: Option<Vec<(String, Expression)>>,
    pub(super) thing_type: Option<Expression>,
    pub(super) groups: Option<Vec<Expression>>,
    pub(super) billing_group: Option<Expression>,
    pub(super) on_attributes: Option<Override>,
    pub(super) on_thing_type: Option<Override>,
    pub(super) on_groups: Option<Override>,
}

/// A certificate.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CertificateResource {
    pub(super) logical_name: String,
    pub(super) source: SourceExpression,
    pub(super) status: Option<Expression>,
    pub(super) on_status: Option<Override>,
}

/// Where a certificate comes from.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum SourceExpression {
    Id(Expression),
    Request(Expression),
    Pem { certificate: Expression, ca: Option<Expression> },
}

/// A policy: its name, or its document.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PolicyResource {
    pub(super) logical_name: String,
    pub(super) content: PolicyContent,
}

/// What a policy is given by.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum PolicyContent {
    Name(Expression),
    /// A text with JSON in it, or JSON.
    Document(Expression),
}

/// One resource while it is read.
struct Resource<'a> {
    logical_name: &'a str,
    place: String,
    properties: &'a Map<String, Value>,
    overrides: Option<&'a Map<String, Value>>,
}

impl Resources {
    /// Reads the section.
    pub(super) fn read(section: Option<&Value>, reader: &mut ExpressionReader<'_>) -> Self {
        let mut resources = Self::default();
        let Some(section) = section.and_then(Value::as_object) else {
            reader.error::<()>("Resources", "expected an object");
            return resources;
        };
        if section.is_empty() {
            reader.error::<()>("Resources", "expected at least one resource");
        }
        for (logical_name, value) in section {
            resources.read_one(logical_name, value, reader);
        }
        let kind = reader.kind;
        let has =
            |name: &str| section.values().any(|value| value.get("Type").is_some_and(|kind| kind == name));
        if kind.is_for_own_certificate() && !has("AWS::IoT::Certificate") {
            reader.error::<()>(
                "Resources",
                format!("{kind} needs a resource of the type AWS::IoT::Certificate"),
            );
        }
        if has("AWS::IoT::Policy") && !has("AWS::IoT::Certificate") {
            reader.error::<()>("Resources", "a policy needs a certificate to which it can be attached");
        }
        if resources.policies.len() > MAX_POLICIES {
            let count = resources.policies.len();
            reader.error::<()>("Resources", format!("{count} policies; expected at most {MAX_POLICIES}"));
        }
        resources
    }

    fn read_one(&mut self, logical_name: &str, value: &Value, reader: &mut ExpressionReader<'_>) {
        let place = member("Resources", logical_name);
        let Some(members) = value.as_object() else {
            reader.error::<()>(&place, "expected an object with Type and Properties");
            return;
        };
        only(members, &["Type", "Properties", "OverrideSettings"], &place, reader);
        let Some(properties) = members.get("Properties").and_then(Value::as_object) else {
            reader.error::<()>(&member(&place, "Properties"), "expected an object");
            return;
        };
        let resource = Resource {
            logical_name,
            properties,
            overrides: object(members, "OverrideSettings", &place, reader),
            place,
        };
        match members.get("Type").and_then(Value::as_str) {
            Some("AWS::IoT::Thing") if self.thing.is_none() => {
                self.thing = ThingResource::read(&resource, reader);
            }
            Some("AWS::IoT::Certificate") if self.certificate.is_none() => {
                self.certificate = CertificateResource::read(&resource, reader);
            }
            Some("AWS::IoT::Policy") => self.policies.extend(PolicyResource::read(&resource, reader)),
            Some("AWS::IoT::Thing" | "AWS::IoT::Certificate") => {
                reader.error::<()>(&resource.place, "a second resource of its type; expected one");
            }
            _ => {
                reader.error::<()>(
                    &member(&resource.place, "Type"),
                    "expected AWS::IoT::Thing, AWS::IoT::Certificate or AWS::IoT::Policy",
                );
            }
        }
    }
}

impl ThingResource {
    fn read(resource: &Resource<'_>, reader: &mut ExpressionReader<'_>) -> Option<Self> {
        let known = ["ThingName", "AttributePayload", "ThingTypeName", "ThingGroups", "BillingGroup"];
        resource.only_properties(&known, reader);
        let name = resource.text("ThingName", reader);
        if resource.property("ThingName").is_none() {
            reader.error::<()>(&resource.property_place("ThingName"), "missing");
        }
        Some(Self {
            logical_name: resource.logical_name.to_owned(),
            attributes: read_attributes(resource, reader),
            thing_type: resource.text("ThingTypeName", reader),
            groups: read_groups(resource, reader),
            billing_group: resource.text("BillingGroup", reader),
            on_attributes: resource.setting("AttributePayload", true, reader),
            on_thing_type: resource.setting("ThingTypeName", false, reader),
            on_groups: resource.setting("ThingGroups", true, reader),
            name: {
                resource.only_settings(&["AttributePayload", "ThingTypeName", "ThingGroups"], reader);
                name?
            },
        })
    }
}

/// Here, attributes are a flat map, unlike the `attributePayload` of `CreateThing`.
fn read_attributes(
    resource: &Resource<'_>,
    reader: &mut ExpressionReader<'_>,
) -> Option<Vec<(String, Expression)>> {
    let place = resource.property_place("AttributePayload");
    let Some(members) = resource.property("AttributePayload")?.as_object() else {
        return reader.error(&place, "expected an object of attribute names and texts");
    };
    if members.len() == 1 && members.get("attributes").is_some_and(Value::is_object) {
        return reader
            .error(&member(&place, "attributes"), "expected a text; write the attributes without it");
    }
    let read = members.iter().filter_map(|(name, value)| {
        reader.read(value, &member(&place, name), Shape::Text).map(|value| (name.clone(), value))
    });
    Some(read.collect())
}

fn read_groups(resource: &Resource<'_>, reader: &mut ExpressionReader<'_>) -> Option<Vec<Expression>> {
    let place = resource.property_place("ThingGroups");
    let Some(list) = resource.property("ThingGroups")?.as_array() else {
        return reader.error(&place, "expected a list of group names");
    };
    let read = (0..).zip(list).filter_map(|(i, value)| reader.read(value, &element(&place, i), Shape::Text));
    Some(read.collect())
}

impl CertificateResource {
    fn read(resource: &Resource<'_>, reader: &mut ExpressionReader<'_>) -> Option<Self> {
        let known =
            ["CertificateId", "CertificateSigningRequest", "CertificatePem", "CACertificatePem", "Status"];
        resource.only_properties(&known, reader);
        resource.only_settings(&["Status"], reader);
        let status = resource.text("Status", reader);
        let on_status = resource.setting("Status", false, reader);
        Some(Self {
            logical_name: resource.logical_name.to_owned(),
            source: read_source(resource, reader)?,
            status,
            on_status,
        })
    }
}

fn read_source(resource: &Resource<'_>, reader: &mut ExpressionReader<'_>) -> Option<SourceExpression> {
    let place = member(&resource.place, "Properties");
    let id = resource.text("CertificateId", reader);
    let request = resource.text("CertificateSigningRequest", reader);
    let certificate = resource.text("CertificatePem", reader);
    let ca = resource.text("CACertificatePem", reader);
    let given: Vec<_> = ["CertificateId", "CertificateSigningRequest", "CertificatePem"]
        .into_iter()
        .filter(|name| resource.property(name).is_some())
        .collect();
    let [one] = given.as_slice() else {
        return reader.error(
            &place,
            "expected exactly one of CertificateId, CertificateSigningRequest and CertificatePem",
        );
    };
    if *one != "CertificatePem" && resource.property("CACertificatePem").is_some() {
        return reader.error(&member(&place, "CACertificatePem"), "needs CertificatePem");
    }
    if reader.kind.is_for_own_certificate() {
        return own_certificate(id, &place, reader);
    }
    id.map(SourceExpression::Id)
        .or(request.map(SourceExpression::Request))
        .or(certificate.map(|certificate| SourceExpression::Pem { certificate, ca }))
}

/// The device must not choose the certificate that becomes active.
fn own_certificate(
    id: Option<Expression>,
    place: &str,
    reader: &mut ExpressionReader<'_>,
) -> Option<SourceExpression> {
    match id {
        Some(Expression::Reference(name)) if name == CERTIFICATE_ID => {
            Some(SourceExpression::Id(Expression::Reference(name)))
        }
        _ => {
            let kind = reader.kind;
            reader.error(
                &member(place, "CertificateId"),
                format!("{kind} takes {{\"Ref\": \"{CERTIFICATE_ID}\"}} only"),
            )
        }
    }
}

impl PolicyResource {
    fn read(resource: &Resource<'_>, reader: &mut ExpressionReader<'_>) -> Option<Self> {
        resource.only_properties(&["PolicyName", "PolicyDocument"], reader);
        if resource.overrides.is_some() {
            reader.error::<()>(&member(&resource.place, "OverrideSettings"), "a policy has no settings");
        }
        let document_place = resource.property_place("PolicyDocument");
        let content = match (resource.property("PolicyName"), resource.property("PolicyDocument")) {
            (Some(name), None) => {
                PolicyContent::Name(reader.read(name, &resource.property_place("PolicyName"), Shape::Text)?)
            }
            (None, Some(document)) if document.is_string() || document.is_object() => {
                PolicyContent::Document(reader.read(document, &document_place, Shape::Json)?)
            }
            (None, Some(_)) => {
                return reader.error(&document_place, "expected an object or a text with JSON");
            }
            _ => {
                let place = member(&resource.place, "Properties");
                return reader.error(&place, "expected exactly one of PolicyName and PolicyDocument");
            }
        };
        Some(Self { logical_name: resource.logical_name.to_owned(), content })
    }
}

impl<'a> Resource<'a> {
    fn property(&self, name: &str) -> Option<&'a Value> {
        self.properties.get(name)
    }

    fn property_place(&self, name: &str) -> String {
        format!("{}.Properties.{name}", self.place)
    }

    fn text(&self, name: &str, reader: &mut ExpressionReader<'_>) -> Option<Expression> {
        reader.read(self.property(name)?, &self.property_place(name), Shape::Text)
    }

    fn only_properties(&self, known: &[&str], reader: &mut ExpressionReader<'_>) {
        only(self.properties, known, &member(&self.place, "Properties"), reader);
    }

    fn only_settings(&self, known: &[&str], reader: &mut ExpressionReader<'_>) {
        if let Some(overrides) = self.overrides {
            only(overrides, known, &member(&self.place, "OverrideSettings"), reader);
        }
    }

    fn setting(&self, name: &str, can_merge: bool, reader: &mut ExpressionReader<'_>) -> Option<Override> {
        match (self.overrides?.get(name)?.as_str(), can_merge) {
            (Some("DO_NOTHING"), _) => Some(Override::DoNothing),
            (Some("REPLACE"), _) => Some(Override::Replace),
            (Some("FAIL"), _) => Some(Override::Fail),
            (Some("MERGE"), true) => Some(Override::Merge),
            _ => {
                let place = format!("{}.OverrideSettings.{name}", self.place);
                let merge = if can_merge { ", MERGE" } else { "" };
                reader.error(&place, format!("expected one of DO_NOTHING, REPLACE, FAIL{merge}"))
            }
        }
    }
}

fn object<'a>(
    members: &'a Map<String, Value>,
    name: &str,
    place: &str,
    reader: &mut ExpressionReader<'_>,
) -> Option<&'a Map<String, Value>> {
    let value = members.get(name)?;
    value.as_object().or_else(|| reader.error(&member(place, name), "expected an object"))
}

fn only(members: &Map<String, Value>, known: &[&str], place: &str, reader: &mut ExpressionReader<'_>) {
    for name in members.keys().filter(|name| !known.contains(&name.as_str())) {
        reader.error::<()>(
            &member(place, name),
            format!("unknown member; expected one of {}", known.join(", ")),
        );
    }
}
