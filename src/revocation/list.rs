//! The revocation list: by issuer, which subjects, tokens and keys are revoked.
//!
//! ```json
//! {
//!   "version": 17, "sub": { "users": ["ana"] }, "jti": { "users": [] }, "kid": {},
//!   "issued_before": { "users": { "ana": 1795000000 } }
//! }
//! ```
//!
//! An entry may be `sha256:` and the SHA-256 of the value in hexadecimal digits. A list is read strictly, since a list
//! that is misread would let a revoked token pass.

use std::collections::HashMap;
use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use serde::de::IgnoredAny;

use crate::claims::Claims;
use crate::json::{Json, Object};
use crate::source::failure::{FetchFailure, shortened};
use crate::time::NumericDate;

/// Most entries of a list, of all kinds and issuers together.
pub const MAX_ENTRIES: usize = 100_000;

/// How an entry begins that is a hash.
const HASH_PREFIX: &str = "sha256:";

/// The kinds of entries: members of the list.
const KINDS: [&str; 4] = ["sub", "jti", "kid", "issued_before"];

/// A revocation list.
#[derive(Clone, Default)]
pub struct RevocationList {
    version: u64,
    /// By the short name of the issuer.
    issuers: HashMap<Box<str>, IssuerEntries>,
}

/// The entries of one issuer.
#[derive(Clone, Debug, Default)]
pub struct IssuerEntries {
    /// Subjects all of whose tokens are revoked.
    pub sub: Names<()>,
    /// Tokens, by `jti`.
    pub jti: Names<()>,
    /// Keys all of whose tokens are revoked, by `kid`.
    pub kid: Names<()>,
    /// Subjects whose tokens are revoked if they were issued before this time, or do not say when.
    pub issued_before: Names<NumericDate>,
}

/// Values by name; a name is known itself or by its SHA-256. Looking one up does not depend on their number.
#[derive(Clone)]
pub struct Names<V> {
    plain: HashMap<Box<str>, V>,
    hashed: HashMap<[u8; 32], V>,
}

/// Why a text is not a revocation list. It holds nothing of the text but short names of members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListError {
    /// More than [`MAX_LIST_BYTES`](super::MAX_LIST_BYTES) bytes.
    TooLarge,
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// A JSON syntax error.
    Json {
        /// Counted from one.
        line: usize,
        /// Counted from one.
        column: usize,
    },
    /// JSON, but not an object, or a duplicate name in it.
    NotAnObject,
    /// `version` is missing or not an integer.
    Version,
    /// A member with an unknown name.
    UnknownMember(String),
    /// A member of the wrong form: its path, and what is expected.
    Member(String, &'static str),
    /// More than [`MAX_ENTRIES`] entries.
    TooManyEntries,
    /// A lower version than the last good list's.
    LowerVersion {
        /// This list's.
        found: u64,
        /// The last good list's.
        last: u64,
    },
}

impl RevocationList {
    /// Parses a list.
    ///
    /// # Errors
    /// What is wrong with it. One error makes the whole list invalid.
    pub fn parse(text: &[u8]) -> Result<Self, ListError> {
        let text = std::str::from_utf8(text).map_err(|_| ListError::NotUtf8)?;
        let object = Object::parse_str(text).ok_or_else(|| ListError::of_json(text))?;
        if let Some((name, _)) =
            object.members().find(|(name, _)| *name != "version" && !KINDS.contains(name))
        {
            return Err(ListError::UnknownMember(shortened(name)));
        }
        let Some(Json::Unsigned(version)) = object.get("version") else { return Err(ListError::Version) };
        let mut list = Self { version: *version, issuers: HashMap::new() };
        for kind in KINDS {
            let Some(member) = object.get(kind) else { continue };
            let expected = || ListError::Member(kind.to_owned(), "an object by issuer id");
            for (issuer, entries) in member.as_object().ok_or_else(expected)?.members() {
                let wrong = |expected| ListError::Member(shortened(&format!("{kind}.{issuer}")), expected);
                list.issuers.entry(issuer.into()).or_default().read(kind, entries, wrong)?;
            }
        }
        if list.entries() > MAX_ENTRIES { Err(ListError::TooManyEntries) } else { Ok(list) }
    }

    /// The kind of the entry that revokes a token of this issuer, if there is one.
    #[must_use]
    pub fn revokes(&self, issuer: &str, kid: Option<&str>, claims: &Claims<'_>) -> Option<&'static str> {
        let entries = self.issuers.get(issuer)?;
        let claim = |name: &str| claims.all().get(name);
        let subject = claims.subject();
        if entries.sub.has(subject) {
            return Some("sub");
        }
        if claim("jti").and_then(Json::as_str).is_some_and(|id| entries.jti.has(id)) {
            return Some("jti");
        }
        if kid.is_some_and(|kid| entries.kid.has(kid)) {
            return Some("kid");
        }
        let limit = entries.issued_before.get(subject)?;
        let issued = claim("iat").and_then(NumericDate::read);
        issued.is_none_or(|issued| issued < *limit).then_some("issued_before")
    }

    /// The list's version.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The number of entries.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.issuers.values().map(IssuerEntries::len).sum()
    }

