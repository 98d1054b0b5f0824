//! The question that a policy decides, and its verdict.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::action::Action;

/// An action that a connection requests.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The action.
    pub action: Action,
    /// The resource without the prefix of its ARN: `client/ID`, `topic/TOPIC`, `topicfilter/FILTER` or `thing/NAME`.
    pub resource: &'a str,
    /// The connection.
    pub context: &'a Context,
}

impl<'a> Question<'a> {
    /// Returns the question with the ARN of its resource.
    pub(crate) fn access(&self, resource: &'a str) -> Access<'a> {
        Access { action: self.action.name(), resource, context: self.context }
    }
}

/// An action on a resource, both as IAM names them. The action may be of any service.
#[derive(Debug, Clone, Copy)]
pub struct Access<'a> {
    /// The action, such as `iot:AttachPolicy` or `lambda:InvokeFunction`.
    pub action: &'a str,
    /// The whole ARN of the resource, or `*` for an action that has none.
    pub resource: &'a str,
    /// The connection or the caller.
    pub context: &'a Context,
}

/// What AWS IoT knows about a connection when it evaluates a policy. A variable or condition key whose source is absent
/// here has no value.
#[derive(Debug, Default, Clone)]
pub struct Context {
    /// The MQTT client id. Absent for an HTTPS publish.
    pub client_id: Option<String>,
    /// The client's IP address.
    pub source_ip: Option<IpAddr>,
    /// Whether the CONNECT requests a persistent session.
    pub persistent: bool,
    /// The topic of the CONNECT's will.
    pub last_will: Option<String>,
    /// The client's certificate, which gives certificate and thing variables their values.
    pub certificate: ClientCertificate,
    /// The identity of a Cognito identity pool that has signed the request.
    pub cognito: Option<CognitoContext>,
}

/// An identity of a Cognito identity pool, which gives the keys of `cognito-identity.amazonaws.com` their values.
/// <https://docs.aws.amazon.com/cognito/latest/developerguide/iam-roles.html>
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct CognitoContext {
    /// The identity id, the value of `sub`, such as `us-east-1:11111111-2222-4333-8444-555555555555`.
    pub identity_id: String,
    /// The id of its pool, the value of `aud`.
    pub pool_id: String,
    /// How the person has logged in, the values of `amr`: `authenticated` or `unauthenticated` first.
    pub amr: Vec<String>,
}

/// What is known about a client's certificate.
#[derive(Debug, Default, Clone)]
pub enum ClientCertificate {
    /// The client presented none: certificate and thing variables have no value.
    #[default]
    Absent,
    /// The client presented one whose values are not known here. So no Allow matches by such a variable, and every Deny
    /// that might match does.
    Unknown,
    /// The registry knows it.
    Known(Arc<CertificateContext>),
}

/// The values of certificate and thing variables.
/// <https://docs.aws.amazon.com/iot/latest/developerguide/cert-policy-variables.html>,
/// <https://docs.aws.amazon.com/iot/latest/developerguide/thing-policy-variables.html>
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct CertificateContext {
    /// The values of `iot:Certificate.NAME`, by NAME without `.1` and `.List`, such as `Subject.CommonName`. Several
    /// values in the order of the certificate.
    pub certificate: BTreeMap<String, Vec<String>>,
    /// The thing that `iot:Connection.Thing` means.
    pub thing: Option<ThingContext>,
}

/// A thing.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct ThingContext {
    /// Its name.
    pub name: String,
    /// Its type.
    pub type_name: Option<String>,
    /// Its attributes.
    pub attributes: BTreeMap<String, String>,
}

/// A policy document with its name, which verdicts mention.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedDocument {
    /// The name of the policy.
    pub name: String,
    /// The document.
    pub document: serde_json::Value,
}

/// The decision of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the action is allowed.
    pub allowed: bool,
    /// The statement that decided, or why no statement allows the action, as text.
    pub reason: String,
    /// The statement that decided. Absent if no statement matches.
    pub decided_by: Option<StatementPlace>,
}

/// The position of a statement in a response. Both numbers start at 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct StatementPlace {
    /// The number of its document in the response.
    pub document: usize,
    /// Its number in the document.
    pub statement: usize,
}

impl Verdict {
    /// Returns a denial that no statement decided.
    pub(crate) fn implicit_denial(reason: String) -> Self {
        Self { allowed: false, reason, decided_by: None }
    }
}

impl fmt::Display for StatementPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "document {}, statement {}", self.document, self.statement)
    }
}
