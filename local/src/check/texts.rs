//! Whether two texts with variables could come out alike.

use iot_jwt_authorizer::policy::{Part, Text};
use iot_jwt_authorizer::slots::{Slot, SlotKind};

/// A text as one issuer would fill it.
#[derive(Clone, Copy)]
pub(super) struct Pattern<'a> {
    pub(super) text: &'a Text,
    pub(super) slots: &'a [Slot],
    /// The issuer's short name.
    pub(super) issuer: &'a str,
    /// Whether `*` and AWS's own variables stand for any text, as AWS IoT reads them, or for themselves, as a packer does.
    pub(super) wildcards: bool,
}

/// A piece of a level.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Atom {
    Text(String),
    /// One character or more, and no slash.
    Open,
}

/// A piece of a text.
enum Piece<'a> {
    Text(&'a str),
    Open,
    /// Any text, slashes included.
    Wide,
}

/// A text as levels. Behind a piece that may hold slashes nothing is aligned, so only the levels before the first such piece and behind
/// the last are kept, without those that it touches.
struct Shape {
    before: Vec<Vec<Atom>>,
    after: Option<Vec<Vec<Atom>>>,
}

impl<'a> Pattern<'a> {
    /// Whether some values might make one text of both. `true` when in doubt.
    pub(super) fn may_equal(&self, other: &Pattern<'_>) -> bool {
        let (one, two) = (self.shape(), other.shape());
        if one.after.is_none() && two.after.is_none() && one.before.len() != two.before.len() {
            return false;
        }
        let fits = |(one, two): (&Vec<Atom>, &Vec<Atom>)| may_equal(one, two);
        one.before.iter().zip(&two.before).all(fits) && one.last().zip(two.last()).all(fits)
    }

    fn pieces(&self) -> Vec<Piece<'a>> {
        let mut pieces = Vec::new();
        for part in &self.text.parts {
            match part {
                Part::Literal(text) if self.wildcards => {
                    let mut texts = text.split(['*', '?']).peekable();
                    while let Some(text) = texts.next() {
                        pieces.push(if text.contains("${") { Piece::Wide } else { Piece::Text(text) });
                        if texts.peek().is_some() {
                            pieces.push(Piece::Wide);
                        }
                    }
                }
                Part::Literal(text) => pieces.push(Piece::Text(text)),
                Part::Issuer => pieces.push(Piece::Text(self.issuer)),
                Part::ClientId => pieces.push(Piece::Wide),
                Part::Slot(index) => pieces.push(match self.slots.get(*index).map(|slot| slot.kind) {
                    Some(SlotKind::Path) | None => Piece::Wide,
                    Some(SlotKind::Id | SlotKind::Uuid | SlotKind::Hash) => Piece::Open,
                }),
                Part::Partition | Part::Region | Part::Account => pieces.push(Piece::Open),
            }
        }
        pieces
    }

    fn shape(&self) -> Shape {
        let mut levels: Vec<Vec<Atom>> = vec![Vec::new()];
        let mut before = None;
        for piece in self.pieces() {
            match piece {
                Piece::Open => push(&mut levels, Atom::Open),
                Piece::Wide => {
                    levels.pop();
                    before.get_or_insert(levels);
                    levels = vec![Vec::new()];
                }
                Piece::Text(text) => {
                    for (at, level) in text.split('/').enumerate() {
                        if at > 0 {
                            levels.push(Vec::new());
                        }
                        if !level.is_empty() {
                            push(&mut levels, Atom::Text(level.to_owned()));
                        }
                    }
                }
            }
        }
        match before {
            Some(before) => Shape { before, after: Some(levels.into_iter().skip(1).collect()) },
            None => Shape { before: levels, after: None },
        }
    }
}

impl Shape {
    /// Levels from the last to the first that is aligned with the end.
    fn last(&self) -> std::iter::Rev<std::slice::Iter<'_, Vec<Atom>>> {
        self.after.as_ref().unwrap_or(&self.before).iter().rev()
    }
}

fn push(levels: &mut [Vec<Atom>], atom: Atom) {
    if let Some(level) = levels.last_mut() {
        level.push(atom);
    }
}

fn may_equal(one: &[Atom], two: &[Atom]) -> bool {
    let whole = |level: &[Atom]| {
        level
            .iter()
            .map(|atom| if let Atom::Text(text) = atom { Some(text.as_str()) } else { None })
            .collect::<Option<String>>()
    };
    if let (Some(one), Some(two)) = (whole(one), whole(two)) {
        return one == two;
    }
    // No value is empty.
    let nothing = |level: &[Atom], other: &[Atom]| level.is_empty() && !other.is_empty();
    let clash = |one: Option<&Atom>, two: Option<&Atom>, fits: fn(&str, &str) -> bool| match (one, two) {
        (Some(Atom::Text(one)), Some(Atom::Text(two))) => !fits(one, two) && !fits(two, one),
        _ => false,
    };
    !(nothing(one, two)
        || nothing(two, one)
        || clash(one.first(), two.first(), |one, two| one.starts_with(two))
        || clash(one.last(), two.last(), |one, two| one.ends_with(two)))
}

/// A text as the policy writes it.
pub(super) fn written(text: &Text, slots: &[Slot]) -> String {
    text.parts
        .iter()
        .map(|part| match part {
            Part::Literal(text) => text.to_string(),
            Part::Slot(index) => format!("${{{}}}", slots.get(*index).map_or("", |slot| &*slot.name)),
            Part::ClientId => "${mqtt:client_id}".to_owned(),
            Part::Issuer => "${issuer:id}".to_owned(),
            Part::Partition => "${aws:partition}".to_owned(),
            Part::Region => "${aws:region}".to_owned(),
            Part::Account => "${aws:account}".to_owned(),
        })
        .collect()
}
