//! The conditions of a statement.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>,
//! <https://docs.aws.amazon.com/iot/latest/developerguide/connect-policy.html>

mod network;

use crate::pattern::{Pattern, PatternOptions, UnresolvedVariable};
use crate::value::{Effect, Facts};

use network::Network;

/// A condition on one key, such as `"StringEquals": { "iot:ClientId": ["a", "b"] }`.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    key: String,
    quantifier: Quantifier,
    /// Whether an absent key meets the condition (`...IfExists`).
    if_exists: bool,
    comparison: Comparison,
}

/// Why it is unknown whether a condition is met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Indeterminate {
    /// A variable has no value: the statement does not match.
    Unresolved(UnresolvedVariable),
    /// The evaluator does not know the operator, the key or a value; which.
    Unknown(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantifier {
    None,
    ForAllValues,
    ForAnyValue,
}

#[derive(Debug, Clone)]
enum Comparison {
    Text { any_of: Vec<Pattern>, is_negated: bool },
    Address { any_of: Vec<Network>, is_negated: bool },
    Null { is_absent: bool },
    UnknownOperator(String),
}

impl Condition {
    /// Parses a condition. An unknown operator is not an error here: its result depends on the statement's effect.
    ///
    /// # Errors
    /// If the operator does not accept a value.
    pub(crate) fn parse(
        operator: &str,
        key: &str,
        values: &[String],
        has_variables: bool,
    ) -> Result<Self, String> {
        let (quantifier, rest) = quantifier(operator);
        let (name, if_exists) = match rest.strip_suffix("IfExists") {
            Some(name) => (name, true),
            None => (rest, false),
        };
        let comparison = comparison(name, values, has_variables)?
            .unwrap_or_else(|| Comparison::UnknownOperator(operator.to_owned()));
        Ok(Self { key: key.to_owned(), quantifier, if_exists, comparison })
    }

    /// Whether the condition is met.
    ///
    /// # Errors
    /// If that is unknown.
    pub(crate) fn is_met(&self, facts: &Facts<'_>, effect: Effect) -> Result<bool, Indeterminate> {
        let unknown = |what: String| Err(Indeterminate::Unknown(what));
        if let Comparison::UnknownOperator(operator) = &self.comparison {
            return unknown(format!("unsupported condition operator {operator}"));
        }
        let Some(values) = facts.condition_key(&self.key) else {
            return unknown(format!("unknown condition key {}", self.key));
        };
        if let Comparison::Null { is_absent } = self.comparison {
            return Ok(values.is_empty() == is_absent);
        }
        // Even if the key is absent and nothing is compared.
        self.patterns()
            .try_for_each(|pattern| pattern.check_variables(facts))
            .map_err(Indeterminate::Unresolved)?;
        if self.patterns().any(|pattern| pattern.has_unknown_variable(facts)) {
            return unknown("the value of a certificate variable is unknown".to_owned());
        }
        if values.is_empty() && self.if_exists {
            return Ok(true);
        }
        let results = values.iter().map(|value| self.comparison.accepts(value, facts));
        let results: Vec<_> = results.collect::<Result<_, _>>().map_err(Indeterminate::Unresolved)?;
        let is_met = self.combine(&results, effect);
        // A value that equals nothing would meet every negated comparison, so an Allow does not match by it.
        let must_explain = effect == Effect::Allow && (!is_met || self.comparison.is_negated());
        match self.patterns().find_map(|pattern| pattern.unsubstituted(facts)).filter(|_| must_explain) {
            Some(unsubstituted) => Err(Indeterminate::Unresolved(unsubstituted)),
            None => Ok(is_met),
        }
    }

    /// Returns the values that the key is compared with.
    pub(crate) fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        let patterns = match &self.comparison {
            Comparison::Text { any_of, .. } => any_of.as_slice(),
            Comparison::Address { .. } | Comparison::Null { .. } | Comparison::UnknownOperator(_) => &[],
        };
        patterns.iter()
    }

    /// Combines the results for the values of the key.
    ///
    /// Without a quantifier, an absent key meets only a negated comparison. AWS does not document several values
    /// without a quantifier, so the stricter reading applies: all must match to allow, any is enough to deny.
    fn combine(&self, results: &[bool], effect: Effect) -> bool {
        let (any, all) = (results.contains(&true), !results.contains(&false));
        match (self.quantifier, effect) {
            (Quantifier::ForAllValues, _) => all,
            (Quantifier::ForAnyValue, _) => any,
            (Quantifier::None, _) if results.is_empty() => self.comparison.is_negated(),
            (Quantifier::None, Effect::Allow) => all,
            (Quantifier::None, Effect::Deny) => any,
        }
    }
}

