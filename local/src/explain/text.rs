//! An explanation as text: the same for the same input.

use std::fmt;

use serde_json::Value;

use super::{Explanation, Granted, Mark, Row, Step};
use crate::moment;
use crate::rights;

/// The steps of a decision that reaches its end.
const STEPS: [&str; 12] = [
    "event",
    "token",
    "header",
    "issuer",
    "key",
    "signature",
    "claims",
    "principal",
    "grants",
    "client id",
    "slots",
    "policy",
];

/// Where the second column begins, if the first is not longer.
const COLUMN: usize = 26;

impl fmt::Display for Explanation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "at {} as {}\n", moment::date(moment::seconds(self.at)), self.function)?;
        self.steps.iter().try_for_each(|step| write!(out, "{step}"))?;
        let left: Vec<&str> = STEPS.iter().skip(self.steps.len()).copied().collect();
        match &self.outcome {
            Ok(granted) => write!(out, "\n{granted}"),
            Err(denial) => {
                if !left.is_empty() {
                    writeln!(out, "not reached: {}", left.join(", "))?;
                }
                writeln!(out, "\nREFUSED: {denial}")?;
                writeln!(out, "  meaning  {}", denial.code().meaning())?;
                writeln!(out, "  hint     {}", denial.code().hint())
            }
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{:<10} {}", self.name, self.mark.sign())?;
        self.rows.iter().try_for_each(|row| write!(out, "{row}"))
    }
}

impl fmt::Display for Row {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "  {:<3} {:<COLUMN$} {}", self.mark.sign(), self.name, self.actual)?;
        match &self.expected {
            Some(expected) => writeln!(out, "   (expected: {expected})"),
            None => writeln!(out),
        }
    }
}

impl Mark {
    const fn sign(self) -> &'static str {
        match self {
            Self::Held => "ok",
            Self::Failed => "NO",
            Self::Unmet => "no",
            Self::NotReached => "..",
            Self::Told => "-",
        }
    }
}

impl fmt::Display for Granted {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "ALLOWED")?;
        writeln!(out, "  principal    {}", self.principal)?;
        writeln!(out, "  disconnect   after {} s", self.disconnect_after)?;
        writeln!(out, "  refresh      after {} s", self.refresh_after)?;
        writeln!(out, "  policy hash  {}", self.policy_hash)?;
        (1..).zip(&self.documents).try_for_each(|(number, document)| write_document(out, number, document))
    }
}

/// A document in short: resources without the head of their ARN.
fn write_document(out: &mut fmt::Formatter<'_>, number: usize, document: &Value) -> fmt::Result {
    writeln!(out, "  document {number}")?;
    for statement in document.get("Statement").and_then(Value::as_array).into_iter().flatten() {
        let effect = statement.get("Effect").and_then(Value::as_str).unwrap_or_default();
        writeln!(out, "    {effect} {}", rights::texts(statement, "Action").join(" "))?;
        for resource in rights::texts(statement, "Resource") {
            writeln!(out, "      {}", rights::bare(resource))?;
        }
        if let Some(condition) = statement.get("Condition") {
            writeln!(out, "      if {condition}")?;
        }
    }
    Ok(())
}
