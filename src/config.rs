//! The three things that a user edits, read once at start: `authorizer.toml`, `policies/` and `keys/`.
//!
//! This is the only place where configuration is read. INVARIANT (all errors at once): with any error there is no
//! [`Authorizer`], and all errors are reported together.

mod conditions;
mod disjoint;
mod document;
mod folder;
mod grants;
mod hash;
mod issuer;
mod key_sources;
mod revocation;
pub mod schema;
mod slots;
mod table;

pub use crate::config_error::{ConfigError, ConfigErrors, ErrorPlace};

use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use crate::authorizer::Authorizer;
use crate::credentials::{TokenPlace, TokenRule};
use crate::keys::sources::Sources;
use crate::log::LogSettings;
use crate::response::Session;
use crate::revocation::{ListOrigin, ListSource};
use crate::source::secret::AwsEnvironment;
use document::Reader;
use folder::Folder;
use table::Table;

/// The variables of the environment, by name.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A deployment, read.
#[derive(Debug)]
pub struct Config {
    /// Ready to decide.
    pub authorizer: Authorizer,
    /// The key sources of each issuer, in the order of the issuers.
    pub sources: Vec<Sources>,
    /// The source of the revocation list.
    pub revocation: Option<ListSource>,
    /// What the environment says about AWS, if a source is a secret.
    pub aws: AwsEnvironment,
    /// The settings of the log.
    pub log: LogSettings,
    /// Oddities that do not prevent a start, such as a skipped key next to a usable one.
    pub warnings: Vec<ConfigError>,
    /// The policies, the key files and the revocation list that the configuration names, relative to its folder; may
    /// have duplicates.
    pub files: Vec<String>,
    /// A fingerprint of the configuration and these files, 16 hexadecimal digits, as in the log: equal files have equal
    /// fingerprints. Variables of the environment and fetched keys are not part of it.
    pub hash: String,
}

/// The path of the configuration: `AUTHORIZER_CONFIG`, else `authorizer.toml`, in `LAMBDA_TASK_ROOT`.
#[must_use]
pub fn path(environment: Environment<'_>) -> PathBuf {
    let root = environment("LAMBDA_TASK_ROOT").unwrap_or_else(|| ".".to_owned());
    Path::new(&root).join(environment("AUTHORIZER_CONFIG").unwrap_or_else(|| "authorizer.toml".to_owned()))
}

impl Config {
    /// Reads a deployment: `file`, and the files that it names relative to its folder.
    ///
    /// # Errors
    /// Every error of the deployment. A TOML syntax error is reported alone, since the errors after it are mostly its
    /// consequences.
    pub fn load(file: &Path, environment: Environment<'_>) -> Result<Self, ConfigErrors> {
        let name = file.file_name().map_or_else(|| "authorizer.toml".into(), |name| name.to_string_lossy());
        let text = std::fs::read_to_string(file).map_err(|error| {
            let error =
                ConfigError::of_file(&name, format!("cannot read the file: {}", folder::io_error(&error)));
            ConfigErrors(vec![
                error.hint("put it next to the function, or name another file in AUTHORIZER_CONFIG"),
            ])
        })?;
        let mut reader = Reader::new(&name, &text, environment);
        // The parser's errors are not in the order of the text, and those after the first are its consequences.
        let (root, syntax_errors) = DeTable::parse_recoverable(&text);
        let start = |error: &toml::de::Error| error.span().map_or(usize::MAX, |span| span.start);
        if let Some(error) = syntax_errors.into_iter().min_by_key(start) {
            let reported = reader.error(
                &visible(&text, error.span().unwrap_or_default()),
                format!("invalid TOML: {}", error.message()),
            );
            // A list without its end goes on in the next line, where the parser finds no comma.
            let is_in_list = error.message().contains("array elements");
            reported.hint = is_in_list.then(|| "a list before this place may lack its `]`".to_owned());
            return Err(ConfigErrors(reader.errors));
        }
        let mut folder = Folder::new(file.parent().unwrap_or(Path::new(".")), &text);
        let root = Table::root(&schema::FILE, root.get_ref());
        let (authorizer, sources, revocation) = read(&mut reader, &root, &mut folder);
        folder.deny_private_key(&name, &text);
        folder.deny_unread_private_keys();
        let mut errors = reader.errors;
        errors.extend(folder.errors);
        if !errors.is_empty() {
            return Err(ConfigErrors(errors));
        }
        let is_secret = |list: &ListSource| matches!(list.origin, ListOrigin::Secret(_));
        let has_secret =
            sources.iter().any(Sources::has_secret) || revocation.as_ref().is_some_and(is_secret);
        let aws = if has_secret { AwsEnvironment::read(environment) } else { AwsEnvironment::default() };
        let hash = folder.hasher.finish();
        let log = LogSettings::read(environment).with_config(&hash);
        Ok(Self {
            authorizer,
            sources,
            revocation,
            aws,
            log,
            warnings: folder.warnings,
            files: folder.read,
            hash,
        })
    }
}

