//! `health`: asks the running gateway whether it answers.

use clap::Args;

use crate::control::{self, Call, Control, ControlError, DEFAULT_REGION};

/// The arguments of the command.
#[derive(Debug, Args)]
pub(crate) struct HealthArgs {
    /// Address of the running gateway
    #[arg(long, value_name = "URL", default_value = control::DEFAULT_ENDPOINT, value_parser = control::endpoint)]
    endpoint: String,
}

/// Calls the API of the gateway once.
///
/// # Errors
/// Nothing answers in time, or something else than the API of AWS IoT.
pub(crate) async fn run(args: &HealthArgs) -> Result<(), ControlError> {
    let control = Control::new(&args.endpoint, DEFAULT_REGION);
    match control.call(Call::new("DescribeEndpoint", "GET", "/endpoint")).await {
        // A gateway of another Region, or one with `--throttle`, answers with an error.
        Ok(_) | Err(ControlError::Api { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}
