//! `token`: mints a development token for a configuration.

use std::io::{self, Write};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use iot_local_base::env::Env;
use iot_local_identity::example_users::{self, ExampleConfig};
use iot_local_identity::issuer::{DevelopmentIssuer, MintError};
use iot_local_identity::workspace::{self, PrepareError, Workspace};
use iot_local_inspect::suggest::did_you_mean;
use serde_json::{Map, Value, json};
use thiserror::Error;

/// The `--ttl` of `--expired`: more than any leeway of the authorizer.
const EXPIRED_TTL_SECONDS: i64 = -3600;

/// The arguments of the command.
#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    /// Subject of the token: its `sub`
    #[arg(long)]
    pub(crate) sub: String,
    /// Id of the issuer; required if the configuration has several
    #[arg(long, value_name = "ID")]
    pub(crate) issuer: Option<String>,
    /// Add the claims that meet the grant of this policy; the claims of the issuer's `require` are always added
    #[arg(long, value_name = "POLICY")]
    pub(crate) grant: Option<String>,
    /// Additional claim, NAME=TEXT or NAME:=JSON, which replaces a claim of that name; may be repeated
    #[arg(long, value_name = "CLAIM")]
    pub(crate) claim: Vec<Claim>,
    /// Seconds until the token expires; a negative number makes an expired token [default: 3600, or less if the issuer
    /// accepts only less]
    #[arg(long, value_name = "SECONDS", allow_hyphen_values = true)]
    pub(crate) ttl: Option<i64>,
    /// Make a token that expired an hour ago
    #[arg(long, conflicts_with = "ttl")]
    pub(crate) expired: bool,
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
    /// No grant of this policy applies to the issuer.
    #[error("--grant: no grant of policy {policy:?} for issuer {issuer:?}; expected one of {}", .known.join(", "))]
    UnknownGrant {
        /// The policy.
        policy: String,
        /// The id of the issuer.
        issuer: String,
        /// The policies whose grants apply to the issuer.
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
    let config = workspace.example_config(env);
    let issuer = match (&args.issuer, &args.grant) {
        (None, Some(grant)) => issuer_of_grant(&workspace.issuers, &config, grant),
        _ => None,
    };
    let issuer = match issuer {
        Some(issuer) => issuer,
        None => select_issuer(&workspace.issuers, args.issuer.as_deref())?,
    };
    let id = &issuer.settings().id;
    let mut claims = example_users::minimal_claims(&config, id, args.grant.as_deref()).ok_or_else(|| {
        let (policy, known) =
            (args.grant.clone().unwrap_or_default(), example_users::granted_policies(&config, id));
        TokenError::UnknownGrant { policy, issuer: id.clone(), known }
    })?;
    claims.extend(args.claim.iter().cloned().map(|claim| (claim.name, claim.value)));
    let ttl =
        if args.expired { EXPIRED_TTL_SECONDS } else { args.ttl.unwrap_or_else(|| default_ttl(issuer)) };
    let token = issuer.mint(&issuer.request(args.sub.clone(), claims, ttl, now)?)?;
    match args.json {
        true => writeln!(out, "{:#}", to_json(&token, id))?,
        false => writeln!(out, "{token}")?,
    }
    Ok(())
}

/// Mints a token of the first example user of the only issuer.
///
/// # Errors
/// There is no such issuer, or the token cannot be minted.
pub(crate) fn example_token(workspace: &Workspace, env: &Env, now: SystemTime) -> Result<String, TokenError> {
    let issuer = select_issuer(&workspace.issuers, None)?;
    let users = example_users::users(&workspace.example_config(env), &issuer.settings().id);
    let user = users.into_iter().next().unwrap_or_default();
    Ok(mint(issuer, user.sub, user.claims, now)?)
}

/// Mints a token with the issuer's default lifetime.
///
/// # Errors
/// See [`MintError`].
pub(crate) fn mint(
    issuer: &DevelopmentIssuer,
    sub: String,
    claims: Map<String, Value>,
    now: SystemTime,
) -> Result<String, MintError> {
    issuer.mint(&issuer.request(sub, claims, default_ttl(issuer), now)?)
}

/// The default lifetime of an issuer's tokens, in seconds.
fn default_ttl(issuer: &DevelopmentIssuer) -> i64 {
    i64::try_from(issuer.default_lifetime().as_secs()).unwrap_or(i64::MAX)
}

