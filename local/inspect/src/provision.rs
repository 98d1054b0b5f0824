//! Everything that can be known of `provision.toml` before its functions are deployed.
//!
//! Errors are those of the functions themselves, shown where they are. Warnings are about the policies and rules next
//! to it, which the functions do not read: docs/check.md lists them.

mod policies;
mod rules;

use std::path::Path;

use iot_jwt_authorizer::config_error::ConfigErrors;
use iot_local_base::env::Env;
use iot_provision::config::Config;

use crate::check::CheckReport;
use crate::findings::Finding;
use crate::findings::files::Files;

/// Checks the configuration of the provisioning functions. Writes nothing.
#[must_use]
pub fn examine(config: &Path, env: &Env) -> CheckReport {
    let files = Files::of_provision(config);
    let findings = match load(config, env) {
        Err(errors) => errors.0.into_iter().map(Finding::error).collect(),
        Ok(config) => {
            let mut warnings = policies::warnings(&config, &files);
            warnings.extend(rules::warnings(&config, &files));
            warnings.into_iter().map(Finding::warning).collect()
        }
    };
    CheckReport::of_findings(findings, files)
}

/// Reads the configuration as the functions do.
///
/// # Errors
/// Every error.
pub fn load(config: &Path, env: &Env) -> Result<Config, ConfigErrors> {
    Config::load(config, &env.lookup())
}
