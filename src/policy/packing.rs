//! Statements packed into as few documents as they need, in a fixed order.
//!
//! AWS IoT takes ten documents of 2,048 characters.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/custom-auth-lambda.html>

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::Effect;
use super::filling::{Filled, Resources, is_plain};
use crate::denial::Code;

/// Of one answer.
pub const MAX_DOCUMENTS: usize = 10;

/// Of one document. Counted in bytes of UTF-8, which are never fewer.
pub const MAX_DOCUMENT_CHARACTERS: usize = 2048;

const HEAD: &str = r#"{"Version":"2012-10-17","Statement":["#;
const TAIL: &str = "]}";
const ALLOW: &str = r#"{"Effect":"Allow","Action":"#;
const DENY: &str = r#"{"Effect":"Deny","Action":"#;
const RESOURCE: &str = r#","Resource":["#;

/// Merges what can be merged and writes the documents.
///
/// # Errors
/// [`Code::PolicyTooLarge`]; nothing is ever cut.
pub(super) fn pack(mut statements: Vec<Filled<'_>>) -> Result<Vec<Box<RawValue>>, Code> {
    merge(&mut statements);
    let mut writer = Writer::new(statements.iter().map(about).fold(0, usize::saturating_add));
    for statement in &statements {
        writer.write(statement)?;
    }
    writer.finish()
}

/// Puts together what has the same actions, then what has the same resources; that may give some the same actions again.
fn merge(statements: &mut Vec<Filled<'_>>) {
    for statement in &mut *statements {
        statement.resources = distinct(std::mem::take(&mut statement.resources));
    }
    by_actions(statements);
    let count = statements.len();
    by_resources(statements);
    if statements.len() < count {
        by_actions(statements);
    }
}

fn by_actions(statements: &mut Vec<Filled<'_>>) {
    merge_by(
        statements,
        |one, other| one.actions.are_those_of(&other.actions),
        |own, more| own.resources = distinct(own.resources.drain(..).chain(more.resources).collect()),
    );
}

fn by_resources(statements: &mut Vec<Filled<'_>>) {
    merge_by(
        statements,
        |one, other| one.resources == other.resources,
        |own, more| own.actions = Cow::Owned(own.actions.with(&more.actions)),
    );
}

/// Each is absorbed by the first before it that it fits. Mostly none is, and none is moved.
fn merge_by<'t>(
    statements: &mut Vec<Filled<'t>>,
    same: fn(&Filled<'t>, &Filled<'t>) -> bool,
    absorb: fn(&mut Filled<'t>, Filled<'t>),
) {
    let mut at = 0_usize;
    while let Some((before, [statement, ..])) = statements.split_at_mut_checked(at) {
        let fits = |own: &Filled<'t>| {
            own.effect == statement.effect && own.has_condition_of(statement) && same(own, statement)
        };
        let Some(own) = before.iter().position(fits) else {
            at = at.saturating_add(1);
            continue;
        };
        let more = statements.remove(at);
        if let Some(own) = statements.get_mut(own) {
            absorb(own, more);
        }
    }
}

