//! `can`: whether a token may do one thing, and by which line of which policy.

mod lines;

pub use lines::line_of;

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::Args;
use iot_jwt_authorizer::denial::Denial;
use thiserror::Error;

use crate::explain::Granted;
use crate::inquiry::{self, InquiryArgs, InquiryError};
use crate::policy::{Action, Arn, Context, NotAnArn, Policy, Question, Verdict};

/// What the command takes. Not `Debug`: it may hold a token.
#[derive(Clone, Args)]
pub struct CanArgs {
    /// What is to be done, as iot:Publish; `iot:` may be left out
    action: Action,
    /// On what, as topic/a/b, topicfilter/a/#, client/ID or thing/NAME
    resource: String,
    #[command(flatten)]
    inquiry: InquiryArgs,
}

/// Why the question cannot be answered.
#[derive(Debug, Error)]
pub enum CanError {
    /// What was asked about, or its configuration.
    #[error(transparent)]
    Inquiry(#[from] InquiryError),
    /// The function's ARN is none.
    #[error("--function-arn: {0}")]
    Arn(#[from] NotAnArn),
    /// The answer's policy cannot be evaluated, which never happens with a policy of ours.
    #[error("the policy cannot be evaluated: {}", .0.join("; "))]
    Policy(Vec<String>),
    /// The answer cannot be written.
    #[error("the answer cannot be written: {0}")]
    Write(#[from] io::Error),
}

/// Answers the question. True if it is allowed.
///
/// # Errors
/// What keeps it from being answered; a refused token is no error.
pub async fn run(
    args: &CanArgs,
    env: &[(String, String)],
    now: SystemTime,
    out: &mut dyn Write,
) -> Result<bool, CanError> {
    let mut deployment = args.inquiry.config.load(env)?;
    let mut terms = args.inquiry.terms(now);
    // Whoever asks about a connect names the client id in the resource.
    let connect = args.resource.strip_prefix("client/").filter(|_| args.action == Action::Connect);
    terms.client_id = terms.client_id.or(connect);
    let explanation = inquiry::judge(&mut deployment, &args.inquiry.subject()?, &terms).await?;
    let answer = answer(&explanation.outcome, args.action, &args.resource, terms.function)?;
    let folder = args.inquiry.config.config.parent().unwrap_or(Path::new("."));
    write!(out, "{}", Told { answer: &answer, action: args.action, resource: &args.resource, folder })?;
    Ok(answer.allowed())
}

/// What became of a question.
#[derive(Debug)]
pub enum Can {
    /// The token itself was refused.
    Refused(Denial),
    /// The policy decided.
    Decided {
        /// As AWS IoT would.
        verdict: Verdict,
        /// The template's line behind it, where a statement decided.
        source: Option<Source>,
        /// The client id that was asked with.
        client_id: Option<String>,
    },
}

/// A resource of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The policy's name.
    pub template: String,
    /// The statement's place, from 0.
    pub statement: usize,
    /// The resource's place in it, from 0.
    pub resource: usize,
}

impl Can {
    /// Whether it may be done.
    #[must_use]
    pub fn allowed(&self) -> bool {
        matches!(self, Self::Decided { verdict, .. } if verdict.allowed)
    }
}

/// Evaluates what a token was given.
///
/// # Errors
/// An ARN that is none, a policy that cannot be evaluated.
pub fn answer(
    outcome: &Result<Granted, Denial>,
    action: Action,
    resource: &str,
    function: &str,
) -> Result<Can, CanError> {
    let granted = match outcome {
        Ok(granted) => granted,
        Err(denial) => return Ok(Can::Refused(denial.clone())),
    };
    let arn: Arn = function.parse()?;
    let context = Context { client_id: granted.client_id.clone(), ..Context::default() };
    let question = Question { action, resource, context: &context };
    let verdict = Policy::parse(&granted.documents, &arn).map_err(CanError::Policy)?.decide(&question);
    let source = verdict.decided_by.and_then(|_| source(granted, &arn, &question, verdict.allowed));
    Ok(Can::Decided { verdict, source, client_id: granted.client_id.clone() })
}

/// The first resource of a template that decides so by itself.
fn source(granted: &Granted, arn: &Arn, question: &Question<'_>, allowed: bool) -> Option<Source> {
    let decides = |documents: &[serde_json::Value]| {
        let verdict = Policy::parse(documents, arn).ok()?.decide(question);
        Some(verdict.decided_by.is_some() && verdict.allowed == allowed)
    };
    let piece = granted.pieces.iter().find(|piece| decides(&piece.documents) == Some(true))?;
    Some(Source { template: piece.template.clone(), statement: piece.statement, resource: piece.resource })
}

impl Source {
    /// The template's file, relative to the configuration, and the line in it; without the line, where the file has changed.
    #[must_use]
    pub fn place(&self, folder: &Path) -> String {
        let file = PathBuf::from("policies").join(format!("{}.json", self.template));
        let text = std::fs::read_to_string(folder.join(&file)).unwrap_or_default();
        match line_of(&text, self.statement, self.resource) {
            Some(line) => format!("{}:{line}", file.display()),
            None => file.display().to_string(),
        }
    }
}

/// An answer for a person.
struct Told<'a> {
    answer: &'a Can,
    action: Action,
    resource: &'a str,
    folder: &'a Path,
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.answer.allowed() { "ALLOWED" } else { "DENIED" };
        writeln!(out, "{word}: {} {}", self.action, self.resource)?;
        match self.answer {
            Can::Refused(denial) => {
                writeln!(out, "  the token is refused: {denial}")?;
                writeln!(out, "  meaning    {}", denial.code().meaning())?;
                writeln!(out, "  hint       {}", denial.code().hint())
            }
            Can::Decided { verdict, source, client_id } => {
                if let Some(source) = source {
                    writeln!(out, "  template   {}", source.place(self.folder))?;
                }
                writeln!(out, "  because    {}", verdict.reason)?;
                let client_id = client_id.as_deref().map_or_else(|| "none".to_owned(), crate::explain::shown);
                writeln!(out, "  client id  {client_id}")
            }
        }
    }
}
