//! `token`: mints a development token for a configuration.

use std::io::{self, Write};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use iot_local_base::env::Env;
use iot_local_identity::issuer::{DevelopmentIssuer, MintError, TokenRequest};
use iot_local_identity::workspace::{self, PrepareError};
use iot_local_inspect::suggest::did_you_mean;
use serde_json::{Map, Value, json};
use thiserror::Error;

/// The default lifetime of a token.
const DEFAULT_TTL_SECONDS: u64 = 3600;

/// The arguments of the command.
#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    /// Subject of the token: its `sub`
    #[arg(long)]
    pub(crate) sub: String,
    /// Id of the issuer; required if the configuration has several
    #[arg(long, value_name = "ID")]
    pub(crate) issuer: Option<String>,
    /// Additional claim, NAME=TEXT or NAME:=JSON, which replaces a claim of that name; may be repeated
    #[arg(long, value_name = "CLAIM")]
    pub(crate) claim: Vec<Claim>,
    /// Lifetime of the token in seconds [default: 3600, or less if the issuer accepts only less]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) ttl: Option<u64>,
    /// Configuration of the authorizer
    #[arg(long, value_name = "FILE", default_value = "authorizer.toml")]
    pub(crate) config: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// The name and value of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    name: String,
    value: Value,
}

/// The error for a text that is not a valid claim.
#[derive(Debug, Error)]
pub(crate) enum InvalidClaim {
    /// The name or the `=` is missing.
    #[error("expected NAME=TEXT, or NAME:=JSON for other types")]
    Form,
    /// The value after `:=` is not JSON.
    #[error("invalid JSON after `:=`: {0}; for text, write NAME=TEXT")]
    Json(serde_json::Error),
}

/// An error that prevents a token from being minted.
#[derive(Debug, Error)]
pub(crate) enum TokenError {
    /// The configuration cannot be prepared.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// The configuration has no issuer for which tokens can be minted.
    #[error(
        "{}: no complete issuer\n  help: each `[[issuer]]` needs id, issuer, audience, algorithms and keys",
        .0.display()
    )]
    NoIssuer(PathBuf),
    /// The configuration has several issuers.
    #[error("--issuer is missing; expected one of {}", .0.join(", "))]
    MissingIssuer(Vec<String>),
    /// The configuration has no complete issuer with this id.
    #[error("unknown issuer {id:?}; expected one of {}{}", .known.join(", "), did_you_mean(.id, .known))]
    UnknownIssuer {
        /// The id.
        id: String,
        /// The ids of the complete issuers.
        known: Vec<String>,
    },
    /// The token cannot be minted.
    #[error(transparent)]
    Mint(#[from] MintError),
    /// The token cannot be written.
    #[error("cannot write the token: {0}")]
    Write(#[from] io::Error),
}

/// Mints a token and writes it on one line.
///
/// # Errors
/// See [`TokenError`].
pub(crate) fn run(
    args: &TokenArgs,
    env: &Env,
    now: SystemTime,
    out: &mut dyn Write,
) -> Result<(), TokenError> {
    let workspace = workspace::prepare(&args.config, env)?;
    if workspace.issuers.is_empty() {
        return Err(TokenError::NoIssuer(args.config.clone()));
    }
    let issuer = select_issuer(&workspace.issuers, args.issuer.as_deref())?;
    let default = Duration::from_secs(DEFAULT_TTL_SECONDS);
    let default = issuer.settings().max_lifetime.map_or(default, |max| max.min(default));
    let token = issuer.mint(&TokenRequest {
        sub: args.sub.clone(),
        claims: args.claim.iter().cloned().map(|claim| (claim.name, claim.value)).collect::<Map<_, _>>(),
        ttl: args.ttl.map_or(default, Duration::from_secs),
        at: now,
    })?;
    match args.json {
        true => writeln!(out, "{:#}", to_json(&token, &issuer.settings().id))?,
        false => writeln!(out, "{token}")?,
    }
    Ok(())
}

/// The token with its claims, for programs.
fn to_json(token: &str, issuer: &str) -> Value {
    let payload = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let claims: Option<Value> = payload.and_then(|payload| serde_json::from_slice(&payload).ok());
    json!({ "token": token, "issuer": issuer, "claims": claims })
}

/// Returns the issuer with an id, or the only issuer.
///
/// # Errors
/// The id is unknown, or it is missing and there are several issuers.
pub(crate) fn select_issuer<'a>(
    issuers: &'a [DevelopmentIssuer],
    id: Option<&str>,
) -> Result<&'a DevelopmentIssuer, TokenError> {
    let known = || issuers.iter().map(|issuer| issuer.settings().id.clone()).collect();
    match (id, issuers) {
        (None, [only]) => Ok(only),
        (None, _) => Err(TokenError::MissingIssuer(known())),
        (Some(id), _) => {
            let found = issuers.iter().find(|issuer| issuer.settings().id == id);
            found.ok_or_else(|| TokenError::UnknownIssuer { id: id.to_owned(), known: known() })
        }
    }
}

