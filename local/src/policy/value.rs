//! What policy variables and condition keys stand for.

use super::statement::Effect;
use super::{Action, Arn, Question};

/// Keys that AWS IoT knows but that have no value here: they come from a certificate, or from a thing that is
/// attached to a certificate, and most custom-authentication connections have neither.
const WITHOUT_VALUE: [&str; 3] = ["iot:connection.thing.", "iot:certificate.", "iot:thing."];

/// The values of one question's keys.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts<'a> {
    question: &'a Question<'a>,
    arn: &'a Arn,
    effect: Effect,
}

impl<'a> Facts<'a> {
    pub(super) fn new(question: &'a Question<'a>, arn: &'a Arn, effect: Effect) -> Self {
        Self { question, arn, effect }
    }

    /// Whether a variable has a value at AWS IoT that is not known here, and the statement is one that has to be taken
    /// to match if it might.
    pub(super) fn might_be_anything(&self, name: &str) -> bool {
        self.effect == Effect::Deny && self.question.context.certificate && is_of_certificate(name)
    }

    /// The value of a policy variable, if it has one. Keys with several values are no variables.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        let context = self.question.context;
        match name.to_ascii_lowercase().as_str() {
            "iot:clientid" => context.client_id.clone(),
            "aws:sourceip" => context.source_ip.map(|address| address.to_string()),
            _ => None,
        }
    }

    /// The values of a condition key: none where it is absent, and `None` where nobody knows the key.
    pub(super) fn condition_key(&self, name: &str) -> Option<Vec<String>> {
        let key = name.to_ascii_lowercase();
        match key.as_str() {
            "iot:clientid" | "aws:sourceip" => Some(self.variable(&key).into_iter().collect()),
            "iot:connectattributes" => Some(self.connect_attributes()),
            "iot:lastwilltopic" => {
                Some(self.last_will().map(|topic| self.arn.iot(&topic)).into_iter().collect())
            }
            _ if is_of_certificate(&key) && !self.question.context.certificate => Some(Vec::new()),
            _ => None,
        }
    }

    fn connect_attributes(&self) -> Vec<String> {
        let connect = self.question.action == Action::Connect;
        let persistent =
            (connect && self.question.context.persistent).then(|| "PersistentConnect".to_owned());
        let will = self.last_will().map(|_| "LastWill".to_owned());
        persistent.into_iter().chain(will).collect()
    }

    /// A will belongs to the CONNECT; later questions do not see it.
    fn last_will(&self) -> Option<String> {
        let topic = self.question.context.last_will.as_deref();
        topic.filter(|_| self.question.action == Action::Connect).map(|topic| format!("topic/{topic}"))
    }
}

fn is_of_certificate(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    WITHOUT_VALUE.iter().any(|prefix| name.starts_with(prefix))
}
