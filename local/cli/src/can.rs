//! `can`: checks whether a token allows an action, and which policy line decides.

use std::io::{self, Write};
use std::path::Path;
use std::time::SystemTime;

use clap::Args;
use iot_local_base::env::Env;
use iot_local_inspect::inquiry::InquiryError;
use iot_local_inspect::permission::{self, PermissionCheck, PermissionError};
use iot_local_inspect::suggest::similar;
use iot_local_policy::{Action, Arn, InvalidResource, NamedResource, NotAnArn};
use thiserror::Error;

use crate::arguments::InquiryArgs;
use crate::key_fetch;

/// The arguments of the command. Not `Debug`: they may contain a token.
#[derive(Clone, Args)]
pub(crate) struct CanArgs {
    /// Action, such as iot:Publish; `iot:` may be omitted
    #[arg(value_parser = action)]
    action: Action,
    /// Resource, such as topic/a/b, topicfilter/a/#, client/ID or thing/NAME, or its whole ARN
    resource: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    inquiry: InquiryArgs,
}

/// An error that prevents a result.
#[derive(Debug, Error)]
pub(crate) enum CanError {
    /// The token, the claims or the configuration.
    #[error(transparent)]
    Inquiry(#[from] InquiryError),
    /// The action does not take the resource.
    #[error(transparent)]
    Resource(#[from] InvalidResource),
    /// The ARN of `--function-arn` is invalid.
    #[error("--function-arn: {0}")]
    Arn(#[from] NotAnArn),
    /// The resource's ARN is not where the function is.
    #[error("the resource's ARN has another Region or account than --function-arn")]
    OtherRegion,
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
    let resource = NamedResource::parse(args.action, &args.resource)?;
    let function = function_arn(resource, args.inquiry.function_arn.as_deref())?;
    let mut deployment = args.inquiry.config.load(env)?;
    let mut options = args.inquiry.options(now);
    options.function = function.as_deref().unwrap_or(options.function);
    // For a connect, the resource contains the client id.
    let client_id = resource.name.strip_prefix("client/").filter(|_| args.action == Action::Connect);
    options.client_id = options.client_id.or(client_id);
    let input = args.inquiry.input()?;
    let result = key_fetch::judge(&mut deployment, &input, &options, args.inquiry.fetch).await;
    let explanation = result.map_err(InquiryError::from)?;
    let outcome = permission::evaluate(&explanation.outcome, args.action, resource, options.function)?;
    let check = PermissionCheck {
        outcome: &outcome,
        action: args.action,
        resource: resource.name,
        folder: args.inquiry.config.config.parent().unwrap_or(Path::new("")),
        development_keys: explanation.development_keys.as_deref(),
    };
    match args.json {
        true => writeln!(out, "{:#}", check.to_json())?,
        false => write!(out, "{check}")?,
    }
    Ok(outcome.is_allowed())
}

/// The function's ARN: that of the option, or one in the Region and account of the resource's ARN.
fn function_arn(resource: NamedResource<'_>, option: Option<&str>) -> Result<Option<String>, CanError> {
    let of_resource = resource.function_arn();
    match (option, of_resource) {
        (Some(option), Some(of_resource)) => match option.parse::<Arn>()? == of_resource.parse()? {
            true => Ok(Some(option.to_owned())),
            false => Err(CanError::OtherRegion),
        },
        (option, of_resource) => Ok(option.map(str::to_owned).or(of_resource)),
    }
}

fn action(text: &str) -> Result<Action, String> {
    text.parse().map_err(|error| {
        let given = if text.starts_with("iot:") { text.to_owned() } else { format!("iot:{text}") };
        let name = similar(&given, Action::ALL.iter().map(|action| action.name()));
        let help = name.map(|name| format!("\n  help: did you mean {name:?}?")).unwrap_or_default();
        format!("{error}{help}")
    })
}
