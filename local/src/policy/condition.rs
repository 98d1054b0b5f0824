//! Conditions of a statement.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>,
//! <https://docs.aws.amazon.com/iot/latest/developerguide/connect-policy.html>

mod network;

use super::pattern::{Pattern, Reading, Unresolved};
use super::statement::Effect;
use super::value::Facts;

use network::Network;

/// One key of one operator: `"StringEquals": { "iot:ClientId": ["a", "b"] }`.
#[derive(Debug, Clone)]
pub(super) struct Condition {
    key: String,
    quantifier: Quantifier,
    if_exists: bool,
    test: Test,
}

/// Why a condition neither holds nor fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// A variable in it has no value: the statement does not match.
    Unresolved(Unresolved),
    /// An operator or a key that this evaluator does not know.
    Unknown(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantifier {
    Plain,
    ForAllValues,
    ForAnyValue,
}

#[derive(Debug, Clone)]
enum Test {
    Text { any_of: Vec<Pattern>, negated: bool },
    Address { any_of: Vec<Network>, negated: bool },
    Absent(bool),
    Unknown(String),
}

impl Condition {
    /// Takes a condition apart. An operator that is not known is kept as such, since what it does depends on
    /// the statement's effect.
    ///
    /// # Errors
    /// A value that its operator cannot take.
    pub(super) fn read(
        operator: &str,
        key: &str,
        values: &[String],
        variables: bool,
    ) -> Result<Self, String> {
        let (quantifier, rest) = quantifier(operator);
        let (name, if_exists) = match rest.strip_suffix("IfExists") {
            Some(name) => (name, true),
            None => (rest, false),
        };
        let test = test(name, values, variables)?.unwrap_or_else(|| Test::Unknown(operator.to_owned()));
        Ok(Self { key: key.to_owned(), quantifier, if_exists, test })
    }

    pub(super) fn holds(&self, facts: &Facts<'_>, effect: Effect) -> Result<bool, Trouble> {
        if let Test::Unknown(operator) = &self.test {
            return Err(Trouble::Unknown(format!("the condition operator {operator} is not known here")));
        }
        let Some(values) = facts.condition_key(&self.key) else {
            return Err(Trouble::Unknown(format!("the condition key {} is not known here", self.key)));
        };
        if let Test::Absent(wanted) = self.test {
            return Ok(values.is_empty() == wanted);
        }
        self.test.resolves(facts).map_err(Trouble::Unresolved)?;
        if self.test.is_open(facts) {
            return Err(Trouble::Unknown("a variable of the certificate is not known here".to_owned()));
        }
        if values.is_empty() && self.if_exists {
            return Ok(true);
        }
        let single = values.iter().map(|value| self.test.passes(value, facts)).collect::<Result<Vec<_>, _>>();
        let single = single.map_err(Trouble::Unresolved)?;
        Ok(self.combine(&single, effect))
    }

    /// Without a quantifier a key has one value as a rule, and an absent one fails every test but a negated
    /// one. AWS leaves open what several values do then: all must pass to allow, any suffices to deny.
    fn combine(&self, single: &[bool], effect: Effect) -> bool {
        let (any, all) = (single.contains(&true), !single.contains(&false));
        match (self.quantifier, effect) {
            (Quantifier::ForAllValues, _) => all,
            (Quantifier::ForAnyValue, _) => any,
            (Quantifier::Plain, _) if single.is_empty() => self.test.negated(),
            (Quantifier::Plain, Effect::Allow) => all,
            (Quantifier::Plain, Effect::Deny) => any,
        }
    }
}

impl Test {
    fn passes(&self, value: &str, facts: &Facts<'_>) -> Result<bool, Unresolved> {
        match self {
            Self::Text { any_of, negated } => {
                let mut found = false;
                for pattern in any_of {
                    found |= pattern.matches(value, facts)?;
                }
                Ok(found != *negated)
            }
            Self::Address { any_of, negated } => {
                let held =
                    value.parse().is_ok_and(|address| any_of.iter().any(|network| network.holds(address)));
                Ok(held != *negated)
            }
            Self::Absent(_) | Self::Unknown(_) => Ok(false),
        }
    }

    /// Whether every variable has a value, which counts even where there is nothing to compare it with.
    fn resolves(&self, facts: &Facts<'_>) -> Result<(), Unresolved> {
        match self {
            Self::Text { any_of, .. } => any_of.iter().try_for_each(|pattern| pattern.resolves(facts)),
            Self::Address { .. } | Self::Absent(_) | Self::Unknown(_) => Ok(()),
        }
    }

    fn is_open(&self, facts: &Facts<'_>) -> bool {
        matches!(self, Self::Text { any_of, .. } if any_of.iter().any(|pattern| pattern.is_open(facts)))
    }

    const fn negated(&self) -> bool {
        matches!(self, Self::Text { negated: true, .. } | Self::Address { negated: true, .. })
    }
}

impl Trouble {
    /// A variable without a value is the one that settles: AWS never matches such a statement.
    pub(super) fn worse(first: Option<Self>, second: Self) -> Self {
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
        (Quantifier::Plain, operator)
    }
}

/// The test of an operator, or none if the operator is not known.
fn test(operator: &str, values: &[String], variables: bool) -> Result<Option<Test>, String> {
    let text = |wildcards, negated, any_case| {
        let reading = Reading { wildcards, variables, any_case };
        Some(Test::Text {
            any_of: values.iter().map(|value| Pattern::new(value, reading)).collect(),
            negated,
        })
    };
    let address = |negated| {
        let any_of = values.iter().map(|value| value.parse()).collect::<Result<Vec<_>, String>>()?;
        Ok::<_, String>(Some(Test::Address { any_of, negated }))
    };
    Ok(match operator {
        "StringEquals" => text(false, false, false),
        "StringNotEquals" => text(false, true, false),
        "StringEqualsIgnoreCase" | "Bool" => text(false, false, true),
        "StringNotEqualsIgnoreCase" => text(false, true, true),
        // For ARNs, IAM lets Equals and Like do the same.
        "StringLike" | "ArnEquals" | "ArnLike" => text(true, false, false),
        "StringNotLike" | "ArnNotEquals" | "ArnNotLike" => text(true, true, false),
        "IpAddress" => address(false)?,
        "NotIpAddress" => address(true)?,
        "Null" => Some(Test::Absent(absent(values)?)),
        _ => None,
    })
}

fn absent(values: &[String]) -> Result<bool, String> {
    match values {
        [value] if value == "true" => Ok(true),
        [value] if value == "false" => Ok(false),
        _ => Err("Null takes true (the key is absent) or false".to_owned()),
    }
}
