//! The three things that a user edits, read once at start: `authorizer.toml`, `policies/` and `keys/`.
//!
//! This is the one place where configuration is read. All faults are reported together, and with any fault there is no
//! [`Authorizer`].

mod claims;
mod client_ids;
mod document;
mod fault;
mod grants;
mod issuer;
mod package;

pub use fault::{Fault, Faults};

use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use crate::authorizer::Authorizer;
use crate::credentials::{Place, TokenRule};
use crate::keys::secret::Aws;
use crate::keys::sources::Sources;
use crate::log::Settings;
use crate::response::{SECONDS, Session};
use document::{Reader, Table};
use package::Package;

/// The variables of the environment, by name.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What a deployment comes to.
#[derive(Debug)]
pub struct Config {
    /// Ready to decide.
    pub authorizer: Authorizer,
    /// Where each issuer's keys come from, in the order of the issuers.
    pub sources: Vec<Sources>,
    /// What the environment says of AWS, where keys are secrets.
    pub aws: Aws,
    /// How the log is to be.
    pub log: Settings,
    /// What is odd and spoils nothing, as a key that cannot be used beside one that can.
    pub warnings: Vec<Fault>,
    /// The policies and key files that it names, relative to its folder and as it names them; one may stand here twice.
    pub files: Vec<String>,
}

/// Where a deployment's files are: `AUTHORIZER_CONFIG`, else `authorizer.toml` of the package.
#[must_use]
pub fn path(environment: Environment<'_>) -> PathBuf {
    let root = environment("LAMBDA_TASK_ROOT").unwrap_or_else(|| ".".to_owned());
    Path::new(&root).join(environment("AUTHORIZER_CONFIG").unwrap_or_else(|| "authorizer.toml".to_owned()))
}

impl Config {
    /// Reads a deployment: `file`, and what it names relative to its folder.
    ///
    /// # Errors
    /// Every fault, each with file, place and a hint.
    pub fn load(file: &Path, environment: Environment<'_>) -> Result<Self, Faults> {
        let mut package = Package::at(file.parent().unwrap_or(Path::new(".")));
        let name = file.file_name().map_or_else(|| "authorizer.toml".into(), |name| name.to_string_lossy());
        let authorizer = match std::fs::read_to_string(file) {
            Ok(text) => read(&name, &text, environment, &mut package),
            Err(error) => {
                let hint = "put it beside the function, or name another file in AUTHORIZER_CONFIG";
                package
                    .faults
                    .push(Fault::of_file(&name, format!("cannot be read ({}): {hint}", error.kind())));
                None
            }
        };
        package.refuse_private_keys();
        match authorizer {
            Some(authorizer) if package.faults.is_empty() => {
                let (sources, warnings) = (package.sources, package.warnings);
                let has_secret = sources.iter().any(Sources::has_secret);
                let aws = if has_secret { Aws::of(environment) } else { Aws::default() };
                Ok(Self {
                    authorizer,
                    sources,
                    aws,
                    log: Settings::of(environment),
                    warnings,
                    files: package.read,
                })
            }
            _ => Err(Faults(package.faults)),
        }
    }
}

/// Reads the file, and through it the policies and keys that it names.
fn read(file: &str, text: &str, environment: Environment<'_>, package: &mut Package) -> Option<Authorizer> {
    let mut reader = Reader::new(file, text, environment);
    let (root, errors) = DeTable::parse_recoverable(text);
    // A process reads its configuration once; to take the tree apart again would be work of each start, for nobody.
    let root = ManuallyDrop::new(root);
    for error in errors {
        reader.fault(&error.span().unwrap_or_default(), format!("is not TOML: {}", error.message()));
    }
    let mut root = Table::root(root.get_ref());
    let token = token(&mut reader, &mut root);
    let (session, min_remaining_seconds) = session(&mut reader, &mut root);
    let slots = claims::slots(&mut reader, &mut root);
    let shared = issuer::Shared {
        slots: &slots,
        blocked: issuer::blocked_keys(&mut reader, &mut root),
        min_remaining_seconds,
    };
    let mut issuers = issuer::issuers(&mut reader, &mut root, &shared, package);
    grants::refusals(&mut reader, &mut root, &mut issuers);
    let policies = grants::grants(&mut reader, &mut root, &issuers, &slots, package);
    check(&mut reader, &mut root);
    reader.finish(&root);
    package.faults.splice(0..0, reader.faults);
    Some(Authorizer { token, issuers, policies, session })
}

fn token<'d>(reader: &mut Reader<'d>, root: &mut Table<'d>) -> TokenRule {
    let mut rule = TokenRule {
        places: vec![
            Place::Token,
            Place::Header("authorization".into()),
            Place::Query("token".into()),
            Place::UserNameParameter("token".into()),
            Place::Password,
        ],
        max_bytes: 8192,
    };
    let Some(mut table) = root.take("token").and_then(|item| reader.table("[token]", item)) else {
        return rule;
    };
    if let Some(names) = reader.strings(&mut table, "from") {
        rule.places.clear();
        for name in names {
            match Place::named(&name.value) {
                Some(place) => rule.places.push(place),
                None => {
                    let known =
                        "`token`, `header:NAME`, `query:NAME`, `username:NAME`, `username`, `password`";
                    reader.fault(
                        &name.span,
                        format!("`{}` is no place of a request: name one of {known}", name.value),
                    );
                }
            }
        }
    }
    if let Some(bytes) = reader.integer(&mut table, "max_bytes", 256..=65536) {
        rule.max_bytes = usize::try_from(bytes).unwrap_or(rule.max_bytes);
    }
    reader.finish(&table);
    rule
}

fn session<'d>(reader: &mut Reader<'d>, root: &mut Table<'d>) -> (Session, u64) {
    let mut session = Session { disconnect_after_seconds: 86400, refresh_after_seconds: 3600 };
    let Some(mut table) = root.take("session").and_then(|item| reader.table("[session]", item)) else {
        return (session, 0);
    };
    if let Some(seconds) = reader.integer(&mut table, "disconnect_after_seconds", SECONDS) {
        session.disconnect_after_seconds = seconds;
    }
    if let Some(seconds) = reader.integer(&mut table, "refresh_after_seconds", SECONDS) {
        session.refresh_after_seconds = seconds;
    }
    let min_remaining = reader.integer(&mut table, "min_remaining_seconds", 0..=86400).unwrap_or(0);
    reader.finish(&table);
    (session, min_remaining)
}

/// `[check.allow]` is for those who check a deployment; here it only has to be well-formed.
fn check<'d>(reader: &mut Reader<'d>, root: &mut Table<'d>) {
    let Some(mut table) = root.take("check").and_then(|item| reader.table("[check]", item)) else { return };
    if let Some(allow) = table.take("allow").and_then(|item| reader.table("[check.allow]", item)) {
        for (finding, reason) in allow.entries() {
            reader.string_of(finding.value, reason);
        }
    }
    reader.finish(&table);
}
