//! Patterns for resources, actions and condition values.
//!
//! `*` matches any sequence of characters, including `/`; `?` matches exactly one character. No wildcard matches one
//! topic level: MQTT's `+` and `#` are plain characters in a policy.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/pub-sub-policy.html>

use std::borrow::Cow;
use std::convert::Infallible;

use crate::value::{Facts, Variable};

/// A parsed text of a policy.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    source: String,
    segments: Vec<Segment>,
    ignores_case: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    /// Characters that match themselves. In pieces, since each connection has a policy of its own.
    Text(String),
    AnyChar,
    AnyString,
    Variable(String),
}

/// A segment whose variable is replaced by its value.
enum Filled<'p> {
    Text(Cow<'p, str>),
    AnyChar,
    AnyString,
    /// A variable that is not substituted.
    Nothing,
}

/// A policy variable that is not replaced by a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnresolvedVariable {
    /// The text between `${` and `}`.
    pub(crate) name: String,
    /// The reason, a predicate.
    pub(crate) why: &'static str,
}

const NO_VALUE: &str = "has no value on this connection";

/// How to parse a pattern.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PatternOptions {
    /// Whether `*` and `?` are wildcards.
    pub(crate) has_wildcards: bool,
    /// Whether `${...}` is a variable, as from policy version 2012-10-17 on.
    pub(crate) has_variables: bool,
    /// Whether upper and lower case are equal.
    pub(crate) ignores_case: bool,
}

impl Pattern {
    pub(crate) fn new(source: &str, options: PatternOptions) -> Self {
        let mut segments = Vec::new();
        let mut rest = source;
        while let Some(first) = rest.chars().next() {
            if let Some(after) = rest.strip_prefix("${").filter(|_| options.has_variables) {
                rest = push_variable(&mut segments, after);
                continue;
            }
            match first {
                '*' if options.has_wildcards => segments.push(Segment::AnyString),
                '?' if options.has_wildcards => segments.push(Segment::AnyChar),
                char if options.ignores_case => push_char(&mut segments, char.to_ascii_lowercase()),
                char => push_char(&mut segments, char),
            }
            rest = rest.strip_prefix(first).unwrap_or_default();
        }
        Self { source: source.to_owned(), segments, ignores_case: options.ignores_case }
    }

    /// Returns the text of the pattern, as written.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// Whether the pattern, with its variables filled in, matches the whole text.
    ///
    /// # Errors
    /// If a variable has no value.
    pub(crate) fn matches(&self, text: &str, facts: &Facts<'_>) -> Result<bool, UnresolvedVariable> {
        Ok(matches_segments(&self.fill(facts)?, &self.fold_case(text)))
    }

    /// The same for a pattern that was parsed without variables.
    pub(crate) fn matches_without_variables(&self, text: &str) -> bool {
        let Ok(filled) = self.fill_with(|_| Ok::<_, Infallible>(Filled::Nothing));
        matches_segments(&filled, &self.fold_case(text))
    }

    /// Whether any value must be assumed for one of the variables, see [`Facts::has_any_value`].
    pub(crate) fn has_unknown_variable(&self, facts: &Facts<'_>) -> bool {
        let is_unknown =
            |segment: &Segment| matches!(segment, Segment::Variable(name) if facts.has_any_value(name));
        self.segments.iter().any(is_unknown)
    }

    /// Returns the first variable that stays in the pattern, so that the pattern matches nothing.
    pub(crate) fn unsubstituted(&self, facts: &Facts<'_>) -> Option<UnresolvedVariable> {
        self.segments.iter().find_map(|segment| {
            let Segment::Variable(name) = segment else { return None };
            let Some(Variable::NotSubstituted(why)) = facts.variable(name) else { return None };
            Some(UnresolvedVariable { name: name.clone(), why })
        })
    }