/// The bytes of a syntax error. The parser's may be empty, between two characters, or the end of a line.
fn visible(text: &str, span: Range<usize>) -> Range<usize> {
    let (before, after) = text.split_at_checked(span.start).unwrap_or((text, ""));
    match after.chars().next().filter(|next| !matches!(next, '\r' | '\n')) {
        Some(next) => span.start..span.end.max(span.start.saturating_add(next.len_utf8())),
        None => {
            before.len().saturating_sub(before.chars().next_back().map_or(0, char::len_utf8))..before.len()
        }
    }
}

/// Reads the file, and the policies and keys that it names.
fn read<'d>(
    reader: &mut Reader<'d>,
    root: &Table<'d>,
    folder: &mut Folder,
) -> (Authorizer, Vec<Sources>, Option<ListSource>) {
    let token = token(reader, root);
    let (session, min_remaining_seconds) = session(reader, root);
    let slots = slots::slots(reader, root);
    let blocked_keys = key_sources::blocked_keys(reader, root);
    let shared = issuer::Shared { slots: &slots, blocked_keys, min_remaining_seconds };
    let (mut issuers, sources) = issuer::issuers(reader, root, &shared, folder);
    grants::refuse_rules(reader, root, &mut issuers);
    let list = revocation::source(reader, root, &issuers, folder);
    let revocation = list.as_ref().map(ListSource::revocation).unwrap_or_default();
    let policies = grants::grants(reader, root, &issuers, &slots, folder);
    check_allow(reader, root);
    reader.finish(root);
    (Authorizer { token, issuers, policies, session, revocation }, sources, list)
}

fn token<'d>(reader: &mut Reader<'d>, root: &Table<'d>) -> TokenRule {
    let table = reader.table_or_empty(root, &schema::TOKEN);
    let mut places = Vec::new();
    for place in reader.strings(&table, &schema::FROM).unwrap_or_default() {
        match TokenPlace::parse(&place.value) {
            Some(place) => places.push(place),
            None => {
                let known = TokenPlace::SYNTAX.map(|syntax| format!("`{syntax}`")).join(", ");
                let what = format!("unknown token place `{}`; expected one of {known}", place.value);
                reader.error(&place.span, what);
            }
        }
    }
    let max_bytes = count(reader.integer(&table, &schema::MAX_BYTES));
    reader.finish(&table);
    TokenRule { places, max_bytes }
}

/// Reads `[session]`: its times, and `min_remaining_seconds`.
fn session<'d>(reader: &mut Reader<'d>, root: &Table<'d>) -> (Session, u64) {
    let table = reader.table_or_empty(root, &schema::SESSION);
    let mut seconds = |property| reader.integer(&table, property).unwrap_or_default();
    let session = Session {
        disconnect_after_seconds: seconds(&schema::DISCONNECT_AFTER_SECONDS),
        refresh_after_seconds: seconds(&schema::REFRESH_AFTER_SECONDS),
    };
    let min_remaining_seconds = seconds(&schema::MIN_REMAINING_SECONDS);
    reader.finish(&table);
    (session, min_remaining_seconds)
}

/// Reads `[check.allow]`, which only `cargo local check` uses. Here it must be well-formed.
fn check_allow<'d>(reader: &mut Reader<'d>, root: &Table<'d>) {
    let Some(table) = reader.table(root, &schema::CHECK) else { return };
    if let Some(allow) = reader.table(&table, &schema::ALLOW) {
        for (finding, reason) in allow.entries() {
            reader.raw_string_of(finding.value, reason);
        }
    }
    reader.finish(&table);
}

/// A limit as a number of bytes or items. Every such key has a default.
fn count(limit: Option<u64>) -> usize {
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or_default()
}
