//! Evaluates AWS IoT policy documents.
//!
//! The evaluator shares no code with the part of the authorizer that writes policy documents, so that an error in one
//! does not hide an error in the other. An explicit Deny overrides every Allow, and an action that no statement allows
//! is denied. Where AWS documents no rule, the stricter one applies.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/iot-policies.html>,
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>

pub(crate) mod role;

use std::collections::BTreeSet;
use std::sync::Arc;

use self::role::{RoleLimit, RolePolicy};
use crate::arn::Arn;
use crate::document::{self, Source};
use crate::question::{Access, NamedDocument, Question, Verdict};

use crate::statement::{Outcome, Statement};
use crate::value::Effect;

/// How many allowed patterns the reason of a denial lists.
const MAX_LISTED_PATTERNS: usize = 3;

/// The policy of a connection: the statements of all its documents.
#[derive(Debug, Clone)]
pub struct Policy {
    arn: Arn,
    /// The number of documents.
    documents: usize,
    statements: Vec<Statement>,
    /// The role of a caller with temporary credentials, which decides, too.
    role: Option<RoleLimit>,
}

impl Policy {
    /// Parses policy documents. The resources of questions are in the partition, Region and account of `arn`.
    ///
    /// # Errors
    /// All errors of all documents, each with its place.
    pub fn parse(documents: &[serde_json::Value], arn: &Arn) -> Result<Self, Vec<String>> {
        Self::parse_all(documents.iter().map(|document| (None, document)), arn)
    }

    /// Parses policies with names, such as those of a certificate. Verdicts and errors mention the names.
    ///
    /// # Errors
    /// All errors of all documents, each with its place.
    pub fn parse_named(documents: &[NamedDocument], arn: &Arn) -> Result<Self, Vec<String>> {
        Self::parse_all(documents.iter().map(|named| (Some(named.name.as_str()), &named.document)), arn)
    }

