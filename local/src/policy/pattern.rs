//! Patterns of resources, actions and condition values.
//!
//! `*` is any run of characters, `/` among them, and `?` is exactly one. There is no wildcard for one topic
//! level: MQTT's `+` and `#` are ordinary characters in a policy.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/pub-sub-policy.html>

use std::borrow::Cow;

use super::value::Facts;

/// A text of a policy, taken apart once.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    source: String,
    parts: Vec<Part>,
    any_case: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Exactly(char),
    AnyOne,
    AnyRun,
    Variable(String),
}

/// A policy variable without a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unresolved(pub(super) String);

/// How a text is to be read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reading {
    /// `*` and `?` stand for other characters.
    pub(super) wildcards: bool,
    /// `${...}` stands for a value of the connection; so from policy version 2012-10-17 on.
    pub(super) variables: bool,
    /// Upper and lower case are the same.
    pub(super) any_case: bool,
}

impl Pattern {
    pub(super) fn new(source: &str, reading: Reading) -> Self {
        let mut parts = Vec::new();
        let mut rest = source;
        while let Some(first) = rest.chars().next() {
            if let Some((variable, after)) =
                rest.strip_prefix("${").filter(|_| reading.variables).map(variable)
            {
                parts.push(variable);
                rest = after;
                continue;
            }
            parts.push(match first {
                '*' if reading.wildcards => Part::AnyRun,
                '?' if reading.wildcards => Part::AnyOne,
                other => Part::Exactly(if reading.any_case { other.to_ascii_lowercase() } else { other }),
            });
            rest = rest.strip_prefix(first).unwrap_or_default();
        }
        Self { source: source.to_owned(), parts, any_case: reading.any_case }
    }

    /// The text that the pattern was made of.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// Whether the pattern, with its variables filled in, is or covers the whole text.
    pub(super) fn matches(&self, text: &str, facts: &Facts<'_>) -> Result<bool, Unresolved> {
        Ok(covers(&self.fill(facts)?, &self.folded(text)))
    }

    /// The same for a pattern that was read without variables.
    pub(super) fn matches_plainly(&self, text: &str) -> bool {
        covers(&self.parts, &self.folded(text))
    }

    /// Whether a variable in it might be anything, see [`Facts::might_be_anything`].
    pub(super) fn is_open(&self, facts: &Facts<'_>) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Variable(name) if facts.might_be_anything(name)))
    }

    /// Whether all variables have values.
    ///
    /// # Errors
    /// The first that has none.
    pub(super) fn resolves(&self, facts: &Facts<'_>) -> Result<(), Unresolved> {
        self.fill(facts).map(|_| ())
    }

    fn folded<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.any_case { Cow::Owned(text.to_ascii_lowercase()) } else { Cow::Borrowed(text) }
    }

    /// Characters of a value are always themselves: a client id of `*` widens nothing.
    fn fill(&self, facts: &Facts<'_>) -> Result<Cow<'_, [Part]>, Unresolved> {
        if !self.parts.iter().any(|part| matches!(part, Part::Variable(_))) {
            return Ok(Cow::Borrowed(&self.parts));
        }
        let mut filled = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            match part {
                Part::Variable(name) if facts.might_be_anything(name) => filled.push(Part::AnyRun),
                Part::Variable(name) => {
                    let value = facts.variable(name).ok_or_else(|| Unresolved(name.clone()))?;
                    filled.extend(self.folded(&value).chars().map(Part::Exactly));
                }
                other => filled.push(other.clone()),
            }
        }
        Ok(Cow::Owned(filled))
    }
}

/// Reads what follows `${`. A brace that is never closed makes a variable that nothing can fill.
fn variable(after: &str) -> (Part, &str) {
    let Some((name, rest)) = after.split_once('}') else {
        return (Part::Variable(format!("{after}, never closed,")), "");
    };
    let part = match name {
        "*" => Part::Exactly('*'),
        "?" => Part::Exactly('?'),
        "$" => Part::Exactly('$'),
        other => Part::Variable(other.to_owned()),
    };
    (part, rest)
}

