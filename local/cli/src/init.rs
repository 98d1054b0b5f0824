//! `init`: writes a folder with a user's own configuration.

mod commit;
mod contents;
mod discovery;
mod folder;
mod provider;
mod recipe;
mod substitute;
mod workflow;

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use thiserror::Error;

use commit::Source;
use contents::Values;
use discovery::DiscoveryError;
use folder::{FolderError, NewFile};
use provider::{InvalidValue, Provider, ProviderArgs};
use recipe::{ClientUse, Recipe};
use workflow::Origin;

use crate::package::release::ReleaseError;
use crate::package::source;

/// The arguments of the command.
#[derive(Args, Clone, Debug)]
pub(crate) struct InitArgs {
    /// Folder to write; it must not exist, or be empty
    folder: PathBuf,
    #[command(flatten)]
    provider: ProviderArgs,
    /// The app's client id: Cognito's app client; with Auth0, Okta, Entra and Keycloak only this app is allowed
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// The audience of the tokens: the API's identifier, with Keycloak the client that stands for the API
    #[arg(long, value_name = "AUDIENCE")]
    audience: Option<String>,
    /// Read the issuer's discovery document, compare its `issuer`, and take the algorithms of its keys
    #[arg(long)]
    fetch: bool,
    /// Take the functions from a release: its folder, or the https address of releases with {version} [default: the
    /// release that this program is]
    #[arg(long, value_name = "FOLDER|ADDRESS")]
    release: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Why nothing was written.
#[derive(Debug, Error)]
pub(crate) enum InitError {
    /// A flag of a provider is invalid.
    #[error(transparent)]
    Provider(#[from] InvalidValue),
    /// The provider has no place for the value.
    #[error("--{flag} is not used for this provider\n  help: {help}")]
    Unused {
        /// `client` or `audience`.
        flag: &'static str,
        /// What to do instead.
        help: &'static str,
    },
    /// There is no folder, or it cannot be written.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The provider's document cannot be read.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// The document is another issuer's.
    #[error(
        "the discovery document has issuer {found:?}, which is not {expected:?}; nothing was written\n  \
             help: name the issuer exactly as the document does"
    )]
    OtherIssuer {
        /// The issuer of the flag.
        expected: String,
        /// The issuer of the document.
        found: String,
    },
    /// The release of `--release` cannot be used.
    #[error("--release: {0}")]
    Release(#[from] ReleaseError),
    /// A recipe is invalid.
    #[error("recipe {name}: {what}")]
    Recipe {
        /// Its name.
        name: &'static str,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The output cannot be written.
    #[error("cannot write the output: {0}")]
    Out(#[from] io::Error),
}

/// Writes the folder and prints what is left to do.
///
/// # Errors
/// See [`InitError`].
pub(crate) async fn run(args: &InitArgs, out: &mut dyn Write) -> Result<(), InitError> {
    let provider = args.provider.provider()?;
    let recipe = provider.recipe();
    check_values(args, recipe)?;
    let origin = match source::release_of_programs(args.release.as_deref())? {
        Some(settings) => Origin::Release(settings),
        None => Origin::Commit(Source::find()),
    };
    // Before anything is fetched.
    folder::check(&args.folder)?;
    let (issuer, algorithms) = issuer(&provider, args.fetch).await?;
    let values = Values {
        more: provider.replacements(&issuer, args.audience.as_deref()),
        issuer: Some(issuer).filter(|_| provider != Provider::Example),
        audience: args.audience.clone(),
        client: args.client.clone(),
        algorithms,
        origin,
    };
    let failed = |what| InitError::Recipe { name: recipe.name, what };
    let files = contents::files(recipe, &values).map_err(failed)?;
    folder::write(&args.folder, &files)?;
    report(args, &values, &files, out).map_err(InitError::Out)
}

/// Whether `--client` and `--audience` are valid and have a place in the recipe.
fn check_values(args: &InitArgs, recipe: &Recipe) -> Result<(), InitError> {
    let expected = "1 to 256 bytes without control characters and `${`";
    for (flag, value) in [("client", &args.client), ("audience", &args.audience)] {
        if let Some(value) = value.as_ref().filter(|value| !provider::is_value(value)) {
            return Err(InvalidValue { flag, value: value.clone(), expected }.into());
        }
    }
    if args.client.is_some() && recipe.example.client_use == ClientUse::Unused {
        return Err(InitError::Unused {
            flag: "client",
            help: "its tokens are distinguished by their audience",
        });
    }
    if args.audience.is_some() && recipe.example.audience.is_none() {
        let help = match recipe.example.client_use {
            ClientUse::Replaces => {
                "access tokens of Cognito have no audience; name the app client with --client"
            }
            _ => "the project's id is the audience",
        };
        return Err(InitError::Unused { flag: "audience", help });
    }
    Ok(())
}

/// The exact issuer, and the algorithms of its keys if they are fetched.
async fn issuer(provider: &Provider, fetch: bool) -> Result<(String, Vec<&'static str>), InitError> {
    match provider.issuer() {
        Some(issuer) if !fetch => Ok((issuer, Vec::new())),
        expected => {
            let found = discovery::discover(&provider.authority()).await?;
            if let Some(expected) = expected.filter(|expected| *expected != found.issuer) {
                return Err(InitError::OtherIssuer { expected, found: found.issuer });
            }
            Ok((found.issuer, found.algorithms))
        }
    }
}

fn report(args: &InitArgs, values: &Values, files: &[NewFile], out: &mut dyn Write) -> io::Result<()> {
    let edits: Vec<(usize, &str)> = files.first().map(edits).unwrap_or_default();
    if args.json {
        let edits =
            edits.iter().map(|(line, what)| json!({ "file": "authorizer.toml", "line": line, "what": what }));
        let report = json!({
            "folder": args.folder,
            "issuer": values.issuer,
            "files": files.iter().map(|file| &file.name).collect::<Vec<_>>(),
            "edit": edits.collect::<Vec<_>>(),
            "commit": values.origin.source().map(|source| &source.commit),
            "release": values.origin.release().map(|release| release.version.to_string()),
        });
        return writeln!(out, "{report:#}");
    }
    writeln!(out, "{}: {} files", args.folder.display(), files.len())?;
    files.iter().try_for_each(|file| writeln!(out, "  {}", file.name))?;
    for (line, what) in &edits {
        writeln!(out, "edit: authorizer.toml:{line}: {what}")?;
    }
    if values.origin.source().is_some_and(Source::is_unknown) {
        writeln!(out, "edit: .github/workflows/authorizer.yml: AUTHORIZER_REPOSITORY and AUTHORIZER_COMMIT")?;
    }
    writeln!(out, "next: cd {} && cargo local check", args.folder.display())
}

/// Number and hint of each line that is left to edit.
fn edits(configuration: &NewFile) -> Vec<(usize, &str)> {
    let mark = format!("# {}: ", contents::EDIT);
    let lines = (1..).zip(configuration.text.lines());
    lines.filter_map(|(number, line)| Some((number, line.split_once(&mark)?.1))).collect()
}
