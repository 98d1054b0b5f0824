//! An expression outside of a statement, as in a substitution template.

use std::fmt;

use serde_json::Value;

use super::{Message, Operand, SqlError};

/// A parsed expression: a member of the payload, a literal or a function.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression(Operand);

impl Expression {
    /// Parses an expression.
    ///
    /// # Errors
    /// The first word that does not fit.
    pub fn parse(text: &str) -> Result<Self, SqlError> {
        Operand::parse(text).map(Self)
    }

    /// Evaluates the expression for a message. `None` is undefined.
    #[must_use]
    pub fn evaluate(&self, message: &Message<'_>) -> Option<Value> {
        self.0.evaluate(message)
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
