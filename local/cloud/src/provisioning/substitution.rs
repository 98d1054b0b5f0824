//! The text of `Fn::Sub`: `${Name}` is replaced, `${!Name}` stands for the text `${Name}`.

/// A part of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Segment {
    /// A text that stays.
    Text(String),
    /// A variable.
    Variable(String),
}

/// Splits a text into its segments.
///
/// # Errors
/// A variable that is not closed or has no name.
pub(super) fn parse(text: &str) -> Result<Vec<Segment>, String> {
    let mut segments = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, remainder) =
            after.split_once('}').ok_or("\"${\" without \"}\"; write \"${!\" for a literal \"${\"")?;
        push_text(&mut segments, before);
        match name.strip_prefix('!') {
            Some(literal) => push_text(&mut segments, &format!("${{{literal}}}")),
            None if name.is_empty() => return Err("\"${}\" names no variable".to_owned()),
            None => segments.push(Segment::Variable(name.to_owned())),
        }
        rest = remainder;
    }
    push_text(&mut segments, rest);
    Ok(segments)
}

fn push_text(segments: &mut Vec<Segment>, text: &str) {
    match segments.last_mut() {
        _ if text.is_empty() => {}
        Some(Segment::Text(last)) => last.push_str(text),
        _ => segments.push(Segment::Text(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::{Segment, parse};

    #[test]
    fn segments_are_variables_or_literals() {
        let text = |text: &str| Segment::Text(text.to_owned());
        let variable = |name: &str| Segment::Variable(name.to_owned());
        for (source, expected) in [
            ("", Some(vec![])),
            ("a", Some(vec![text("a")])),
            ("${a}", Some(vec![variable("a")])),
            ("a-${b}-c", Some(vec![text("a-"), variable("b"), text("-c")])),
            ("${!iot:ClientId}/${b}", Some(vec![text("${iot:ClientId}/"), variable("b")])),
            ("${a${b}", Some(vec![variable("a${b")])),
            ("$a {b}", Some(vec![text("$a {b}")])),
            ("${a", None),
            ("${}", None),
            ("a}${b", None),
        ] {
            assert_eq!(parse(source).ok(), expected, "{source}");
        }
    }
}
