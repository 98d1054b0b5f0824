//! Templates filled for one token. All texts stand one after another in one buffer: a policy has dozens, and a string of its own for
//! each took longer than all else about it.

use std::borrow::Cow;
use std::ops::Range;

use smallvec::SmallVec;

use super::{Actions, Bindings, Effect, Statement, Text};

/// Most policies' resources are shorter, in characters; more grow. What is larger than this the C library allocates slowly.
const MOST_CHARACTERS: usize = 1000;

/// The resources of a statement. Most have few.
pub(super) type Resources<'f> = SmallVec<[&'f str; 4]>;

/// What the templates say, as it grows.
pub(super) struct Filling<'t> {
    texts: String,
    /// Where each text ends.
    ends: Vec<usize>,
    statements: Vec<Entry<'t>>,
}

struct Entry<'t> {
    statement: &'t Statement,
    /// Which of the texts are its resources.
    resources: Range<usize>,
    condition: String,
}

/// One effect on some actions and resources, filled: what packing works on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Filled<'f> {
    pub(super) effect: Effect,
    pub(super) actions: Cow<'f, Actions>,
    pub(super) resources: Resources<'f>,
    /// Whether no resource has anything that JSON escapes, as nearly always.
    pub(super) is_plain: bool,
    /// Operator, key and values, as JSON text. Empty where there is no condition.
    pub(super) condition: &'f str,
}

impl Filled<'_> {
    /// Nearly always neither has one. That is asked first: the C library compares nothing with nothing by reading from where
    /// nothing is, which costs some processors as much as the rest of the packing.
    pub(super) fn has_condition_of(&self, other: &Self) -> bool {
        match (self.condition.is_empty(), other.condition.is_empty()) {
            (true, true) => true,
            (false, false) => self.condition == other.condition,
            _ => false,
        }
    }
}

impl Default for Filling<'_> {
    fn default() -> Self {
        Self {
            texts: String::with_capacity(MOST_CHARACTERS),
            ends: Vec::with_capacity(16),
            statements: Vec::with_capacity(8),
        }
    }
}

impl<'t> Filling<'t> {
    /// Whether nothing was said.
    pub(super) fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }

    /// Adds what a statement says for these bindings. A resource whose slot is absent is left out. `None`, and nothing is added, when
    /// an Allow has no resource left, a Deny lacks one, or a condition cannot be filled.
    pub(super) fn add(&mut self, statement: &'t Statement, bindings: &Bindings<'_>) -> Option<()> {
        let condition = statement.fill_condition(bindings)?;
        let (characters, start) = (self.texts.len(), self.ends.len());
        let mut complete = true;
        for resource in &statement.resources {
            let prefix = if resource.is_relative { bindings.arn_prefix() } else { "" };
            complete &= self.add_each(prefix, &resource.text, bindings);
        }
        let resources = start..self.ends.len();
        if resources.is_empty() || (statement.effect == Effect::Deny && !complete) {
            self.texts.truncate(characters);
            self.ends.truncate(start);
            return None;
        }
        self.statements.push(Entry { statement, resources, condition });
        Some(())
    }

    /// Says whether there was any.
    fn add_each(&mut self, prefix: &str, text: &Text, bindings: &Bindings<'_>) -> bool {
        let count = text.count(bindings);
        for at in 0..count {
            self.texts.push_str(prefix);
            text.write(at, bindings, &mut self.texts);
            self.ends.push(self.texts.len());
        }
        count > 0
    }

    /// The statements, in order.
    pub(super) fn statements(&self) -> Vec<Filled<'_>> {
        let is_plain = is_plain(&self.texts);
        self.statements
            .iter()
            .map(|entry| Filled {
                is_plain,
                effect: entry.statement.effect,
                actions: Cow::Borrowed(&entry.statement.actions),
                resources: entry.resources.clone().filter_map(|at| self.text(at)).collect(),
                condition: &entry.condition,
            })
            .collect()
    }

    fn text(&self, at: usize) -> Option<&str> {
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
        self.texts.get(start..*self.ends.get(at)?)
    }
}

/// Whether a text has nothing that JSON escapes (RFC 8259 section 7).
pub(super) fn is_plain(text: &str) -> bool {
    // Every byte is looked at, whatever came before it: that way several are at once.
    let is_special = |byte: u8| (byte < b' ') | matches!(byte, b'"' | b'\\');
    !text.bytes().fold(false, |any, byte| any | is_special(byte))
}

impl Text {
    /// How many texts it makes: one, one for each value of a list slot, or none where a value is absent.
    pub(super) fn count(&self, bindings: &Bindings<'_>) -> usize {
        // There is one list slot at most (`Text::parse`).
        let counts = self.parts.iter().map(|part| bindings.count(part));
        counts.fold(1, |most, count| if most == 0 || count == 0 { 0 } else { most.max(count) })
    }

    /// Writes the text with every value put in; `at` tells the texts of a list slot apart.
    pub(super) fn write(&self, at: usize, bindings: &Bindings<'_>, out: &mut String) {
        for part in &self.parts {
            let at = if bindings.count(part) == 1 { 0 } else { at };
            out.push_str(bindings.text(part, at).unwrap_or_default());
        }
    }
}
