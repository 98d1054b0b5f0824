//! `provision.toml` and the lists that it names, read once at start. With any error there is no [`Config`], and all
//! errors are reported together.

mod document;
mod entries;
pub mod schema;
mod topic;

pub use iot_jwt_authorizer::config_error::{ConfigError, ConfigErrors, ErrorPlace};
pub use topic::TopicFilter;

use std::path::{Path, PathBuf};

use toml::de::DeTable;

use crate::expected::Expected;
use crate::pattern::Pattern;
use document::{Reader, Table};

/// The variables of the environment, by name.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The file's name, unless `PROVISION_CONFIG` names another.
const FILE: &str = "provision.toml";

/// The configuration of all functions.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// `[[authority]]`: CA certificates whose devices are registered at their first connect.
    pub authorities: Vec<Authority>,
    /// `[[bootstrap]]`: topics on which devices ask for certificates.
    pub bootstraps: Vec<Bootstrap>,
    /// `[[template]]`: templates of fleet provisioning that have the hook.
    pub templates: Vec<Template>,
    /// `[cognito]` `policy`: the policy that identities get.
    pub identity_policy: Option<String>,
    /// The lists that the configuration names, relative to its folder; may have duplicates.
    pub files: Vec<String>,
}

/// An `[[authority]]`.
#[derive(Clone, Debug)]
pub struct Authority {
    /// The id of the CA certificate.
    pub ca_certificate_id: String,
    /// The name of the thing, from the subject.
    pub thing: Pattern,
    /// The policy of its certificates.
    pub policy: String,
    /// Attributes of the thing, from the subject.
    pub attributes: Vec<(String, Pattern)>,
    /// Which devices are expected, by the names of their things.
    pub expected: Expected,
    /// Whether a new certificate may take over the thing.
    pub replace: bool,
}

/// A `[[bootstrap]]`.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    /// The topics of requests. The level of the `+` is the id.
    pub request: TopicFilter,
    /// The topic of responses, with the id.
    pub response: Pattern,
    /// The name of the thing, with the id.
    pub thing: Pattern,
    /// The policy of the certificates.
    pub policy: String,
    /// Which devices are expected, by the names of their things. Never anyone.
    pub expected: Expected,
    /// Whether a new key may take over the thing.
    pub replace: bool,
}

/// A `[[template]]`.
#[derive(Clone, Debug)]
pub struct Template {
    /// The name of the provisioning template.
    pub name: String,
    /// Which devices are expected, by their serial numbers.
    pub expected: Expected,
    /// Whether a serial number may be used again with another certificate.
    pub replace: bool,
}

/// The path of the configuration: `PROVISION_CONFIG`, else `provision.toml`, in `LAMBDA_TASK_ROOT`.
#[must_use]
pub fn path(environment: Environment<'_>) -> PathBuf {
    let root = environment("LAMBDA_TASK_ROOT").unwrap_or_else(|| ".".to_owned());
    Path::new(&root).join(environment("PROVISION_CONFIG").unwrap_or_else(|| FILE.to_owned()))
}

impl Config {
    /// Reads the configuration: `file`, and the lists that it names relative to its folder.
    ///
    /// # Errors
    /// Every error. A TOML syntax error is reported alone, since the errors after it are mostly its consequences.
    pub fn load(file: &Path, environment: Environment<'_>) -> Result<Self, ConfigErrors> {
        let name = file.file_name().map_or_else(|| FILE.into(), |name| name.to_string_lossy());
        let text = std::fs::read_to_string(file).map_err(|error| {
            let error = ConfigError::of_file(&name, format!("cannot read the file: {error}"));
            ConfigErrors(vec![
                error.hint("put it next to the function, or name another file in PROVISION_CONFIG"),
            ])
        })?;
        Self::parse(&name, &text, file.parent().unwrap_or(Path::new(".")), environment)
    }

    /// Reads a configuration from its text. `name` is the file's name in errors, `folder` that of its lists.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(
        name: &str,
        text: &str,
        folder: &Path,
        environment: Environment<'_>,
    ) -> Result<Self, ConfigErrors> {
        let mut reader = Reader::new(name, text, folder, environment);
        let (root, syntax_errors) = DeTable::parse_recoverable(text);
        let start = |error: &toml::de::Error| error.span().map_or(usize::MAX, |span| span.start);
        if let Some(error) = syntax_errors.iter().min_by_key(|error| start(error)) {
            reader.error(&error.span().unwrap_or_default(), format!("invalid TOML: {}", error.message()));
            return Err(ConfigErrors(reader.errors));
        }
        let config = entries::read(&mut reader, &Table::root(&schema::FILE, root.get_ref()));
        if reader.errors.is_empty() { Ok(config) } else { Err(ConfigErrors(reader.errors)) }
    }
}
