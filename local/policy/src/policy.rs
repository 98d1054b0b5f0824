//! Evaluates AWS IoT policy documents.
//!
//! The evaluator shares no code with the part of the authorizer that writes policy documents, so that an error in one
//! does not hide an error in the other. An explicit Deny overrides every Allow, and an action that no statement allows
//! is denied. Where AWS documents no rule, the stricter one applies.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/iot-policies.html>,
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>

use crate::action::Action;
use crate::arn::Arn;
use crate::document;
use crate::question::{Question, Verdict};
use crate::statement::{Outcome, Statement};
use crate::value::Effect;

/// How many allowed patterns the reason of a denial lists.
const MAX_LISTED_PATTERNS: usize = 3;

/// The policy of a connection: the statements of all its documents.
#[derive(Debug, Clone)]
pub struct Policy {
    arn: Arn,
    statements: Vec<Statement>,
}

impl Policy {
    /// Parses policy documents. The resources of questions are in the partition, Region and account of `arn`.
    ///
    /// # Errors
    /// All errors of all documents, each with its place.
    pub fn parse(documents: &[serde_json::Value], arn: &Arn) -> Result<Self, Vec<String>> {
        let mut statements = Vec::new();
        let mut errors = Vec::new();
        for (number, document) in (1..).zip(documents) {
            document::parse(number, document, &mut statements, &mut errors);
        }
        if errors.is_empty() { Ok(Self { arn: arn.clone(), statements }) } else { Err(errors) }
    }

    /// Decides a question.
    ///
    /// Some operations need several questions: a retained publish needs `iot:Publish` and `iot:RetainPublish`; a
    /// delivery needs `iot:Subscribe` on the filter and `iot:Receive` on the topic.
    #[must_use]
    pub fn decide(&self, question: &Question<'_>) -> Verdict {
        if !question.action.applies_to(question.resource) {
            return Verdict::implicit_denial(format!(
                "{} does not apply to {}; expected {}",
                question.action,
                question.resource,
                question.action.resource_form()
            ));
        }
        let arn = self.arn.iot(question.resource);
        let mut allowed = None;
        let mut skipped = Vec::new();
        for statement in &self.statements {
            match (statement.evaluate(question, &arn, &self.arn), statement.effect) {
                (Outcome::Matches(pattern), Effect::Deny) => {
                    return self.explicit_verdict(statement, question, &pattern);
                }
                (Outcome::Matches(pattern), Effect::Allow) => {
                    allowed.get_or_insert((statement, pattern));
                }
                (Outcome::Skipped(why), _) => {
                    skipped.push(format!("{} is skipped: {why}", statement.place));
                }
                (Outcome::DoesNotMatch, _) => {}
            }
        }
        match allowed {
            Some((statement, pattern)) => self.explicit_verdict(statement, question, &pattern),
            None => self.implicit_denial(question, &skipped),
        }
    }

    fn explicit_verdict(&self, statement: &Statement, question: &Question<'_>, pattern: &str) -> Verdict {
        let sid = statement.sid.as_deref().map(|sid| format!(" ({sid})")).unwrap_or_default();
        Verdict {
            allowed: statement.effect == Effect::Allow,
            reason: format!(
                "{}{sid}: {} {} {}",
                statement.place,
                statement.effect,
                question.action,
                self.arn.shorten(pattern)
            ),
            decided_by: Some(statement.place),
        }
    }

    fn implicit_denial(&self, question: &Question<'_>, skipped: &[String]) -> Verdict {
        let mut reason = format!("no statement allows {} {}", question.action, question.resource);
        let patterns = self.allowed_patterns(question.action);
        if !patterns.is_empty() {
            let ellipsis = if patterns.len() > MAX_LISTED_PATTERNS { ", ..." } else { "" };
            let listed: Vec<_> = patterns.iter().take(MAX_LISTED_PATTERNS).copied().collect();
            reason = format!("{reason}; it is allowed on {}{ellipsis}", listed.join(", "));
        }
        for statement in skipped {
            reason = format!("{reason}; {statement}");
        }
        Verdict::implicit_denial(reason)
    }

    /// Returns the resource patterns of all Allow statements for an action.
    fn allowed_patterns(&self, action: Action) -> Vec<&str> {
        let allows = self.statements.iter().filter(|statement| statement.effect == Effect::Allow);
        allows
            .flat_map(|statement| statement.resource_patterns(action))
            .map(|pattern| self.arn.shorten(pattern))
            .collect()
    }
}

#[cfg(test)]
mod property;
#[cfg(test)]
mod tests;
