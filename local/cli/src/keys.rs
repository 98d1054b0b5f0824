//! `keys`: fetches and lists the public keys of issuers.

mod bundle;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::{Args, Subcommand};
use iot_jwt_authorizer::keys::fetch::Fetcher;
use iot_jwt_authorizer::keys::origin::Origin;
use iot_jwt_authorizer::source::FETCH_TIMEOUT;
use iot_jwt_authorizer::source::failure::FetchFailure;
use iot_jwt_authorizer::source::secret::AwsEnvironment;
use iot_local_base::env::Env;
use iot_local_base::env_file::{self, EnvFileError};
use iot_local_base::files;
use iot_local_inspect::keys::entries::{self, IssuerEntry};
use iot_local_inspect::keys::show;
use iot_local_inspect::suggest::did_you_mean;
use serde_json::json;
use thiserror::Error;

use crate::arguments::ConfigArgs;

/// The arguments of the command.
#[derive(Clone, Debug, Args)]
pub(crate) struct KeysArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Fetch an issuer's keys as a file for `keys/`
    Fetch(FetchArgs),
    /// List every issuer's keys
    Show(ShowArgs),
}

#[derive(Clone, Debug, Args)]
struct FetchArgs {
    /// Id of the issuer
    issuer: String,
    /// Key source, as in `keys` of the configuration [default: the first that is not a file, otherwise oidc]
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// File to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print JSON: what was fetched, and the key set if no file is written
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Clone, Debug, Args)]
struct ShowArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Also fetch and list remote sources
    #[arg(long)]
    fetch: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// An error while keys are fetched or listed.
