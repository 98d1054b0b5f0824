//! Texts with variables, compared level by level without knowing the values.
//!
//! The configuration uses it to prove that no two subjects can hold one client id; `cargo local check` uses it to see
//! whether two resources can be equal. Both compare the shape of texts, so the result holds for every token.

use crate::claim_path::ClaimPath;
use crate::slots::{Slot, SlotType};
use crate::template_text::{Segment, TemplateText};

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'t> {
    /// Literal text, which may contain slashes.
    Text(&'t str),
    /// A non-empty value without slashes.
    Value {
        /// Its length in bytes, if every such value has the same.
        length: Option<usize>,
        /// The claim, if its value belongs to one subject.
        identity: Option<Identity<'t>>,
    },
    /// A value of one or more whole levels: a slot of type `path`.
    Path {
        /// As in [`Piece::Value`].
        identity: Option<Identity<'t>>,
    },
    /// Any text, also an empty one, which may contain slashes.
    Any,
}

/// A claim whose value belongs to one subject of an issuer: `sub`, or one that the configuration declares `unique`.
///
/// Only values of the same claim can be compared: a device may have the id that another device's owner has as `sub`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity<'t> {
    /// The claim.
    pub claim: &'t ClaimPath,
    /// The type of the slot.
    pub slot_type: SlotType,
}

/// A text as levels, separated by slashes.
///
/// Levels after a piece of unknown length have no known position from the start. So levels are kept up to the first
/// such piece, counted from the start, and after the last one, counted from the end; not those that such a piece
/// touches.
#[derive(Clone, Debug, Default)]
pub struct Levels<'t> {
    before: Vec<Level<'t>>,
    wide: Vec<Piece<'t>>,
    after: Vec<Level<'t>>,
}

type Level<'t> = Vec<Piece<'t>>;

impl<'t> Piece<'t> {
    /// The piece that a segment becomes. `issuer` is the issuer's short name.
    #[must_use]
    pub fn of_segment(segment: &'t Segment, slots: &'t [Slot], issuer: &'t str) -> Self {
        match segment {
            Segment::Literal(text) => Self::Text(text),
            Segment::Issuer => Self::Text(issuer),
            Segment::Partition | Segment::Region | Segment::Account => {
                Self::Value { length: None, identity: None }
            }
            Segment::ClientId => Self::Any,
            Segment::Slot(index) => slots.get(*index).map_or(Self::Any, Self::of_slot),
        }
    }

    fn of_slot(slot: &'t Slot) -> Self {
        let identity = Identity { claim: &slot.path, slot_type: slot.slot_type };
        let identity = slot.identifies_subject().then_some(identity);
        match slot.slot_type {
            SlotType::Path => Self::Path { identity },
            slot_type => Self::Value { length: slot_type.fixed_length(), identity },
        }
    }

    fn text(&self) -> Option<&'t str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    fn length(&self) -> Option<usize> {
        match self {
            Self::Text(text) => Some(text.len()),
            Self::Value { length, .. } => *length,
            Self::Path { .. } | Self::Any => None,
        }
    }
}

impl<'t> Levels<'t> {
    /// The levels of a text. `issuer` is the issuer's short name.
    #[must_use]
    pub fn of_text(text: &'t TemplateText, slots: &'t [Slot], issuer: &'t str) -> Self {
        Self::new(text.segments.iter().map(|segment| Piece::of_segment(segment, slots, issuer)))
    }

    /// The levels of a sequence of pieces.
    #[must_use]
    pub fn new(pieces: impl IntoIterator<Item = Piece<'t>>) -> Self {
        let mut result = Self::default();
        let mut levels: Vec<Level<'t>> = vec![Vec::new()];
        for piece in pieces {
            match piece {
                Piece::Text(text) => {
                    for (index, level) in text.split('/').enumerate() {
                        if index > 0 {
                            levels.push(Vec::new());
                        }
                        if !level.is_empty() {
                            push(&mut levels, Piece::Text(level));
                        }
                    }
                }
                Piece::Value { .. } => push(&mut levels, piece),
                Piece::Path { .. } | Piece::Any => {
                    levels.pop();
                    if result.wide.is_empty() {
                        result.before = std::mem::take(&mut levels);
                    }
                    levels = vec![Vec::new()];
                    result.wide.push(piece);
                }
            }
        }
        if result.wide.is_empty() {
            result.before = levels;
        } else {
            // The first of these levels is touched by the last wide piece.
            result.after = levels.into_iter().skip(1).collect();
        }
        result
    }

