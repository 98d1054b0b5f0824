//! The arguments of `explain` and `can`.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::Args;
use iot_local_base::timestamp::Timestamp;
use iot_local_identity::deployment::FUNCTION_ARN;
use iot_local_inspect::inquiry::{self, EvaluationOptions, Inquiry, InquiryError};

use super::ConfigArgs;

/// The token or claims to explain, and the circumstances. Not `Debug`: it may contain a token.
#[derive(Clone, Args)]
#[command(next_help_heading = "Input")]
pub struct InquiryArgs {
    /// Token; `-` reads it from standard input
    #[arg(long, value_name = "TOKEN", conflicts_with = "claims")]
    pub token: Option<String>,
    /// JSON file of claims instead of a token; `-` reads standard input
    ///
    /// Missing iss, aud, iat and exp are added. No signature is checked.
    #[arg(long, value_name = "FILE")]
    pub claims: Option<PathBuf>,
    /// Issuer of claims without `iss`
    ///
    /// Required if the configuration has several issuers.
    #[arg(long, value_name = "ID", requires = "claims")]
    pub issuer: Option<String>,
    /// MQTT client id [default: the first that `client_ids` allows]
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
    /// Time of the decision, as 2027-01-15T08:00:00Z or in seconds since 1970 [default: now]
    #[arg(long, value_name = "TIME")]
    pub at: Option<Timestamp>,
    /// ARN of the function; all resources have its Region and account
    #[arg(long, value_name = "ARN", hide_short_help = true)]
    pub function_arn: Option<String>,
    /// Fetch the issuer's keys that are not in the package
    #[arg(long)]
    pub fetch: bool,
    /// The configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
}

impl InquiryArgs {
    /// Returns the token or claims to explain.
    ///
    /// # Errors
    /// A file cannot be read, or there is neither a token nor claims.
    pub fn input(&self) -> Result<Inquiry, InquiryError> {
        match (&self.token, &self.claims) {
            (Some(token), _) if token == "-" => inquiry::token(&standard_input()?),
            (Some(token), _) => inquiry::token(token),
            (None, Some(path)) if path == Path::new("-") => Ok(Inquiry::Claims(standard_input()?)),
            (None, Some(path)) => Ok(Inquiry::Claims(inquiry::text(path)?)),
            (None, None) => Err(InquiryError::Missing),
        }
    }

    /// Returns the circumstances of the decision.
    #[must_use]
    pub fn options(&self, now: SystemTime) -> EvaluationOptions<'_> {
        EvaluationOptions {
            issuer: self.issuer.as_deref(),
            client_id: self.client_id.as_deref(),
            function: self.function_arn.as_deref().unwrap_or(FUNCTION_ARN),
            at: self.at.map_or(now, |timestamp| timestamp.0),
        }
    }
}

fn standard_input() -> Result<String, InquiryError> {
    let mut text = String::new();
    let result = std::io::stdin().read_to_string(&mut text);
    result.map_err(|error| InquiryError::File { path: "standard input".into(), error })?;
    Ok(text)
}
