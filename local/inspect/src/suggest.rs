//! "did you mean": the known name that is most similar to an unknown one.

use iot_jwt_authorizer::config_error::UnknownName;

/// The least similarity (Jaro-Winkler, 0 to 1) of a suggestion. clap uses the same measure for commands and options.
const MIN_SIMILARITY: f64 = 0.8;

/// The most similar candidate, if one is similar enough.
#[must_use]
pub fn similar<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = given.to_lowercase();
    let rated = candidates.into_iter().map(|name| (similarity(&given, &name.to_lowercase()), name));
    let best = rated.filter(|(similarity, _)| *similarity > MIN_SIMILARITY);
    best.max_by(|(left, _), (right, _)| left.total_cmp(right)).map(|(_, name)| name)
}

/// In short names a single slip weighs too much for Jaro-Winkler: `sbu` for `sub`.
fn similarity(given: &str, name: &str) -> f64 {
    let is_slip = name.chars().count() > 2 && strsim::osa_distance(given, name) == 1;
    strsim::jaro_winkler(given, name).max(if is_slip { 0.9 } else { 0.0 })
}

/// The suggestion for an unknown name.
pub(crate) fn suggestion(name: &UnknownName) -> Option<&str> {
    similar(&name.given, name.candidates.iter().map(String::as_str))
}

/// A line of help after an error about an unknown name, or nothing.
#[must_use]
pub fn did_you_mean<'a>(given: &str, candidates: impl IntoIterator<Item = &'a String>) -> String {
    let candidates = candidates.into_iter().map(String::as_str);
    similar(given, candidates).map(|name| format!("\n  help: did you mean {name:?}?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_similar_names_are_suggested() {
        let slots = ["sub", "tenant", "devices"];
        let keys = ["id", "issuer", "audience", "audience_claim", "algorithms", "client_ids"];
        for (given, candidates, expected) in [
            ("tennant", &slots[..], Some("tenant")),
            ("Tenant", &slots, Some("tenant")),
            ("device", &slots, Some("devices")),
            ("sbu", &slots, Some("sub")),
            ("color", &slots, None),
            ("", &slots, None),
            ("client_id", &keys, Some("client_ids")),
            ("audiences", &keys, Some("audience")),
            ("algorithm", &keys, Some("algorithms")),
            ("x", &[], None),
        ] {
            assert_eq!(similar(given, candidates.iter().copied()), expected, "{given}");
        }
    }
}
