//! What `explain` and `can` examine: a token, an event or a file of claims, and the configuration that judges it.

mod claims;
mod event;

pub use claims::ClaimsError;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use iot_jwt_authorizer::authorizer::Authorizer;
use iot_jwt_authorizer::denial::Code;
use iot_jwt_authorizer::keys::sources::Need;
use iot_local_base::env_file::EnvFileError;
use iot_local_base::files;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::deployment::{Deployment, DeploymentError};
use crate::explain::{Explanation, Mark, Row, Step, Trace};

/// Why nothing can be judged. No variant holds a token.
#[derive(Debug, Error)]
pub enum InquiryError {
    /// The file of `--env`.
    #[error(transparent)]
    Env(#[from] EnvFileError),
    /// The configuration has errors.
    #[error(transparent)]
    Deployment(#[from] DeploymentError),
    /// A file cannot be read.
    #[error("{}: {}", path.display(), files::io_error(error))]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: std::io::Error,
    },
    /// The claims are invalid, or their issuer is unknown.
    #[error(transparent)]
    Claims(#[from] ClaimsError),
    /// The argument of `--token` does not have the form of a JWT.
    #[error(
        "not a JWT: {parts} part{} instead of 3\n  help: a JWT is HEADER.PAYLOAD.SIGNATURE; is it the whole token?",
        if *parts == 1 { "" } else { "s" }
    )]
    NotAToken {
        /// The number of its parts, which dots separate.
        parts: usize,
    },
    /// Neither a token, claims nor an event.
    #[error("expected a token (--token), claims (--claims) or an event (--event)")]
    Missing,
}

/// A key source that was fetched, and the result.
#[derive(Debug)]
pub struct FetchNote {
    /// As the configuration writes it.
    pub source: String,
    /// The result: `fetched: …` or `the fetch failed: …`.
    pub outcome: String,
}

/// What is judged.
pub enum Inquiry {
    /// An event as AWS IoT sends it.
    Event(Vec<u8>),
    /// A token. It is put into an event, in a place that the configuration reads.
    Token(String),
    /// Claims without a signature.
    Claims(String),
}

/// How something is judged.
#[derive(Clone, Copy, Debug)]
pub struct EvaluationOptions<'a> {
    /// The id of the issuer of claims without `iss`.
    pub issuer: Option<&'a str>,
    /// The client id.
    pub client_id: Option<&'a str>,
    /// The function's ARN.
    pub function: &'a str,
    /// The time.
    pub at: SystemTime,
}

impl Inquiry {
    /// The event that is judged. `None` for claims, which are signed when they are judged.
    #[must_use]
    pub fn event(&self, authorizer: &Authorizer, client_id: Option<&str>) -> Option<Vec<u8>> {
        match self {
            Self::Claims(_) => None,
            Self::Event(event) => Some(event.clone()),
            Self::Token(token) => Some(event::with_token(authorizer, token, client_id).0),
        }
    }
}

/// Judges and explains. `fetched` names the key sources that were fetched before; `None` if fetching was not allowed.
///
/// # Errors
/// Claims that cannot be judged at all.
pub fn judge(
    deployment: &Deployment,
    input: &Inquiry,
    options: &EvaluationOptions<'_>,
    fetched: Option<&[FetchNote]>,
) -> Result<Explanation, ClaimsError> {
    let mut explanation = match input {
        Inquiry::Claims(text) => judge_claims(&deployment.config.authorizer, text, options)?,
        Inquiry::Event(event) => judge_event(deployment, event, options, Vec::new(), fetched),
        Inquiry::Token(token) => {
            let (event, notes) = event::with_token(&deployment.config.authorizer, token, options.client_id);
            judge_event(deployment, &event, options, notes, fetched)
        }
    };
    if let Some(source) = deployment.unread_list() {
        show_unread_list(&mut explanation.steps, &source);
    }
    Ok(explanation)
}

/// Shows the step that needs the revocation list, which was not read.
fn show_unread_list(steps: &mut Vec<Step>, source: &str) {
    let Some(grants) = steps.iter().position(|step| step.name == "grants") else { return };
    let actual = format!("not read; --fetch reads {source}, as the function does");
    steps
        .insert(grants, Step { name: "revocation", mark: Mark::Note, rows: vec![Row::note("list", actual)] });
}

/// Judges claims without a signature. Fetches nothing and does not change the authorizer.
///
/// # Errors
/// Invalid claims, and claims without a known issuer.
pub fn judge_claims(
    authorizer: &Authorizer,
    text: &str,
    options: &EvaluationOptions<'_>,
) -> Result<Explanation, ClaimsError> {
    judge_parsed(authorizer, claims::parse(text)?, &BTreeSet::new(), options)
}

