//! Resources as AWS IoT matches them, as levels.

use iot_jwt_authorizer::levels::{Levels, Piece};
use iot_jwt_authorizer::slots::Slot;
use iot_jwt_authorizer::template_text::{Segment, TemplateText};

/// The levels of a resource: `*`, `?` and AWS's own variables stand for any text. `issuer` is the issuer's short name.
pub(super) fn levels_of<'t>(text: &'t TemplateText, slots: &'t [Slot], issuer: &'t str) -> Levels<'t> {
    Levels::new(text.segments.iter().flat_map(|segment| match segment {
        Segment::Literal(text) => with_wildcards(text),
        segment => vec![Piece::of_segment(segment, slots, issuer)],
    }))
}

fn with_wildcards(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    for text in text.split(['*', '?']) {
        pieces.push(if text.contains("${") { Piece::Any } else { Piece::Text(text) });
        pieces.push(Piece::Any);
    }
    // A wildcard is between two texts only.
    pieces.pop();
    pieces
}
