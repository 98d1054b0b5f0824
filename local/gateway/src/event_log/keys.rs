//! The function's lines about keys as sentences.

use serde_json::Value;

use super::mask;

/// A line of the function about the keys of an issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyEvent {
    /// The `event` of the line, such as `keys_changed`.
    pub event: String,
    /// The issuer's id.
    pub issuer: String,
    /// The key source, as the configuration writes it.
    pub source: String,
    /// What happened, as a sentence.
    pub text: String,
}

impl KeyEvent {
    /// Reads a line. Returns `None` for any other line.
    #[must_use]
    pub fn read(line: &str) -> Option<Self> {
        let line: Value = serde_json::from_str(line).ok().filter(|_| line.contains("\"keys_"))?;
        let member = |name: &str| line.get(name).and_then(Value::as_str);
        let (event, issuer, source) = (member("event")?, member("issuer")?, member("source")?);
        let why = member("why").unwrap_or("no reason given");
        let count = |name: &str| line.get(name).and_then(Value::as_u64);
        let keys = count("keys").map_or_else(|| "keys".to_owned(), keys);
        let fetched = format!("issuer {issuer}: fetched {keys} from {source}");
        let failed = format!("issuer {issuer}: cannot fetch keys from {source}: {why}");
        let text = match event {
            "keys_changed" => {
                let (added, removed) = (count("added").unwrap_or(0), count("removed").unwrap_or(0));
                format!("{fetched}, {added} added, {removed} removed")
            }
            "keys_same" => format!("{fetched}, unchanged"),
            "keys_kept" => match count("age_seconds") {
                Some(age) => format!("{failed}; its keys, fetched {age} s ago, stay in use"),
                None => format!("{failed}; its keys stay in use"),
            },
            "keys_missing" => format!("{failed}; it has no keys, so its tokens are denied"),
            "keys_expired" => {
                format!("issuer {issuer}: the keys from {source} reached max_stale_seconds and were dropped")
            }
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
        Some(Self { event: event.to_owned(), issuer: issuer.to_owned(), source: source.to_owned(), text })
    }
}

fn keys(count: u64) -> String {
    if count == 1 { "1 key".to_owned() } else { format!("{count} keys") }
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
            (r#""event":"keys_other""#, None),
            (r#""decision":"allow""#, None),
        ] {
            let line = format!(r#"{{"level":"INFO",{members},"issuer":"users","source":"oidc"}}"#);
            assert_eq!(KeyEvent::read(&line).map(|event| event.text).as_deref(), expected, "{line}");
        }
        for line in ["keys_changed", "{\"event\":\"keys_same\"}", ""] {
            assert_eq!(KeyEvent::read(line), None, "{line}");
        }
    }
}
