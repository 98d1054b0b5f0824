//! What `explain` and `can` are asked about: a token, an event or a file of claims, and the configuration that judges it.

mod claims;
mod event;

pub use claims::ClaimsError;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::Args;
use iot_jwt_authorizer::authorizer::Authorizer;
use iot_jwt_authorizer::config::{Config, Faults};
use iot_jwt_authorizer::denial::Code;
use thiserror::Error;

use crate::env_file::{self, EnvFileError};
use crate::explain::{Explanation, NamedKeys, Walk};
use crate::function::FUNCTION_ARN;
use crate::keys::{self, FetchNote};
use crate::moment::Moment;
use crate::workspace::STATE;

/// A configuration, and the surroundings that it is read in.
#[derive(Clone, Debug, Args)]
pub struct ConfigArgs {
    /// Configuration of the authorizer
    #[arg(long, value_name = "FILE", default_value = "authorizer.toml")]
    pub config: PathBuf,
    /// Add the NAME=VALUE lines of a file to the environment
    #[arg(long, value_name = "FILE")]
    pub env: Option<PathBuf>,
}

/// What is asked about. Not `Debug`: it may hold a token.
#[derive(Clone, Args)]
pub struct InquiryArgs {
    /// The token; `-` reads it from standard input
    #[arg(long, value_name = "TOKEN", conflicts_with = "claims")]
    pub token: Option<String>,
    /// Claims instead of a token: a JSON file. Of iss, aud, iat and exp those that it lacks are filled in, and there is no signature
    #[arg(long, value_name = "FILE")]
    pub claims: Option<PathBuf>,
    /// The issuer of claims without `iss`; needed where the configuration has several
    #[arg(long, value_name = "ID", requires = "claims")]
    pub issuer: Option<String>,
    /// The MQTT client id [default: the first that `client_ids` allows]
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
    /// The time of the decision, as 2027-01-15T08:00:00Z or in seconds since 1970 [default: now]
    #[arg(long, value_name = "TIME")]
    pub at: Option<Moment>,
    /// The function's ARN; its Region and account are those of every resource
    #[arg(long, value_name = "ARN", default_value = FUNCTION_ARN)]
    pub function_arn: String,
    /// Ask the configuration's key sources for keys that are not in the package
    #[arg(long)]
    pub fetch: bool,
    /// The configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// Why a question cannot be asked. None of it holds a token.
#[derive(Debug, Error)]
pub enum InquiryError {
    /// The file of `--env`.
    #[error(transparent)]
    Env(#[from] EnvFileError),
    /// The configuration has faults.
    #[error("{} has faults, with which the function would not start:\n{}", config.display(), faults.to_string().trim_end())]
    Faults {
        /// The file.
        config: PathBuf,
        /// What is wrong with it and with what it names.
        faults: Faults,
    },
    /// A file cannot be read.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The claims are none, or nobody's.
    #[error(transparent)]
    Claims(#[from] ClaimsError),
    /// There is nothing to ask about.
    #[error("give a token with --token, claims with --claims, or an event with --event")]
    Nothing,
}

/// A configuration, read, with its key sources by name.
#[derive(Debug)]
pub struct Deployment {
    /// What the function makes of it.
    pub config: Config,
    /// Where each issuer's keys come from, in the order of the issuers.
    pub sources: Vec<Vec<NamedKeys>>,
    /// The configuration's file.
    pub path: PathBuf,
}

impl ConfigArgs {
    /// Reads the configuration.
    ///
    /// # Errors
    /// Files that cannot be read, and every fault.
    pub fn load(&self, env: &[(String, String)]) -> Result<Deployment, InquiryError> {
        let mut env = env.to_vec();
        if let Some(path) = &self.env {
            // What is named first is found first.
            let mut added = env_file::read(path)?;
            added.extend(env);
            env = added;
        }
        Deployment::load(&self.config, &env)
    }
}

impl Deployment {
    /// Reads a configuration.
    ///
    /// # Errors
    /// Every fault.
    pub fn load(path: &Path, env: &[(String, String)]) -> Result<Self, InquiryError> {
        let environment =
            |name: &str| env.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let config = Config::load(path, &environment)
            .map_err(|faults| InquiryError::Faults { config: path.to_owned(), faults })?;
        let sources = keys::named(&config, path, &environment);
        Ok(Self { config, sources, path: path.to_owned() })
    }

    /// The source that the function would ask for want of a key of that issuer.
    #[must_use]
    pub fn wanted(&self, issuer: Option<&str>, code: Option<Code>, at: SystemTime) -> Option<String> {
        let sources = self.config.sources.iter().find(|sources| Some(&*sources.issuer) == issuer)?;
        Some(sources.origin(sources.wanted(code?, at.into())?)?.to_string())
    }

    /// The copy of the configuration that `cargo local` runs, with its development keys.
    #[must_use]
    pub fn development(&self) -> Option<PathBuf> {
        let copy = self.path.parent()?.join(STATE).join(self.path.file_name()?);
        copy.exists().then_some(copy)
    }
}

/// What is judged.
pub enum Subject {
    /// An event as AWS IoT sends it.
    Event(Vec<u8>),
    /// A token, put where the configuration looks for one.
    Token(String),
    /// Claims without a signature.
    Claims(String),
}

/// The terms on which something is judged.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// The issuer of claims that name none.
    pub issuer: Option<&'a str>,
    /// The client id.
    pub client_id: Option<&'a str>,
    /// The function's ARN.
    pub function: &'a str,
    /// The time.
    pub at: SystemTime,
    /// Whether sources of keys are asked.
    pub fetch: bool,
}

impl InquiryArgs {
    /// What is asked about, an event apart.
    ///
    /// # Errors
    /// Files that cannot be read; neither token nor claims.
    pub fn subject(&self) -> Result<Subject, InquiryError> {
        match (&self.token, &self.claims) {
            (Some(token), _) if token == "-" => {
                let mut text = String::new();
                let read = std::io::stdin().read_to_string(&mut text);
                read.map_err(|error| InquiryError::File { path: "standard input".into(), error })?;
                Ok(Subject::Token(text.trim().to_owned()))
            }
            (Some(token), _) => Ok(Subject::Token(token.clone())),
            (None, Some(path)) => Ok(Subject::Claims(text(path)?)),
            (None, None) => Err(InquiryError::Nothing),
        }
    }

