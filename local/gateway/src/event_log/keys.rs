//! The function's lines about what it fetches as sentences: keys, and the revocation list.

use serde_json::Value;

use super::mask;

/// A line of the function about the keys of an issuer, or about the revocation list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyEvent {
    /// The `event` of the line, such as `keys_changed`.
    pub event: String,
    /// The issuer's id, if the line is about keys.
    pub issuer: Option<String>,
    /// The source, as the configuration writes it.
    pub source: String,
    /// What happened, as a sentence.
    pub text: String,
}

impl KeyEvent {
    /// What the line is about: `keys` or `revocation`.
    #[must_use]
    pub fn subject(&self) -> &'static str {
        if self.issuer.is_some() { "keys" } else { "revocation" }
    }

    /// Reads a line. Returns `None` for any other line.
    #[must_use]
    pub fn read(line: &str) -> Option<Self> {
        let is_event = line.contains("\"keys_") || line.contains("\"revocation_");
        let line: Value = serde_json::from_str(line).ok().filter(|_| is_event)?;
        let member = |name: &str| line.get(name).and_then(Value::as_str);
        let (event, source) = (member("event")?, member("source")?);
        let of_keys = event.starts_with("keys_");
        let issuer = member("issuer").filter(|_| of_keys);
        let why = member("why").unwrap_or("no reason given");
        let count = |name: &str| line.get(name).and_then(Value::as_u64);
        let fetched = match issuer {
            Some(issuer) => {
                let keys = count("keys").map_or_else(|| "keys".to_owned(), keys);
                format!("issuer {issuer}: fetched {keys} from {source}")
            }
            None => {
                let version = count("version").unwrap_or_default();
                let entries = entries(count("entries").unwrap_or_default());
                format!("revocation list: fetched version {version} with {entries} from {source}")
            }
        };
        let (what, contents) = match issuer {
            Some(issuer) => (format!("issuer {issuer}"), "keys"),
            None => ("revocation list".to_owned(), "list"),
        };
        let failed = match issuer {
            Some(_) => format!("{what}: cannot fetch keys from {source}: {why}"),
            None => format!("{what}: cannot fetch it from {source}: {why}"),
        };
        let expired = format!("{what}: the {contents} from {source} reached max_stale_seconds and ");
        let age = count("age_seconds");
        let text = match (event, issuer) {
            ("keys_changed", Some(_)) => {
                let (added, removed) = (count("added").unwrap_or(0), count("removed").unwrap_or(0));
                format!("{fetched}, {added} added, {removed} removed")
            }
            ("revocation_changed", None) => fetched,
            ("keys_same", Some(_)) | ("revocation_same", None) => format!("{fetched}, unchanged"),
            ("keys_kept", Some(_)) => match age {
                Some(age) => format!("{failed}; its keys, fetched {age} s ago, stay in use"),
                None => format!("{failed}; its keys stay in use"),
            },
            ("revocation_kept", None) => match age {
                Some(age) => format!("{failed}; the last good list, fetched {age} s ago, stays in use"),
                None => format!("{failed}; the last good list stays in use"),
            },
            ("keys_missing", Some(_)) => format!("{failed}; it has no keys, so its tokens are denied"),
            ("revocation_missing", None) => format!("{failed}; there is no list, so when_stale decides"),
            ("keys_expired", Some(_)) => format!("{expired}were dropped"),
            ("revocation_expired", None) => format!("{expired}was dropped"),
            _ => return None,
        };
        let skipped: Vec<_> = line
            .get("left_out")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let skipped =
            if skipped.is_empty() { String::new() } else { format!("; skipped: {}", skipped.join(", ")) };
        let next = line.get("next_seconds").and_then(Value::as_f64);
        let next = next.map(|seconds| format!("; next fetch in {seconds} s")).unwrap_or_default();
        let text = mask::text(&format!("{text}{skipped}{next}"));
        let issuer = issuer.map(str::to_owned);
        Some(Self { event: event.to_owned(), issuer, source: source.to_owned(), text })
    }
}

fn keys(count: u64) -> String {
    if count == 1 { "1 key".to_owned() } else { format!("{count} keys") }
}

fn entries(count: u64) -> String {
    if count == 1 { "1 entry".to_owned() } else { format!("{count} entries") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_about_keys_become_sentences_and_others_do_not() {
        for (members, expected) in [
            (
                r#""event":"keys_changed","keys":2,"added":1,"removed":0,"next_seconds":300.0"#,
                Some("issuer users: fetched 2 keys from oidc, 1 added, 0 removed; next fetch in 300 s"),
            ),
            (
                r#""event":"keys_same","keys":1,"left_out":["a: weak"]"#,
                Some("issuer users: fetched 1 key from oidc, unchanged; skipped: a: weak"),
            ),
            (
                r#""event":"keys_kept","why":"status 500","age_seconds":60,"next_seconds":1.5"#,
                Some(
                    "issuer users: cannot fetch keys from oidc: status 500; its keys, fetched 60 s ago, stay in use; \
                     next fetch in 1.5 s",
                ),
            ),
            (
                r#""event":"keys_missing","why":"timed out""#,
                Some(
                    "issuer users: cannot fetch keys from oidc: timed out; it has no keys, so its tokens are denied",
                ),
            ),
            (
                r#""event":"keys_expired""#,
                Some("issuer users: the keys from oidc reached max_stale_seconds and were dropped"),
            ),
            (
                r#""event":"revocation_changed","version":7,"entries":1,"next_seconds":50.0"#,
                Some("revocation list: fetched version 7 with 1 entry from oidc; next fetch in 50 s"),
            ),
            (
                r#""event":"revocation_same","version":7,"entries":2,"left_out":["unknown issuer `x`"]"#,
                Some(
                    "revocation list: fetched version 7 with 2 entries from oidc, unchanged; skipped: unknown issuer `x`",
                ),
            ),
            (
                r#""event":"revocation_kept","why":"status 500","age_seconds":60"#,
                Some(
                    "revocation list: cannot fetch it from oidc: status 500; the last good list, fetched 60 s ago, stays in \
                     use",
                ),
            ),
            (
                r#""event":"revocation_missing","why":"timed out""#,
                Some(
                    "revocation list: cannot fetch it from oidc: timed out; there is no list, so when_stale decides",
                ),
            ),
            (
                r#""event":"revocation_expired""#,
                Some("revocation list: the list from oidc reached max_stale_seconds and was dropped"),
            ),
            (r#""event":"revocation_other""#, None),
            (r#""event":"keys_other""#, None),
            (r#""decision":"allow""#, None),
        ] {
            let issuer = if members.contains("revocation_") { "" } else { r#","issuer":"users""# };
            let line = format!(r#"{{"level":"INFO",{members}{issuer},"source":"oidc"}}"#);
            assert_eq!(KeyEvent::read(&line).map(|event| event.text).as_deref(), expected, "{line}");
        }
        for line in ["keys_changed", "{\"event\":\"keys_same\"}", ""] {
            assert_eq!(KeyEvent::read(line), None, "{line}");
        }
    }
}
