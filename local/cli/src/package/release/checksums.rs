//! `SHA256SUMS`: the files of a release with their checksums, in the format of `sha256sum`.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest::{SHA256, digest};
use iot_local_base::hex;

use super::super::packaged::Packaged;
use super::version::Version;

/// What each line is.
const LINE: &str = "64 lower-case hexadecimal digits, two spaces, and a file name";

/// The checksums in lower-case hexadecimal digits, by file name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Checksums(BTreeMap<String, String>);

impl Checksums {
    /// Parses the file. Each name is that of a file in the same folder.
    ///
    /// # Errors
    /// The first line that is invalid, or no line.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())?;
        let mut checksums = BTreeMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            let (checksum, name) =
                entry(line).ok_or_else(|| format!("line {number}: invalid; expected {LINE}"))?;
            if checksums.insert(name.to_owned(), checksum.to_owned()).is_some() {
                return Err(format!("line {number}: lists {name} a second time"));
            }
        }
        if checksums.is_empty() { Err("empty".to_owned()) } else { Ok(Self(checksums)) }
    }

    /// Returns the one version that the functions' zips have.
    ///
    /// # Errors
    /// The list has no version, or several.
    pub(super) fn version(&self) -> Result<Version, String> {
        let versions: BTreeSet<Version> = self.0.keys().filter_map(|name| version_of(name)).collect();
        let mut versions = versions.into_iter();
        match (versions.next(), versions.next()) {
            (Some(version), None) => Ok(version),
            (Some(first), Some(second)) => {
                Err(format!("lists versions {first} and {second}; expected a single one"))
            }
            _ => Err(format!(
                "lists no {}-VERSION-ARCHITECTURE.zip; expected the files of a release",
                Packaged::Authorizer.package()
            )),
        }
    }

    /// Returns the checksum of a file of a release that has this version.
    ///
    /// # Errors
    /// The release has another version, or not this file.
    pub(super) fn of_version(&self, version: &Version, name: &str) -> Result<String, String> {
        let found = self.version()?;
        if found != *version {
            return Err(format!("lists version {found}; expected {version}"));
        }
        self.0.get(name).cloned().ok_or_else(|| format!("does not list {name}"))
    }
}

/// Compares the SHA-256 checksum of a file with the expected one.
///
/// # Errors
/// It is another one.
pub(super) fn verify(bytes: &[u8], expected: &str) -> Result<(), String> {
    let found = hex::encode(digest(&SHA256, bytes).as_ref());
    if found == expected {
        return Ok(());
    }
    Err(format!(
        "wrong SHA-256 {found}; expected {expected}\n  \
         help: fetch the release again; one that was downloaded is in .iot-local/releases, which you may delete"
    ))
}

/// Checksum and name of a line. `sha256sum --binary` writes `*` before the name.
fn entry(line: &str) -> Option<(&str, &str)> {
    let (checksum, name) = line.split_once(' ')?;
    let name = name.strip_prefix(' ').or_else(|| name.strip_prefix('*'))?;
    let is_checksum =
        checksum.len() == 64 && checksum.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (is_checksum && is_file_name(name)).then_some((checksum, name))
}

/// Whether a name is that of a file in the same folder, on every system.
fn is_file_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte);
    !name.is_empty() && name.len() <= 255 && !name.starts_with('.') && name.bytes().all(is_plain)
}

/// The version in the name of a function's zip.
fn version_of(name: &str) -> Option<Version> {
    let rest = name.strip_prefix(Packaged::Authorizer.package())?.strip_prefix('-')?;
    let version = rest.strip_suffix("-x86_64.zip").or_else(|| rest.strip_suffix("-arm64.zip"))?;
    Version::parse(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The checksum of each file of a text, or the error.
    fn parsed(names: &str) -> Result<Checksums, String> {
        let line = |name: &str| format!("{}  {name}\n", "0".repeat(64));
        Checksums::parse(names.split(',').map(line).collect::<String>().as_bytes())
    }

    #[test]
    fn invalid_lines_are_errors() {
        let zeros = "0".repeat(64);
        for (text, expected) in [
            (format!("{zeros}  a\n{zeros} *b"), None),
            (String::new(), Some("empty")),
            (format!("{zeros} a\n"), Some("line 1: invalid; expected 64")),
            (format!("{zeros}  a\n\n"), Some("line 2: invalid")),
            (format!("{zeros}  a\n{zeros}  a\n"), Some("line 2: lists a a second time")),
            (format!("{}  a\n", "A".repeat(64)), Some("line 1: invalid")),
            (format!("{}  a\n", "0".repeat(63)), Some("line 1: invalid")),
            (format!("{zeros}  ../a\n"), Some("line 1: invalid")),
            (format!("{zeros}  b/a\n"), Some("line 1: invalid")),
            (format!("{zeros}  b\\a\n"), Some("line 1: invalid")),
            (format!("{zeros}  C:a\n"), Some("line 1: invalid")),
            (format!("{zeros}  ..\n"), Some("line 1: invalid")),
            (format!("{zeros}  \n"), Some("line 1: invalid")),
            (format!("\\{zeros}  a\n"), Some("line 1: invalid")),
            (format!("SHA256 (a) = {zeros}\n"), Some("line 1: invalid")),
            ("<html>".to_owned(), Some("line 1: invalid")),
        ] {
            let error = Checksums::parse(text.as_bytes()).err();
            match expected {
                None => assert_eq!(error, None, "{text}"),
                Some(expected) => assert!(error.unwrap().contains(expected), "{text}"),
            }
        }
        assert_eq!(Checksums::parse(b"\xff"), Err("not UTF-8".to_owned()));
    }

    #[test]
    fn the_zips_of_the_functions_state_one_version() {
        for (names, expected) in [
            (
                "iot-jwt-authorizer-0.2.0-x86_64.zip,iot-jwt-authorizer-0.2.0-arm64.zip,other-9.9.9-arm64.zip",
                Ok("0.2.0"),
            ),
            ("iot-jwt-authorizer-0.2.0-x86_64.zip,iot-jwt-authorizer-sam-0.3.0-arm64.zip", Ok("0.2.0")),
            ("iot-jwt-authorizer-1.0.0-rc.1-arm64.zip", Ok("1.0.0-rc.1")),
            (
                "iot-jwt-authorizer-0.2.0-x86_64.zip,iot-jwt-authorizer-0.3.0-arm64.zip",
                Err("versions 0.2.0 and 0.3.0"),
            ),
            ("iot-jwt-authorizer-0.2.0-riscv64.zip", Err("lists no iot-jwt-authorizer-VERSION")),
            ("iot-jwt-authorizer-0.2.0-x86_64.cdx.json", Err("lists no")),
            ("iot-provision-0.2.0-x86_64.zip", Err("lists no")),
        ] {
            let found = parsed(names).unwrap().version();
            match expected {
                Ok(expected) => assert_eq!(found.unwrap().to_string(), expected, "{names}"),
                Err(expected) => assert!(found.unwrap_err().contains(expected), "{names}"),
            }
        }
    }

    #[test]
    fn a_wrong_checksum_is_an_error() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(verify(b"", empty), Ok(()));
        assert!(verify(b"a", empty).unwrap_err().contains(&format!("expected {empty}")));
    }
}
