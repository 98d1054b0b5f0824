//! Where a member of a JSON text stands.

use std::ops::Range;

use jsonc_parser::ast::{ObjectProp, Value};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

/// The place that a message begins with, or that a JSON reader's message ends with.
pub(super) fn named(text: &str, message: &str) -> Option<Range<usize>> {
    if let Some((_, place)) = message.rsplit_once(" at line ") {
        let (line, column) = place.split_once(" column ")?;
        return at(text, line.parse().ok()?, column.parse().ok()?);
    }
    let (first, rest) = message.split_once(' ')?;
    match first {
        "key" => find(text, &format!("keys[{}]", rest.split(' ').next()?)),
        "case" => {
            let number: usize = rest.split(' ').next()?.parse().ok()?;
            find(text, &format!("cases[{}]", number.checked_sub(1)?))
        }
        place => find(text, place.trim_matches('`')),
    }
}

/// A member by its path: names and `[index]`. One value counts as a list of one, as AWS reads `Action`. A path that leads nowhere
/// gives the innermost member that is there; `None` if not even its first step is.
pub(super) fn find(text: &str, path: &str) -> Option<Range<usize>> {
    let parsed = parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default()).ok()?;
    let mut value = parsed.value.as_ref()?;
    let mut found = None;
    let mut rest = path;
    while !rest.is_empty() {
        if let Some((index, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            match value {
                Value::Array(list) => {
                    match index.parse().ok().and_then(|index: usize| list.elements.get(index)) {
                        Some(element) => value = element,
                        None => break,
                    }
                }
                _ if index == "0" => {}
                _ => break,
            }
            found = Some(value.range());
            rest = after;
        } else {
            rest = rest.strip_prefix('.').unwrap_or(rest);
            let Some((member, after)) = step(value, rest) else { break };
            value = &member.value;
            found = Some(member.range());
            rest = after;
        }
    }
    found.map(|range| range.start..range.end)
}

/// The member that a path begins with. Names may hold dots, as `iot:Connection.Thing.IsAttached` does, so the longest counts.
fn step<'v, 't, 'p>(value: &'v Value<'t>, path: &'p str) -> Option<(&'v ObjectProp<'t>, &'p str)> {
    let Value::Object(object) = value else { return None };
    let fits = |member: &'v ObjectProp<'t>| {
        let after = path.strip_prefix(member.name.as_str())?;
        (after.is_empty() || after.starts_with(['.', '['])).then_some((member, after))
    };
    object.properties.iter().filter_map(fits).min_by_key(|(_, after)| after.len())
}

/// A line and column from one, as bytes; at least one of them.
fn at(text: &str, line: usize, column: usize) -> Option<Range<usize>> {
    let before: usize = text.split_inclusive('\n').take(line.checked_sub(1)?).map(str::len).sum();
    let last = text.len().checked_sub(1)?;
    let mut start = before.saturating_add(column.saturating_sub(1)).min(last);
    while !text.is_char_boundary(start) {
        start = start.checked_sub(1)?;
    }
    let length = text.get(start..)?.chars().next()?.len_utf8();
    Some(start..start.saturating_add(length))
}

#[cfg(test)]
#[expect(clippy::string_slice, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"Version":"x","Statement":[{"Action":"a","Condition":{"Bool":{"a.b":"1","a":"2"}}},{"Action":["b","é"]}]}"#;

    #[test]
    fn members_are_found_by_their_paths() {
        for (path, expected) in [
            ("Version", Some(r#""Version":"x""#)),
            ("Statement[0].Action[0]", Some(r#""a""#)),
            ("Statement[1].Action[1]", Some(r#""é""#)),
            ("Statement[0].Condition.Bool.a.b", Some(r#""a.b":"1""#)),
            ("Statement[0].Condition.Bool.a", Some(r#""a":"2""#)),
            ("Statement[1].Effect", Some(r#"{"Action":["b","é"]}"#)),
            ("Statement[0].Action[7]", Some(r#""Action":"a""#)),
            ("Other", None),
            ("", None),
        ] {
            assert_eq!(find(TEXT, path).map(|span| &TEXT[span]), expected, "{path}");
        }
        assert_eq!(find("no JSON", "Version"), None);
        assert_eq!(find("", "Version"), None);
    }

    #[test]
    fn messages_name_their_places() {
        for (message, expected) in [
            ("`Version` has to be another", Some(r#""Version":"x""#)),
            ("Statement[1].Action[0] is none", Some(r#""b""#)),
            ("is not JSON: expected `,` at line 1 column 3", Some("V")),
            ("is not JSON: EOF at line 9 column 9", Some("}")),
            ("is not JSON: EOF at line x column 9", None),
            ("the document is no JSON object", None),
            ("word", None),
        ] {
            assert_eq!(named(TEXT, message).map(|span| &TEXT[span]), expected, "{message}");
        }
        let cases = r#"{"cases":[1,2]}"#;
        assert_eq!(named(cases, "case 2 (why): it is denied").map(|span| &cases[span]), Some("2"));
        assert_eq!(named(cases, "case 0 (why): it is denied"), None);
        let keys = r#"{"keys":[1,2]}"#;
        assert_eq!(named(keys, "key 1 is left out: symmetric").map(|span| &keys[span]), Some("2"));
    }
}
