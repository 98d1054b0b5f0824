//! Where a claim is found in a token.

use std::fmt;

use crate::json::{Json, Object};

/// Where a claim is found: a member of the claims set, by its whole name with dots and colons, or a JSON pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimPath {
    /// A member of the claims set.
    Name(Box<str>),
    /// A JSON pointer (RFC 6901): its reference tokens, unescaped.
    Pointer(Vec<Box<str>>),
}

impl ClaimPath {
    /// Parses a path as `authorizer.toml` writes it. A pointer begins with `/`.
    #[must_use]
    pub fn parse(path: &str) -> Self {
        match path.strip_prefix('/') {
            None => Self::Name(path.into()),
            Some(pointer) => Self::Pointer(
                pointer.split('/').map(|token| token.replace("~1", "/").replace("~0", "~").into()).collect(),
            ),
        }
    }

    /// Whether both paths are of the same claim: the pointer `/sub` is the member `sub`.
    #[must_use]
    pub fn is_same_claim(&self, other: &Self) -> bool {
        self.tokens() == other.tokens()
    }

    /// The names on the way to the claim.
    fn tokens(&self) -> &[Box<str>] {
        match self {
            Self::Name(name) => std::slice::from_ref(name),
            Self::Pointer(tokens) => tokens,
        }
    }

    /// The claim, or `None` if it is absent.
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

impl fmt::Display for ClaimPath {
    /// Writes the path as [`ClaimPath::parse`] reads it.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => out.write_str(name),
            Self::Pointer(tokens) => tokens
                .iter()
                .try_for_each(|token| write!(out, "/{}", token.replace('~', "~0").replace('/', "~1"))),
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
    fn a_pointer_to_a_member_is_the_same_claim_as_its_name() {
        for (left, right, expected) in [
            ("sub", "sub", true),
            ("sub", "/sub", true),
            ("https://x.example/t", "/https:~1~1x.example~1t", true),
            ("/a/b", "/a/b", true),
            ("/a/b", "a/b", false),
            ("/a/b", "/a", false),
            ("sub", "Sub", false),
            ("", "/", true),
        ] {
            let (left, right) = (ClaimPath::parse(left), ClaimPath::parse(right));
            assert_eq!(left.is_same_claim(&right), expected, "{left} {right}");
            assert_eq!(right.is_same_claim(&left), expected, "{right} {left}");
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
            assert_eq!(ClaimPath::parse(path).to_string(), path);
        }
    }
}
