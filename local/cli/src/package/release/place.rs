//! Where the files of a release are.

use std::fmt;
use std::path::{Path, PathBuf};

use iot_jwt_authorizer::source::address::Address;

use super::version::Version;

/// The text that stands for the version.
pub(crate) const PLACEHOLDER: &str = "{version}";

/// Where the files of a release are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A folder.
    Folder(PathBuf),
    /// An https address, to which `/` and the name of a file are added.
    Address(String),
}

impl Place {
    /// Parses `from` of `release.toml`: an https address, or a path that is relative to a folder.
    ///
    /// # Errors
    /// What is wrong with it, and what is expected.
    pub(super) fn parse(text: &str, version: &Version, folder: &Path) -> Result<Self, &'static str> {
        let text = text.replace(PLACEHOLDER, &version.to_string());
        if text.is_empty() {
            return Err("empty; expected an https address or a folder");
        }
        if text.contains(['{', '}']) {
            return Err("unknown placeholder; expected {version}");
        }
        if text.contains(char::is_control) {
            return Err("has a control character; expected an https address or a folder");
        }
        let Some((scheme, _)) = text.split_once("://") else { return Ok(Self::Folder(folder.join(text))) };
        let is_plain = scheme.eq_ignore_ascii_case("https") && !text.contains(['?', ' ']);
        let address = Address::parse(&text).filter(|_| is_plain);
        address.ok_or("invalid address; expected https, without a user, a query or a fragment")?;
        Ok(Self::Address(text.trim_end_matches('/').to_owned()))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => folder.display().fmt(out),
            Self::Address(address) => out.write_str(address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_addresses_and_folders_are_places() {
        let version = Version::parse("0.2.0").unwrap();
        for (text, expected) in [
            (
                "https://github.com/o/r/releases/download/v{version}",
                Some("https://github.com/o/r/releases/download/v0.2.0"),
            ),
            ("https://mirror.example/{version}/x-{version}/", Some("https://mirror.example/0.2.0/x-0.2.0")),
            ("HTTPS://mirror.example", Some("HTTPS://mirror.example")),
            ("releases/{version}", Some("/folder/releases/0.2.0")),
            ("../releases", Some("/folder/../releases")),
            ("/mirror/{version}", Some("/mirror/0.2.0")),
            ("", None),
            ("http://mirror.example/v{version}", None),
            ("http://localhost:8000", None),
            ("ftp://mirror.example", None),
            ("file:///mirror", None),
            ("https://", None),
            ("https://user:secret@mirror.example", None),
            ("https://mirror.example/?v={version}", None),
            ("https://mirror.example/#{version}", None),
            ("https://mirror.example/a b", None),
            ("https://mirror.example/{tag}", None),
            ("releases/{Version}", None),
            ("releases\n{version}", None),
        ] {
            let place = Place::parse(text, &version, Path::new("/folder"));
            assert_eq!(place.ok().map(|place| place.to_string()).as_deref(), expected, "{text}");
        }
    }
}