    /// On which terms.
    #[must_use]
    pub fn terms(&self, now: SystemTime) -> Terms<'_> {
        Terms {
            issuer: self.issuer.as_deref(),
            client_id: self.client_id.as_deref(),
            function: &self.function_arn,
            at: self.at.map_or(now, |at| at.0),
            fetch: self.fetch,
        }
    }
}

/// Judges something and says how.
///
/// # Errors
/// Claims that cannot be judged at all.
pub async fn judge(
    deployment: &mut Deployment,
    subject: &Subject,
    terms: &Terms<'_>,
) -> Result<Explanation, InquiryError> {
    match subject {
        Subject::Claims(text) => Ok(judge_claims(&deployment.config.authorizer, text, terms)?),
        Subject::Event(event) => Ok(judge_signed(deployment, event, terms, Vec::new()).await),
        Subject::Token(token) => {
            let (event, notes) = event::of(&deployment.config.authorizer, token, terms.client_id);
            Ok(judge_signed(deployment, &event, terms, notes).await)
        }
    }
}

/// Judges claims that nobody has signed. Nothing is fetched, and the authorizer stays what it is.
///
/// # Errors
/// What are no claims, or nobody's.
pub fn judge_claims(
    authorizer: &Authorizer,
    text: &str,
    terms: &Terms<'_>,
) -> Result<Explanation, ClaimsError> {
    let signed = claims::sign(authorizer, text, terms.issuer, terms.at)?;
    let (event, mut notes) = event::of(&signed.authorizer, &signed.token, terms.client_id);
    notes.extend(signed.notes);
    let walk = Walk::new(&signed.authorizer, &event, terms.function, terms.at);
    Ok(walk.unsigned(true).with_notes(notes).explain())
}

async fn judge_signed(
    deployment: &mut Deployment,
    event: &[u8],
    terms: &Terms<'_>,
    notes: Vec<crate::explain::Row>,
) -> Explanation {
    let mut fetched: Vec<FetchNote> = Vec::new();
    if terms.fetch {
        fetched = keys::fetch_wanted(deployment, event, terms.function, terms.at).await;
    }
    let walk = Walk::new(&deployment.config.authorizer, event, terms.function, terms.at);
    let walk = walk.with_sources(&deployment.sources).with_notes(notes);
    let mut explanation = walk.explain();
    keys::tell(&mut explanation, &fetched, deployment, terms);
    explanation
}

/// A file's text.
///
/// # Errors
/// Files that cannot be read.
pub fn text(path: &Path) -> Result<String, InquiryError> {
    std::fs::read_to_string(path).map_err(|error| InquiryError::File { path: path.to_owned(), error })
}
