//! One statement of a policy document.

use std::fmt;

use super::condition::{Condition, Trouble};
use super::pattern::{Pattern, Unresolved};
use super::value::Facts;
use super::{Action, Arn, Place, Question};

/// What a statement does with what it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Allow,
    Deny,
}

/// A statement, read.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    pub(super) place: Place,
    pub(super) sid: Option<String>,
    pub(super) effect: Effect,
    pub(super) actions: Clause,
    pub(super) resources: Clause,
    pub(super) conditions: Vec<Condition>,
}

/// `Action` or `Resource`, or one of them turned round.
#[derive(Debug, Clone)]
pub(super) struct Clause {
    /// `NotAction`, `NotResource`: everything but these.
    pub(super) inverted: bool,
    pub(super) patterns: Vec<Pattern>,
}

/// What a statement has to say to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It decides, by this resource pattern.
    Matches(String),
    /// It is about something else.
    Other,
    /// It would be about this, but cannot be applied; why.
    PassedOver(String),
}

impl Statement {
    pub(super) fn consider(&self, question: &Question<'_>, resource: &str, arn: &Arn) -> Outcome {
        let facts = Facts::new(question, arn, self.effect);
        if !self.names(question.action) {
            return Outcome::Other;
        }
        let how = match self.resources.covering(resource, &facts) {
            Ok(Some(how)) => how,
            Ok(None) => return Outcome::Other,
            Err(unresolved) => return Outcome::PassedOver(unresolved.to_string()),
        };
        match self.conditions_hold(&facts) {
            Ok(true) => Outcome::Matches(how),
            Ok(false) => Outcome::Other,
            Err(Trouble::Unresolved(unresolved)) => Outcome::PassedOver(unresolved.to_string()),
            // A condition that nobody here understands might hold at AWS and might not: the stricter reading.
            Err(Trouble::Unknown(what)) if self.effect == Effect::Deny => {
                Outcome::Matches(format!("{how} ({what})"))
            }
            Err(Trouble::Unknown(what)) => Outcome::PassedOver(what),
        }
    }

    /// The resource patterns by which the statement is about an action.
    pub(super) fn targets(&self, action: Action) -> impl Iterator<Item = &str> {
        let named = self.names(action) && !self.resources.inverted;
        self.resources.patterns.iter().filter(move |_| named).map(Pattern::source)
    }

    /// Actions are compared without regard to case, as in IAM.
    fn names(&self, action: Action) -> bool {
        self.actions.patterns.iter().any(|pattern| pattern.matches_plainly(action.name()))
            != self.actions.inverted
    }

    /// All conditions must hold. One that fails settles it, whatever is wrong with another.
    fn conditions_hold(&self, facts: &Facts<'_>) -> Result<bool, Trouble> {
        let mut trouble = None;
        for condition in &self.conditions {
            match condition.holds(facts, self.effect) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(found) => trouble = Some(Trouble::worse(trouble, found)),
            }
        }
        trouble.map_or(Ok(true), Err)
    }
}

impl Clause {
    /// The pattern, as written, by which a resource is covered. A variable without a value spoils the whole
    /// clause: AWS does not match a statement that it cannot fill.
    fn covering(&self, resource: &str, facts: &Facts<'_>) -> Result<Option<String>, Unresolved> {
        let mut found = None;
        for pattern in &self.patterns {
            if pattern.matches(resource, facts)? && found.is_none() {
                found = Some(pattern.source().to_owned());
            }
        }
        if !self.inverted {
            return Ok(found);
        }
        let all: Vec<_> = self.patterns.iter().map(Pattern::source).collect();
        let open = self.patterns.iter().any(|pattern| pattern.is_open(facts));
        Ok((found.is_none() || open).then(|| format!("anything but {}", all.join(", "))))
    }
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${{{}}} has no value on this connection", self.0)
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
