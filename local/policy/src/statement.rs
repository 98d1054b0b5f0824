//! One statement of a policy document.

use std::fmt;

use crate::action::Action;
use crate::arn::Arn;
use crate::condition::{Condition, Indeterminate};
use crate::pattern::{Pattern, UnresolvedVariable};
use crate::question::{Question, StatementPlace};
use crate::value::{Effect, Facts};

/// A parsed statement.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    pub(crate) place: StatementPlace,
    pub(crate) sid: Option<String>,
    pub(crate) effect: Effect,
    pub(crate) actions: Clause,
    pub(crate) resources: Clause,
    pub(crate) conditions: Vec<Condition>,
}

/// `Action` or `Resource`, or `NotAction` or `NotResource`.
#[derive(Debug, Clone)]
pub(crate) struct Clause {
    /// Whether the clause covers everything except its patterns: `NotAction`, `NotResource`.
    pub(crate) is_inverted: bool,
    pub(crate) patterns: Vec<Pattern>,
}

/// The result of a statement for a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The statement matches, by this resource pattern.
    Matches(String),
    /// The statement does not match.
    DoesNotMatch,
    /// The statement might match, but cannot be applied; why.
    Skipped(String),
}

impl Statement {
    /// Evaluates the statement. `resource` is the ARN of the question's resource.
    pub(crate) fn evaluate(&self, question: &Question<'_>, resource: &str, arn: &Arn) -> Outcome {
        let facts = Facts::new(question, arn, self.effect);
        if !self.covers_action(question.action) {
            return Outcome::DoesNotMatch;
        }
        let pattern = match self.resources.covering_pattern(resource, &facts) {
            Ok(Some(pattern)) => pattern,
            Ok(None) => return Outcome::DoesNotMatch,
            Err(unresolved) => return Outcome::Skipped(unresolved.to_string()),
        };
        match self.are_conditions_met(&facts) {
            Ok(true) => Outcome::Matches(pattern),
            Ok(false) => Outcome::DoesNotMatch,
            Err(Indeterminate::Unresolved(unresolved)) => Outcome::Skipped(unresolved.to_string()),
            // AWS IoT may know the operator or key. The stricter reading: a Deny matches, an Allow does not.
            Err(Indeterminate::Unknown(what)) if self.effect == Effect::Deny => {
                Outcome::Matches(format!("{pattern} ({what})"))
            }
            Err(Indeterminate::Unknown(what)) => Outcome::Skipped(what),
        }
    }

    /// Returns the resource patterns for an action. Empty for `NotResource`.
    pub(crate) fn resource_patterns(&self, action: Action) -> impl Iterator<Item = &str> {
        let is_listed = self.covers_action(action) && !self.resources.is_inverted;
        self.resources.patterns.iter().filter(move |_| is_listed).map(Pattern::source)
    }

    fn covers_action(&self, action: Action) -> bool {
        self.actions.patterns.iter().any(|pattern| pattern.matches_without_variables(action.name()))
            != self.actions.is_inverted
    }

    /// Whether all conditions are met. One that is not met decides, even if it is unknown whether others are.
    fn are_conditions_met(&self, facts: &Facts<'_>) -> Result<bool, Indeterminate> {
        let mut indeterminate = None;
        for condition in &self.conditions {
            match condition.is_met(facts, self.effect) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(found) => indeterminate = Some(Indeterminate::merge(indeterminate, found)),
            }
        }
        indeterminate.map_or(Ok(true), Err)
    }
}

impl Clause {
    /// Returns the pattern, as written, that covers a resource.
    ///
    /// # Errors
    /// If a variable of any of the patterns has no value: AWS IoT then does not match the statement.
    fn covering_pattern(
        &self,
        resource: &str,
        facts: &Facts<'_>,
    ) -> Result<Option<String>, UnresolvedVariable> {
        let mut found = None;
        for pattern in &self.patterns {
            if pattern.matches(resource, facts)? && found.is_none() {
                found = Some(pattern.source().to_owned());
            }
        }
        if !self.is_inverted {
            return Ok(found);
        }
        let all: Vec<_> = self.patterns.iter().map(Pattern::source).collect();
        let is_unknown = self.patterns.iter().any(|pattern| pattern.has_unknown_variable(facts));
        Ok((found.is_none() || is_unknown).then(|| format!("anything but {}", all.join(", "))))
    }
}

impl fmt::Display for UnresolvedVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${{{}}} has no value on this connection", self.0)
    }
}
