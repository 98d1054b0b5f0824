//! `token`: a development token for the configuration in use.

use std::io::{self, Write};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use clap::Args;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::issuer::{Issuer, MintError, TokenRequest};
use crate::workspace::{self, Environment, PrepareError};

/// How long a token lives if nothing is said, in seconds.
const DEFAULT_TTL: u64 = 3600;

/// What the command takes.
#[derive(Debug, Args)]
pub struct Options {
    /// Who the token is for: its `sub`.
    #[arg(long)]
    pub sub: String,
    /// The id of the issuer to mint for; needed where the configuration has several.
    #[arg(long, value_name = "ID")]
    pub issuer: Option<String>,
    /// A further claim, `NAME=text` or `NAME:=JSON`; as often as needed. It replaces a claim of that name.
    #[arg(long, value_name = "CLAIM")]
    pub claim: Vec<Claim>,
    /// How long the token lives, in seconds; an hour, or less where the issuer accepts less.
    #[arg(long, value_name = "SECONDS")]
    pub ttl: Option<u64>,
    /// The configuration to mint for.
    #[arg(long, value_name = "FILE", default_value = "authorizer.toml")]
    pub config: PathBuf,
}

/// A claim on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    name: String,
    value: Value,
}

/// A text that is no claim.
#[derive(Debug, Error)]
pub enum NotAClaim {
    /// It has no name or no value.
    #[error("write it as NAME=text, or as NAME:=JSON for anything but text")]
    Form,
    /// What follows `:=` is no JSON.
    #[error("what follows := must be JSON: {0}; write NAME=text for a plain text")]
    Json(serde_json::Error),
}

/// Why there is no token.
#[derive(Debug, Error)]
pub enum TokenError {
    /// The configuration cannot be made ready.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// The configuration has no issuer that can be minted for.
    #[error("{}: it has no complete issuer; each needs id, issuer, audience, algorithms and keys", .0.display())]
    NoIssuer(PathBuf),
    /// It has several, and none was chosen.
    #[error("there are several issuers; choose one with --issuer: {}", .0.join(", "))]
    Several(Vec<String>),
    /// The one that was chosen is not there.
    #[error("there is no complete issuer {asked:?}; there is {}", .known.join(", "))]
    Unknown {
        /// The one that was asked for.
        asked: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// It cannot be minted.
    #[error(transparent)]
    Mint(#[from] MintError),
    /// It cannot be written.
    #[error("the token cannot be written: {0}")]
    Write(#[from] io::Error),
}

/// Mints a token and writes it alone on one line.
///
/// # Errors
/// What is in the way, and how to fix it.
pub fn run(
    options: &Options,
    environment: Environment<'_>,
    now: SystemTime,
    out: &mut dyn Write,
) -> Result<(), TokenError> {
    let workspace = workspace::prepare(&options.config, environment)?;
    if workspace.issuers.is_empty() {
        return Err(TokenError::NoIssuer(options.config.clone()));
    }
    let issuer = choose(&workspace.issuers, options.issuer.as_deref())?;
    let longest = issuer.settings().max_lifetime.map_or(DEFAULT_TTL, |life| life.as_secs().min(DEFAULT_TTL));
    let token = issuer.mint(&TokenRequest {
        sub: options.sub.clone(),
        claims: options.claim.iter().cloned().map(|claim| (claim.name, claim.value)).collect::<Map<_, _>>(),
        ttl: Duration::from_secs(options.ttl.unwrap_or(longest)),
        at: now,
    })?;
    writeln!(out, "{token}")?;
    Ok(())
}

/// The issuer of that id, or the only one.
///
/// # Errors
/// Names the issuers that there are.
pub fn choose<'a>(issuers: &'a [Issuer], id: Option<&str>) -> Result<&'a Issuer, TokenError> {
    let known = || issuers.iter().map(|issuer| issuer.settings().id.clone()).collect();
    match (id, issuers) {
        (None, [only]) => Ok(only),
        (None, _) => Err(TokenError::Several(known())),
        (Some(id), _) => {
            let found = issuers.iter().find(|issuer| issuer.settings().id == id);
            found.ok_or_else(|| TokenError::Unknown { asked: id.to_owned(), known: known() })
        }
    }
}

impl FromStr for Claim {
    type Err = NotAClaim;