    /// Whether no text fits both.
    #[must_use]
    pub fn is_disjoint(&self, other: &Self) -> bool {
        self.is_shorter(other)
            || other.is_shorter(self)
            || self.aligned(other).any(|(left, right)| are_disjoint(left, right))
    }

    /// Whether a text that fits both belongs to one subject.
    #[must_use]
    pub fn determines_subject(&self, other: &Self) -> bool {
        let has_same_path = match (self.wide.as_slice(), other.wide.as_slice()) {
            ([Piece::Path { identity: Some(left) }], [Piece::Path { identity: Some(right) }]) => {
                left.claim.is_same_claim(right.claim)
                    && self.before.len() == other.before.len()
                    && self.after.len() == other.after.len()
            }
            _ => false,
        };
        has_same_path || self.aligned(other).any(|(left, right)| is_same_subject(left, right))
    }

    /// Whether every text of `self` has fewer levels than any text of `other`.
    fn is_shorter(&self, other: &Self) -> bool {
        self.wide.is_empty() && self.before.len() < other.min_levels()
    }

    fn min_levels(&self) -> usize {
        // A path has at least one level of its own. Other wide pieces may all be in one level.
        let paths = self.wide.iter().filter(|piece| matches!(piece, Piece::Path { .. })).count();
        let wide = paths.max(usize::from(!self.wide.is_empty()));
        [self.before.len(), wide, self.after.len()].iter().sum()
    }

    /// The pairs of levels that are at the same position in every text that fits both.
    fn aligned<'s>(&'s self, other: &'s Self) -> impl Iterator<Item = (&'s Level<'t>, &'s Level<'t>)> {
        let from_start = self.before.iter().zip(&other.before);
        from_start.chain(self.last_levels().zip(other.last_levels()))
    }

    fn last_levels(&self) -> impl Iterator<Item = &Level<'t>> {
        let last = if self.wide.is_empty() { &self.before } else { &self.after };
        last.iter().rev()
    }
}

fn push<'t>(levels: &mut [Level<'t>], piece: Piece<'t>) {
    if let Some(last) = levels.last_mut() {
        last.push(piece);
    }
}

fn are_disjoint(left: &Level<'_>, right: &Level<'_>) -> bool {
    let exact = |level: &Level<'_>| level.iter().map(Piece::length).sum::<Option<usize>>();
    let min = |level: &Level<'_>| level.iter().map(|piece| piece.length().unwrap_or(1)).sum::<usize>();
    let is_too_short =
        |left: &Level<'_>, right: &Level<'_>| exact(left).is_some_and(|length| length < min(right));
    let clash =
        |left: &str, right: &str, fits: fn(&str, &str) -> bool| !fits(left, right) && !fits(right, left);
    is_too_short(left, right)
        || is_too_short(right, left)
        || clash(&first_text(left), &first_text(right), |left, right| left.starts_with(right))
        || clash(&last_text(left), &last_text(right), |left, right| left.ends_with(right))
}

/// The literal text before the first value of a level.
fn first_text(level: &Level<'_>) -> String {
    level.iter().map_while(Piece::text).collect()
}

/// The literal text after the last value of a level.
fn last_text(level: &Level<'_>) -> String {
    let last_value = level.iter().rposition(|piece| piece.text().is_none());
    let first = last_value.map_or(0, |index| index.saturating_add(1));
    level.iter().skip(first).filter_map(Piece::text).collect()
}