/// Judges claims as [`judge_claims`] does. Nothing is filled in for the claims in `removed`.
pub(crate) fn judge_parsed(
    authorizer: &Authorizer,
    claims: Map<String, Value>,
    removed: &BTreeSet<String>,
    options: &EvaluationOptions<'_>,
) -> Result<Explanation, ClaimsError> {
    let signed = claims::sign(authorizer, claims, removed, options.issuer, options.at)?;
    let (event, mut notes) = event::with_token(&signed.authorizer, &signed.token, options.client_id);
    notes.extend(signed.notes);
    let trace = Trace::new(&signed.authorizer, &event, options.function, options.at);
    Ok(trace.unsigned().with_event_notes(notes).explain())
}

fn judge_event(
    deployment: &Deployment,
    event: &[u8],
    options: &EvaluationOptions<'_>,
    notes: Vec<Row>,
    fetched: Option<&[FetchNote]>,
) -> Explanation {
    let trace = Trace::new(&deployment.config.authorizer, event, options.function, options.at);
    let mut explanation = trace.with_sources(&deployment.sources).with_event_notes(notes.clone()).explain();
    if lacks_key(&explanation)
        && let Some(explanation) = judge_with_development_keys(deployment, event, options, notes)
    {
        return explanation;
    }
    let rows = fetch_rows(&explanation, fetched, deployment, options.at);
    if let Some(step) = explanation.steps.iter_mut().find(|step| step.name == "key") {
        fetched.into_iter().flatten().for_each(|note| show_fetch(&mut step.rows, note));
        step.rows.extend(rows);
    }
    explanation
}

/// Whether the token may have been signed by a key that the configuration does not have.
fn lacks_key(explanation: &Explanation) -> bool {
    let code = explanation.outcome.as_ref().err().map(|denial| denial.code());
    code.is_some_and(|code| Need::of(code, explanation.may_lack_key).is_some() || code == Code::BadSignature)
}

/// Judges with the development keys of `cargo local` instead of the issuers' keys. `None` if there are none, or if they
/// did not sign the token.
fn judge_with_development_keys(
    deployment: &Deployment,
    event: &[u8],
    options: &EvaluationOptions<'_>,
    notes: Vec<Row>,
) -> Option<Explanation> {
    let development = deployment.development_keys()?;
    let mut authorizer = deployment.config.authorizer.clone();
    for (index, keys) in development.keys.into_iter().enumerate() {
        authorizer.set_keys(index, keys);
    }
    let trace = Trace::new(&authorizer, event, options.function, options.at);
    let explanation = trace.with_sources(&development.sources).with_event_notes(notes).explain();
    let is_development_token = !lacks_key(&explanation);
    is_development_token.then_some(Explanation { development_keys: Some(development.path), ..explanation })
}

/// Shows the result of a fetch in the row of its source, which says how many keys it has.
fn show_fetch(rows: &mut Vec<Row>, note: &FetchNote) {
    match rows.iter_mut().find(|row| row.name == note.source) {
        Some(row) => row.actual.clone_from(&note.outcome),
        None => rows.push(Row::note(note.source.clone(), note.outcome.clone())),
    }
}

/// Which key source would be fetched if that was allowed.
fn fetch_rows(
    explanation: &Explanation,
    fetched: Option<&[FetchNote]>,
    deployment: &Deployment,
    now: SystemTime,
) -> Vec<Row> {
    let mut rows = Vec::new();
    let Err(denial) = &explanation.outcome else { return rows };
    let code = denial.code();
    let need = Need::of(code, explanation.may_lack_key);
    if fetched.is_none()
        && let Some(source) =
            need.and_then(|need| deployment.wanted_source(explanation.issuer.as_deref(), need, now))
    {
        rows.push(Row::note("would be fetched", format!("{source}; --fetch fetches it now")));
    }
    rows
}

/// The text of a token, if it has three parts.
///
/// # Errors
/// It has another number of parts, so it is probably a mistake and not a token that is to be denied.
pub fn token(text: &str) -> Result<Inquiry, InquiryError> {
    let text = text.trim();
    match text.split('.').count() {
        3 => Ok(Inquiry::Token(text.to_owned())),
        parts => Err(InquiryError::NotAToken { parts }),
    }
}

/// A file's text.
///
/// # Errors
/// A file that cannot be read.
pub fn text(path: &Path) -> Result<String, InquiryError> {
    std::fs::read_to_string(path).map_err(|error| InquiryError::File { path: path.to_owned(), error })
}
