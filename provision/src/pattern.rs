//! Text with variables: `${CommonName}` in a thing's name, `${id}` in a topic.
//!
//! A pattern is parsed before an event is seen, and a value is put between its segments in one pass and is never read
//! again, so a value can add no variable.

use crate::denial::Denial;

/// A parsed pattern. Its variables are all known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Vec<Segment>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Text(Box<str>),
    Variable(&'static str),
}

impl Pattern {
    /// Parses a text whose variables are among `known`.
    ///
    /// # Errors
    /// What is wrong: `${` without `}`, or an unknown variable.
    pub fn parse(text: &str, known: &[&'static str]) -> Result<Self, String> {
        let mut segments = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            if !before.is_empty() {
                segments.push(Segment::Text(before.into()));
            }
            let (name, after) = after.split_once('}').ok_or("`${` without `}`")?;
            let variable = known.iter().find(|variable| **variable == name).ok_or_else(|| {
                let known = known.iter().map(|variable| format!("`${{{variable}}}`")).collect::<Vec<_>>();
                format!("unknown variable `${{{name}}}`; expected one of {}", known.join(", "))
            })?;
            segments.push(Segment::Variable(variable));
            rest = after;
        }
        if !rest.is_empty() {
            segments.push(Segment::Text(rest.into()));
        }
        Ok(Self(segments))
    }

    /// Whether the pattern has a variable, and so differs between devices.
    #[must_use]
    pub fn has_variable(&self) -> bool {
        self.0.iter().any(|segment| matches!(segment, Segment::Variable(_)))
    }

    /// The text with its variables filled.
    ///
    /// # Errors
    /// The first error of `value`.
    pub fn fill<'v>(
        &self,
        mut value: impl FnMut(&'static str) -> Result<&'v str, Denial>,
    ) -> Result<String, Denial> {
        let mut filled = String::new();
        for segment in &self.0 {
            match segment {
                Segment::Text(text) => filled.push_str(text),
                Segment::Variable(name) => filled.push_str(value(name)?),
            }
        }
        Ok(filled)
    }

    /// The text with one value for every variable.
    #[must_use]
    pub fn fill_with(&self, value: &str) -> String {
        self.0
            .iter()
            .map(|segment| match segment {
                Segment::Text(text) => text,
                Segment::Variable(_) => value,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::denial::Code;

    #[test]
    fn variables_are_filled_once() {
        for (text, expected) in [
            ("", ""),
            ("dev", "dev"),
            ("${a}", "1"),
            ("${a}${b}", "1${a}"),
            ("x-${b}-${a}-y", "x-${a}-1-y"),
            ("$a {a} $", "$a {a} $"),
        ] {
            let pattern = Pattern::parse(text, &["a", "b"]).unwrap();
            assert_eq!(pattern.has_variable(), text.contains("${"), "{text}");
            let value = |name| Ok(if name == "a" { "1" } else { "${a}" });
            assert_eq!(pattern.fill(value).as_deref(), Ok(expected), "{text}");
            assert_eq!(pattern.fill_with("v"), text.replace("${a}", "v").replace("${b}", "v"), "{text}");
        }
    }

    #[test]
    fn a_missing_value_is_the_result() {
        let pattern = Pattern::parse("${a}-${b}", &["a", "b"]).unwrap();
        let denial = Denial::about(Code::MissingName, "b");
        let found = pattern.fill(|name| if name == "a" { Ok("1") } else { Err(denial.clone()) });
        assert_eq!(found, Err(denial));
    }

    #[test]
    fn unknown_variables_are_errors() {
        for (text, expected) in [
            ("${", "`${` without `}`"),
            ("${a", "`${` without `}`"),
            ("${a}${", "`${` without `}`"),
            ("${}", "unknown variable `${}`; expected one of `${a}`, `${b}`"),
            ("${A}", "unknown variable `${A}`; expected one of `${a}`, `${b}`"),
            ("${a }", "unknown variable `${a }`; expected one of `${a}`, `${b}`"),
            ("${${a}}", "unknown variable `${${a}`; expected one of `${a}`, `${b}`"),
        ] {
            assert_eq!(Pattern::parse(text, &["a", "b"]), Err(expected.to_owned()), "{text}");
        }
    }
}
