//! Templates filled for one token. All resources are in one buffer: a policy has dozens of them, and allocating each
//! took longer than the rest of the work.

use std::borrow::Cow;
use std::ops::Range;

use super::{Actions, Effect, Statement};
use crate::bindings::Bindings;
use crate::template_text::TemplateText;

/// Room for the resources of most policies.
const BUFFER_CAPACITY_BYTES: usize = 1000;

/// The statements of the templates as they are filled.
pub(super) struct Substitution<'t> {
    /// All resources, one after another.
    buffer: String,
    /// Where each resource ends in the buffer.
    ends: Vec<usize>,
    statements: Vec<StatementEntry<'t>>,
}

struct StatementEntry<'t> {
    statement: &'t Statement,
    /// Which of the resources belong to the statement.
    resources: Range<usize>,
    condition: String,
}

/// One effect on some actions and resources: the input of packing.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FilledStatement<'f> {
    pub(super) effect: Effect,
    pub(super) actions: Cow<'f, Actions>,
    pub(super) resources: Vec<&'f str>,
    /// Whether no resource has a character that JSON escapes.
    pub(super) is_plain: bool,
    /// Operators, keys and values as JSON. Empty for a statement without condition.
    pub(super) condition: &'f str,
}

impl FilledStatement<'_> {
    /// Whether both statements have the same condition.
    pub(super) fn has_condition_of(&self, other: &Self) -> bool {
        // Usually both are empty. Checked first: glibc's `memcmp` of two empty slices takes 2 µs with AVX-512, because
        // it reads, masked, from the dangling address of an empty slice.
        match (self.condition.is_empty(), other.condition.is_empty()) {
            (true, true) => true,
            (false, false) => self.condition == other.condition,
            _ => false,
        }
    }
}

impl Default for Substitution<'_> {
    fn default() -> Self {
        Self {
            buffer: String::with_capacity(BUFFER_CAPACITY_BYTES),
            ends: Vec::with_capacity(16),
            statements: Vec::with_capacity(8),
        }
    }
}

impl<'t> Substitution<'t> {
    /// Whether there are no statements.
    pub(super) fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }

    /// Fills a statement and adds it. A resource whose slot is absent is skipped. Returns `None`, and adds nothing, for
    /// an Allow that has no resource left, a Deny that would lack one, and a condition that cannot be filled.
    pub(super) fn add(&mut self, statement: &'t Statement, bindings: &Bindings<'_>) -> Option<()> {
        let condition = statement.fill_condition(bindings)?;
        let (buffer_length, first) = (self.buffer.len(), self.ends.len());
        let mut is_complete = true;
        for resource in &statement.resources {
            let prefix = if resource.is_relative { bindings.arn_prefix() } else { "" };
            is_complete &= self.add_each(prefix, &resource.text, bindings);
        }
        let resources = first..self.ends.len();
        if resources.is_empty() || (statement.effect == Effect::Deny && !is_complete) {
            self.buffer.truncate(buffer_length);
            self.ends.truncate(first);
            return None;
        }
        self.statements.push(StatementEntry { statement, resources, condition });
        Some(())
    }

    /// Adds each resource that a text becomes. Returns whether there is any.
    fn add_each(&mut self, prefix: &str, text: &TemplateText, bindings: &Bindings<'_>) -> bool {
        let count = bindings.count(text);
        for index in 0..count {
            self.buffer.push_str(prefix);
            bindings.write(text, index, &mut self.buffer);
            self.ends.push(self.buffer.len());
        }
        count > 0
    }

    /// The filled statements, in order.
    pub(super) fn statements(&self) -> Vec<FilledStatement<'_>> {
        let is_plain = is_plain(&self.buffer);
        self.statements
            .iter()
            .map(|entry| FilledStatement {
                is_plain,
                effect: entry.statement.effect,
                actions: Cow::Borrowed(&entry.statement.actions),
                resources: entry.resources.clone().filter_map(|index| self.resource(index)).collect(),
                condition: &entry.condition,
            })
            .collect()
    }

    fn resource(&self, index: usize) -> Option<&str> {
        let start =
            index.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
        self.buffer.get(start..*self.ends.get(index)?)
    }
}

/// Whether a text has no character that JSON escapes (RFC 8259 section 7).
pub(super) fn is_plain(text: &str) -> bool {
    // Without an early exit, so that the compiler vectorises it.
    let is_escaped = |byte: u8| (byte < b' ') | (byte == b'"') | (byte == b'\\');
    !text.bytes().fold(false, |any, byte| any | is_escaped(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check agrees with the JSON writer about each character of ASCII, alone and between others.
    #[test]
    fn plain_texts_are_those_that_json_does_not_escape() {
        for character in (0..=0x7f_u8).map(char::from).chain(['é', '\u{2028}']) {
            for text in [character.to_string(), format!("topic/{character}/x{character}")] {
                let is_unchanged = serde_json::to_string(&text).unwrap() == format!("\"{text}\"");
                assert_eq!(is_plain(&text), is_unchanged, "{text:?}");
            }
        }
    }
}
