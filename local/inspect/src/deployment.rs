//! A configuration with the files that it names, read once.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use iot_jwt_authorizer::config::{Config, ConfigErrors};
use iot_jwt_authorizer::keys::sources::Need;
use iot_local_base::env::Env;
use iot_local_identity::deployment::STATE;
use thiserror::Error;

use crate::keys::{self, NamedKeys};

/// A configuration with which the function would not start.
#[derive(Debug, Error)]
#[error("{} has errors, and the function would not start:\n{}", config.display(), errors.to_string().trim_end())]
pub struct DeploymentError {
    /// The file.
    pub config: PathBuf,
    /// The errors of the file and of the files that it names.
    pub errors: ConfigErrors,
}

/// A configuration that was read, with its key sources by name.
#[derive(Debug)]
pub struct Deployment {
    /// The configuration as the function reads it.
    pub config: Config,
    /// The key sources of each issuer, in the order of the issuers.
    pub sources: Vec<Vec<NamedKeys>>,
    /// The configuration's file.
    pub path: PathBuf,
}

impl Deployment {
    /// Reads a configuration.
    ///
    /// # Errors
    /// Every error of the configuration.
    pub fn load(path: &Path, env: &Env) -> Result<Self, DeploymentError> {
        let config = Config::load(path, &env.lookup())
            .map_err(|errors| DeploymentError { config: path.to_owned(), errors })?;
        let sources = keys::named(&config, path, env);
        Ok(Self { config, sources, path: path.to_owned() })
    }

    /// The source that the function would fetch for an event of this issuer that is denied for this need.
    #[must_use]
    pub fn wanted_source(&self, issuer: Option<&str>, need: Need, now: SystemTime) -> Option<String> {
        let sources = self.config.sources.iter().find(|sources| Some(&*sources.issuer) == issuer)?;
        let index = sources.wanted(need, now.into())?;
        sources.origin(index).map(ToString::to_string)
    }

    /// The copy of the configuration that `cargo local` runs, with its development keys.
    #[must_use]
    pub fn development_copy(&self) -> Option<PathBuf> {
        let copy = self.path.parent()?.join(STATE).join(self.path.file_name()?);
        copy.exists().then_some(copy)
    }
}