    /// Names may hold colons and dots, as in `https://example.com/tenant=acme`: the first `=` ends them.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = text.split_once('=').ok_or(NotAClaim::Form)?;
        let (name, value) = match name.strip_suffix(':') {
            Some(name) => (name, serde_json::from_str(value).map_err(NotAClaim::Json)?),
            None => (name, Value::from(value)),
        };
        if name.is_empty() { Err(NotAClaim::Form) } else { Ok(Self { name: name.to_owned(), value }) }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use clap::Parser;
    use serde_json::json;

    use super::*;

    const ONE: &str = "[[issuer]]\nid = \"a\"\nissuer = \"https://a/\"\naudience = [\"x\"]\nalgorithms = [\"ES256\"]\nkeys = [\"oidc\"]\n";

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn mint(config: &str, line: &[&str]) -> Result<Value, TokenError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("authorizer.toml");
        std::fs::write(&file, config).unwrap();
        let mut options = Line::try_parse_from(["token"].iter().chain(line)).unwrap().options;
        options.config = file;
        let mut out = Vec::new();
        run(
            &options,
            &|_| None,
            std::time::UNIX_EPOCH.checked_add(Duration::from_secs(1000)).unwrap(),
            &mut out,
        )?;
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), 1);
        let payload = text.trim_end().split('.').nth(1).unwrap().to_owned();
        Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap())
    }

    #[test]
    fn claims_are_texts_or_json() {
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
        let claims = mint(ONE, &line).unwrap();
        assert_eq!((&claims["sub"], &claims["iss"]), (&json!("ana"), &json!("https://a/")));
        assert_eq!((&claims["https://e.com/t"], &claims["devices"]), (&json!("a=b"), &json!(["l"])));
        assert_eq!(claims["n"], "1");
    }

    #[test]
    fn a_claim_that_is_none_is_told_how_to_be_one() {
        for text in ["tenant", "=x", ":=1"] {
            assert!(matches!(text.parse::<Claim>(), Err(NotAClaim::Form)), "{text}");
        }
        assert!(matches!("n:=acme".parse::<Claim>(), Err(NotAClaim::Json(_))));
    }

    #[test]
    fn the_life_is_an_hour_or_what_is_asked_or_what_the_issuer_accepts() {
        let life = |config: &str, line: &[&str]| mint(config, line).unwrap()["exp"].as_u64().unwrap() - 1000;
        assert_eq!(life(ONE, &["--sub", "a"]), 3600);
        assert_eq!(life(ONE, &["--sub", "a", "--ttl", "60"]), 60);
        let short = format!("{ONE}max_lifetime_seconds = 900\n");
        assert_eq!(life(&short, &["--sub", "a"]), 900);
        assert_eq!(life(&short, &["--sub", "a", "--ttl", "901"]), 901);
    }

    #[test]
    fn with_several_issuers_one_is_chosen() {
        let two = format!("{ONE}{}", ONE.replace("\"a\"", "\"b\"").replace("//a", "//b"));
        assert_eq!(mint(&two, &["--sub", "s", "--issuer", "b"]).unwrap()["iss"], "https://b/");
        assert_eq!(
            mint(&two, &["--sub", "s"]).unwrap_err().to_string(),
            "there are several issuers; choose one with --issuer: a, b"
        );
        assert_eq!(
            mint(&two, &["--sub", "s", "--issuer", "c"]).unwrap_err().to_string(),
            "there is no complete issuer \"c\"; there is a, b"
        );
        assert!(matches!(mint("", &["--sub", "s"]), Err(TokenError::NoIssuer(_))));
    }
}
