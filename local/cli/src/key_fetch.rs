//! Fetches keys, for `explain` and `can` with `--fetch`.

use std::collections::BTreeSet;
use std::time::SystemTime;

use fastrand::Rng;
use iot_jwt_authorizer::algorithm::Algorithm;
use iot_jwt_authorizer::config::Config;
use iot_jwt_authorizer::keys::KeySet;
use iot_jwt_authorizer::keys::fetch::Fetcher;
use iot_jwt_authorizer::keys::fetch_result::FetchedKeys;
use iot_jwt_authorizer::keys::sources::{KeyChange, Need};
use iot_jwt_authorizer::revocation::{Revocation, RevocationList};
use iot_jwt_authorizer::source::FETCH_TIMEOUT;
use iot_jwt_authorizer::source::schedule::FetchReport;
use iot_jwt_authorizer::time::NumericDate;
use iot_local_inspect::deployment::Deployment;
use iot_local_inspect::explain::Explanation;
use iot_local_inspect::inquiry::{self, ClaimsError, EvaluationOptions, FetchNote, Inquiry};

/// Explains the decision about a token, an event or claims. With `may_fetch`, first fetches the keys and the revocation
/// list that the function would fetch.
///
/// # Errors
/// The claims are invalid.
pub(crate) async fn judge(
    deployment: &mut Deployment,
    input: &Inquiry,
    options: &EvaluationOptions<'_>,
    may_fetch: bool,
) -> Result<Explanation, ClaimsError> {
    let mut notes = None;
    if may_fetch {
        fetch_list(&mut deployment.config).await;
        let event = input.event(&deployment.config.authorizer, options.client_id);
        notes = Some(match event {
            Some(event) => fetch_missing(deployment, &event, options.function, options.at).await,
            None => Vec::new(),
        });
    }
    inquiry::judge(deployment, input, options, notes.as_deref())
}

/// Fetches a revocation list that is not a file. A failure counts as having no list, as in a new sandbox.
async fn fetch_list(config: &mut Config) {
    let Some(source) = config.revocation.as_ref().filter(|_| config.authorizer.revocation.is_off()) else {
        return;
    };
    let text = source.origin.fetch(&config.aws, FETCH_TIMEOUT).await;
    let list = text.ok().and_then(|text| RevocationList::parse(&text).ok());
    config.authorizer.revocation =
        list.map_or(Revocation::Stale(source.when_stale), |list| Revocation::List(list.into()));
}

/// Fetches sources in the same order as the function, each once, until no key is missing.
async fn fetch_missing(
    deployment: &mut Deployment,
    event: &[u8],
    function: &str,
    at: SystemTime,
) -> Vec<FetchNote> {
    let fetcher = Fetcher::new(deployment.config.aws.clone());
    // Only spreads the times of later fetches, which do not happen here.
    let mut random = Rng::with_seed(0);
    let (mut notes, mut fetched) = (Vec::new(), BTreeSet::new());
    let now = NumericDate::from(at);
    while let Some((issuer, need)) = missing_key(&deployment.config, event, function, now) {
        let Some(sources) = deployment.config.sources.get_mut(issuer) else { break };
        let Some(index) = sources.wanted(need, now) else { break };
        if !fetched.insert((issuer, index)) {
            break;
        }
        let Some(origin) = sources.origin(index).cloned() else { break };
        let result = fetcher.fetch(&origin, FETCH_TIMEOUT).await;
        let named = deployment.sources.get_mut(issuer).and_then(|sources| sources.get_mut(index));
        if let (Ok(keys), Some(named)) = (&result, named) {
            named.keys = usable_keys(keys, &sources.algorithms, &sources.blocked);
        }
        notes.extend(sources.record(index, result, now, &mut random).map(note));
        let keys = sources.keys();
        deployment.config.authorizer.set_keys(issuer, keys);
    }
    notes
}

fn note(report: FetchReport<KeyChange>) -> FetchNote {
    let outcome = match report.outcome {
        Ok(change) if change.left_out.is_empty() => format!("fetched: usable keys: {}", change.keys),
        Ok(change) => {
            format!("fetched: usable keys: {}; skipped: {}", change.keys, change.left_out.join("; "))
        }
        Err(failure) => format!("the fetch failed: {failure}"),
    };
    FetchNote { source: report.source, outcome }
}

/// The index of the issuer whose keys an event lacks, and what it needs.
fn missing_key(config: &Config, event: &[u8], function: &str, now: NumericDate) -> Option<(usize, Need)> {
    let decision = config.authorizer.authorize(event, function, now);
    let need = Need::of(decision.outcome.as_ref().err()?.code(), decision.learned.may_lack_key)?;
    let id = decision.learned.issuer?;
    let index = config.authorizer.issuers.iter().position(|issuer| &*issuer.id == id)?;
    Some((index, need))
}

fn usable_keys(fetched: &FetchedKeys, algorithms: &[Algorithm], blocked: &[String]) -> KeySet {
    let mut all = KeySet::default();
    for entries in fetched.parts.iter().flatten() {
        let (mut keys, _) = KeySet::from_entries(entries, algorithms, blocked);
        keys.remove_published();
        all.extend(keys);
    }
    all
}
