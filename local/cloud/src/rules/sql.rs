//! The SQL of topic rules: the part of AWS IoT SQL that rules for functions need.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/iot-sql-reference.html>
//!
//! ```text
//! statement = SELECT item {"," item} FROM text [WHERE condition]
//! item      = "*" | operand [AS name]
//! operand   = name {"." name} | literal | topic([n]) | clientid() | principal() | timestamp()
//! condition = and {OR and};  and = not {AND not};  not = {NOT} test
//! test      = "(" condition ")" | operand [("=" | "<>" | "<" | "<=" | ">" | ">=") operand]
//! ```
//!
//! Keywords and functions are written in any case. Texts are in single or double quotes; a doubled quote stands for
//! one quote.

mod evaluate;
mod expression;
mod filter;
mod lexer;
mod parser;
mod print;

use serde_json::Value;

pub use evaluate::Message;
pub use expression::Expression;
pub use parser::SqlError;

/// The largest statement.
pub const MAX_SQL_BYTES: usize = 18 * 1024;

/// A parsed statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    items: Vec<Item>,
    filter: String,
    condition: Option<Condition>,
}

/// A part of the SELECT clause.
#[derive(Debug, Clone, PartialEq)]
enum Item {
    /// `*`: the payload.
    All,
    /// A value, and its name in the result.
    Value { operand: Operand, alias: Option<String> },
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
enum Operand {
    /// A member of the payload, by its path.
    Attribute(Vec<String>),
    /// A text, number, boolean or null.
    Literal(Value),
    /// The topic, or one of its levels, from 1.
    Topic(Option<u64>),
    ClientId,
    Principal,
    Timestamp,
}

/// A condition of the WHERE clause.
#[derive(Debug, Clone, PartialEq)]
enum Condition {
    Value(Operand),
    Comparison { left: Operand, comparison: Comparison, right: Operand },
    Not(Box<Condition>),
    And(Vec<Condition>),
    Or(Vec<Condition>),
}

/// A comparison operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    const ALL: [Self; 6] =
        [Self::Equal, Self::NotEqual, Self::Less, Self::LessOrEqual, Self::Greater, Self::GreaterOrEqual];

    fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

impl Statement {
    /// Returns the topic filter of the FROM clause.
    #[must_use]
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// Returns whether a topic matches the filter. A wildcard at the first level matches no topic that begins with `$`.
    #[must_use]
    pub fn matches(&self, topic: &str) -> bool {
        filter::matches(&self.filter, topic)
    }
    /// Returns whether the result is the whole payload: `SELECT *`.
    #[must_use]
    pub fn selects_payload(&self) -> bool {
        self.items == [Item::All]
    }

    /// Returns whether the statement reads members of the payload, which must then be JSON. `SELECT *` alone does not.
    /// <https://docs.aws.amazon.com/iot/latest/developerguide/binary-payloads.html>
    #[must_use]
    pub fn reads_members(&self) -> bool {
        let of_item = |item: &Item| match item {
            Item::All => !self.selects_payload(),
            Item::Value { operand, .. } => operand.reads_members(),
        };
        self.items.iter().any(of_item) || self.condition.as_ref().is_some_and(Condition::reads_members)
    }
}

impl Operand {
    fn reads_members(&self) -> bool {
        matches!(self, Self::Attribute(_))
    }
}

impl Condition {
    fn reads_members(&self) -> bool {
        match self {
            Self::Value(operand) => operand.reads_members(),
            Self::Comparison { left, right, .. } => left.reads_members() || right.reads_members(),
            Self::Not(inner) => inner.reads_members(),
            Self::And(all) | Self::Or(all) => all.iter().any(Self::reads_members),
        }
    }
}
