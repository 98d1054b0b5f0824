//! Names that are safe in file names, resources and headers.

use std::ops::RangeInclusive;

/// Returns whether a text consists of ASCII letters, digits and characters of `extra`, with a length in bytes within
/// `lengths`.
#[must_use]
pub fn is_name(text: &str, extra: &str, lengths: RangeInclusive<usize>) -> bool {
    let is_allowed = |character: char| character.is_ascii_alphanumeric() || extra.contains(character);
    lengths.contains(&text.len()) && text.chars().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::is_name;

    #[test]
    fn characters_and_length_are_checked() {
        for (text, expected) in [
            ("a-1", true),
            ("A_b", false),
            ("", false),
            ("abcdef", false),
            ("é", false),
            ("a/b", false),
            ("a\n", false),
        ] {
            assert_eq!(is_name(text, "-", 1..=5), expected, "{text:?}");
        }
    }
}
