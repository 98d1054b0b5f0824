//! `explain`: explains a decision step by step.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use iot_local_base::env::Env;
use iot_local_inspect::explain::TextOptions;
use iot_local_inspect::inquiry::{Inquiry, InquiryError};
use serde_json::Value;
use thiserror::Error;

use crate::arguments::InquiryArgs;
use crate::key_fetch;

/// The arguments of the command. Not `Debug`: they may contain a token.
#[derive(Clone, Args)]
pub(crate) struct ExplainArgs {
    /// JSON file of an event as AWS IoT sends it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["token", "claims", "client_id"])]
    event: Option<PathBuf>,
    /// Print JSON
    #[arg(long, conflicts_with = "verbose")]
    json: bool,
    /// Print every step and check, not only those that failed
    #[arg(long, short)]
    verbose: bool,
    #[command(flatten)]
    inquiry: InquiryArgs,
}

/// An error that prevents an explanation.
#[derive(Debug, Error)]
pub(crate) enum ExplainError {
    /// The token, event, claims or configuration.
    #[error(transparent)]
    Inquiry(#[from] InquiryError),
    /// The output cannot be written.
    #[error("cannot write the output: {0}")]
    Write(#[from] io::Error),
}

/// Prints the explanation. Returns whether the client is allowed.
///
/// # Errors
/// See [`ExplainError`]. A denial is not an error.
pub(crate) async fn run(
    args: &ExplainArgs,
    env: &Env,
    now: SystemTime,
    has_colours: bool,
    out: &mut dyn Write,
) -> Result<bool, ExplainError> {
    let mut deployment = args.inquiry.config.load(env)?;
    let input = match &args.event {
        Some(path) => Inquiry::Event(
            std::fs::read(path).map_err(|error| InquiryError::File { path: path.clone(), error })?,
        ),
        None => args.inquiry.input()?,
    };
    let result =
        key_fetch::judge(&mut deployment, &input, &args.inquiry.options(now), args.inquiry.fetch).await;
    let explanation = result.map_err(InquiryError::from)?;
    let hash = &deployment.config.hash;
    if args.json {
        let mut json = explanation.to_json();
        if let Value::Object(members) = &mut json {
            members.insert("config".to_owned(), hash.as_str().into());
        }
        writeln!(out, "{json:#}")?;
    } else {
        write!(out, "{}", explanation.text(TextOptions { is_verbose: args.verbose, has_colours }))?;
        writeln!(out, "\nconfiguration {hash}")?;
    }
    Ok(explanation.outcome.is_ok())
}
