//! The command.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use thiserror::Error;

use crate::inquiry::{self, InquiryArgs, InquiryError, Subject};

/// What the command takes. Not `Debug`: it may hold a token.
#[derive(Clone, Args)]
pub struct ExplainArgs {
    /// An event as AWS IoT sends it: a JSON file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["token", "claims", "client_id"])]
    event: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    inquiry: InquiryArgs,
}

/// Why there is nothing to explain.
#[derive(Debug, Error)]
pub enum ExplainError {
    /// What was asked, or its configuration.
    #[error(transparent)]
    Inquiry(#[from] InquiryError),
    /// The explanation cannot be written.
    #[error("the explanation cannot be written: {0}")]
    Write(#[from] io::Error),
}

/// Explains a decision. True if it lets a client in.
///
/// # Errors
/// What keeps the decision from being made at all; a refusal is none.
pub async fn run(
    args: &ExplainArgs,
    env: &[(String, String)],
    now: SystemTime,
    out: &mut dyn Write,
) -> Result<bool, ExplainError> {
    let mut deployment = args.inquiry.config.load(env)?;
    let subject = match &args.event {
        Some(path) => Subject::Event(
            std::fs::read(path).map_err(|error| InquiryError::File { path: path.clone(), error })?,
        ),
        None => args.inquiry.subject()?,
    };
    let explanation = inquiry::judge(&mut deployment, &subject, &args.inquiry.terms(now)).await?;
    match args.json {
        true => writeln!(out, "{:#}", explanation.to_json())?,
        false => write!(out, "{explanation}")?,
    }
    Ok(explanation.outcome.is_ok())
}
