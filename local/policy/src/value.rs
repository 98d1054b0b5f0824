//! The values of policy variables and condition keys.

use std::fmt;

use crate::action::Action;
use crate::arn::Arn;
use crate::question::{ClientCertificate, Question};

/// The effect of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Allow,
    Deny,
}

/// Prefixes of the keys whose values come from a client certificate, or from a thing that is attached to one. Without a
/// certificate they have no value; with one, their values are not known here.
const CERTIFICATE_PREFIXES: [&str; 3] = ["iot:connection.thing.", "iot:certificate.", "iot:thing."];

/// The values of variables and keys for one question and one statement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    question: &'a Question<'a>,
    arn: &'a Arn,
    effect: Effect,
}

impl<'a> Facts<'a> {
    pub(crate) fn new(question: &'a Question<'a>, arn: &'a Arn, effect: Effect) -> Self {
        Self { question, arn, effect }
    }

    /// Whether any value must be assumed for a variable: its value is not known here, and the statement is a Deny,
    /// which must match if it might.
    pub(crate) fn has_any_value(&self, name: &str) -> bool {
        let is_unknown = matches!(self.question.context.certificate, ClientCertificate::Unknown);
        self.effect == Effect::Deny && is_unknown && is_certificate_key(name)
    }

    /// Returns the value of a policy variable. Keys with several values cannot be variables.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        let context = self.question.context;
        match name.to_ascii_lowercase().as_str() {
            "iot:clientid" => context.client_id.clone(),
            "aws:sourceip" => context.source_ip.map(|address| address.to_string()),
            _ => None,
        }
    }

    /// Returns the values of a condition key: an empty list if the key is absent, `None` if it is unknown or its values
    /// are not known here.
    pub(crate) fn condition_key(&self, name: &str) -> Option<Vec<String>> {
        let key = name.to_ascii_lowercase();
        match key.as_str() {
            "iot:clientid" | "aws:sourceip" => Some(self.variable(&key).into_iter().collect()),
            "iot:connectattributes" => Some(self.connect_attributes()),
            "iot:lastwilltopic" => {
                Some(self.last_will().map(|topic| self.arn.iot(&topic)).into_iter().collect())
            }
            _ if is_certificate_key(&key)
                && matches!(self.question.context.certificate, ClientCertificate::Absent) =>
            {
                Some(Vec::new())
            }
            _ => None,
        }
    }

    fn connect_attributes(&self) -> Vec<String> {
        let is_connect = self.question.action == Action::Connect;
        let persistent =
            (is_connect && self.question.context.persistent).then(|| "PersistentConnect".to_owned());
        let will = self.last_will().map(|_| "LastWill".to_owned());
        persistent.into_iter().chain(will).collect()
    }

    /// Returns the will's topic for `iot:Connect`. The will is a property of the CONNECT packet, not of later actions.
    fn last_will(&self) -> Option<String> {
        let topic = self.question.context.last_will.as_deref();
        topic.filter(|_| self.question.action == Action::Connect).map(|topic| format!("topic/{topic}"))
    }
}

fn is_certificate_key(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    CERTIFICATE_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "Allow",
            Self::Deny => "Deny",
        })
    }
}
