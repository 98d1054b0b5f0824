//! Whether a token allows one action on one resource, and which line of which policy decides.

use std::fmt;
use std::path::Path;

use iot_jwt_authorizer::denial::Denial;
use iot_local_policy::{Action, Arn, Context, NamedResource, NotAnArn, Policy, Question, Verdict};
use serde_json::{Value, json};
use thiserror::Error;

use crate::explain::{Granted, TemplatePiece};
use crate::member;
use crate::quote::quoted;

/// Why a permission cannot be evaluated.
#[derive(Debug, Error)]
pub enum PermissionError {
    /// The function's ARN is invalid.
    #[error("--function-arn: {0}")]
    Arn(#[from] NotAnArn),
    /// The policy cannot be evaluated. This never happens with a policy that the function made.
    #[error("the policy cannot be evaluated: {}", .0.join("; "))]
    Policy(Vec<String>),
}

/// The result of an evaluation.
#[derive(Debug)]
pub enum PermissionOutcome {
    /// The token itself is denied.
    TokenDenied(Denial),
    /// The policy decides.
    Decided {
        /// The verdict of AWS IoT's rules.
        verdict: Verdict,
        /// The resource of a template that decides, if a statement decides.
        source: Option<TemplateSource>,
        /// The client id of the connection.
        client_id: Option<String>,
    },
}

/// A resource of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateSource {
    /// The policy's name.
    pub template: String,
    /// The index of the statement.
    pub statement: usize,
    /// The index of the resource in the statement.
    pub resource: usize,
}

impl PermissionOutcome {
    /// Whether the action is allowed.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Decided { verdict, .. } if verdict.allowed)
    }
}

/// Evaluates what a token is granted.
///
/// # Errors
/// An invalid ARN, a policy that cannot be evaluated.
pub fn evaluate(
    outcome: &Result<Granted, Denial>,
    action: Action,
    resource: NamedResource<'_>,
    function: &str,
) -> Result<PermissionOutcome, PermissionError> {
    let granted = match outcome {
        Ok(granted) => granted,
        Err(denial) => return Ok(PermissionOutcome::TokenDenied(denial.clone())),
    };
    let arn: Arn = function.parse()?;
    let context = Context { client_id: granted.client_id.clone(), ..Context::default() };
    let question = Question { action, resource: resource.name, context: &context };
    let verdict = Policy::parse(&granted.documents, &arn).map_err(PermissionError::Policy)?.decide(&question);
    let source = verdict.decided_by.and_then(|_| source(granted, &arn, &question, verdict.allowed));
    Ok(PermissionOutcome::Decided { verdict, source, client_id: granted.client_id.clone() })
}

/// The first resource of a template that alone gives the same verdict.
fn source(granted: &Granted, arn: &Arn, question: &Question<'_>, is_allowed: bool) -> Option<TemplateSource> {
    let decides = |piece: &&TemplatePiece| {
        let policy = Policy::parse(&piece.documents, arn);
        policy.is_ok_and(|policy| {
            let verdict = policy.decide(question);
            verdict.decided_by.is_some() && verdict.allowed == is_allowed
        })
    };
    let piece = granted.pieces.iter().find(decides)?;
    let TemplatePiece { template, statement, resource, .. } = piece;
    Some(TemplateSource { template: template.clone(), statement: *statement, resource: *resource })
}

impl TemplateSource {
    /// The template's file, relative to the configuration, and the line in it. Without the line if the file has
    /// changed.
    #[must_use]
    pub fn place(&self, folder: &Path) -> String {
        match self.line(folder) {
            Some(line) => format!("{}:{line}", self.file()),
            None => self.file(),
        }
    }

    /// The template's file, relative to the configuration.
    fn file(&self) -> String {
        format!("policies/{}.json", self.template)
    }

    fn line(&self, folder: &Path) -> Option<usize> {
        let text = std::fs::read_to_string(folder.join(self.file())).ok()?;
        member::line(&text, &format!("Statement[{}].Resource[{}]", self.statement, self.resource))
    }
}

/// The result of an evaluation, as text.
pub struct PermissionCheck<'a> {
    /// The result.
    pub outcome: &'a PermissionOutcome,
    /// The action.
    pub action: Action,
    /// The resource.
    pub resource: &'a str,
    /// The configuration's folder as the user named it, which the line of a template is read from.
    pub folder: &'a Path,
    /// The configuration whose development keys were used.
    pub development_keys: Option<&'a Path>,
}

impl PermissionCheck<'_> {
    /// The result for programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let (denial, decided) = match self.outcome {
            PermissionOutcome::TokenDenied(denial) => (Some(denial), None),
            PermissionOutcome::Decided { verdict, source, client_id } => {
                (None, Some((&verdict.reason, source, client_id)))
            }
        };
        let source = decided.and_then(|(_, source, _)| source.as_ref());
        let reason = decided.map(|(reason, ..)| reason.clone());
        json!({
            "allowed": self.outcome.is_allowed(),
            "action": self.action.name(),
            "resource": self.resource,
            "clientId": decided.and_then(|(.., client_id)| client_id.as_ref()),
            "reason": reason.or_else(|| Some(format!("the token is denied: {}", denial?))),
            "template": source.map(|source| json!({ "file": source.file(), "line": source.line(self.folder) })),
            "code": denial.map(|denial| denial.code().name()),
            "hint": denial.map(|denial| denial.code().hint()),
            "developmentKeys": self.development_keys,
        })
    }
}

impl fmt::Display for PermissionCheck<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.outcome.is_allowed() { "ALLOWED" } else { "DENIED" };
        writeln!(out, "{word}: {} {}", self.action, self.resource)?;
        match self.outcome {
            PermissionOutcome::TokenDenied(denial) => {
                writeln!(out, "  reason     the token is denied: {denial}")?;
                writeln!(out, "  meaning    {}", denial.code().meaning())?;
                writeln!(out, "  hint       {}", denial.code().hint())
            }
            PermissionOutcome::Decided { verdict, source, client_id } => {
                if let Some(source) = source {
                    writeln!(out, "  template   {}", source.place(self.folder))?;
                }
                writeln!(out, "  reason     {}", verdict.reason)?;
                let client_id = client_id.as_deref().map_or_else(|| "none".to_owned(), quoted);
                writeln!(out, "  client id  {client_id}")
            }
        }?;
        match self.development_keys {
            Some(path) => writeln!(out, "  keys       {}", development_note(path)),
            None => Ok(()),
        }
    }
}

/// What development keys mean, for `explain` and `can`.
pub(crate) fn development_note(path: &Path) -> String {
    format!("the development keys of {}; a deployed function does not have them", path.display())
}
