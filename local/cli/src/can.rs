//! `can`: checks whether a token allows an action, and which policy line decides.

use std::io::{self, Write};
use std::path::Path;
use std::time::SystemTime;

use clap::Args;
use iot_local_base::env::Env;
use iot_local_inspect::inquiry::InquiryError;
use iot_local_inspect::permission::{self, PermissionCheck, PermissionError};
use iot_local_policy::Action;
use thiserror::Error;

use crate::arguments::InquiryArgs;
use crate::key_fetch;

/// The arguments of the command. Not `Debug`: they may contain a token.
#[derive(Clone, Args)]
pub(crate) struct CanArgs {
    /// Action, such as iot:Publish; `iot:` may be omitted
    action: Action,
    /// Resource, such as topic/a/b, topicfilter/a/#, client/ID or thing/NAME
    resource: String,
    #[command(flatten)]
    inquiry: InquiryArgs,
}

/// An error that prevents a result.
#[derive(Debug, Error)]
pub(crate) enum CanError {
    /// The token, the claims or the configuration.
    #[error(transparent)]
    Inquiry(#[from] InquiryError),
    /// The policy cannot be evaluated.
    #[error(transparent)]
    Permission(#[from] PermissionError),
    /// The output cannot be written.
    #[error("cannot write the output: {0}")]
    Write(#[from] io::Error),
}

/// Prints the result. Returns whether the action is allowed.
///
/// # Errors
/// See [`CanError`]. A denied token is not an error.
pub(crate) async fn run(
    args: &CanArgs,
    env: &Env,
    now: SystemTime,
    out: &mut dyn Write,
) -> Result<bool, CanError> {
    let mut deployment = args.inquiry.config.load(env)?;
    let mut options = args.inquiry.options(now);
    // For a connect, the resource contains the client id.
    let client_id = args.resource.strip_prefix("client/").filter(|_| args.action == Action::Connect);
    options.client_id = options.client_id.or(client_id);
    let input = args.inquiry.input()?;
    let result = key_fetch::judge(&mut deployment, &input, &options, args.inquiry.fetch).await;
    let explanation = result.map_err(InquiryError::from)?;
    let outcome = permission::evaluate(&explanation.outcome, args.action, &args.resource, options.function)?;
    let folder = args.inquiry.config.config.parent().unwrap_or(Path::new("."));
    write!(
        out,
        "{}",
        PermissionCheck { outcome: &outcome, action: args.action, resource: &args.resource, folder }
    )?;
    Ok(outcome.is_allowed())
}