/// Each once, in the order in which they first come.
fn distinct(resources: Resources<'_>) -> Resources<'_> {
    let mut all = resources.iter().enumerate();
    if all.all(|(at, resource)| !resources.iter().take(at).any(|other| other == resource)) {
        return resources;
    }
    resources.into_iter().fold(Resources::new(), |mut own, resource| {
        if !own.contains(&resource) {
            own.push(resource);
        }
        own
    })
}

/// Fills one document after the other; a statement that does not fit is continued in the next.
struct Writer {
    documents: Vec<Box<RawValue>>,
    document: String,
}

impl Writer {
    /// For so many characters of statements.
    fn new(characters: usize) -> Self {
        // The first statement has no comma.
        let whole = characters.saturating_add(HEAD.len()).saturating_add(TAIL.len()).saturating_sub(1);
        Self { documents: Vec::with_capacity(1), document: begun(whole.min(MAX_DOCUMENT_CHARACTERS)) }
    }

    fn write(&mut self, statement: &Filled<'_>) -> Result<(), Code> {
        let close = Close::of(statement);
        let mut resources =
            statement.resources.iter().map(|resource| Quoted::of(resource, statement.is_plain)).peekable();
        while let Some(first) = resources.next() {
            let start = self.document.len();
            self.open(statement, &first);
            if close.len() > self.room() && start > HEAD.len() {
                self.document.truncate(start);
                self.next_document()?;
                self.open(statement, &first);
            }
            while let Some(next) = resources
                .next_if(|next| next.len().saturating_add(close.len()).saturating_add(1) <= self.room())
            {
                self.document.push(',');
                next.write(&mut self.document);
            }
            close.write(&mut self.document);
            if self.document.len().saturating_add(TAIL.len()) > MAX_DOCUMENT_CHARACTERS {
                return Err(Code::PolicyTooLarge);
            }
        }
        Ok(())
    }

    /// A statement up to its first resource.
    fn open(&mut self, statement: &Filled<'_>, first: &Quoted<'_>) {
        let document = &mut self.document;
        if document.len() > HEAD.len() {
            document.push(',');
        }
        document.push_str(match statement.effect {
            Effect::Allow => ALLOW,
            Effect::Deny => DENY,
        });
        document.push_str(statement.actions.text());
        document.push_str(RESOURCE);
        first.write(document);
    }

    /// How much the document may still take. Nothing once it is too long.
    fn room(&self) -> usize {
        MAX_DOCUMENT_CHARACTERS.saturating_sub(self.document.len()).saturating_sub(TAIL.len())
    }

    fn next_document(&mut self) -> Result<(), Code> {
        let document = std::mem::replace(&mut self.document, begun(MAX_DOCUMENT_CHARACTERS));
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

/// A document without statements, with room for so many characters in all.
fn begun(characters: usize) -> String {
    let mut document = String::with_capacity(characters);
    document.push_str(HEAD);
    document
}

/// How long a statement becomes if nothing in it is escaped, its comma included: room is made at once, and none is left over.
fn about(statement: &Filled<'_>) -> usize {
    let quoted = |total: usize, text: &&str| total.saturating_add(text.len()).saturating_add(3);
    let resources = statement.resources.iter().fold(0, quoted);
    let effect = match statement.effect {
        Effect::Allow => ALLOW.len(),
        Effect::Deny => DENY.len(),
    };
    [effect, statement.actions.text().len(), RESOURCE.len(), resources, Close::of(statement).len()]
        .into_iter()
        .fold(0, usize::saturating_add)
}

/// What stands after a statement's resources.
struct Close<'s>(&'s str);

impl<'s> Close<'s> {
    const CONDITION: &'static str = r#"],"Condition":"#;

    fn of(statement: &Filled<'s>) -> Self {
        Self(statement.condition)
    }

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

/// A string as JSON has it.
enum Quoted<'t> {
    /// Without anything that has to be escaped, as nearly all are.
    Plain(&'t str),
    /// Escaped, its quotes included.
    Escaped(String),
}

impl<'t> Quoted<'t> {
    /// `is_known_plain` spares the look at a text that was looked at already.
    fn of(text: &'t str, is_known_plain: bool) -> Self {
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
#[expect(clippy::arithmetic_side_effects, reason = "the numbers are the tests' own")]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::Actions;
    use super::*;

    /// A statement whose one resource has so many characters; `effect` keeps it from being merged.
    fn statement(effect: Effect, length: usize) -> Filled<'static> {
        Filled {
            effect,
            actions: Cow::Owned(Actions::of(["iot:Publish"])),
            resources: [&*"r".repeat(length).leak()].into_iter().collect(),
            condition: "",
            is_plain: true,
        }
    }

    fn lengths(statements: Vec<Filled<'_>>) -> Result<Vec<usize>, Code> {
        pack(statements).map(|documents| documents.iter().map(|document| document.get().len()).collect())
    }

    /// What a document of one statement, or of two, has beside the resources.
    fn frame_of(effects: &[Effect]) -> usize {
        let statements = effects.iter().map(|effect| statement(*effect, 1)).collect();
        lengths(statements).unwrap()[0] - effects.len()
    }

    #[test]
    fn a_document_is_filled_to_its_last_character() {
        let one = MAX_DOCUMENT_CHARACTERS - frame_of(&[Effect::Allow]);
        assert_eq!(lengths(vec![statement(Effect::Allow, one)]), Ok(vec![2048]));
        assert_eq!(lengths(vec![statement(Effect::Allow, one + 1)]), Err(Code::PolicyTooLarge));

        let two = MAX_DOCUMENT_CHARACTERS - frame_of(&[Effect::Allow, Effect::Deny]);
        let pair =
            |length| lengths(vec![statement(Effect::Allow, 1000), statement(Effect::Deny, length - 1000)]);
        assert_eq!(pair(two), Ok(vec![2048]));
        assert_eq!(pair(two + 1).map(|lengths| lengths.len()), Ok(2));

        let both = |length: usize| {
            let resources =
                [&*"a".repeat(1000).leak(), &*"b".repeat(length - 1000).leak()].into_iter().collect();
            lengths(vec![Filled { resources, ..statement(Effect::Allow, 1) }])
        };
        let comma_and_quotes = 3;
        assert_eq!(both(one - comma_and_quotes), Ok(vec![2048]));
        assert_eq!(both(one - comma_and_quotes + 1).map(|lengths| lengths.len()), Ok(2));
    }

    /// Room is made for what is written, to the character: nothing grows, nothing is left over.
    #[test]
    fn the_room_that_is_made_is_what_is_taken() {
        for (effects, several) in [(vec![Effect::Allow], 1), (vec![Effect::Allow, Effect::Deny], 3)] {
            let statements: Vec<Filled<'_>> = effects
                .iter()
                .map(|effect| Filled {
                    actions: Cow::Owned(Actions::of(["iot:0", "iot:1", "iot:2"].into_iter().take(several))),
                    condition: if several > 1 { "{}" } else { "" },
                    resources: ["a", "bc"].into_iter().collect(),
                    ..statement(*effect, 1)
                })
                .collect();
            // Each statement brings its comma, and the first has none.
            let made: usize = statements.iter().map(about).sum::<usize>() - 1;
            assert_eq!(lengths(statements), Ok(vec![made + HEAD.len() + TAIL.len()]));
        }
    }

    #[test]
    fn ten_documents_and_no_more() {
        let one = MAX_DOCUMENT_CHARACTERS - frame_of(&[Effect::Allow]);
        let full = |count: usize| {
            let resources = (0..count).map(|at| &*format!("{at:02}{}", "r".repeat(one - 2)).leak()).collect();
            lengths(vec![Filled { resources, ..statement(Effect::Allow, 1) }])
        };
        assert_eq!(full(10), Ok(vec![2048; 10]));
        assert_eq!(full(11), Err(Code::PolicyTooLarge));
    }

    /// Who may do what to what, or may not, under which condition.
    fn rights<'f>(statements: &'f [Filled<'_>]) -> BTreeSet<(bool, &'f str, &'f str, &'f str)> {
        let each = statements.iter().flat_map(|statement| {
            let actions = statement.actions.names().iter();
            actions.flat_map(move |action| {
                statement.resources.iter().map(move |resource| (statement, action, resource))
            })
        });
        each.map(|(own, action, resource)| (own.effect == Effect::Allow, &**action, *resource, own.condition))
            .collect()
    }

    fn some<'t>(of: &'static [&'t str], most: usize) -> impl Strategy<Value = Vec<&'t str>> {
        prop::collection::vec(prop::sample::select(of), 1..=most)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2048, ..ProptestConfig::default() })]

        /// Whatever stands twice, in whatever order, in whichever statement.
        #[test]
        fn merging_neither_adds_nor_drops_a_right(statements in prop::collection::vec(
            (any::<bool>(), some(&["iot:A", "iot:B", "iot:C"], 3), some(&["x", "y", "z"], 3), prop::sample::select(vec!["", "{}"])), 0..6,
        )) {
            let mut merged: Vec<Filled<'_>> = statements
                .iter()
                .map(|(allows, actions, resources, condition)| Filled {
                    effect: if *allows { Effect::Allow } else { Effect::Deny },
                    actions: Cow::Owned(Actions::of(actions.iter().copied())),
                    resources: resources.iter().copied().collect(),
                    condition,
                    is_plain: true,
                })
                .collect();
            let before = merged.clone();
            merge(&mut merged);
            prop_assert_eq!(rights(&before), rights(&merged));
            prop_assert!(merged.len() <= before.len());
        }
    }
}
