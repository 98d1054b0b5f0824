//! The version of a release.

use std::fmt;

/// The longest version in bytes. It is part of file names.
const MAX_BYTES: usize = 64;

/// A version `MAJOR.MINOR.PATCH`, optionally with `-` and a pre-release part (Semantic Versioning 2.0.0, section 9). It
/// has no character that has a meaning in a path or an address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(String);

impl Version {
    /// What a version looks like, for errors.
    pub(crate) const FORM: &str = "a version such as 0.2.0";

    /// Parses a version. Returns `None` if it is invalid.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (numbers, suffix) =
            text.split_once('-').map_or((text, None), |(numbers, suffix)| (numbers, Some(suffix)));
        let is_number = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|byte| byte.is_ascii_digit())
                && (part == "0" || !part.starts_with('0'))
        };
        let is_identifier = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let is_valid = text.len() <= MAX_BYTES
            && numbers.split('.').count() == 3
            && numbers.split('.').all(is_number)
            && suffix.is_none_or(|suffix| suffix.split('.').all(is_identifier));
        is_valid.then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_semantic_versions_are_versions() {
        let long = format!("0.2.0-{}", "a".repeat(64));
        for (text, is_valid) in [
            ("0.2.0", true),
            ("10.20.30", true),
            ("1.0.0-rc.1", true),
            ("1.0.0-x86-64", true),
            ("", false),
            ("0.2", false),
            ("0.2.0.1", false),
            ("v0.2.0", false),
            ("00.2.0", false),
            ("0.02.0", false),
            ("0..0", false),
            ("0.2.0-", false),
            ("0.2.0-..", false),
            ("0.2.0-a/b", false),
            ("0.2.0-a\\b", false),
            ("0.2.0+build", false),
            ("0.2.0 ", false),
            ("0.2.x", false),
            ("../0.2.0", false),
            ("0.2.0-é", false),
            (&long, false),
        ] {
            assert_eq!(Version::parse(text).is_some(), is_valid, "{text}");
        }
    }
}
