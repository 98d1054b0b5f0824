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
