//! What a claim may hold: each type is made by its constructor or not at all.

use std::time::{Duration, SystemTime};

use crate::json::{Json, Object};

/// The last second of the year 9999: what a four-digit year can say.
const LAST_DATE: f64 = 253_402_300_799.0;

/// A point in time in seconds since 1970, fractions included, as RFC 7519 section 2 writes it.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct NumericDate(f64);

impl NumericDate {
    /// Reads a claim. `None` for anything but a number from 1970 to the year 9999.
    #[must_use]
    pub fn read(claim: &Json<'_>) -> Option<Self> {
        let seconds = match claim {
            Json::Unsigned(seconds) => whole(*seconds),
            Json::Float(seconds) => *seconds,
            _ => return None,
        };
        (0.0..=LAST_DATE).contains(&seconds).then_some(Self(seconds))
    }

    /// The date so many seconds later.
    #[must_use]
    pub fn plus(self, seconds: u64) -> Self {
        Self(self.0 + whole(seconds))
    }

    /// The date after that time.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0 + duration.as_secs_f64())
    }

    /// The seconds from `earlier` to this date; nothing if it lies before.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::try_from_secs_f64(self.0 - earlier.0).unwrap_or_default()
    }
}

impl From<SystemTime> for NumericDate {
    /// A clock before 1970 counts as 1970: every token is then not yet valid.
    fn from(time: SystemTime) -> Self {
        Self(time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64())
    }
}

/// Exact up to 2^53, and every date lies far below.
#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "seconds of dates are far below 2^53")]
const fn whole(seconds: u64) -> f64 {
    seconds as f64
}

/// Where a claim is kept: a member's whole name, dots and colons included, or a JSON pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimPath {
    /// A member of the claims set.
    Name(Box<str>),
    /// RFC 6901, its reference tokens unescaped.
    Pointer(Vec<Box<str>>),
}

impl ClaimPath {
    /// Reads a path as the configuration writes it: a pointer begins with `/`.
    #[must_use]
    pub fn parse(path: &str) -> Self {
        match path.strip_prefix('/') {
            None => Self::Name(path.into()),
            Some(pointer) => Self::Pointer(
                pointer.split('/').map(|token| token.replace("~1", "/").replace("~0", "~").into()).collect(),
            ),
        }
    }

    /// The claim, if it is there.
    #[must_use]
    pub fn find<'c, 'p>(&self, claims: &'c Object<'p>) -> Option<&'c Json<'p>> {
        match self {
            Self::Name(name) => claims.get(name),
            Self::Pointer(tokens) => {
                let (first, rest) = tokens.split_first()?;
                rest.iter().try_fold(claims.get(first)?, |value, token| match value {
                    Json::Object(object) => object.get(token),
                    Json::Array(items) => items.get(index(token)?),
                    _ => None,
                })
            }
        }
    }
}

/// An array index of RFC 6901 section 4: digits without a leading zero.
fn index(token: &str) -> Option<usize> {
    if token.len() > 1 && token.starts_with('0') || !token.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    token.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (json, good) in [
            ("0", true),
            ("1.5", true),
            ("1e9", true),
            ("253402300799", true),
            ("253402300800", false),
            ("253402300799.5", false),
            ("-1", false),
            ("-0.5", false),
            ("18446744073709551615", false),
            ("18446744073709551616", false),
            ("1e300", false),
            ("\"1\"", false),
            ("null", false),
            ("true", false),
            ("[1]", false),
        ] {
            let text = format!("{{\"exp\":{json}}}");
            let claims = Object::parse(text.as_bytes()).unwrap();
            assert_eq!(NumericDate::read(claims.get("exp").unwrap()).is_some(), good, "{json}");
        }
    }

    #[test]
    fn pointers() {
        let claims =
            Object::parse(br#"{"a/b":{"c~d":[10,11,{"e":20}]},"https://x.example/t":30,"":40}"#).unwrap();
        let number = |path: &str| match ClaimPath::parse(path).find(&claims) {
            Some(Json::Unsigned(number)) => *number,
            _ => 0,
        };
        let cases = [
            ("https://x.example/t", 30),
            ("", 40),
            ("/", 40),
            ("/a~1b/c~0d/0", 10),
            ("/a~1b/c~0d/1", 11),
            ("/a~1b/c~0d/2/e", 20),
            ("/a~1b/c~0d/01", 0),
            ("/a~1b/c~0d/+1", 0),
            ("/a~1b/c~0d/-", 0),
            ("/a~1b/c~0d/3", 0),
            ("/a~1b/c~0d/", 0),
            ("/a/b", 0),
            ("a~1b", 0),
        ];
        for (path, expected) in cases {
            assert_eq!(number(path), expected, "{path}");
        }
    }
}
