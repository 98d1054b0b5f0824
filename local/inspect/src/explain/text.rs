//! An explanation as text. The same input gives the same text.

use std::fmt;

use iot_local_base::timestamp;
use iot_local_policy::json::{resource_name, strings};
use serde_json::Value;

use super::{Explanation, Granted, Mark, Row, Step};

/// The steps of an allowed event.
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

/// The width of a row's name, unless it is longer.
const NAME_WIDTH: usize = 26;

impl fmt::Display for Explanation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "at {} as {}\n", timestamp::date(timestamp::seconds(self.at)), self.function)?;
        self.steps.iter().try_for_each(|step| write!(out, "{step}"))?;
        match &self.outcome {
            Ok(granted) => write!(out, "\n{granted}"),
            Err(denial) => {
                let not_reached: Vec<&str> = STEPS.iter().skip(self.steps.len()).copied().collect();
                if !not_reached.is_empty() {
                    writeln!(out, "not reached: {}", not_reached.join(", "))?;
                }
                writeln!(out, "\nDENIED: {denial}")?;
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
        write!(out, "  {:<3} {:<NAME_WIDTH$} {}", self.mark.sign(), self.name, self.actual)?;
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
            Self::Note => "-",
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

/// Writes a document in short form: resources without the prefix of their ARN.
fn write_document(out: &mut fmt::Formatter<'_>, number: usize, document: &Value) -> fmt::Result {
    writeln!(out, "  document {number}")?;
    for statement in document.get("Statement").and_then(Value::as_array).into_iter().flatten() {
        let effect = statement.get("Effect").and_then(Value::as_str).unwrap_or_default();
        writeln!(out, "    {effect} {}", strings(statement, "Action").join(" "))?;
        for resource in strings(statement, "Resource") {
            writeln!(out, "      {}", resource_name(resource))?;
        }
        if let Some(condition) = statement.get("Condition") {
            writeln!(out, "      if {condition}")?;
        }
    }
    Ok(())
}
