//! The proof that a client id tells its subject: no two subjects can hold one, and no two issuers' either, unless they share a pattern
//! on purpose.
//!
//! AWS IoT closes the earlier of two connections with one client id, so a client id that two subjects can hold lets one throw the
//! other off. The proof looks at patterns alone and holds for any claims; what it cannot prove is a fault.

use crate::authorizer::Issuer;
use crate::claims::ClaimPath;
use crate::client_id::ClientIdPattern;
use crate::policy::Part;
use crate::slots::{Slot, SlotKind};

/// Two patterns that one client id may fit for two subjects: the later issuer's index, and what to say.
pub(super) fn collisions(issuers: &[Issuer]) -> Vec<(usize, String)> {
    let shapes: Vec<(usize, &ClientIdPattern, Shape)> = issuers
        .iter()
        .enumerate()
        .flat_map(|(index, issuer)| {
            issuer.client_ids.iter().map(move |pattern| (index, pattern, Shape::of(pattern, issuer)))
        })
        .collect();
    let mut collisions = Vec::new();
    for (at, (issuer, pattern, shape)) in shapes.iter().enumerate() {
        for (other, other_pattern, other_shape) in shapes.iter().take(at.saturating_add(1)) {
            let proven = shape.is_disjoint(other_shape)
                || if issuer == other {
                    shape.tells_subject(other_shape)
                } else {
                    is_shared(pattern, other_pattern)
                };
            if !proven {
                let (one, two) = (&pattern.source, &other_pattern.source);
                let names = |index: usize| issuers.get(index).map_or("", |issuer| &*issuer.id);
                collisions.push((*issuer, if issuer != other {
                    format!(
                        "issuers `{}` and `{}` could hold one client id by `{two}` and `{one}`: begin each with `${{issuer:id}}/`, or \
                         give both the same pattern if they share their subjects",
                        names(*other), names(*issuer)
                    )
                } else if one == two {
                    format!(
                        "two subjects of issuer `{}` could hold one client id by `{one}`: let a slot that takes the claim `sub` fill a \
                         level of it",
                        names(*issuer)
                    )
                } else {
                    format!(
                        "two subjects of issuer `{}` could hold one client id, one by `{two}` and one by `{one}`: let the subject fill the \
                         same level of both",
                        names(*issuer)
                    )
                }));
            }
        }
    }
    collisions
}

/// Two issuers with the same pattern have the same people: an ID token and an access token of one login, say.
fn is_shared(one: &ClientIdPattern, other: &ClientIdPattern) -> bool {
    one.text == other.text && one.tail == other.tail && !one.text.parts.contains(&Part::Issuer)
}

/// A pattern as levels. A slot of type `path` fills any number of them, so levels are counted from the start up to the first such
/// slot, and from the end back to the last.
struct Shape {
    before: Vec<Level>,
    paths: Vec<Option<SlotKind>>,
    after: Vec<Level>,
}

type Level = Vec<Atom>;

/// A piece of a level. A slot that takes `sub` says so by its kind.
enum Atom {
    Text(String),
    /// One or more characters: a slot that fills its level, or the tail.
    Open(Option<SlotKind>),
    /// A slot whose values all have this length.
    Fixed(usize, Option<SlotKind>),
}

impl Shape {
    fn of(pattern: &ClientIdPattern, issuer: &Issuer) -> Self {
        let mut shape = Self { before: Vec::new(), paths: Vec::new(), after: Vec::new() };
        let mut levels: Vec<Level> = vec![Vec::new()];
        for part in &pattern.text.parts {
            match part {
                Part::Slot(index) => match issuer.slots.get(*index) {
                    Some(slot) if slot.kind == SlotKind::Path => {
                        // The level that the slot itself fills is no other's; between two such slots nothing is aligned.
                        levels.pop();
                        if shape.paths.is_empty() {
                            shape.before = std::mem::take(&mut levels);
                        }
                        levels = vec![Vec::new()];
                        shape.paths.push(subject_kind(slot));
                    }
                    Some(slot) => push(&mut levels, Atom::of_slot(slot)),
                    None => {}
                },
                Part::Issuer => push(&mut levels, Atom::Text(issuer.id.to_string())),
                Part::Literal(text) => {
                    for (at, level) in text.split('/').enumerate() {
                        if at > 0 {
                            levels.push(Vec::new());
                        }
                        if !level.is_empty() {
                            push(&mut levels, Atom::Text(level.to_owned()));
                        }
                    }
                }
                Part::ClientId | Part::Partition | Part::Region | Part::Account => {}
            }
        }
        if pattern.tail {
            push(&mut levels, Atom::Open(None));
        }
        if shape.paths.is_empty() {
            shape.before = levels;
        } else {
            shape.after = levels.into_iter().skip(1).collect();
        }
        shape
    }

