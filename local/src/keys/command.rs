//! The command.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::{Args, Subcommand};
use iot_jwt_authorizer::keys::fetch::{BUDGET, Failure, Fetcher};
use iot_jwt_authorizer::keys::origin::Origin;
use iot_jwt_authorizer::keys::secret::Aws;
use thiserror::Error;

use super::entries::{self, Entry};
use super::{bundle, show};
use crate::env_file::{self, EnvFileError};
use crate::inquiry::ConfigArgs;

/// What the command takes.
#[derive(Clone, Debug, Args)]
pub struct KeysArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Fetch an issuer's keys and bundle them: a file for `keys/`
    Fetch(FetchArgs),
    /// List every issuer's keys
    Show(ShowArgs),
}

#[derive(Clone, Debug, Args)]
struct FetchArgs {
    /// The issuer's id
    issuer: String,
    /// The source, as `keys` in the configuration would name it [default: its first that is fetched, else oidc]
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// Write the set to this file [default: print it]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Clone, Debug, Args)]
struct ShowArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Ask the sources that are fetched, too
    #[arg(long)]
    fetch: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Why there are no keys.
#[derive(Debug, Error)]
pub enum KeysError {
    /// The file of `--env`.
    #[error(transparent)]
    Env(#[from] EnvFileError),
    /// A file that cannot be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The issuer is not there.
    #[error("there is no issuer {asked:?}; there is {}", .known.join(", "))]
    UnknownIssuer {
        /// The one that was asked for.
        asked: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// The source cannot be asked.
    #[error("`{source_name}` is no source that can be fetched: {hint}")]
    Source {
        /// As it was given.
        source_name: String,
        /// What to do.
        hint: &'static str,
    },
    /// The function would not take it either.
    #[error("{origin}: {failure}; nothing is written")]
    Fetch {
        /// Who was asked.
        origin: String,
        /// What came of it.
        failure: Failure,
    },
    /// The output cannot be written.
    #[error("the output cannot be written: {0}")]
    Write(#[from] io::Error),
}

/// Fetches or lists keys.
///
/// # Errors
/// See [`KeysError`].
pub async fn run(
    args: &KeysArgs,
    env: &[(String, String)],
    now: SystemTime,
    out: &mut dyn Write,
) -> Result<(), KeysError> {
    match &args.command {
        Command::Fetch(args) => fetch(args, &Configuration::read(&args.config, env)?, now, out).await,
        Command::Show(args) => show(args, &Configuration::read(&args.config, env)?, now, out).await,
    }
}

struct Configuration {
    entries: Vec<Entry>,
    blocked: Vec<String>,
    aws: Aws,
}

impl Configuration {
    fn read(args: &ConfigArgs, env: &[(String, String)]) -> Result<Self, KeysError> {
        let mut all = match &args.env {
            Some(path) => env_file::read(path)?,
            None => Vec::new(),
        };
        all.extend(env.iter().cloned());
        let environment =
            |name: &str| all.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let text = std::fs::read_to_string(&args.config)
            .map_err(|error| KeysError::File { path: args.config.clone(), error })?;
        let (entries, blocked) = entries::read(&text, &environment);
        Ok(Self { entries, blocked, aws: Aws::of(&environment) })
    }
}

async fn fetch(
    args: &FetchArgs,
    configuration: &Configuration,
    now: SystemTime,
    out: &mut dyn Write,
) -> Result<(), KeysError> {
    let entry = configuration.entries.iter().find(|entry| entry.id == args.issuer).ok_or_else(|| {
        KeysError::UnknownIssuer {
            asked: args.issuer.clone(),
            known: configuration.entries.iter().map(|entry| entry.id.clone()).collect(),
        }
    })?;
    let fetched = entry.keys.iter().find(|source| !source.starts_with("file:"));
    let source = args.source.as_ref().or(fetched).map_or("oidc", String::as_str);
    let origin = Origin::parse(source, &entry.issuer)
        .map_err(|hint| KeysError::Source { source_name: source.to_owned(), hint })?;
    let failed = |failure| KeysError::Fetch { origin: origin.to_string(), failure };
    let found = Fetcher::new(configuration.aws.clone()).fetch(&origin, BUDGET).await.map_err(failed)?;
    let bundle = bundle::bundle(found, &origin, entry, &configuration.blocked, now).map_err(failed)?;
    for why in &bundle.left_out {
        report(&format!("left out: {why}"));
    }
    let text = format!("{:#}\n", bundle.set);
    match &args.out {
        None => out.write_all(text.as_bytes())?,
        Some(path) => {
            // As any file of the package: Lambda reads it as another user.
            std::fs::write(path, text).map_err(|error| KeysError::File { path: path.clone(), error })?;
            writeln!(out, "{} keys of {} from {origin} are in {}", bundle.keys, entry.id, path.display())?;
            writeln!(
                out,
                "name the file in `keys` of the issuer: \"file:keys/NAME\", relative to the configuration"
            )?;
        }
    }
    Ok(())
}

async fn show(
    args: &ShowArgs,
    configuration: &Configuration,
    now: SystemTime,
    out: &mut dyn Write,
) -> Result<(), KeysError> {
    let folder = args.config.config.parent().unwrap_or(Path::new("."));
    let mut all = Vec::new();
    for entry in &configuration.entries {
        for source in &entry.keys {
            all.push(match source.strip_prefix("file:") {
                Some(file) => show::file(entry, source, &folder.join(file), &configuration.blocked, now),
                None if args.fetch => ask(entry, source, configuration).await,
                None => show::fault_of(entry, source, "it was not asked; --fetch asks it".to_owned()),
            });
        }
    }
    if args.json {
        let json = serde_json::to_string_pretty(&all).map_err(io::Error::from)?;
        return Ok(writeln!(out, "{json}")?);
    }
    let mut issuer = None;
    for shown in &all {
        if issuer != Some(&shown.issuer) {
            writeln!(out, "{}", shown.issuer)?;
            issuer = Some(&shown.issuer);
        }
        write!(out, "{shown}")?;
    }
    Ok(())
}

async fn ask(entry: &Entry, source: &str, configuration: &Configuration) -> show::Shown {
    let origin = match Origin::parse(source, &entry.issuer) {
        Ok(origin) => origin,
        Err(hint) => return show::fault_of(entry, source, format!("it is no source of keys: {hint}")),
    };
    match Fetcher::new(configuration.aws.clone()).fetch(&origin, BUDGET).await {
        Ok(found) => {
            let entries: Vec<_> = found.parts.into_iter().flatten().flatten().collect();
            show::shown_of(
                entry,
                &origin.to_string(),
                &entries,
                &configuration.blocked,
                &show::Provenance::default(),
            )
        }
        Err(failure) => show::fault_of(entry, &origin.to_string(), failure.to_string()),
    }
}

#[expect(clippy::print_stderr, reason = "the terminal shell of the command")]
fn report(text: &str) {
    eprintln!("{text}");
}
