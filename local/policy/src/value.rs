//! The values of policy variables and condition keys.

use std::fmt;

use crate::action::Action;
use crate::arn::Arn;
use crate::certificate::{check_substitution, is_certificate_key};
use crate::question::{Access, ClientCertificate, CognitoContext};

/// The prefix of the keys of a Cognito identity, in lower case.
const COGNITO: &str = "cognito-identity.amazonaws.com:";

/// The effect of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Allow,
    Deny,
}

/// The value of a policy variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Variable {
    /// Replaces the variable. Its wildcards are plain characters.
    Value(String),
    /// The variable stays in the policy and matches nothing; why.
    NotSubstituted(&'static str),
}

/// The values of variables and keys for one question and one statement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    access: &'a Access<'a>,
    arn: &'a Arn,
    effect: Effect,
}

impl<'a> Facts<'a> {
    pub(crate) fn new(access: &'a Access<'a>, arn: &'a Arn, effect: Effect) -> Self {
        Self { access, arn, effect }
    }

    /// Returns the effect of the statement.
    pub(crate) const fn effect(&self) -> Effect {
        self.effect
    }

    /// Whether any value must be assumed for a variable: its value is not known here, and the statement is a Deny,
    /// which must match if it might.
    pub(crate) fn has_any_value(&self, name: &str) -> bool {
        let is_unknown = matches!(self.access.context.certificate, ClientCertificate::Unknown);
        self.effect == Effect::Deny && is_unknown && is_certificate_key(name)
    }

    /// Returns the value of a policy variable. Keys with several values cannot be variables.
    pub(crate) fn variable(&self, name: &str) -> Option<Variable> {
        let context = self.access.context;
        match name.to_ascii_lowercase().as_str() {
            "iot:clientid" => context.client_id.clone().map(Variable::Value),
            "aws:sourceip" => context.source_ip.map(|address| Variable::Value(address.to_string())),
            lower => match lower.strip_prefix(COGNITO) {
                // A key with several values cannot be a variable.
                Some(key) => match self.cognito(key)?.as_slice() {
                    [value] => Some(Variable::Value(value.clone())),
                    _ => None,
                },
                None => self.certificate_variable(name),
            },
        }
    }

    fn certificate_variable(&self, name: &str) -> Option<Variable> {
        let ClientCertificate::Known(certificate) = &self.access.context.certificate else { return None };
        let key = certificate.key(name).filter(|key| !key.is_list)?;
        let value = key.values.into_iter().next()?;
        Some(match check_substitution(&value) {
            Ok(()) => Variable::Value(value),
            Err(why) => Variable::NotSubstituted(why),
        })
    }

    /// Returns the values of a condition key: an empty list if the key is absent, `None` if it is unknown or its values
    /// are not known here.
    pub(crate) fn condition_key(&self, name: &str) -> Option<Vec<String>> {
        let key = name.to_ascii_lowercase();
        match key.as_str() {
            "iot:clientid" => Some(self.access.context.client_id.clone().into_iter().collect()),
            "aws:sourceip" => {
                Some(self.access.context.source_ip.map(|address| address.to_string()).into_iter().collect())
            }
            "iot:connectattributes" => Some(self.connect_attributes()),
            "iot:lastwilltopic" => {
                Some(self.last_will().map(|topic| self.arn.iot(&topic)).into_iter().collect())
            }
            key if key.starts_with(COGNITO) => self.cognito(key.strip_prefix(COGNITO)?),
            _ => match &self.access.context.certificate {
                ClientCertificate::Absent => is_certificate_key(name).then(Vec::new),
                ClientCertificate::Unknown => None,
                ClientCertificate::Known(certificate) => certificate.key(name).map(|key| key.values),
            },
        }
    }

    /// Returns the values of a key of the Cognito identity: none without an identity, `None` for an unknown key.
    fn cognito(&self, key: &str) -> Option<Vec<String>> {
        let value: fn(&CognitoContext) -> Vec<String> = match key {
            "sub" => |identity| vec![identity.identity_id.clone()],
            "aud" => |identity| vec![identity.pool_id.clone()],
            "amr" => |identity| identity.amr.clone(),
            _ => return None,
        };
        Some(self.access.context.cognito.as_ref().map(value).unwrap_or_default())
    }

    fn connect_attributes(&self) -> Vec<String> {
        let is_connect = self.access.action == Action::Connect.name();
        let persistent =
            (is_connect && self.access.context.persistent).then(|| "PersistentConnect".to_owned());
        let will = self.last_will().map(|_| "LastWill".to_owned());
        persistent.into_iter().chain(will).collect()
    }

    /// Returns the will's topic for `iot:Connect`. The will is a property of the CONNECT packet, not of later actions.
    fn last_will(&self) -> Option<String> {
        let topic = self.access.context.last_will.as_deref();
        topic.filter(|_| self.access.action == Action::Connect.name()).map(|topic| format!("topic/{topic}"))
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "Allow",
            Self::Deny => "Deny",
        })
    }
}
