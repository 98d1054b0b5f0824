//! Paths and queries: patterns with labels, and percent-decoding (RFC 3986, section 2.1).

use percent_encoding::percent_decode_str;

use crate::error::ApiError;

/// Matches a raw path with a pattern such as `/things/{thingName}/principals`. Returns the labels, still encoded, or
/// `None` if the path has another form. A label is one segment and not empty.
pub(crate) fn labels<'a>(pattern: &'static str, path: &'a str) -> Option<Vec<(&'static str, &'a str)>> {
    let (mut patterns, mut segments) = (pattern.split('/'), path.split('/'));
    let mut labels = Vec::new();
    loop {
        match (patterns.next(), segments.next()) {
            (None, None) => return Some(labels),
            (Some(pattern), Some(segment)) => match label(pattern) {
                Some(_) if segment.is_empty() => return None,
                Some(name) => labels.push((name, segment)),
                None if pattern == segment => {}
                None => return None,
            },
            _ => return None,
        }
    }
}

fn label(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

/// Decodes a label of a path, or a name or value of a query. `+` stands for itself: markers are base64.
///
/// # Errors
/// If an escape is incomplete, or the result is not UTF-8.
pub(crate) fn decode(text: &str) -> Result<String, ApiError> {
    let mut escapes = text.split('%');
    escapes.next();
    let is_complete = |escape: &str| {
        escape.get(..2).is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    if !escapes.all(is_complete) {
        return Err(ApiError::invalid("the path or the query has an incomplete percent-encoding"));
    }
    percent_decode_str(text)
        .decode_utf8()
        .map(|decoded| decoded.into_owned())
        .map_err(|_| ApiError::invalid("the path or the query is not UTF-8 after percent-decoding"))
}

/// Decodes a query. A parameter without `=` has an empty value.
///
/// # Errors
/// As [`decode`], or if a parameter occurs twice.
pub(crate) fn query(query: &str) -> Result<Vec<(String, String)>, ApiError> {
    let mut parameters: Vec<(String, String)> = Vec::new();
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let (name, value) = (decode(name)?, decode(value)?);
        if parameters.iter().any(|(other, _)| *other == name) {
            return Err(ApiError::invalid(format!("query parameter {name:?} occurs twice")));
        }
        parameters.push((name, value));
    }
    Ok(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_paths() {
        for (pattern, path, expected) in [
            ("/things", "/things", Some(vec![])),
            ("/things/{n}", "/things/a", Some(vec![("n", "a")])),
            ("/things/{n}/principals", "/things/a%2Fb/principals", Some(vec![("n", "a%2Fb")])),
            ("/authorizers/", "/authorizers/", Some(vec![])),
            ("/p/{a}/version/{b}", "/p/x/version/1", Some(vec![("a", "x"), ("b", "1")])),
            ("/things", "/things/", None),
            ("/things", "/Things", None),
            ("/things", "things", None),
            ("/things/{n}", "/things/", None),
            ("/things/{n}", "/things", None),
            ("/things/{n}", "/things/a/b", None),
            ("/things/{n}", "//things/a", None),
            ("/authorizers/", "/authorizers", None),
            ("/things/{n}", "/things/a/", None),
            ("/things", "", None),
        ] {
            assert_eq!(labels(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn encodings_are_decoded_or_rejected() {
        for (text, expected) in [
            ("", Some("")),
            ("a+b", Some("a+b")),
            ("arn%3Aaws%3aiot", Some("arn:aws:iot")),
            ("%C3%A9", Some("é")),
            ("%2525", Some("%25")),
            ("%", None),
            ("%4", None),
            ("a%4", None),
            ("%zz", None),
            ("%%41", None),
            ("%é", None),
            ("%C3", None),
            ("%FF", None),
            ("%ED%A0%80", None),
        ] {
            assert_eq!(decode(text).ok().as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn queries_are_decoded_or_rejected() {
        for (text, expected) in [
            ("", Some(vec![])),
            ("a=1&b=%20", Some(vec![("a", "1"), ("b", " ")])),
            ("a", Some(vec![("a", "")])),
            ("a=b=c&", Some(vec![("a", "b=c")])),
            ("a=1&a=2", None),
            ("a=1&%61=1", None),
            ("a=%", None),
        ] {
            let expected = expected.map(|list| {
                list.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
            });
            assert_eq!(query(text).ok(), expected, "{text}");
        }
    }
}
