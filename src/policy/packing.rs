//! Statements packed into as few documents as possible, in a fixed order.
//!
//! AWS IoT accepts ten documents of 2,048 characters each.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/custom-auth-lambda.html>

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::Effect;
use super::substitution::{FilledStatement, is_plain};
use crate::denial::Code;

/// Most documents of a response.
pub const MAX_DOCUMENTS: usize = 10;

/// Longest document. Counted in bytes of UTF-8, which are at least as many as the characters.
pub const MAX_DOCUMENT_CHARACTERS: usize = 2048;

/// Characters of all documents. More distinct resources than that cannot fit.
const MAX_CHARACTERS: usize = MAX_DOCUMENTS * MAX_DOCUMENT_CHARACTERS;

const HEAD: &str = r#"{"Version":"2012-10-17","Statement":["#;
const TAIL: &str = "]}";
const ALLOW: &str = r#"{"Effect":"Allow","Action":"#;
const DENY: &str = r#"{"Effect":"Deny","Action":"#;
const RESOURCE: &str = r#","Resource":["#;

/// Merges statements where possible and writes the documents.
///
/// # Errors
/// [`Code::PolicyTooLarge`]: INVARIANT (nothing is cut to fit).
pub(super) fn pack(mut statements: Vec<FilledStatement<'_>>) -> Result<Vec<Box<RawValue>>, Code> {
    merge(&mut statements)?;
    let mut writer = Writer::new();
    for statement in &statements {
        writer.write(statement)?;
    }
    writer.finish()
}

/// Merges statements with the same actions, then statements with the same resources. The second step may give two
/// statements the same actions, so the first is repeated after it.
///
/// # Errors
/// As [`keep_distinct`].
fn merge(statements: &mut Vec<FilledStatement<'_>>) -> Result<(), Code> {
    for statement in &mut *statements {
        keep_distinct(&mut statement.resources, 0)?;
    }
    merge_same_actions(statements)?;
    let count = statements.len();
    merge_same_resources(statements)?;
    if statements.len() < count { merge_same_actions(statements) } else { Ok(()) }
}

fn merge_same_actions(statements: &mut Vec<FilledStatement<'_>>) -> Result<(), Code> {
    merge_if(
        statements,
        |left, right| left.actions.is_same_set(&right.actions),
        |statement, merged| {
            let kept = statement.resources.len();
            statement.resources.extend(merged.resources);
            keep_distinct(&mut statement.resources, kept)
        },
    )
}

fn merge_same_resources(statements: &mut Vec<FilledStatement<'_>>) -> Result<(), Code> {
    merge_if(
        statements,
        |left, right| left.resources == right.resources,
        |statement, merged| {
            statement.actions = Cow::Owned(statement.actions.union(&merged.actions));
            Ok(())
        },
    )
}

/// Merges each statement into the first earlier one with the same effect and condition that is the same by `is_same`.
fn merge_if<'t>(
    statements: &mut Vec<FilledStatement<'t>>,
    is_same: fn(&FilledStatement<'t>, &FilledStatement<'t>) -> bool,
    absorb: fn(&mut FilledStatement<'t>, FilledStatement<'t>) -> Result<(), Code>,
) -> Result<(), Code> {
    let mut index = 0_usize;
    while let Some((earlier, [statement, ..])) = statements.split_at_checked(index) {
        let fits = |other: &FilledStatement<'t>| {
            other.effect == statement.effect && other.has_condition_of(statement) && is_same(other, statement)
        };
        let Some(target) = earlier.iter().position(fits) else {
            index = index.saturating_add(1);
            continue;
        };
        let merged = statements.remove(index);
        if let Some(target) = statements.get_mut(target) {
            absorb(target, merged)?;
        }
    }
    Ok(())
}

/// Keeps the first of equal resources; the first `kept` are distinct already.
///
/// Each resource is compared with all distinct ones before it. Their number is bounded, since the work ends as soon as
/// they cannot fit: otherwise a token with a long list in many resources would take seconds.
///
/// # Errors
/// [`Code::PolicyTooLarge`] if the distinct resources have more than [`MAX_CHARACTERS`].
fn keep_distinct<R: AsRef<str> + PartialEq>(resources: &mut Vec<R>, kept: usize) -> Result<(), Code> {
    let mut characters = resources.iter().take(kept).map(|resource| resource.as_ref().len()).sum::<usize>();
    let (mut end, mut index) = (kept, kept);
    while let (Some(known), Some(resource)) = (resources.get(..end), resources.get(index)) {
        if !known.contains(resource) {
            characters = characters.saturating_add(resource.as_ref().len());
            if characters > MAX_CHARACTERS {
                return Err(Code::PolicyTooLarge);
            }
            resources.swap(end, index);
            end = end.saturating_add(1);
        }
        index = index.saturating_add(1);
    }
    resources.truncate(end);
    Ok(())
}

