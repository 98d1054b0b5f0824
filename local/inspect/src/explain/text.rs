//! An explanation as text: the verdict, the step that failed, and on demand all steps. The same input gives the same
//! text.

use std::fmt;

use iot_local_base::timestamp;
use iot_local_policy::json::{resource_name, strings};
use serde_json::Value;

use super::{Explanation, Granted, Mark, Row, Step};
use crate::permission::development_note;

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
/// The width of a mark.
const MARK_WIDTH: usize = 7;

/// How an explanation is shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct TextOptions {
    /// Whether all steps are shown, not only the one that failed.
    pub is_verbose: bool,
    /// Whether the text has colours.
    pub has_colours: bool,
}

/// An explanation to be shown.
pub struct ExplanationText<'a> {
    pub(super) explanation: &'a Explanation,
    pub(super) options: TextOptions,
}

/// The whole explanation without colours.
impl fmt::Display for Explanation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text(TextOptions { is_verbose: true, has_colours: false }).fmt(out)
    }
}

impl fmt::Display for ExplanationText<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { explanation, options } = self;
        let has_colours = options.has_colours;
        match &explanation.outcome {
            Ok(_) => writeln!(out, "{}", paint("ALLOWED", Colour::Green, has_colours))?,
            Err(denial) => {
                writeln!(out, "{}: {denial}", paint("DENIED", Colour::Red, has_colours))?;
                writeln!(out, "  meaning      {}", denial.code().meaning())?;
                writeln!(out, "  hint         {}", denial.code().hint())?;
            }
        }
        let Explanation { at, function, steps, .. } = explanation;
        if options.is_verbose {
            writeln!(out, "  time         {}", timestamp::date(timestamp::seconds(*at)))?;
            writeln!(out, "  function     {function}")?;
        }
        if let Some(path) = &explanation.development_keys {
            writeln!(out, "  keys         {}", development_note(path))?;
        }
        if let Ok(granted) = &explanation.outcome {
            write_granted(out, granted)?;
        }
        let shown = steps.iter().filter(|step| options.is_verbose || step.mark == Mark::Failed);
        for step in shown {
            writeln!(out)?;
            write_step(out, step, *options)?;
        }
        let not_reached: Vec<&str> = STEPS.iter().skip(steps.len()).copied().collect();
        if explanation.outcome.is_err() && options.is_verbose && !not_reached.is_empty() {
            writeln!(out, "\nnot reached: {}", not_reached.join(", "))?;
        }
        if options.is_verbose { Ok(()) } else { writeln!(out, "\n--verbose shows all {} steps", steps.len()) }
    }
}

fn write_step(out: &mut fmt::Formatter<'_>, step: &Step, options: TextOptions) -> fmt::Result {
    writeln!(out, "{}", format!("{:<10} {}", step.name, marked(step.mark, options).trim_end()).trim_end())?;
    // In a step that failed, the rows that explain it are those that did not pass.
    let is_shown = |row: &&Row| options.is_verbose || !matches!(row.mark, Mark::NotReached | Mark::Held);
    step.rows.iter().filter(is_shown).try_for_each(|row| write_row(out, row, options))
}

fn write_row(out: &mut fmt::Formatter<'_>, row: &Row, options: TextOptions) -> fmt::Result {
    write!(out, "  {} {:<NAME_WIDTH$} {}", marked(row.mark, options), row.name, row.actual)?;
    match &row.expected {
        Some(expected) => writeln!(out, "   (expected: {expected})"),
        None => writeln!(out),
    }
}

fn marked(mark: Mark, options: TextOptions) -> String {
    let (word, colour) = match mark {
        Mark::Held => ("ok", Colour::Green),
        Mark::Failed => ("FAILED", Colour::Red),
        Mark::Unmet => ("unmet", Colour::Faint),
        Mark::NotReached => ("skipped", Colour::Faint),
        Mark::Note => ("", Colour::Faint),
    };
    paint(&format!("{word:<MARK_WIDTH$}"), colour, options.has_colours)
}

#[derive(Clone, Copy)]
enum Colour {
    Green,
    Red,
    Faint,
}

fn paint(text: &str, colour: Colour, has_colours: bool) -> String {
    let code = match colour {
        Colour::Green => 32,
        Colour::Red => 31,
        Colour::Faint => 2,
    };
    if has_colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

fn write_granted(out: &mut fmt::Formatter<'_>, granted: &Granted) -> fmt::Result {
    let mut policies: Vec<&str> = Vec::new();
    for piece in granted.pieces.iter().filter(|piece| !piece.documents.is_empty()) {
        if !policies.contains(&&*piece.template) {
            policies.push(&piece.template);
        }
    }
    writeln!(out, "  issuer       {}", granted.issuer)?;
    writeln!(out, "  policies     {}", policies.join(", "))?;
    writeln!(out, "  principal    {}", granted.principal)?;
    writeln!(out, "  disconnect   after {} s", granted.disconnect_after)?;
    writeln!(out, "  refresh      after {} s", granted.refresh_after)?;
    writeln!(out, "  policy hash  {}", granted.policy_hash)?;
    (1..).zip(&granted.documents).try_for_each(|(number, document)| write_document(out, number, document))
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