    /// Whether no text at all fits both.
    fn is_disjoint(&self, other: &Self) -> bool {
        let count =
            |shape: &Self| [shape.before.len(), shape.paths.len(), shape.after.len()].iter().sum::<usize>();
        let shorter = |one: &Self, two: &Self| one.paths.is_empty() && count(one) < count(two);
        shorter(self, other)
            || shorter(other, self)
            || self.aligned(other).any(|(one, two)| are_disjoint(one, two))
    }

    /// Whether whoever fits both is one subject.
    fn tells_subject(&self, other: &Self) -> bool {
        let whole = match (self.paths.as_slice(), other.paths.as_slice()) {
            ([Some(_)], [Some(_)]) => {
                self.before.len() == other.before.len() && self.after.len() == other.after.len()
            }
            _ => false,
        };
        whole || self.aligned(other).any(|(one, two)| same_subject(one, two))
    }

    /// The levels that stand at the same place in every text that fits both.
    fn aligned<'s>(&'s self, other: &'s Self) -> impl Iterator<Item = (&'s Level, &'s Level)> {
        let last = |shape: &'s Self| {
            if shape.paths.is_empty() { shape.before.iter().rev() } else { shape.after.iter().rev() }
        };
        self.before.iter().zip(&other.before).chain(last(self).zip(last(other)))
    }
}

impl Atom {
    fn of_slot(slot: &Slot) -> Self {
        match slot.kind {
            SlotKind::Uuid => Self::Fixed(36, subject_kind(slot)),
            SlotKind::Hash => Self::Fixed(32, subject_kind(slot)),
            SlotKind::Id | SlotKind::Path => Self::Open(subject_kind(slot)),
        }
    }

    fn length(&self) -> Option<usize> {
        match self {
            Self::Text(text) => Some(text.len()),
            Self::Fixed(length, _) => Some(*length),
            Self::Open(_) => None,
        }
    }
}

fn push(levels: &mut [Level], atom: Atom) {
    if let Some(last) = levels.last_mut() {
        last.push(atom);
    }
}

/// The kind of a slot that takes the one claim that tells subjects apart (RFC 7519 section 4.1.2).
fn subject_kind(slot: &Slot) -> Option<SlotKind> {
    let is_subject = slot.path == ClaimPath::parse("sub") || slot.path == ClaimPath::parse("/sub");
    (is_subject && !slot.list).then_some(slot.kind)
}

fn are_disjoint(one: &Level, two: &Level) -> bool {
    let exact = |level: &Level| level.iter().map(Atom::length).sum::<Option<usize>>();
    let least = |level: &Level| level.iter().map(|atom| atom.length().unwrap_or(1)).sum::<usize>();
    let too_short = |one: &Level, two: &Level| exact(one).is_some_and(|exact| exact < least(two));
    let clash = |one: Option<&Atom>, two: Option<&Atom>, fits: fn(&str, &str) -> bool| match (one, two) {
        (Some(Atom::Text(one)), Some(Atom::Text(two))) => !fits(one, two) && !fits(two, one),
        _ => false,
    };
    too_short(one, two)
        || too_short(two, one)
        || clash(one.first(), two.first(), |one, two| one.starts_with(two))
        || clash(one.last(), two.last(), |one, two| one.ends_with(two))
}

fn same_subject(one: &Level, two: &Level) -> bool {
    // A hash is not what it was made of, and somebody's `sub` may be another's hash.
    let same = |one: SlotKind, two: SlotKind| (one == SlotKind::Hash) == (two == SlotKind::Hash);
    match (one.as_slice(), two.as_slice()) {
        (
            [Atom::Open(Some(one)) | Atom::Fixed(_, Some(one))],
            [Atom::Open(Some(two)) | Atom::Fixed(_, Some(two))],
        ) => same(*one, *two),
        _ => match (subject_offset(one), subject_offset(two)) {
            (Some((at, one)), Some((other, two))) => at == other && one == two,
            _ => false,
        },
    }
}

/// Where in a level a subject of fixed length begins, if all before it has a fixed length too.
fn subject_offset(level: &Level) -> Option<(usize, SlotKind)> {
    let mut offset = 0_usize;
    for atom in level {
        match atom {
            Atom::Fixed(_, Some(kind)) => return Some((offset, *kind)),
            atom => offset = offset.checked_add(atom.length()?)?,
        }
    }
    None
}
