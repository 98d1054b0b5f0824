//! A statement as text. Parsing the text gives the same statement.

use std::fmt;

use serde_json::Value;

use super::{Condition, Item, Operand, Statement};

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SELECT ")?;
        join(f, &self.items, ", ")?;
        write!(f, " FROM {}", Quoted(&self.filter))?;
        match &self.condition {
            Some(condition) => write!(f, " WHERE {condition}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Value { operand, alias: Some(alias) } => write!(f, "{operand} AS {alias}"),
            Self::Value { operand, alias: None } => operand.fmt(f),
        }
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attribute(path) => f.write_str(&path.join(".")),
            Self::Literal(Value::String(text)) => Quoted(text).fmt(f),
            Self::Literal(literal) => literal.fmt(f),
            Self::Topic(Some(level)) => write!(f, "topic({level})"),
            Self::Topic(None) => f.write_str("topic()"),
            Self::ClientId => f.write_str("clientid()"),
            Self::Principal => f.write_str("principal()"),
            Self::Timestamp => f.write_str("timestamp()"),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(operand) => operand.fmt(f),
            Self::Comparison { left, comparison, right } => {
                write!(f, "{left} {} {right}", comparison.symbol())
            }
            Self::Not(inner) => match **inner {
                Self::And(_) | Self::Or(_) => write!(f, "NOT ({inner})"),
                _ => write!(f, "NOT {inner}"),
            },
            Self::And(all) => join(f, all.iter().map(Part), " AND "),
            Self::Or(all) => join(f, all.iter().map(Part), " OR "),
        }
    }
}

/// A part of a conjunction or a disjunction. Parentheses keep a nested one apart.
struct Part<'a>(&'a Condition);

impl fmt::Display for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            condition @ (Condition::And(_) | Condition::Or(_)) => write!(f, "({condition})"),
            condition => condition.fmt(f),
        }
    }
}

struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}'", self.0.replace('\'', "''"))
    }
}

fn join<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    parts: impl IntoIterator<Item = T>,
    separator: &str,
) -> fmt::Result {
    for (i, part) in (0..).zip(parts) {
        if i > 0 {
            f.write_str(separator)?;
        }
        part.fmt(f)?;
    }
    Ok(())
}
