//! The arguments for a configuration and its environment.

use std::path::PathBuf;

use clap::Args;
use iot_local_base::env::Env;
use iot_local_base::env_file;
use iot_local_inspect::deployment::Deployment;
use iot_local_inspect::inquiry::InquiryError;

/// A configuration, and the variables that it is read with.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Configuration")]
pub struct ConfigArgs {
    /// Configuration of the authorizer
    #[arg(long, value_name = "FILE", default_value = "authorizer.toml")]
    pub config: PathBuf,
    /// Add the NAME=VALUE lines of a file to the environment
    #[arg(long, value_name = "FILE")]
    pub env: Option<PathBuf>,
}

impl ConfigArgs {
    /// Reads the configuration.
    ///
    /// # Errors
    /// A file cannot be read, or all errors in the configuration.
    pub fn load(&self, env: &Env) -> Result<Deployment, InquiryError> {
        Ok(Deployment::load(&self.config, &env_file::extended(env, self.env.as_deref())?)?)
    }
}
