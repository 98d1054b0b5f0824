//! An evaluator of AWS IoT policy documents.
//!
//! It shares no code with the part of the Lambda that writes such documents, so that what one gets wrong the
//! other does not excuse. The rules are those of the AWS IoT Core policy pages and of the IAM policy
//! evaluation logic behind them: an explicit Deny wins over any Allow, and what nothing allows is refused.
//! Where AWS does not say what it does, the answer here is the stricter one.

mod action;
mod arn;
mod condition;
mod document;
mod pattern;
mod statement;
mod value;

use std::fmt;
use std::net::IpAddr;

pub use action::{Action, UnknownAction};
pub use arn::{Arn, NotAnArn};

use statement::{Effect, Outcome, Statement};

/// At most this many patterns are named when nothing allows an action: enough to see what went wrong.
const PATTERNS_SHOWN: usize = 3;

/// The documents that bind one connection, taken together.
#[derive(Debug, Clone)]
pub struct Policy {
    arn: Arn,
    statements: Vec<Statement>,
}

/// One thing that a connection wants to do.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// What is to be done.
    pub action: Action,
    /// On what, without the ARN's head: `client/ID`, `topic/TOPIC`, `topicfilter/FILTER` or `thing/NAME`.
    pub resource: &'a str,
    /// Who asks.
    pub context: &'a Context,
}

/// What AWS IoT knows of a connection when it evaluates a policy. What is absent here has no value there.
#[derive(Debug, Default, Clone)]
pub struct Context {
    /// The MQTT client id; an HTTPS publish has none.
    pub client_id: Option<String>,
    /// Where the connection comes from.
    pub source_ip: Option<IpAddr>,
    /// Whether the CONNECT asks for a session that outlives the connection.
    pub persistent: bool,
    /// The topic of the CONNECT's last will.
    pub last_will: Option<String>,
    /// Whether the client presented a certificate. AWS IoT then knows values of certificate and thing variables that are
    /// not known here: no Allow is taken to match by them, and every Deny that might.
    pub certificate: bool,
}

/// What became of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it may be done.
    pub allowed: bool,
    /// The statement that decided, or that there is none, for a person to read.
    pub reason: String,
    /// The same for a program; absent where no statement decided.
    pub decided_by: Option<Place>,
}

/// Where a statement stands; both count from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Place {
    /// Among the documents of the answer.
    pub document: usize,
    /// Within its document.
    pub statement: usize,
}

impl Policy {
    /// Reads policy documents. Resources are asked for in the partition, Region and account of `arn`.
    ///
    /// # Errors
    /// Every fault of every document, each with its place.
    pub fn parse(documents: &[serde_json::Value], arn: &Arn) -> Result<Self, Vec<String>> {
        let mut statements = Vec::new();
        let mut faults = Vec::new();
        for (number, document) in (1..).zip(documents) {
            document::read(number, document, &mut statements, &mut faults);
        }
        if faults.is_empty() { Ok(Self { arn: arn.clone(), statements }) } else { Err(faults) }
    }

    /// Decides one question.
    ///
    /// One action is one question: a retained message needs `iot:Publish` and `iot:RetainPublish`, and a
    /// message that arrives needs `iot:Subscribe` on the filter and `iot:Receive` on the topic.
    #[must_use]
    pub fn decide(&self, question: &Question<'_>) -> Verdict {
        if !question.action.takes(question.resource) {
            return Verdict::implicit(format!(
                "{} is never asked of {}; it takes {}",
                question.action,
                question.resource,
                question.action.resource_form()
            ));
        }
        let arn = self.arn.iot(question.resource);
        let mut allowed = None;
        let mut passed_over = Vec::new();
        for statement in &self.statements {
            match (statement.consider(question, &arn, &self.arn), statement.effect) {
                (Outcome::Matches(how), Effect::Deny) => return self.decided(statement, question, &how),
                (Outcome::Matches(how), Effect::Allow) => {
                    allowed.get_or_insert((statement, how));
                }
                (Outcome::PassedOver(why), _) => {
                    passed_over.push(format!("{} was passed over: {why}", statement.place));
                }
                (Outcome::Other, _) => {}
            }
        }
        match allowed {
            Some((statement, how)) => self.decided(statement, question, &how),
            None => self.refused(question, &passed_over),
        }
    }

    fn decided(&self, statement: &Statement, question: &Question<'_>, how: &str) -> Verdict {
        let sid = statement.sid.as_deref().map(|sid| format!(" ({sid})")).unwrap_or_default();
        Verdict {
            allowed: statement.effect == Effect::Allow,
            reason: format!(
                "{}{sid}: {} {} {}",
                statement.place,
                statement.effect,
                question.action,
                self.arn.shorten(how)
            ),
            decided_by: Some(statement.place),
        }
    }

    fn refused(&self, question: &Question<'_>, passed_over: &[String]) -> Verdict {
        let mut reason = format!("no statement allows {} {}", question.action, question.resource);
        let near = self.allowed_patterns(question.action);
        if !near.is_empty() {
            let more = if near.len() > PATTERNS_SHOWN { ", ..." } else { "" };
            let shown: Vec<_> = near.iter().take(PATTERNS_SHOWN).copied().collect();
            reason = format!("{reason}; it is allowed on {}{more}", shown.join(", "));
        }
        for why in passed_over {
            reason = format!("{reason}; {why}");
        }
        Verdict::implicit(reason)
    }

    /// What an action is allowed on at all, which is what one needs to see when it was refused elsewhere.
    fn allowed_patterns(&self, action: Action) -> Vec<&str> {
        let allows = self.statements.iter().filter(|statement| statement.effect == Effect::Allow);
        allows
            .flat_map(|statement| statement.targets(action))
            .map(|pattern| self.arn.shorten(pattern))
            .collect()
    }
}

impl Verdict {
    fn implicit(reason: String) -> Self {
        Self { allowed: false, reason, decided_by: None }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "document {}, statement {}", self.document, self.statement)
    }
}

#[cfg(test)]
mod property;
#[cfg(test)]
mod tests;