/// Returns the issuer to which a grant of this policy applies, if there is only one.
fn issuer_of_grant<'a>(
    issuers: &'a [DevelopmentIssuer],
    config: &ExampleConfig,
    policy: &str,
) -> Option<&'a DevelopmentIssuer> {
    let has_grant = |issuer: &&DevelopmentIssuer| {
        let policies = example_users::granted_policies(config, &issuer.settings().id);
        policies.iter().any(|granted| granted == policy)
    };
    let mut granted = issuers.iter().filter(has_grant);
    let first = granted.next();
    first.filter(|_| granted.next().is_none())
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
    use std::time::Duration;

    use clap::Parser;

    use super::*;

    const NOW: u64 = 100_000;

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
        let now = std::time::UNIX_EPOCH.checked_add(Duration::from_secs(NOW)).unwrap();
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
            |config: &str, line: &[&str]| mint(config, line).unwrap()["exp"].as_u64().unwrap() - NOW;
        assert_eq!(lifetime(CONFIG, &["--sub", "a"]), 3600);
        assert_eq!(lifetime(CONFIG, &["--sub", "a", "--ttl", "60"]), 60);
        let short = format!("{CONFIG}max_lifetime_seconds = 900\n");
        assert_eq!(lifetime(&short, &["--sub", "a"]), 900);
        assert_eq!(lifetime(&short, &["--sub", "a", "--ttl", "901"]), 901);
    }

    #[test]
    fn a_negative_ttl_makes_an_expired_token_whose_lifetime_is_accepted() {
        let short = format!("{CONFIG}max_lifetime_seconds = 900\n");
        for (config, line, expired_seconds, lifetime) in [
            (CONFIG, &["--ttl", "-60"][..], 60, 3600),
            (CONFIG, &["--ttl=-1"], 1, 3600),
            (CONFIG, &["--expired"], 3600, 3600),
            (&short, &["--expired"], 3600, 900),
        ] {
            let claims = mint(config, &[&["--sub", "a"], line].concat()).unwrap();
            let seconds = |name: &str| claims[name].as_u64().unwrap();
            assert_eq!(
                (seconds("exp"), seconds("exp") - seconds("iat")),
                (NOW - expired_seconds, lifetime),
                "{line:?}"
            );
        }
        for line in [&["--ttl", "x"][..], &["--ttl", "-60", "--expired"]] {
            assert!(Line::try_parse_from([&["token", "--sub", "a"], line].concat()).is_err(), "{line:?}");
        }
        assert!(matches!(
            mint(CONFIG, &["--sub", "a", "--ttl", "-100001"]),
            Err(TokenError::Mint(MintError::Time))
        ));
    }

    #[test]
    fn require_and_the_grant_s_condition_are_filled_in() {
        let config = format!(
            "{CONFIG}require = {{ use = \"access\" }}\n[claims]\ntenant = \"tenant\"\n[[grant]]\npolicy = \"p\"\nwhen = {{ scope = [\"s\"] }}\n"
        );
        for (line, expected) in [
            (&[][..], json!(["access", null, null])),
            (&["--grant", "p"], json!(["access", "s", "acme"])),
            (&["--grant", "p", "--claim", "scope=t", "--claim", "use:=1"], json!([1, "t", "acme"])),
        ] {
            let claims = mint(&config, &[&["--sub", "a"], line].concat()).unwrap();
            assert_eq!(json!([claims["use"], claims["scope"], claims["tenant"]]), expected, "{line:?}");
        }
        assert_eq!(
            mint(&config, &["--sub", "a", "--grant", "q"]).unwrap_err().to_string(),
            "--grant: no grant of policy \"q\" for issuer \"a\"; expected one of p"
        );
        // Only issuer `b` has the grant.
        let other = CONFIG.replace("\"a\"", "\"b\"").replace("//a", "//b");
        let two = format!("{CONFIG}{other}[[grant]]\npolicy = \"p\"\nissuer = \"b\"\n");
        assert_eq!(mint(&two, &["--sub", "s", "--grant", "p"]).unwrap()["iss"], "https://b/");
        assert!(matches!(mint(&two, &["--sub", "s", "--grant", "q"]), Err(TokenError::MissingIssuer(_))));
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
