//! Where an issuer's keys come from, and what is in them: for `keys`, and for `explain`, which says whose key it was.

mod bundle;
mod command;
mod entries;
mod show;

pub use command::{KeysArgs, KeysError, run};
pub use entries::Entry;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::SystemTime;

use fastrand::Rng;
use iot_jwt_authorizer::claims::NumericDate;
use iot_jwt_authorizer::config::{Config, Environment};
use iot_jwt_authorizer::denial::Code;
use iot_jwt_authorizer::keys::fetch::{BUDGET, Fetcher, Found};
use iot_jwt_authorizer::keys::{Algorithm, KeyFile, KeySet};
use serde_json::Value;

use crate::explain::{Explanation, NamedKeys, Row};
use crate::inquiry::{Deployment, Terms};

/// A source that was asked, and what came of it.
#[derive(Debug)]
pub struct FetchNote {
    /// As the configuration has it.
    pub source: String,
    /// What it said.
    pub outcome: String,
}

/// The name of an algorithm in a configuration (RFC 7518 section 3.1, RFC 8037 section 3.1).
#[must_use]
pub const fn algorithm_name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Rs256 => "RS256",
        Algorithm::Rs384 => "RS384",
        Algorithm::Rs512 => "RS512",
        Algorithm::Ps256 => "PS256",
        Algorithm::Ps384 => "PS384",
        Algorithm::Ps512 => "PS512",
        Algorithm::Es256 => "ES256",
        Algorithm::Es384 => "ES384",
        Algorithm::Ed25519 => "EdDSA",
    }
}

/// Each issuer's sources by name, in the order of the configuration; only files are read.
#[must_use]
pub fn named(config: &Config, path: &Path, environment: Environment<'_>) -> Vec<Vec<NamedKeys>> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let (entries, blocked) = entries::read(&text, environment);
    let folder = path.parent().unwrap_or(Path::new("."));
    let keys = |source: &String, algorithms: &[Algorithm]| {
        let file = source.strip_prefix("file:").map(|file| folder.join(file));
        let text = file.and_then(|file| std::fs::read_to_string(file).ok());
        let file = text.and_then(|text| KeyFile::parse(&text).ok());
        let keys = file.map(|file| file.keys(algorithms, &blocked).0).unwrap_or_default();
        NamedKeys { source: source.clone(), keys }
    };
    let of = |issuer: &iot_jwt_authorizer::authorizer::Issuer| {
        let entry = entries.iter().find(|entry| *entry.id == *issuer.id);
        let sources = entry.map(|entry| entry.keys.as_slice()).unwrap_or_default();
        sources.iter().map(|source| keys(source, &issuer.algorithms)).collect()
    };
    config.authorizer.issuers.iter().map(of).collect()
}

/// Fetches as the function does for an event that lacks a key: lazily, from left to right, and each source once.
pub async fn fetch_wanted(
    deployment: &mut Deployment,
    event: &[u8],
    function: &str,
    at: SystemTime,
) -> Vec<FetchNote> {
    let fetcher = Fetcher::new(deployment.config.aws.clone());
    // It only spreads the times of fetches that are never made here.
    let mut random = Rng::with_seed(0);
    let (mut notes, mut asked) = (Vec::new(), BTreeSet::new());
    let now = NumericDate::from(at);
    while let Some((index, code)) = lacking(&deployment.config, event, function, now) {
        let Some(sources) = deployment.config.sources.get_mut(index) else { break };
        let Some(place) = sources.wanted(code, now).filter(|place| asked.insert((index, *place))) else {
            break;
        };
        let Some(origin) = sources.origin(place).cloned() else { break };
        let answer = fetcher.fetch(&origin, BUDGET).await;
        if let (Ok(found), Some(own)) =
            (&answer, deployment.sources.get_mut(index).and_then(|all| all.get_mut(place)))
        {
            own.keys = keys_of(found, &sources.algorithms, &sources.blocked);
        }
        let report = sources.settle(place, answer, now, &mut random);
        let keys = sources.keys();
        deployment.config.authorizer.set_keys(index, keys);
        if let Some(report) = report {
            let outcome = match report.outcome {
                Ok(change) if change.left_out.is_empty() => format!("keys of use: {}", change.keys),
                Ok(change) => {
                    format!("keys of use: {}; left out: {}", change.keys, change.left_out.join("; "))
                }
                Err(failure) => failure.to_string(),
            };
            notes.push(FetchNote { source: report.source, outcome });
        }
    }
    notes
}

/// The issuer for want of whose key an event cannot be judged.
fn lacking(config: &Config, event: &[u8], function: &str, now: NumericDate) -> Option<(usize, Code)> {
    let decision = config.authorizer.authorize(event, function, now);
    let code = decision.outcome.as_ref().err()?.code();
    let index = config.authorizer.issuers.iter().position(|issuer| Some(&*issuer.id) == decision.issuer)?;
    matches!(code, Code::UnknownKey | Code::KeysUnavailable).then_some((index, code))
}

fn keys_of(found: &Found, algorithms: &[Algorithm], blocked: &[String]) -> KeySet {
    let mut all = KeySet::default();
    for entries in found.parts.iter().flatten() {
        let (mut keys, _) = KeySet::from_entries(entries, algorithms, blocked);
        keys.drop_published();
        all.extend(keys);
    }
    all
}

/// Adds to an explanation which sources were asked for keys, or would have been.
pub fn tell(
    explanation: &mut Explanation,
    fetched: &[FetchNote],
    deployment: &Deployment,
    terms: &Terms<'_>,
) {
    let code = explanation.outcome.as_ref().err().map(|denial| denial.code());
    let lacks = matches!(code, Some(Code::UnknownKey | Code::KeysUnavailable));
    let mut rows: Vec<Row> = fetched
        .iter()
        .map(|note| Row::told(format!("asked {}", note.source), note.outcome.clone()))
        .collect();
    let wanted = deployment.wanted(explanation.issuer.as_deref(), code, terms.at);
    let Some(step) = explanation.steps.iter_mut().find(|step| step.name == "key") else { return };
    if lacks && !terms.fetch {
        rows.extend(
            wanted.map(|source| Row::told("would be asked", format!("{source}; --fetch asks it now"))),
        );
    }
    if let Some(path) = deployment.development().filter(|_| lacks || code == Some(Code::BadSignature)) {
        let path = path.display();
        rows.push(Row::told(
            "development tokens",
            format!("those of `cargo local` are explained with --config {path}"),
        ));
    }
    step.rows.extend(rows);
}

/// What an entry of a key set says of its size: bits of an RSA modulus, or the curve.
fn size(entry: &Value) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let text = |name: &str| entry.get(name).and_then(Value::as_str);
    match (text("n").and_then(|modulus| URL_SAFE_NO_PAD.decode(modulus).ok()), text("crv")) {
        (Some(modulus), _) => {
            let zeros = modulus.first().map_or(0, |first| first.leading_zeros());
            let bits = modulus.len().saturating_mul(8).saturating_sub(usize::try_from(zeros).unwrap_or(0));
            format!("RSA, {bits} bits")
        }
        (None, Some(curve)) => curve.to_owned(),
        (None, None) => "of an unknown kind".to_owned(),
    }
}
