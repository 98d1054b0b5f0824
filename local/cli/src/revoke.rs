//! `revoke`, `unrevoke` and `revoked`: change and show the revocation list, wherever the configuration has it.

mod store;

use std::io::{self, Write};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::SystemTime;

use clap::Args;
use iot_jwt_authorizer::config::Config;
use iot_jwt_authorizer::response::PrincipalId;
use iot_jwt_authorizer::revocation::{ListOrigin, ListSource};
use iot_local_base::env::Env;
use iot_local_base::env_file::{self, EnvFileError};
use iot_local_base::timestamp::{self, Timestamp};
use iot_local_inspect::deployment::{self, DeploymentError};
use iot_local_inspect::revocation::edit::{Document, EditError, Entry, Kind, hashed};
use iot_local_inspect::suggest::did_you_mean;
use serde_json::json;
use thiserror::Error;

use crate::arguments::ConfigArgs;
use store::{Store, StoreError};

/// The arguments of `revoke`.
#[derive(Clone, Debug, Args)]
pub(crate) struct RevokeArgs {
    #[command(flatten)]
    what: EntryArgs,
    /// Only tokens of --sub that were issued before this time: `now`, a date, or seconds since 1970
    #[arg(long, value_name = "TIME", requires = "sub")]
    issued_before: Option<IssuedBefore>,
    /// Write the SHA-256 of each value instead of the value
    #[arg(long)]
    sha256: bool,
    #[command(flatten)]
    list: ListArgs,
}

/// The arguments of `unrevoke`.
#[derive(Clone, Debug, Args)]
pub(crate) struct UnrevokeArgs {
    #[command(flatten)]
    what: EntryArgs,
    #[command(flatten)]
    list: ListArgs,
}

/// The arguments of `revoked`.
#[derive(Clone, Debug, Args)]
pub(crate) struct RevokedArgs {
    #[command(flatten)]
    list: ListArgs,
}

/// What is revoked.
#[derive(Clone, Debug, Args)]
struct EntryArgs {
    /// Every token of a subject
    #[arg(long, value_name = "SUB", required_unless_present_any = ["jti", "kid"])]
    sub: Option<String>,
    /// One token
    #[arg(long, value_name = "JTI")]
    jti: Option<String>,
    /// Every token that a key signed
    #[arg(long, value_name = "KID")]
    kid: Option<String>,
    /// Id of the issuer [default: the only one]
    #[arg(long, value_name = "ID")]
    issuer: Option<String>,
}

/// Where the list is, and the output.
#[derive(Clone, Debug, Args)]
struct ListArgs {
    /// File with the list [default: `source` of the configuration's [revocation]]
    #[arg(long, value_name = "FILE")]
    list: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// A time of `--issued-before`.
#[derive(Clone, Copy, Debug)]
enum IssuedBefore {
    Now,
    At(Timestamp),
}

impl FromStr for IssuedBefore {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "now" { Ok(Self::Now) } else { text.parse().map(Self::At) }
    }
}

