//! Rules next to `provision.toml`: for which CA certificates they invoke `jitr`.

use iot_jwt_authorizer::config_error::{ConfigError, ErrorPlace};
use iot_provision::config::Config;

use crate::findings::files::Files;
use crate::member;

/// The topic of a first connect, without the id of its CA certificate.
const REGISTERED: [&str; 4] = ["$aws", "events", "certificates", "registered"];

const EVERY_HINT: &str = "a CA certificate that is registered for another purpose invokes the function, too; write one rule \
                          for each [[authority]]";
const UNKNOWN_HINT: &str =
    "the function denies its devices with `unknown_authority`; add the [[authority]], or remove the rule";

/// Warnings about the rules in `rules/` and in `template.yaml`.
pub(super) fn warnings(config: &Config, files: &Files) -> Vec<ConfigError> {
    let template = files.text("template.yaml").map(|text| ("template.yaml", text));
    let mut found = Vec::new();
    for (file, text) in files.in_folder("rules").chain(template) {
        for (start, filter) in filters(text) {
            let (what, hint) = match Authorities::of(filter) {
                Authorities::None => continue,
                Authorities::Every if config.authorities.is_empty() => {
                    (format!("a rule on `{filter}` without an [[authority]]"), UNKNOWN_HINT)
                }
                Authorities::Every => (format!("a rule on `{filter}`, for every CA certificate"), EVERY_HINT),
                Authorities::One(id) => {
                    if config.authorities.iter().any(|authority| authority.ca_certificate_id == id) {
                        continue;
                    }
                    (format!("a rule on `{filter}`, whose CA certificate has no [[authority]]"), UNKNOWN_HINT)
                }
            };
            let span = start..start.saturating_add(filter.len());
            let place = ErrorPlace::Line { line: member::line_of(text, start), span: Some(span) };
            found.push(ConfigError::at(file, place, what).hint(hint));
        }
    }
    found
}

/// The CA certificates whose events a filter matches.
#[derive(Debug, PartialEq, Eq)]
enum Authorities<'f> {
    None,
    Every,
    One(&'f str),
}

impl<'f> Authorities<'f> {
    fn of(filter: &'f str) -> Self {
        let mut levels = filter.split('/');
        for expected in REGISTERED {
            match levels.next() {
                Some("#") => return Self::Every,
                Some(level) if level == "+" || level == expected => {}
                _ => return Self::None,
            }
        }
        match (levels.next(), levels.next()) {
            (Some("#"), None) | (Some("+"), None | Some("#")) => Self::Every,
            // A template's parameter.
            (Some(id), None | Some("#")) if !id.contains("${") => Self::One(id),
            _ => Self::None,
        }
    }
}

/// The topic filters below `$aws/events/` in SQL, with their places.
fn filters(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.match_indices("'$aws/events/").filter_map(|(quote, _)| {
        let start = quote.checked_add(1)?;
        let filter = text.get(start..)?.split('\'').next()?;
        Some((start, filter))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_names_one_ca_certificate_or_every_one() {
        for (filter, expected) in [
            ("$aws/events/certificates/registered/ab", Authorities::One("ab")),
            ("$aws/events/certificates/registered/ab/#", Authorities::One("ab")),
            ("$aws/events/certificates/registered/#", Authorities::Every),
            ("$aws/events/certificates/registered/+", Authorities::Every),
            ("$aws/events/certificates/registered/+/#", Authorities::Every),
            ("$aws/events/#", Authorities::Every),
            ("$aws/events/certificates/#", Authorities::Every),
            ("$aws/events/+/registered/#", Authorities::Every),
            ("$aws/events/certificates/registered/${AuthorityId}", Authorities::None),
            ("$aws/events/certificates/registered", Authorities::None),
            ("$aws/events/certificates/registered/ab/c", Authorities::None),
            ("$aws/events/presence/connected/#", Authorities::None),
            ("$aws/events/presence/#", Authorities::None),
        ] {
            assert_eq!(Authorities::of(filter), expected, "{filter}");
        }
    }

    #[test]
    fn filters_are_found_in_sql() {
        let text = r#"{"sql": "SELECT * FROM '$aws/events/a' WHERE x = '$aws'"} FROM '$aws/events/b"#;
        let found: Vec<&str> = filters(text).map(|(_, filter)| filter).collect();
        assert_eq!(found, ["$aws/events/a", "$aws/events/b"]);
        let is_there =
            |(start, filter): (usize, &str)| text.get(start..).is_some_and(|rest| rest.starts_with(filter));
        assert!(filters(text).all(is_there));
    }
}
