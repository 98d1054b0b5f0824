//! The proof that a client id belongs to one subject: no two subjects of an issuer can hold the same client id, and no
//! two issuers' subjects either, unless the issuers share a pattern on purpose.
//!
//! AWS IoT closes the earlier of two connections with one client id, so a shared client id would let one subject
//! disconnect another. The proof uses the patterns only and holds for all claims. What it cannot prove is an error.
//!
//! It rests on `sub`, which RFC 7519 makes unique in an issuer, and on what the configuration says: slots declared
//! `unique`, and patterns that issuers share.

use crate::authorizer::Issuer;
use crate::client_id::ClientIdPattern;
use crate::levels::{Levels, Piece};

/// Two patterns that may give one client id to two subjects.
pub(super) struct Collision {
    /// Index of the issuer of the later pattern.
    pub(super) issuer: usize,
    pub(super) what: String,
    pub(super) hint: &'static str,
}

struct IssuerPattern<'a> {
    index: usize,
    issuer: &'a Issuer,
    pattern: &'a ClientIdPattern,
    levels: Levels<'a>,
}

/// Every pair of patterns for which the proof fails.
pub(super) fn collisions(issuers: &[Issuer]) -> Vec<Collision> {
    let patterns: Vec<IssuerPattern<'_>> = issuers
        .iter()
        .enumerate()
        .flat_map(|(index, issuer)| {
            let levels = |pattern| levels_of(pattern, issuer);
            issuer.client_ids.iter().map(move |pattern| IssuerPattern {
                index,
                issuer,
                pattern,
                levels: levels(pattern),
            })
        })
        .collect();
    let mut collisions = Vec::new();
    for (position, later) in patterns.iter().enumerate() {
        // With itself, too: one pattern may give one client id to two subjects.
        let earlier = patterns.iter().take(position.saturating_add(1));
        collisions.extend(
            earlier.filter(|earlier| !is_proven(earlier, later)).map(|earlier| collision(earlier, later)),
        );
    }
    collisions
}

fn is_proven(earlier: &IssuerPattern<'_>, later: &IssuerPattern<'_>) -> bool {
    let belongs_to_one = if earlier.index == later.index {
        later.levels.determines_subject(&earlier.levels)
    } else {
        later.pattern.is_shared(earlier.pattern)
    };
    belongs_to_one || later.levels.is_disjoint(&earlier.levels)
}

fn collision(earlier: &IssuerPattern<'_>, later: &IssuerPattern<'_>) -> Collision {
    let (first, second) = (&earlier.pattern.source, &later.pattern.source);
    let (id, other) = (&later.issuer.id, &earlier.issuer.id);
    let (what, hint) = if earlier.index != later.index {
        (
            format!(
                "issuers `{other}` and `{id}` could give one client id to two subjects, by `{first}` and `{second}`"
            ),
            "begin each pattern with `${issuer:id}/`, or write the same pattern in both if they have the same subjects",
        )
    } else if first == second {
        (
            format!("two subjects of issuer `{id}` could hold one client id, by `{first}`"),
            "let a slot for the claim `sub`, or one with `unique = true`, fill a level of the pattern",
        )
    } else {
        (
            format!("two subjects of issuer `{id}` could hold one client id, by `{first}` and `{second}`"),
            "let a slot for the claim `sub`, or one with `unique = true`, fill the same level of both patterns",
        )
    };
    Collision { issuer: later.index, what, hint }
}

fn levels_of<'a>(pattern: &'a ClientIdPattern, issuer: &'a Issuer) -> Levels<'a> {
    let segments = pattern.text.segments.iter();
    let pieces = segments.map(|segment| Piece::of_segment(segment, &issuer.slots, &issuer.id));
    let tail = pattern.tail.then_some(Piece::Value { length: None, identity: None });
    Levels::new(pieces.chain(tail))
}