    fn parse_all<'a>(
        documents: impl ExactSizeIterator<Item = (Option<&'a str>, &'a serde_json::Value)>,
        arn: &Arn,
    ) -> Result<Self, Vec<String>> {
        let mut parsed =
            Self { arn: arn.clone(), documents: documents.len(), statements: Vec::new(), role: None };
        let mut errors = Vec::new();
        for (number, (name, document)) in (1..).zip(documents) {
            let source = Source { number, policy: name.map(Arc::from) };
            document::parse(&source, document, &mut parsed.statements, &mut errors);
        }
        if errors.is_empty() { Ok(parsed) } else { Err(errors) }
    }

    /// Adds the documents of another policy, such as those of the certificate to those of the authorizer's response.
    /// An Allow of either counts, and so does a Deny. The numbers of the other's documents continue those of this one.
    /// <https://docs.aws.amazon.com/iot/latest/developerguide/custom-auth-509cert.html>
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        let earlier = self.documents;
        self.documents = earlier.saturating_add(other.documents);
        self.statements.extend(shifted(other.statements, earlier));
        self
    }

    /// Limits the policies of an identity by its role: the actions of [`crate::SHARED_ACTIONS`] must be allowed by
    /// both, and the role alone decides all others. The role's policy is the first document, so that the numbers of the
    /// others grow by one.
    #[must_use]
    pub fn limited_by(mut self, role: Arc<RolePolicy>) -> Self {
        self.documents = self.documents.saturating_add(1);
        self.statements = shifted(self.statements, 1).collect();
        self.role = Some(RoleLimit { role, is_alone: false });
        self
    }

    /// Returns the rights of a caller that has no policies of its own, but a role: that of a guest.
    #[must_use]
    pub fn of_role(role: Arc<RolePolicy>) -> Self {
        let arn = role.arn().clone();
        Self { arn, documents: 1, statements: Vec::new(), role: Some(RoleLimit { role, is_alone: true }) }
    }

    /// Returns the partition, Region and account in which resources are.
    pub(crate) fn arn(&self) -> &Arn {
        &self.arn
    }

    /// Returns the names of the variables without a value in the statements for the question's action, sorted.
    #[must_use]
    pub fn missing_variables(&self, question: &Question<'_>) -> Vec<String> {
        let resource = self.arn.iot(question.resource);
        let access = question.access(&resource);
        let names =
            self.statements.iter().flat_map(|statement| statement.missing_variables(&access, &self.arn));
        names.collect::<BTreeSet<_>>().into_iter().collect()
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
        self.decide_access(&question.access(&self.arn.iot(question.resource)))
    }

    /// Decides an action of any service on an ARN.
    #[must_use]
    pub fn decide_access(&self, access: &Access<'_>) -> Verdict {
        match &self.role {
            Some(limit) => limit.decide(access, self),
            None => self.decide_alone(access),
        }
    }

    /// Decides without the role.
    pub(crate) fn decide_alone(&self, access: &Access<'_>) -> Verdict {
        let mut allowed = None;
        let (mut skipped, mut skipped_denies) = (Vec::new(), Vec::new());
        for statement in &self.statements {
            match (statement.evaluate(access, &self.arn), statement.effect) {
                (Outcome::Matches(pattern), Effect::Deny) => {
                    return self.explicit_verdict(statement, access, &pattern);
                }
                (Outcome::Matches(pattern), Effect::Allow) => {
                    allowed.get_or_insert((statement, pattern));
                }
                (Outcome::Skipped(why), effect) => {
                    let text = format!("{} is skipped: {why}", statement.label());
                    if effect == Effect::Deny {
                        skipped_denies.push(text.clone());
                    }
                    skipped.push(text);
                }
                (Outcome::DoesNotMatch, _) => {}
            }
        }
        match allowed {
            Some((statement, pattern)) => {
                // A Deny by a variable without a value denies nothing, which its author may not expect.
                let mut verdict = self.explicit_verdict(statement, access, &pattern);
                verdict.reason = append(verdict.reason, &skipped_denies);
                verdict
            }
            None => self.implicit_denial(access, &skipped),
        }
    }

    fn explicit_verdict(&self, statement: &Statement, access: &Access<'_>, pattern: &str) -> Verdict {
        Verdict {
            allowed: statement.effect == Effect::Allow,
            reason: format!(
                "{}: {} {} {}",
                statement.label(),
                statement.effect,
                access.action,
                self.arn.shorten(pattern)
            ),
            decided_by: Some(statement.place),
        }
    }

    fn implicit_denial(&self, access: &Access<'_>, skipped: &[String]) -> Verdict {
        let resource = self.arn.shorten(access.resource);
        let mut reason = format!("no statement allows {} {resource}", access.action);
        let patterns = self.allowed_patterns(access.action);
        if !patterns.is_empty() {
            let ellipsis = if patterns.len() > MAX_LISTED_PATTERNS { ", ..." } else { "" };
            let listed: Vec<_> = patterns.iter().take(MAX_LISTED_PATTERNS).copied().collect();
            reason = format!("{reason}; it is allowed on {}{ellipsis}", listed.join(", "));
        }
        Verdict::implicit_denial(append(reason, skipped))
    }

    /// Returns the resource patterns of all Allow statements for an action.
    fn allowed_patterns(&self, action: &str) -> Vec<&str> {
        let allows = self.statements.iter().filter(|statement| statement.effect == Effect::Allow);
        allows
            .flat_map(|statement| statement.resource_patterns(action))
            .map(|pattern| self.arn.shorten(pattern))
            .collect()
    }
}

/// Adds a number to the numbers of the documents.
fn shifted(statements: Vec<Statement>, documents: usize) -> impl Iterator<Item = Statement> {
    statements.into_iter().map(move |mut statement| {
        statement.place.document = statement.place.document.saturating_add(documents);
        statement
    })
}

/// Appends the statements that are skipped to a reason.
fn append(reason: String, skipped: &[String]) -> String {
    skipped.iter().fold(reason, |reason, statement| format!("{reason}; {statement}"))
}

#[cfg(test)]
mod property;
#[cfg(test)]
mod tests;