/// Fills one document after another. A statement that does not fit continues in the next document.
struct Writer {
    documents: Vec<Box<RawValue>>,
    document: String,
}

impl Writer {
    fn new() -> Self {
        Self { documents: Vec::with_capacity(1), document: new_document() }
    }

    fn write(&mut self, statement: &FilledStatement<'_>) -> Result<(), Code> {
        let end = StatementEnd(statement.condition);
        let mut resources =
            statement.resources.iter().map(|resource| Quoted::new(resource, statement.is_plain)).peekable();
        while let Some(first) = resources.next() {
            let start = self.document.len();
            self.begin_statement(statement, &first);
            if end.len() > self.room() && start > HEAD.len() {
                self.document.truncate(start);
                self.next_document()?;
                self.begin_statement(statement, &first);
            }
            while let Some(next) = resources
                .next_if(|next| next.len().saturating_add(end.len()).saturating_add(1) <= self.room())
            {
                self.document.push(',');
                next.write(&mut self.document);
            }
            end.write(&mut self.document);
            if self.document.len().saturating_add(TAIL.len()) > MAX_DOCUMENT_CHARACTERS {
                return Err(Code::PolicyTooLarge);
            }
        }
        Ok(())
    }

    /// Writes a statement up to its first resource.
    fn begin_statement(&mut self, statement: &FilledStatement<'_>, first: &Quoted<'_>) {
        let document = &mut self.document;
        if document.len() > HEAD.len() {
            document.push(',');
        }
        document.push_str(match statement.effect {
            Effect::Allow => ALLOW,
            Effect::Deny => DENY,
        });
        document.push_str(statement.actions.json());
        document.push_str(RESOURCE);
        first.write(document);
    }

    /// How many characters the document has room for; zero if it is already too long.
    fn room(&self) -> usize {
        MAX_DOCUMENT_CHARACTERS.saturating_sub(self.document.len()).saturating_sub(TAIL.len())
    }

    fn next_document(&mut self) -> Result<(), Code> {
        let document = std::mem::replace(&mut self.document, new_document());
        self.close(document)?;
        if self.documents.len() >= MAX_DOCUMENTS { Err(Code::PolicyTooLarge) } else { Ok(()) }
    }

    fn close(&mut self, mut document: String) -> Result<(), Code> {
        document.push_str(TAIL);
        self.documents.push(RawValue::from_string(document).map_err(|_| Code::PolicyTooLarge)?);
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<Box<RawValue>>, Code> {
        let last = std::mem::take(&mut self.document);
        self.close(last)?;
        Ok(self.documents)
    }
}

/// A document without statements.
fn new_document() -> String {
    let mut document = String::with_capacity(MAX_DOCUMENT_CHARACTERS);
    document.push_str(HEAD);
    document
}

/// The end of a statement, after its resources: the condition, if it has one.
struct StatementEnd<'s>(&'s str);

impl StatementEnd<'_> {
    const CONDITION: &'static str = r#"],"Condition":"#;

    fn len(&self) -> usize {
        match self.0.len() {
            0 => "]}".len(),
            condition => Self::CONDITION.len().saturating_add(condition).saturating_add("}".len()),
        }
    }

    fn write(&self, document: &mut String) {
        if self.0.is_empty() {
            document.push_str("]}");
        } else {
            for text in [Self::CONDITION, self.0, "}"] {
                document.push_str(text);
            }
        }
    }
}

/// A string as JSON.
enum Quoted<'t> {
    /// Without a character that JSON escapes, as most are.
    Plain(&'t str),
    /// Escaped, with its quotes.
    Escaped(String),
}

impl<'t> Quoted<'t> {
    /// `is_known_plain` saves a second check of the text.
    fn new(text: &'t str, is_known_plain: bool) -> Self {
        if is_known_plain || is_plain(text) {
            Self::Plain(text)
        } else {
            Self::Escaped(serde_json::Value::from(text).to_string())
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Plain(text) => text.len().saturating_add(2),
            Self::Escaped(text) => text.len(),
        }
    }

    fn write(&self, document: &mut String) {
        match self {
            Self::Plain(text) => {
                document.push('"');
                document.push_str(text);
                document.push('"');
            }
            Self::Escaped(text) => document.push_str(text),
        }
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "the tests' own numbers do not overflow")]
mod tests;