fn is_same_subject(left: &Level<'_>, right: &Level<'_>) -> bool {
    match (left.as_slice(), right.as_slice()) {
        ([Piece::Value { identity: Some(left), .. }], [Piece::Value { identity: Some(right), .. }]) => {
            left.is_same_text(*right)
        }
        _ => {
            let (left, right) = (identities(left), identities(right));
            let is_in_both = |(position, left): &(usize, Identity<'_>)| {
                right.iter().any(|(other, right)| position == other && left.is_same_text(*right))
            };
            left.iter().any(is_in_both)
        }
    }
}

/// The identities of fixed length in a level, each with its position, as far as everything before it has a fixed length,
/// too.
fn identities<'t>(level: &Level<'t>) -> Vec<(usize, Identity<'t>)> {
    let (mut position, mut identities) = (0_usize, Vec::new());
    for piece in level {
        if let Piece::Value { length: Some(_), identity: Some(identity) } = piece {
            identities.push((position, *identity));
        }
        match piece.length().and_then(|length| position.checked_add(length)) {
            Some(end) => position = end,
            None => break,
        }
    }
    identities
}

impl Identity<'_> {
    /// Whether equal texts of both are equal values of one claim. A hash is another text than the claim, and one
    /// subject's claim may equal another's hash.
    fn is_same_text(self, other: Identity<'_>) -> bool {
        self.claim.is_same_claim(other.claim)
            && (self.slot_type == SlotType::Hash) == (other.slot_type == SlotType::Hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Piece<'static> = Piece::Value { length: None, identity: None };
    const FOUR: Piece<'static> = Piece::Value { length: Some(4), identity: None };
    const PATH: Piece<'static> = Piece::Path { identity: None };

    #[test]
    fn texts_are_disjoint_only_if_no_values_make_them_equal() {
        let cases: [(&[Piece<'_>], &[Piece<'_>], bool); 18] = [
            (&[Piece::Text("a")], &[Piece::Text("a")], false),
            (&[Piece::Text("a")], &[Piece::Text("b")], true),
            (&[Piece::Text("a/b")], &[Piece::Text("a")], true),
            (&[Piece::Text("a/"), OPEN], &[Piece::Text("a/b")], false),
            (&[Piece::Text("a/"), OPEN], &[Piece::Text("a/")], true),
            (&[Piece::Text("a/"), OPEN], &[Piece::Text("b/"), OPEN], true),
            (&[Piece::Text("a-"), FOUR], &[Piece::Text("a-bcde")], false),
            (&[Piece::Text("a-"), FOUR], &[Piece::Text("a-bcd")], true),
            (&[OPEN, Piece::Text("/x")], &[OPEN, Piece::Text("/y")], true),
            (&[PATH], &[Piece::Text("a/b/c")], false),
            (&[PATH, Piece::Text("/x")], &[Piece::Text("a/b/y")], true),
            (&[PATH, Piece::Text("/"), PATH], &[Piece::Text("a")], true),
            (&[Piece::Any], &[Piece::Text("")], false),
            (&[Piece::Any, Piece::Text("a"), Piece::Any], &[Piece::Text("a")], false),
            (&[Piece::Text("a/"), Piece::Any, Piece::Text("/z")], &[Piece::Text("a/z")], true),
            (&[Piece::Text("a"), Piece::Any], &[Piece::Text("b")], false),
            (
                &[Piece::Text("a-"), Piece::Text("b"), FOUR],
                &[Piece::Text("a-"), Piece::Text("c"), FOUR],
                true,
            ),
            (
                &[FOUR, Piece::Text("b"), Piece::Text("-a")],
                &[FOUR, Piece::Text("c"), Piece::Text("-a")],
                true,
            ),
        ];
        for (left, right, expected) in cases {
            let (left, right) = (Levels::new(left.iter().cloned()), Levels::new(right.iter().cloned()));
            assert_eq!(left.is_disjoint(&right), expected, "{left:?} {right:?}");
            assert_eq!(right.is_disjoint(&left), expected, "{right:?} {left:?}");
        }
    }
}