    /// The entries of each issuer, by its short name.
    pub fn issuers(&self) -> impl Iterator<Item = (&str, &IssuerEntries)> {
        self.issuers.iter().map(|(issuer, entries)| (&**issuer, entries))
    }

    /// The number of entries that are not hashes.
    #[must_use]
    pub fn plain_entries(&self) -> usize {
        let plain = |entries: &IssuerEntries| {
            [&entries.sub, &entries.jti, &entries.kid]
                .map(|names| names.plain.len())
                .into_iter()
                .sum::<usize>()
                .saturating_add(entries.issued_before.plain.len())
        };
        self.issuers.values().map(plain).sum()
    }
}

impl fmt::Debug for RevocationList {
    /// Names no one.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("RevocationList")
            .field("version", &self.version)
            .field("entries", &self.entries())
            .finish_non_exhaustive()
    }
}

impl IssuerEntries {
    fn read(
        &mut self,
        kind: &str,
        entries: &Json<'_>,
        wrong: impl Fn(&'static str) -> ListError,
    ) -> Result<(), ListError> {
        const EXPECTED: &str =
            "a list of non-empty strings; one that begins with `sha256:` has 64 hexadecimal digits";
        const EXPECTED_TIMES: &str = "an object of times in seconds since 1970, by `sub`";
        let names = match kind {
            "sub" => &mut self.sub,
            "jti" => &mut self.jti,
            "kid" => &mut self.kid,
            _ => {
                let times = entries.as_object().ok_or_else(|| wrong(EXPECTED_TIMES))?;
                for (name, time) in times.members() {
                    let time = NumericDate::read(time).ok_or_else(|| wrong(EXPECTED_TIMES))?;
                    self.issued_before.add(name, time).ok_or_else(|| wrong(EXPECTED))?;
                }
                return Ok(());
            }
        };
        let Json::Array(items) = entries else { return Err(wrong(EXPECTED)) };
        items.iter().try_for_each(|item| names.add(item.as_str()?, ())).ok_or_else(|| wrong(EXPECTED))
    }

    fn len(&self) -> usize {
        [self.sub.len(), self.jti.len(), self.kid.len(), self.issued_before.len()].into_iter().sum()
    }
}

impl<V> Names<V> {
    /// The value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&V> {
        if let Some(value) = self.plain.get(name) {
            return Some(value);
        }
        if self.hashed.is_empty() {
            return None;
        }
        self.hashed.get(digest(&SHA256, name.as_bytes()).as_ref())
    }

    /// Whether a name is among them.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The number of names.
    #[must_use]
    pub fn len(&self) -> usize {
        self.plain.len().saturating_add(self.hashed.len())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a name as the list writes it. Returns `None` if it is empty, or not the hash that it says.
    fn add(&mut self, name: &str, value: V) -> Option<()> {
        match name.strip_prefix(HASH_PREFIX) {
            Some(digits) => {
                self.hashed.insert(hash(digits)?, value);
            }
            None if name.is_empty() => return None,
            None => {
                self.plain.insert(name.into(), value);
            }
        }
        Some(())
    }
}

impl<V> Default for Names<V> {
    fn default() -> Self {
        Self { plain: HashMap::new(), hashed: HashMap::new() }
    }
}

impl<V> fmt::Debug for Names<V> {
    /// Names no one.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} names", self.len())
    }
}

/// The hash that 64 hexadecimal digits write.
fn hash(digits: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if pairs.len() != hash.len() || !rest.is_empty() {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(pairs) {
        // `from_str_radix` would also read a sign.
        let pair =
            str::from_utf8(pair).ok().filter(|pair| pair.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(hash)
}

impl ListError {
    /// Why the strict reader rejects a text.
    fn of_json(text: &str) -> Self {
        match serde_json::from_str::<IgnoredAny>(text) {
            Err(error) => Self::Json { line: error.line(), column: error.column() },
            Ok(_) => Self::NotAnObject,
        }
    }
}

impl From<ListError> for FetchFailure {
    fn from(error: ListError) -> Self {
        Self::Contents(format!("the revocation list {error}"))
    }
}

impl fmt::Display for ListError {
    /// Completes a sentence that begins with the list: `… is not UTF-8`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => write!(out, "is longer than {} bytes", super::MAX_LIST_BYTES),
            Self::NotUtf8 => out.write_str("is not UTF-8"),
            Self::Json { line, column } => write!(out, "has invalid JSON at line {line}, column {column}"),
            Self::NotAnObject => out.write_str("is not a JSON object without duplicate names"),
            Self::Version => out.write_str("has no `version`; expected a non-negative integer"),
            Self::UnknownMember(name) => {
                write!(out, "has an unknown member `{name}`; expected `version`, `")?;
                write!(out, "{}`", KINDS.join("`, `"))
            }
            Self::Member(path, expected) => write!(out, "has an invalid `{path}`; expected {expected}"),
            Self::TooManyEntries => write!(out, "has more than {MAX_ENTRIES} entries"),
            Self::LowerVersion { found, last } => {
                write!(out, "has version {found}, lower than {last} of the last good list; raise `version`")
            }
        }
    }
}