    /// Checks that all variables have values.
    ///
    /// # Errors
    /// The first variable without a value.
    pub(crate) fn check_variables(&self, facts: &Facts<'_>) -> Result<(), UnresolvedVariable> {
        self.fill(facts).map(|_| ())
    }

    fn fold_case<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.ignores_case { Cow::Owned(text.to_ascii_lowercase()) } else { Cow::Borrowed(text) }
    }

    /// Replaces variables by their values. A wildcard in a value is a plain character: a client id of `*` does not
    /// widen the pattern.
    fn fill(&self, facts: &Facts<'_>) -> Result<Vec<Filled<'_>>, UnresolvedVariable> {
        self.fill_with(|name| self.value(name, facts))
    }

    fn fill_with<'p, E>(
        &'p self,
        value: impl Fn(&'p str) -> Result<Filled<'p>, E>,
    ) -> Result<Vec<Filled<'p>>, E> {
        let filled = |segment: &'p Segment| match segment {
            Segment::Text(text) => Ok(Filled::Text(Cow::Borrowed(text))),
            Segment::AnyChar => Ok(Filled::AnyChar),
            Segment::AnyString => Ok(Filled::AnyString),
            Segment::Variable(name) => value(name),
        };
        self.segments.iter().map(filled).collect()
    }

    fn value(&self, name: &str, facts: &Facts<'_>) -> Result<Filled<'_>, UnresolvedVariable> {
        if facts.has_any_value(name) {
            return Ok(Filled::AnyString);
        }
        let missing = || UnresolvedVariable { name: name.to_owned(), why: NO_VALUE };
        Ok(match facts.variable(name).ok_or_else(missing)? {
            Variable::Value(value) => Filled::Text(Cow::Owned(self.fold_case(&value).into_owned())),
            Variable::NotSubstituted(_) => Filled::Nothing,
        })
    }
}

/// Parses the text after `${`, and returns the rest. Without a closing brace the segment is a variable that never has a
/// value.
fn push_variable<'t>(segments: &mut Vec<Segment>, after: &'t str) -> &'t str {
    let Some((name, rest)) = after.split_once('}') else {
        segments.push(Segment::Variable(format!("{after} (unclosed)")));
        return "";
    };
    match name {
        "*" => push_char(segments, '*'),
        "?" => push_char(segments, '?'),
        "$" => push_char(segments, '$'),
        name => segments.push(Segment::Variable(name.to_owned())),
    }
    rest
}

/// Adds a character that matches itself.
fn push_char(segments: &mut Vec<Segment>, char: char) {
    match segments.last_mut() {
        Some(Segment::Text(text)) => text.push(char),
        _ => segments.push(Segment::Text(char.to_string())),
    }
}