#[derive(Debug, Error)]
pub(crate) enum KeysError {
    /// The file of `--env` is invalid.
    #[error(transparent)]
    Env(#[from] EnvFileError),
    /// A file cannot be read or written.
    #[error("{}: {}", path.display(), files::io_error(error))]
    File {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
    /// The configuration is not TOML, or has no issuer with an id.
    #[error("{}: no issuer\n  help: `cargo local check` reports the errors of the configuration", .0.display())]
    NoIssuer(PathBuf),
    /// The configuration has no issuer with this id.
    #[error("unknown issuer {id:?}; expected one of {}{}", .known.join(", "), did_you_mean(.id, .known))]
    UnknownIssuer {
        /// The id.
        id: String,
        /// The ids of the configuration.
        known: Vec<String>,
    },
    /// The source is invalid or a file.
    #[error("invalid key source `{source_name}`: {expected}")]
    Source {
        /// The source.
        source_name: String,
        /// What is expected.
        expected: &'static str,
    },
    /// The keys cannot be fetched, or the function would reject them.
    #[error("{origin}: {failure}; nothing was written")]
    Fetch {
        /// The source.
        origin: String,
        /// The error.
        failure: FetchFailure,
    },
    /// The output cannot be written.
    #[error("cannot write the output: {0}")]
    Write(#[from] io::Error),
}

/// Fetches or lists keys.
///
/// # Errors
/// See [`KeysError`].
pub(crate) async fn run(
    args: &KeysArgs,
    env: &Env,
    now: SystemTime,
    out: &mut dyn Write,
) -> Result<(), KeysError> {
    match &args.command {
        Command::Fetch(args) => fetch(args, &Configuration::read(&args.config, env)?, now, out).await,
        Command::Show(args) => show(args, &Configuration::read(&args.config, env)?, now, out).await,
    }
}

struct Configuration {
    entries: Vec<IssuerEntry>,
    blocked: Vec<String>,
    aws: AwsEnvironment,
}

impl Configuration {
    fn read(args: &ConfigArgs, env: &Env) -> Result<Self, KeysError> {
        let env = env_file::extended(env, args.env.as_deref())?;
        let text = std::fs::read_to_string(&args.config)
            .map_err(|error| KeysError::File { path: args.config.clone(), error })?;
        let (entries, blocked) = entries::read(&text, &env);
        if entries.is_empty() {
            return Err(KeysError::NoIssuer(args.config.clone()));
        }
        Ok(Self { entries, blocked, aws: AwsEnvironment::read(&env.lookup()) })
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
            id: args.issuer.clone(),
            known: configuration.entries.iter().map(|entry| entry.id.clone()).collect(),
        }
    })?;
    let remote = entry.keys.iter().find(|source| !source.starts_with("file:"));
    let source = args.source.as_ref().or(remote).map_or("oidc", String::as_str);
    let origin = Origin::parse(source, &entry.issuer)
        .map_err(|expected| KeysError::Source { source_name: source.to_owned(), expected })?;
    let failed = |failure| KeysError::Fetch { origin: origin.to_string(), failure };
    let fetcher = Fetcher::new(configuration.aws.clone());
    let fetched = fetcher.fetch(&origin, FETCH_TIMEOUT).await.map_err(failed)?;
    let bundle = bundle::bundle(fetched, &origin, entry, &configuration.blocked, now).map_err(failed)?;
    let text = format!("{:#}\n", bundle.set);
    if let Some(path) = &args.out {
        // With the default mode, since Lambda reads the file as another user.
        std::fs::write(path, &text).map_err(|error| KeysError::File { path: path.clone(), error })?;
    }
    if args.json {
        let json = json!({
            "issuer": entry.id,
            "origin": origin.to_string(),
            "keys": bundle.key_count,
            "skipped": bundle.skipped,
            "file": args.out,
            "set": args.out.is_none().then_some(&bundle.set),
        });
        return Ok(writeln!(out, "{json:#}")?);
    }
    for key in &bundle.skipped {
        print_note(&format!("skipped: {key}"));
    }
    match &args.out {
        None => out.write_all(text.as_bytes())?,
        Some(path) => {
            // Relative to the configuration, as `keys` names files.
            let folder = args.config.config.parent().unwrap_or(Path::new(""));
            let source = path.strip_prefix(folder).unwrap_or(path);
            let (count, id, path) = (bundle.key_count, &entry.id, path.display());
            writeln!(out, "wrote {count} keys of issuer `{id}` from {origin} to {path}")?;
            writeln!(
                out,
                "  help: add \"file:{}\" to `keys` of the issuer, if it is not there",
                source.display()
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
                None if args.fetch => fetch_listing(entry, source, configuration).await,
                None => show::failed(entry, source, "not fetched (use --fetch)".to_owned()),
            });
        }
    }
    if args.json {
        let json = serde_json::to_string_pretty(&all).map_err(io::Error::from)?;
        return Ok(writeln!(out, "{json}")?);
    }
    let mut issuer = None;
    for listing in &all {
        if issuer != Some(&listing.issuer) {
            writeln!(out, "{}", listing.issuer)?;
            issuer = Some(&listing.issuer);
        }
        write!(out, "{listing}")?;
    }
    Ok(())
}

async fn fetch_listing(
    entry: &IssuerEntry,
    source: &str,
    configuration: &Configuration,
) -> show::SourceListing {
    let origin = match Origin::parse(source, &entry.issuer) {
        Ok(origin) => origin,
        Err(expected) => return show::failed(entry, source, format!("invalid key source: {expected}")),
    };
    match Fetcher::new(configuration.aws.clone()).fetch(&origin, FETCH_TIMEOUT).await {
        Ok(fetched) => {
            let entries: Vec<_> = fetched.parts.into_iter().flatten().flatten().collect();
            show::listing(
                entry,
                &origin.to_string(),
                &entries,
                &configuration.blocked,
                &show::Provenance::default(),
            )
        }
        Err(failure) => show::failed(entry, &origin.to_string(), failure.to_string()),
    }
}

#[expect(clippy::print_stderr, reason = "the terminal shell of the command")]
fn print_note(text: &str) {
    eprintln!("{text}");
}