impl FromStr for Claim {
    type Err = InvalidClaim;

    /// Splits at the first `=`. Names may contain colons and dots, as in `https://example.com/tenant=acme`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = text.split_once('=').ok_or(InvalidClaim::Form)?;
        let (name, value) = match name.strip_suffix(':') {
            Some(name) => (name, serde_json::from_str(value).map_err(InvalidClaim::Json)?),
            None => (name, Value::from(value)),
        };
        if name.is_empty() { Err(InvalidClaim::Form) } else { Ok(Self { name: name.to_owned(), value }) }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    const CONFIG: &str = r#"[[issuer]]
id = "a"
issuer = "https://a/"
audience = ["x"]
algorithms = ["ES256"]
keys = ["oidc"]
"#;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: TokenArgs,
    }

    fn mint(config: &str, line: &[&str]) -> Result<Value, TokenError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("authorizer.toml");
        std::fs::write(&file, config).unwrap();
        let mut args = Line::try_parse_from(["token"].iter().chain(line)).unwrap().args;
        args.config = file;
        let mut out = Vec::new();
        let now = std::time::UNIX_EPOCH.checked_add(Duration::from_secs(1000)).unwrap();
        run(&args, &Env::default(), now, &mut out)?;
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), 1);
        let payload = text.trim_end().split('.').nth(1).unwrap().to_owned();
        Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap())
    }

    #[test]
    fn claims_are_text_or_json() {
        let line = [
            "--sub",
            "ana",
            "--claim",
            "https://e.com/t=a=b",
            "--claim",
            "devices:=[\"l\"]",
            "--claim",
            "n=1",
        ];
        let claims = mint(CONFIG, &line).unwrap();
        assert_eq!((&claims["sub"], &claims["iss"]), (&json!("ana"), &json!("https://a/")));
        assert_eq!((&claims["https://e.com/t"], &claims["devices"]), (&json!("a=b"), &json!(["l"])));
        assert_eq!(claims["n"], "1");
    }

    #[test]
    fn invalid_claims_are_errors() {
        for text in ["tenant", "=x", ":=1"] {
            assert!(matches!(text.parse::<Claim>(), Err(InvalidClaim::Form)), "{text}");
        }
        assert!(matches!("n:=acme".parse::<Claim>(), Err(InvalidClaim::Json(_))));
    }

    #[test]
    fn the_lifetime_is_an_hour_or_as_given_or_what_the_issuer_accepts() {
        let lifetime =
            |config: &str, line: &[&str]| mint(config, line).unwrap()["exp"].as_u64().unwrap() - 1000;
        assert_eq!(lifetime(CONFIG, &["--sub", "a"]), 3600);
        assert_eq!(lifetime(CONFIG, &["--sub", "a", "--ttl", "60"]), 60);
        let short = format!("{CONFIG}max_lifetime_seconds = 900\n");
        assert_eq!(lifetime(&short, &["--sub", "a"]), 900);
        assert_eq!(lifetime(&short, &["--sub", "a", "--ttl", "901"]), 901);
    }

    #[test]
    fn with_several_issuers_the_id_is_required() {
        let two_issuers = format!("{CONFIG}{}", CONFIG.replace("\"a\"", "\"b\"").replace("//a", "//b"));
        assert_eq!(mint(&two_issuers, &["--sub", "s", "--issuer", "b"]).unwrap()["iss"], "https://b/");
        assert_eq!(
            mint(&two_issuers, &["--sub", "s"]).unwrap_err().to_string(),
            "--issuer is missing; expected one of a, b"
        );
        assert_eq!(
            mint(&two_issuers, &["--sub", "s", "--issuer", "c"]).unwrap_err().to_string(),
            "unknown issuer \"c\"; expected one of a, b"
        );
        assert!(matches!(mint("", &["--sub", "s"]), Err(TokenError::NoIssuer(_))));
    }
}