/// Matches without recursion. On a mismatch only the last `*` takes a further character, since a longer match of an
/// earlier `*` cannot help. So the time is at most the product of both lengths.
fn matches_segments(segments: &[Filled<'_>], text: &str) -> bool {
    let (mut segments, mut text) = (segments, text);
    // After the last `*`: the segments behind it, and the text from where it matches the empty string.
    let mut last_star: Option<(&[Filled<'_>], &str)> = None;
    loop {
        if let Some((Filled::AnyString, rest)) = segments.split_first() {
            (segments, last_star) = (rest, Some((rest, text)));
        } else if let Some((rest, after)) = match_first(segments, text) {
            (segments, text) = (rest, after);
        } else if segments.is_empty() && text.is_empty() {
            return true;
        } else {
            let Some((after_star, from)) = last_star else { return false };
            let mut chars = from.chars();
            if chars.next().is_none() {
                return false;
            }
            (segments, text) = (after_star, chars.as_str());
            last_star = Some((segments, text));
        }
    }
}

/// Matches the first segment with the start of the text. Returns the rest of both.
fn match_first<'p, 't, 'v>(segments: &'p [Filled<'v>], text: &'t str) -> Option<(&'p [Filled<'v>], &'t str)> {
    let (segment, rest) = segments.split_first()?;
    let after = match segment {
        Filled::Text(expected) => text.strip_prefix(expected.as_ref())?,
        Filled::AnyChar => {
            let mut chars = text.chars();
            chars.next()?;
            chars.as_str()
        }
        Filled::AnyString | Filled::Nothing => return None,
    };
    Some((rest, after))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::value::Effect;
    use crate::{Access, Context};

    const OPTIONS: PatternOptions =
        PatternOptions { has_wildcards: true, has_variables: true, ignores_case: false };

    fn matches(pattern: &str, text: &str, client_id: Option<&str>) -> Result<bool, UnresolvedVariable> {
        let context = Context { client_id: client_id.map(str::to_owned), ..Context::default() };
        let access = Access { action: "iot:Publish", resource: "*", context: &context };
        Pattern::new(pattern, OPTIONS)
            .matches(text, &Facts::new(&access, &"arn:aws:x:y:z:f".parse().unwrap(), Effect::Allow))
    }

    /// The definition, with all its branches.
    fn brute_force(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            (['*', rest @ ..], _) => (0..=text.len()).any(|taken| brute_force(rest, &text[taken..])),
            (['?', rest @ ..], [_, after @ ..]) => brute_force(rest, after),
            ([expected, rest @ ..], [first, after @ ..]) => expected == first && brute_force(rest, after),
            _ => false,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn a_pattern_matches_as_its_definition_does(pattern in "[ab/*?+é]{0,9}", text in "[ab/*?+é]{0,9}") {
            let expected = brute_force(&pattern.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>());
            prop_assert_eq!(matches(&pattern, &text, None), Ok(expected));
        }
    }

    #[test]
    fn many_wildcards_take_no_exponential_time() {
        let pattern = "*a".repeat(40) + "b";
        assert_eq!(matches(&pattern, &"a".repeat(4000), None), Ok(false));
    }

    #[test]
    fn a_value_is_literal_and_a_missing_value_is_an_error() {
        assert_eq!(matches("x/${iot:ClientId}/y", "x/c1/y", Some("c1")), Ok(true));
        assert_eq!(matches("x/${iot:ClientId}/y", "x/anything/y", Some("*")), Ok(false));
        assert_eq!(matches("x/${iot:ClientId}/y", "x/*/y", Some("*")), Ok(true));
        assert_eq!(
            matches("x/${iot:ClientId}", "x/", None),
            Err(UnresolvedVariable { name: "iot:ClientId".to_owned(), why: NO_VALUE })
        );
        assert!(matches("x/${iot:ClientId", "x/${iot:ClientId", Some("c")).is_err());
        assert!(matches("x/${iot:ClientId", "x/c", Some("c")).is_err());
        assert_eq!(
            matches("x/${nothing}", "x/${nothing}", Some("c")),
            Err(UnresolvedVariable { name: "nothing".to_owned(), why: NO_VALUE })
        );
    }

    #[test]
    fn special_variables_are_plain_characters() {
        assert_eq!(matches("a${*}b${?}c${$}", "a*b?c$", None), Ok(true));
        assert_eq!(matches("a${*}b", "axxb", None), Ok(false));
    }

    #[test]
    fn without_variables_a_variable_is_plain_text() {
        let options = PatternOptions { has_wildcards: true, ..PatternOptions::default() };
        let pattern = Pattern::new("${iot:ClientId}", options);
        let context = Context { client_id: Some("c".to_owned()), ..Context::default() };
        let access = Access { action: "iot:Publish", resource: "*", context: &context };
        let arn = "arn:aws:x:y:z:f".parse().unwrap();
        assert_eq!(pattern.matches("c", &Facts::new(&access, &arn, Effect::Allow)), Ok(false));
        assert_eq!(pattern.matches("${iot:ClientId}", &Facts::new(&access, &arn, Effect::Allow)), Ok(true));
    }
}