/// Why the list is not changed or shown.
#[derive(Debug, Error)]
pub(crate) enum RevokeError {
    /// The file of `--env` is invalid.
    #[error(transparent)]
    Env(#[from] EnvFileError),
    /// The configuration has errors.
    #[error(transparent)]
    Deployment(#[from] DeploymentError),
    /// The configuration has no list.
    #[error(
        "the configuration has no [revocation]\n  help: add `[revocation]` with `source = \"file:revoked.json\"`"
    )]
    NoSource,
    /// The configuration has no issuer with this id, or several issuers and none is named.
    #[error("{}; expected one of {}{}", .given.as_ref().map_or_else(|| "--issuer is missing".to_owned(), |id| format!("unknown issuer {id:?}")), .known.join(", "), .given.as_ref().map(|id| did_you_mean(id, .known)).unwrap_or_default())]
    Issuer {
        /// The id of the arguments.
        given: Option<String>,
        /// The ids of the configuration.
        known: Vec<String>,
    },
    /// Nothing of it is on the list.
    #[error("not on the list: {}\n  help: `cargo local revoked` shows the list", .0.join(", "))]
    NotOnTheList(Vec<String>),
    /// An empty value.
    #[error("--{0} is empty")]
    Empty(&'static str),
    /// The list is invalid, or cannot be changed.
    #[error("{source_name}: {error}")]
    Edit {
        /// The source.
        source_name: String,
        /// Why.
        error: EditError,
    },
    /// The list cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The output cannot be written.
    #[error("cannot write the output: {0}")]
    Write(#[from] io::Error),
}

/// The configuration's list.
struct Opened {
    config: Config,
    source: Option<ListSource>,
    store: Store,
}

/// Adds entries to the list.
///
/// # Errors
/// See [`RevokeError`].
pub(crate) async fn revoke(
    args: &RevokeArgs,
    env: &Env,
    now: SystemTime,
    out: &mut dyn Write,
) -> Result<(), RevokeError> {
    let opened = Opened::open(&args.list, env)?;
    let mut entries = opened.entries(&args.what)?;
    if let Some(time) = args.issued_before {
        let seconds = match time {
            // A token of this second counts as issued before.
            IssuedBefore::Now => timestamp::seconds(now).saturating_add(1),
            IssuedBefore::At(time) => timestamp::seconds(time.0),
        };
        for entry in entries.iter_mut().filter(|entry| entry.kind == Kind::Sub) {
            (entry.kind, entry.time) = (Kind::IssuedBefore, Some(seconds.into()));
        }
    }
    if args.sha256 {
        entries.iter_mut().for_each(|entry| entry.value = hashed(&entry.value));
    }
    let (list, added) = opened.change(true, |list| list.add(&entries)).await?;
    opened.report(&args.list, &list, "revoked", &added, args.what.sub.as_deref(), out)
}

/// Removes entries from the list, as values or hashes; of a subject also its time.
///
/// # Errors
/// See [`RevokeError`].
pub(crate) async fn unrevoke(args: &UnrevokeArgs, env: &Env, out: &mut dyn Write) -> Result<(), RevokeError> {
    let opened = Opened::open(&args.list, env)?;
    let mut entries = opened.entries(&args.what)?;
    let of_subject = entries.iter().find(|entry| entry.kind == Kind::Sub);
    entries.extend(of_subject.map(|entry| Entry { kind: Kind::IssuedBefore, ..entry.clone() }));
    let (list, removed) = opened.change(false, |list| list.remove(&entries)).await?;
    if removed.is_empty() {
        let names = entries.iter().filter(|entry| entry.kind != Kind::IssuedBefore);
        return Err(RevokeError::NotOnTheList(names.map(ToString::to_string).collect()));
    }
    opened.report(&args.list, &list, "not revoked any more", &removed, None, out)
}

/// Shows the list.
///
/// # Errors
/// See [`RevokeError`].
pub(crate) async fn revoked(args: &RevokedArgs, env: &Env, out: &mut dyn Write) -> Result<(), RevokeError> {
    let opened = Opened::open(&args.list, env)?;
    let list = opened.read(false).await?;
    if args.list.json {
        let json = json!({ "source": opened.store.to_string(), "version": list.version(), "entries": list.entries() });
        return Ok(writeln!(out, "{json:#}")?);
    }
    let entries = list.entries();
    writeln!(out, "{}: version {}, {}", opened.store, list.version(), counted(entries.len()))?;
    Ok(entries.iter().try_for_each(|entry| writeln!(out, "{entry}"))?)
}

impl Opened {
    fn open(args: &ListArgs, env: &Env) -> Result<Self, RevokeError> {
        let path = &args.config.config;
        let env = env_file::extended(env, args.config.env.as_deref())?;
        let mut config = deployment::load(path, &env).map_err(|errors| DeploymentError::new(path, errors))?;
        let source = config.revocation.take();
        let store = match (&args.list, &source) {
            (Some(path), _) => Store::File(path.clone()),
            (None, None) => return Err(RevokeError::NoSource),
            (None, Some(source)) => match &source.origin {
                ListOrigin::File { path, .. } => Store::File(path.to_path_buf()),
                ListOrigin::Secret(id) => Store::Secret { id: id.to_string(), aws: config.aws.clone() },
                ListOrigin::Address(_) => Store::Address(source.origin.clone()),
            },
        };
        Ok(Self { config, source, store })
    }

    /// The entries that the arguments name.
    fn entries(&self, args: &EntryArgs) -> Result<Vec<Entry>, RevokeError> {
        let known: Vec<String> =
            self.config.authorizer.issuers.iter().map(|issuer| issuer.id.to_string()).collect();
        let issuer = match (&args.issuer, known.as_slice()) {
            (Some(id), _) if known.contains(id) => id.clone(),
            (None, [only]) => only.clone(),
            (given, _) => return Err(RevokeError::Issuer { given: given.clone(), known }),
        };
        let named =
            [("sub", Kind::Sub, &args.sub), ("jti", Kind::Jti, &args.jti), ("kid", Kind::Kid, &args.kid)];
        let mut entries = Vec::new();
        for (name, kind, value) in named {
            let Some(value) = value else { continue };
            if value.is_empty() {
                return Err(RevokeError::Empty(name));
            }
            entries.push(Entry { issuer: issuer.clone(), kind, value: value.clone(), time: None });
        }
        Ok(entries)
    }

    /// Reads the list. A file that does not exist is an empty list if `may_be_new`.
    async fn read(&self, may_be_new: bool) -> Result<Document, RevokeError> {
        match self.store.read().await? {
            Some(text) => Document::parse(&text).map_err(|error| self.edit_error(error)),
            None if may_be_new => Ok(Document::default()),
            None => Err(StoreError::missing(&self.store).into()),
        }
    }

    /// Changes the list, writes it, and reads it back.
    async fn change(
        &self,
        may_be_new: bool,
        change: impl FnOnce(&mut Document) -> Result<Vec<Entry>, EditError>,
    ) -> Result<(Document, Vec<Entry>), RevokeError> {
        self.store.check_writable()?;
        let mut list = self.read(may_be_new).await?;
        let changed = change(&mut list).map_err(|error| self.edit_error(error))?;
        if !changed.is_empty() {
            self.store.write(&list).await?;
            if self.read(false).await? != list {
                return Err(StoreError::Overwritten(self.store.to_string()).into());
            }
        }
        Ok((list, changed))
    }

    fn edit_error(&self, error: EditError) -> RevokeError {
        RevokeError::Edit { source_name: self.store.to_string(), error }
    }

    fn report(
        &self,
        args: &ListArgs,
        list: &Document,
        done: &str,
        changed: &[Entry],
        subject: Option<&str>,
        out: &mut dyn Write,
    ) -> Result<(), RevokeError> {
        let principal = subject.map(|subject| self.principal(changed, subject));
        let refresh = self.source.as_ref().map(|source| source.lifetimes().refresh.as_secs());
        if args.json {
            let json = json!({
                "source": self.store.to_string(), "version": list.version(), "changed": changed, "entries": list.entries().len(),
                "principal": principal.flatten(), "refreshSeconds": refresh,
            });
            return Ok(writeln!(out, "{json:#}")?);
        }
        for entry in changed {
            writeln!(out, "{done}: {entry}")?;
        }
        if changed.is_empty() {
            writeln!(out, "on the list already; nothing was written")?;
        }
        let entries = counted(list.entries().len());
        writeln!(out, "{}: version {}, {entries}", self.store, list.version())?;
        if let Some(seconds) = refresh.filter(|_| args.list.is_none() && !changed.is_empty()) {
            writeln!(out, "in effect for new connects within {seconds} s (`refresh_seconds`)")?;
        }
        if let Some(principal) = principal.flatten() {
            writeln!(out, "principal {principal}; docs/revocation.md says how to close its connections")?;
        }
        Ok(())
    }

    /// The principal of a subject that was revoked, as in the log.
    fn principal(&self, changed: &[Entry], subject: &str) -> Option<String> {
        let id = &changed.first()?.issuer;
        let issuer = self.config.authorizer.issuers.iter().find(|issuer| *issuer.id == **id)?;
        Some(PrincipalId::of_subject(&issuer.rules.issuer, subject).as_str().to_owned())
    }
}

fn counted(entries: usize) -> String {
    if entries == 1 { "1 entry".to_owned() } else { format!("{entries} entries") }
}
