//! One statement of a policy document.

use std::fmt;
use std::sync::Arc;

use crate::arn::Arn;
use crate::condition::{Condition, Indeterminate};
use crate::pattern::{Pattern, UnresolvedVariable};
use crate::question::{Access, StatementPlace};
use crate::value::{Effect, Facts};

/// A parsed statement.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    pub(crate) place: StatementPlace,
    /// The name of its policy, if it has one.
    pub(crate) policy: Option<Arc<str>>,
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
    /// Evaluates the statement.
    pub(crate) fn evaluate(&self, access: &Access<'_>, arn: &Arn) -> Outcome {
        let facts = Facts::new(access, arn, self.effect);
        if !self.covers_action(access.action) {
            return Outcome::DoesNotMatch;
        }
        let pattern = match self.resources.covering_pattern(access.resource, &facts) {
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

    /// Returns the variables that have no value, if the statement covers the action.
    pub(crate) fn missing_variables(&self, access: &Access<'_>, arn: &Arn) -> Vec<String> {
        if !self.covers_action(access.action) {
            return Vec::new();
        }
        let facts = Facts::new(access, arn, self.effect);
        let conditions = self.conditions.iter().flat_map(Condition::patterns);
        let patterns = self.resources.patterns.iter().chain(conditions);
        patterns.filter_map(|pattern| pattern.check_variables(&facts).err()).map(|found| found.name).collect()
    }

    /// Returns the name of the statement for messages: `policy NAME, statement N (SID)`, or `document N, …` without a
    /// name.
    pub(crate) fn label(&self) -> String {
        let sid = self.sid.as_deref().map(|sid| format!(" ({sid})")).unwrap_or_default();
        match &self.policy {
            Some(policy) => format!("policy {policy}, statement {}{sid}", self.place.statement),
            None => format!("{}{sid}", self.place),
        }
    }

    /// Returns the resource patterns for an action. Empty for `NotResource`.
    pub(crate) fn resource_patterns(&self, action: &str) -> impl Iterator<Item = &str> {
        let is_listed = self.covers_action(action) && !self.resources.is_inverted;
        self.resources.patterns.iter().filter(move |_| is_listed).map(Pattern::source)
    }

    fn covers_action(&self, action: &str) -> bool {
        self.actions.patterns.iter().any(|pattern| pattern.matches_without_variables(action))
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
    /// If a variable of any of the patterns has no value: AWS IoT then does not match the statement. Or if no pattern
    /// covers the resource, and one might with a variable that is not substituted.
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
        let unsubstituted = self.patterns.iter().find_map(|pattern| pattern.unsubstituted(facts));
        if !self.is_inverted {
            return found.map_or_else(|| unsubstituted.map_or(Ok(None), Err), |found| Ok(Some(found)));
        }
        // A pattern that matches nothing widens an Allow of everything else.
        if let Some(unsubstituted) = unsubstituted.filter(|_| facts.effect() == Effect::Allow) {
            return Err(unsubstituted);
        }
        let all: Vec<_> = self.patterns.iter().map(Pattern::source).collect();
        let is_unknown = self.patterns.iter().any(|pattern| pattern.has_unknown_variable(facts));
        Ok((found.is_none() || is_unknown).then(|| format!("anything but {}", all.join(", "))))
    }
}

impl fmt::Display for UnresolvedVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${{{}}} {}", self.name, self.why)
    }
}
