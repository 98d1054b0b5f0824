//! `can`: checks whether a token or a device's certificate allows an action, and which policy line decides.

use std::io::{self, Write};
use std::path::Path;
use std::time::SystemTime;

use clap::Args;
use iot_local_base::env::Env;
use iot_local_inspect::certificate::{CertificateCheck, CertificateError, RegisteredCertificate};
use iot_local_inspect::inquiry::InquiryError;
use iot_local_inspect::permission::{self, PermissionCheck, PermissionError};
use iot_local_inspect::suggest::similar;
use iot_local_policy::{Action, Arn, InvalidResource, NamedResource, NotAnArn};
use serde_json::Value;
use thiserror::Error;

use crate::arguments::InquiryArgs;
use crate::control::{Call, Control, ControlArgs, ControlError, percent_encoded};
use crate::key_fetch;
use crate::local_settings::LocalSettingsError;

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
    /// Id of a certificate of the running gateway, instead of a token
    ///
    /// The gateway decides, as for a connection. The client id is that of --client-id, or the only attached thing.
    #[arg(long, value_name = "ID", value_parser = certificate_id, help_heading = "Input",
          conflicts_with_all = ["token", "claims", "issuer", "at", "function_arn", "fetch"])]
    certificate: Option<String>,
    #[command(flatten)]
    inquiry: InquiryArgs,
    #[command(flatten)]
    control: ControlArgs,
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
    /// `local.toml` is invalid.
    #[error(transparent)]
    Settings(#[from] LocalSettingsError),
    /// The gateway does not answer, or does not know the certificate.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The certificate cannot be tested.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
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
    if let Some(id) = &args.certificate {
        let check = check_certificate(args, id, resource).await?;
        match args.json {
            true => writeln!(out, "{:#}", check.to_json())?,
            false => write!(out, "{check}")?,
        }
        return Ok(check.is_allowed);
    }
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

/// Asks the running gateway. Its TestAuthorization is the function that guards connections.
async fn check_certificate(
    args: &CanArgs,
    id: &str,
    resource: NamedResource<'_>,
) -> Result<CertificateCheck, CanError> {
    let region = args.control.region(&args.inquiry.config.config)?;
    let control = Control::new(&args.control.endpoint, &region);
    let target = format!("/certificates/{}", percent_encoded(id));
    let response = control.call(Call::new("DescribeCertificate", "GET", &target)).await?;
    let certificate = RegisteredCertificate::parse(&response)?;
    let question = certificate.question(args.action, resource)?;
    let of_resource = resource.name.strip_prefix("client/").filter(|_| args.action == Action::Connect);
    let client_id = match args.inquiry.client_id.as_deref().or(of_resource) {
        Some(client_id) => Some(client_id.to_owned()),
        None => only_thing(&control, &certificate.arn).await?,
    };
    let query =
        client_id.as_deref().map(|id| format!("?clientId={}", percent_encoded(id))).unwrap_or_default();
    let target = format!("/test-authorization{query}");
    let call = Call::new("TestAuthorization", "POST", &target);
    let response = control.call(Call { body: Some(&question), ..call }).await?;
    Ok(CertificateCheck::parse(certificate, args.action, resource.name, client_id, &response)?)
}

/// The name of the certificate's thing, if it has exactly one.
async fn only_thing(control: &Control, principal: &str) -> Result<Option<String>, ControlError> {
    let call = Call::new("ListPrincipalThings", "GET", "/principals/things?maxResults=2");
    let response = control.call(Call { header: Some(("x-amzn-principal", principal)), ..call }).await?;
    let things = response.get("things").and_then(Value::as_array).map(Vec::as_slice);
    Ok(match things {
        Some([thing]) => thing.as_str().map(str::to_owned),
        _ => None,
    })
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

fn certificate_id(text: &str) -> Result<String, &'static str> {
    let is_id = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if is_id { Ok(text.to_owned()) } else { Err("expected 64 lower-case hexadecimal digits") }
}

fn action(text: &str) -> Result<Action, String> {
    text.parse().map_err(|error| {
        let given = if text.starts_with("iot:") { text.to_owned() } else { format!("iot:{text}") };
        let name = similar(&given, Action::ALL.iter().map(|action| action.name()));
        let help = name.map(|name| format!("\n  help: did you mean {name:?}?")).unwrap_or_default();
        format!("{error}{help}")
    })
}
