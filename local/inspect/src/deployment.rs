//! A configuration with the files that it names, read once.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use iot_jwt_authorizer::config::{Config, ConfigErrors};
use iot_jwt_authorizer::config_error::{ConfigError, ErrorPlace};
use iot_jwt_authorizer::keys::KeySet;
use iot_jwt_authorizer::keys::sources::Need;
use iot_jwt_authorizer::revocation::Revocation;
use iot_local_base::env::Env;
use iot_local_identity::deployment::STATE;

use crate::findings::files::Files;
use crate::findings::{Finding, render};
use crate::keys::{self, NamedKeys};
use crate::revocation;

/// The configuration that the commands read by default.
const DEFAULT_CONFIG: &str = "authorizer.toml";

/// A configuration with which the function would not start.
///
/// [`fmt::Display`] shows each error with its line, as `check` does; `{:#}` with colours.
#[derive(Debug)]
pub struct DeploymentError {
    findings: Vec<Finding>,
    files: Box<Files>,
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
    env: Env,
}

/// The development keys of `cargo local`, which are not in the user's configuration.
pub(crate) struct DevelopmentKeys {
    /// The copy of the configuration that has them.
    pub(crate) path: PathBuf,
    /// The keys of each issuer, in the order of the user's configuration.
    pub(crate) keys: Vec<KeySet>,
    /// The key sources of each issuer, in the same order.
    pub(crate) sources: Vec<Vec<NamedKeys>>,
}

/// Reads a configuration as the function does, without the revocation list: it says nothing about the configuration.
///
/// # Errors
/// Every error of the configuration. That of a missing file is for the user of a command: the function's own names
/// `AUTHORIZER_CONFIG`, which the commands do not read.
pub fn load(path: &Path, env: &Env) -> Result<Config, ConfigErrors> {
    if path.exists() {
        let mut config = Config::load(path, &env.lookup())?;
        config.authorizer.revocation = Revocation::Off;
        return Ok(config);
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let error = ConfigError::of_file(&name, "no such file");
    let hint = "name the configuration with --config, or run the command in its folder";
    Err(ConfigErrors(vec![if path == Path::new(DEFAULT_CONFIG) { error.hint(hint) } else { error }]))
}

impl Deployment {
    /// Reads a configuration, and its revocation list if that is a file.
    ///
    /// # Errors
    /// Every error of the configuration.
    pub fn load(path: &Path, env: &Env) -> Result<Self, DeploymentError> {
        let mut config = load(path, env).map_err(|errors| DeploymentError::new(path, errors))?;
        config.authorizer.revocation = revocation::present(&config);
        let sources = keys::named(&config, path, env);
        Ok(Self { config, sources, path: path.to_owned(), env: env.clone() })
    }

    /// The source that the function would fetch for an event of this issuer that is denied for this need.
    #[must_use]
    pub fn wanted_source(&self, issuer: Option<&str>, need: Need, now: SystemTime) -> Option<String> {
        let sources = self.config.sources.iter().find(|sources| Some(&*sources.issuer) == issuer)?;
        let index = sources.wanted(need, now.into())?;
        sources.origin(index).map(ToString::to_string)
    }

    /// The source of a revocation list that was not read, as the configuration writes it.
    #[must_use]
    pub fn unread_list(&self) -> Option<String> {
        let source = self.config.revocation.as_ref().filter(|_| self.config.authorizer.revocation.is_off());
        source.map(|source| source.origin.to_string())
    }

    /// The development keys, if `cargo local` or `cargo local token` has made them for this configuration.
    pub(crate) fn development_keys(&self) -> Option<DevelopmentKeys> {
        let path = self.path.parent()?.join(STATE).join(self.path.file_name()?);
        let copy = path.exists().then(|| Self::load(&path, &self.env).ok()).flatten()?;
        let (mut all_keys, mut all_sources) = (Vec::new(), Vec::new());
        let mut copied: Vec<_> = copy.config.authorizer.issuers.into_iter().zip(copy.sources).collect();
        for issuer in &self.config.authorizer.issuers {
            let index = copied.iter().position(|(copied, _)| copied.id == issuer.id);
            let found = index.map(|index| copied.swap_remove(index));
            let (keys, sources) = found.map(|(issuer, sources)| (issuer.keys, sources)).unwrap_or_default();
            all_keys.push(keys);
            all_sources.push(sources);
        }
        Some(DevelopmentKeys { path, keys: all_keys, sources: all_sources })
    }
}

impl DeploymentError {
    /// The errors of a configuration. Reads the lines that they are about.
    #[must_use]
    pub fn new(config: &Path, errors: ConfigErrors) -> Self {
        let findings = errors.0.into_iter().map(Finding::error).collect();
        Self { findings, files: Box::new(Files::read(config)) }
    }
}

impl DeploymentError {
    /// The errors that the function itself printed on standard error when it did not start. `None` if that text has
    /// none of the files of the configuration.
    #[must_use]
    pub fn of_function(config: &Path, stderr: &str) -> Option<Self> {
        let files = Box::new(Files::read(config));
        let mut errors: Vec<ConfigError> = Vec::new();
        for line in stderr.lines() {
            if let Some(error) = line.strip_prefix("error: ").and_then(|line| printed_error(line, &files)) {
                errors.push(error);
            } else if let (Some(hint), Some(last)) = (line.strip_prefix("  help: "), errors.last_mut()) {
                last.hint = Some(hint.to_owned());
            }
        }
        let findings: Vec<Finding> = errors.into_iter().map(Finding::error).collect();
        (!findings.is_empty()).then_some(Self { findings, files })
    }
}

/// Reads `FILE:LINE: WHAT`, `FILE: MEMBER: WHAT` or `FILE: WHAT`, as [`ConfigError`] prints it.
fn printed_error(line: &str, files: &Files) -> Option<ConfigError> {
    let (place, what) = line.split_once(": ")?;
    let with_line = place.rsplit_once(':').and_then(|(file, line)| Some((file, line.parse().ok()?)));
    if let Some((file, line)) = with_line.filter(|(file, _)| files.text(file).is_some()) {
        return Some(ConfigError::at(file, ErrorPlace::Line { line, span: None }, what));
    }
    files.text(place)?;
    let member = what.split_once(": ").filter(|(member, _)| member.starts_with("Statement["));
    Some(match member {
        Some((member, what)) => ConfigError::at(place, ErrorPlace::Member(member.to_owned()), what),
        None => ConfigError::of_file(place, what),
    })
}

impl fmt::Display for DeploymentError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(render::text(&self.findings, &self.files, out.alternate()).trim_end())
    }
}

impl std::error::Error for DeploymentError {}