impl Comparison {
    fn accepts(&self, value: &str, facts: &Facts<'_>) -> Result<bool, UnresolvedVariable> {
        match self {
            Self::Text { any_of, is_negated } => {
                let mut is_match = false;
                for pattern in any_of {
                    is_match |= pattern.matches(value, facts)?;
                }
                Ok(is_match != *is_negated)
            }
            Self::Address { any_of, is_negated } => {
                let is_match =
                    value.parse().is_ok_and(|address| any_of.iter().any(|network| network.contains(address)));
                Ok(is_match != *is_negated)
            }
            Self::Null { .. } | Self::UnknownOperator(_) => Ok(false),
        }
    }

    const fn is_negated(&self) -> bool {
        matches!(self, Self::Text { is_negated: true, .. } | Self::Address { is_negated: true, .. })
    }
}

impl Indeterminate {
    /// Combines the results of two conditions. A variable without a value prevails: AWS never matches such a statement.
    pub(crate) fn merge(first: Option<Self>, second: Self) -> Self {
        match first {
            Some(Self::Unresolved(unresolved)) => Self::Unresolved(unresolved),
            _ => second,
        }
    }
}

fn quantifier(operator: &str) -> (Quantifier, &str) {
    if let Some(rest) = operator.strip_prefix("ForAllValues:") {
        (Quantifier::ForAllValues, rest)
    } else if let Some(rest) = operator.strip_prefix("ForAnyValue:") {
        (Quantifier::ForAnyValue, rest)
    } else {
        (Quantifier::None, operator)
    }
}

/// Returns the comparison of an operator, `None` for an unknown operator.
fn comparison(operator: &str, values: &[String], has_variables: bool) -> Result<Option<Comparison>, String> {
    let text = |has_wildcards, is_negated, ignores_case| {
        let options = PatternOptions { has_wildcards, has_variables, ignores_case };
        let any_of = values.iter().map(|value| Pattern::new(value, options)).collect();
        Some(Comparison::Text { any_of, is_negated })
    };
    let address = |is_negated| {
        let any_of = values.iter().map(|value| value.parse()).collect::<Result<Vec<_>, String>>()?;
        Ok::<_, String>(Some(Comparison::Address { any_of, is_negated }))
    };
    Ok(match operator {
        "StringEquals" => text(false, false, false),
        "StringNotEquals" => text(false, true, false),
        "StringEqualsIgnoreCase" | "Bool" => text(false, false, true),
        "StringNotEqualsIgnoreCase" => text(false, true, true),
        // IAM defines Equals and Like as equal for ARNs.
        "StringLike" | "ArnEquals" | "ArnLike" => text(true, false, false),
        "StringNotLike" | "ArnNotEquals" | "ArnNotLike" => text(true, true, false),
        "IpAddress" => address(false)?,
        "NotIpAddress" => address(true)?,
        "Null" => Some(Comparison::Null { is_absent: is_absent(values)? }),
        _ => None,
    })
}

fn is_absent(values: &[String]) -> Result<bool, String> {
    match values {
        [value] if value == "true" => Ok(true),
        [value] if value == "false" => Ok(false),
        _ => Err("Null must be true (the key is absent) or false".to_owned()),
    }
}
