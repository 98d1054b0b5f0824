//! Lines of a TOML file, for its errors.

use std::ops::Range;

/// The number of the line in which a span of a text begins, from 1. A span that is unknown begins in the first line.
pub(crate) fn line_number(text: &str, span: Option<Range<usize>>) -> usize {
    let before = span.and_then(|span| text.get(..span.start)).unwrap_or_default();
    before.matches('\n').count().saturating_add(1)
}
