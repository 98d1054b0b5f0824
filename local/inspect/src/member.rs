//! Where in a JSON text a member or an error is.

use std::ops::Range;

use jsonc_parser::ast::{ObjectProp, Value};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

/// The bytes of the member at a path of names and `[index]`. A single value counts as a list of one, as AWS reads
/// `Action`. For a path that leads nowhere it is the innermost member that exists; `None` if its first step does not.
pub(crate) fn find(text: &str, path: &str) -> Option<Range<usize>> {
    follow(text, path).map(|(range, _)| range)
}

/// The line of a member, counted from one; `None` if the path leads nowhere.
pub(crate) fn line(text: &str, path: &str) -> Option<usize> {
    let (range, is_found) = follow(text, path)?;
    is_found.then(|| line_of(text, range.start))
}

/// The line of a byte, counted from one.
pub(crate) fn line_of(text: &str, byte: usize) -> usize {
    text.bytes().take(byte).filter(|byte| *byte == b'\n').count().saturating_add(1)
}

/// The bytes of a line without its indent, counted from one; `None` for an empty line.
pub(crate) fn whole_line(text: &str, line: usize) -> Option<Range<usize>> {
    let mut lines = text.split_inclusive('\n');
    let before: usize = lines.by_ref().take(line.checked_sub(1)?).map(str::len).sum();
    let text = lines.next()?;
    let indent = text.len().checked_sub(text.trim_start().len())?;
    let start = before.checked_add(indent)?;
    let end = before.checked_add(text.trim_end().len())?;
    (start < end).then_some(start..end)
}

/// The character at which a text stops being JSON; `None` if it is JSON.
pub(crate) fn syntax_error(text: &str) -> Option<Range<usize>> {
    character_of(text, &serde_json::from_str::<serde_json::Value>(text).err()?)
}

/// The character that a JSON reader's error is about.
pub(crate) fn character_of(text: &str, error: &serde_json::Error) -> Option<Range<usize>> {
    let before: usize = text.split_inclusive('\n').take(error.line().checked_sub(1)?).map(str::len).sum();
    let last = text.len().checked_sub(1)?;
    let byte = before.saturating_add(error.column().saturating_sub(1)).min(last);
    let start = text.floor_char_boundary(byte);
    let length = text.get(start..)?.chars().next()?.len_utf8();
    Some(start..start.saturating_add(length))
}

/// The innermost existing member of a path, and whether it is the path's end.
fn follow(text: &str, path: &str) -> Option<(Range<usize>, bool)> {
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
    found.map(|range| (range.start..range.end, rest.is_empty()))
}

/// The member that a path begins with. Names may have dots, as `iot:Connection.Thing.IsAttached`, so the longest
/// counts.
fn step<'v, 't, 'p>(value: &'v Value<'t>, path: &'p str) -> Option<(&'v ObjectProp<'t>, &'p str)> {
    let Value::Object(object) = value else { return None };
    let fits = |member: &'v ObjectProp<'t>| {
        let after = path.strip_prefix(member.name.as_str())?;
        (after.is_empty() || after.starts_with(['.', '['])).then_some((member, after))
    };
    object.properties.iter().filter_map(fits).min_by_key(|(_, after)| after.len())
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
        assert_eq!(find("not JSON", "Version"), None);
        assert_eq!(find("", "Version"), None);
    }

    #[test]
    fn a_syntax_error_is_at_one_character() {
        for (text, expected) in [
            (r#"{"a" 1}"#, Some("1")),
            ("{\n  \"a\": é\n}", Some("é")),
            ("{\"a\":1", Some("1")),
            ("{}é", Some("é")),
            ("", None),
            ("{}", None),
        ] {
            assert_eq!(syntax_error(text).map(|span| &text[span]), expected, "{text}");
        }
    }

    #[test]
    fn a_line_is_marked_without_its_indent() {
        let text = "a\n  b c \r\n\n\td";
        for (line, expected) in
            [(0, None), (1, Some("a")), (2, Some("b c")), (3, None), (4, Some("d")), (5, None)]
        {
            assert_eq!(whole_line(text, line).map(|span| &text[span]), expected, "{line}");
        }
    }

    #[test]
    fn lines_of_resources() {
        let list = "{\n\"Statement\": [\n{ \"Resource\": \"a\" },\n{ \"Resource\": [\n\"b\",\n\"a\"] }\n] }";
        let single = "{ \"Version\": \"x\",\n \"Statement\":\n { \"Resource\":\n \"a\" } }";
        for (text, statement, resource, expected) in [
            (list, 0, 0, Some(3)),
            (list, 1, 0, Some(5)),
            (list, 1, 1, Some(6)),
            (list, 1, 2, None),
            (list, 0, 1, None),
            (list, 2, 0, None),
            (single, 0, 0, Some(4)),
            (single, 1, 0, None),
            ("{}", 0, 0, None),
            ("", 0, 0, None),
        ] {
            assert_eq!(
                line(text, &format!("Statement[{statement}].Resource[{resource}]")),
                expected,
                "{text} {statement} {resource}"
            );
        }
    }
}