/// Matches without recursion. Only the last run passed is ever lengthened, since an earlier one could gain
/// nothing by it, so the time is at most the product of both lengths.
fn covers(parts: &[Part], text: &str) -> bool {
    let (mut parts, mut text) = (parts, text);
    let mut last_run: Option<(&[Part], &str)> = None;
    loop {
        if let Some((Part::AnyRun, rest)) = parts.split_first() {
            (parts, last_run) = (rest, Some((rest, text)));
        } else if let Some((rest, after)) = step(parts, text) {
            (parts, text) = (rest, after);
        } else if parts.is_empty() && text.is_empty() {
            return true;
        } else {
            let Some((after_run, from)) = last_run else { return false };
            let mut longer = from.chars();
            if longer.next().is_none() {
                return false;
            }
            (parts, text) = (after_run, longer.as_str());
            last_run = Some((parts, text));
        }
    }
}

/// Takes one part and the one character that it stands for.
fn step<'p, 't>(parts: &'p [Part], text: &'t str) -> Option<(&'p [Part], &'t str)> {
    let (part, rest) = parts.split_first()?;
    let mut characters = text.chars();
    let first = characters.next()?;
    let fits = match part {
        Part::Exactly(wanted) => *wanted == first,
        Part::AnyOne => true,
        Part::AnyRun | Part::Variable(_) => false,
    };
    fits.then_some((rest, characters.as_str()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::statement::Effect;
    use super::super::{Action, Context, Question};
    use super::*;

    const GLOB: Reading = Reading { wildcards: true, variables: true, any_case: false };

    fn matches(pattern: &str, text: &str, client_id: Option<&str>) -> Result<bool, Unresolved> {
        let context = Context { client_id: client_id.map(str::to_owned), ..Context::default() };
        let question = Question { action: Action::Publish, resource: "topic/a", context: &context };
        Pattern::new(pattern, GLOB)
            .matches(text, &Facts::new(&question, &"arn:aws:x:y:z:f".parse().unwrap(), Effect::Allow))
    }

    /// The definition itself, with all its branches: what the clever one is measured against.
    fn brute_force(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            (['*', rest @ ..], _) => (0..=text.len()).any(|taken| brute_force(rest, &text[taken..])),
            (['?', rest @ ..], [_, after @ ..]) => brute_force(rest, after),
            ([wanted, rest @ ..], [first, after @ ..]) => wanted == first && brute_force(rest, after),
            _ => false,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn a_pattern_matches_what_its_definition_matches(pattern in "[ab/*?+é]{0,9}", text in "[ab/*?+é]{0,9}") {
            let expected = brute_force(&pattern.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>());
            prop_assert_eq!(matches(&pattern, &text, None), Ok(expected));
        }
    }

    #[test]
    fn many_runs_do_not_blow_up() {
        let pattern = "*a".repeat(40) + "b";
        assert_eq!(matches(&pattern, &"a".repeat(4000), None), Ok(false));
    }

    #[test]
    fn a_value_is_literal_and_its_absence_is_told() {
        assert_eq!(matches("x/${iot:ClientId}/y", "x/c1/y", Some("c1")), Ok(true));
        assert_eq!(matches("x/${iot:ClientId}/y", "x/anything/y", Some("*")), Ok(false));
        assert_eq!(matches("x/${iot:ClientId}/y", "x/*/y", Some("*")), Ok(true));
        assert_eq!(matches("x/${iot:ClientId}", "x/", None), Err(Unresolved("iot:ClientId".to_owned())));
        assert!(matches("x/${iot:ClientId", "x/${iot:ClientId", Some("c")).is_err());
        assert!(matches("x/${iot:ClientId", "x/c", Some("c")).is_err());
        assert_eq!(matches("x/${nothing}", "x/${nothing}", Some("c")), Err(Unresolved("nothing".to_owned())));
    }

    #[test]
    fn special_variables_are_the_characters_themselves() {
        assert_eq!(matches("a${*}b${?}c${$}", "a*b?c$", None), Ok(true));
        assert_eq!(matches("a${*}b", "axxb", None), Ok(false));
    }

    #[test]
    fn without_variables_the_text_stands_for_itself() {
        let old = Pattern::new("${iot:ClientId}", Reading { wildcards: true, ..Reading::default() });
        let context = Context { client_id: Some("c".to_owned()), ..Context::default() };
        let question = Question { action: Action::Publish, resource: "topic/a", context: &context };
        let arn = "arn:aws:x:y:z:f".parse().unwrap();
        assert_eq!(old.matches("c", &Facts::new(&question, &arn, Effect::Allow)), Ok(false));
        assert_eq!(old.matches("${iot:ClientId}", &Facts::new(&question, &arn, Effect::Allow)), Ok(true));
    }
}
