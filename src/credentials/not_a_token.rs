//! What clients send by mistake in place of a token.

use std::fmt;

use super::place::{Decode, TokenPlace, visit_values};
use super::{count_parts, without_bearer};
use crate::request::Request;

/// What a value is that stands in the place of a token. It holds nothing of the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAToken {
    /// A token in quotation marks, as JSON writes a string.
    Quoted,
    /// A value of the client's language in place of the token.
    Word(&'static str),
    /// Several tokens with a separator.
    Several,
    /// A token whose parts end with `=`. AWS's load balancers sign their tokens in this form.
    Padded,
    /// Anything else, such as an ordinary password.
    Other,
}

impl NotAToken {
    /// What clients write that have no token.
    const WORDS: [&str; 9] =
        ["undefined", "null", "None", "nil", "NaN", "true", "false", "[object Promise]", "[object Object]"];

    /// What stands in a place of a request that has no token there; `None` if nothing does.
    #[must_use]
    pub fn in_place(request: &Request<'_>, place: &TokenPlace) -> Option<Self> {
        let mut found = None;
        visit_values(request, place, |raw, decode| {
            if !raw.is_empty() && matches!(found, None | Some(Self::Other)) {
                found = Some(Self::of(raw, decode));
            }
        });
        found
    }

    /// What a value is, as it stands or without the encoding of its place.
    pub(super) fn of<'a>(raw: &'a str, decode: Decode<'a>) -> Self {
        match Self::of_text(raw) {
            Self::Other => decode(raw).map_or(Self::Other, |decoded| Self::of_text(&decoded)),
            kind => kind,
        }
    }

    fn of_text(value: &str) -> Self {
        let value = without_bearer(value);
        let is_token = |text: &str| count_parts(without_bearer(text)).is_some();
        let unquoted = value.trim_matches(['"', '\'', '\u{201c}', '\u{201d}']);
        let mut several = value.split([';', ',', ' ', '|', '\n']).filter(|part| is_token(part));
        let unpadded =
            || value.split('.').map(|part| part.trim_end_matches('=')).collect::<Vec<_>>().join(".");
        if let Some(word) = Self::WORDS.into_iter().find(|word| *word == unquoted) {
            Self::Word(word)
        } else if unquoted.len() < value.len() && is_token(unquoted) {
            Self::Quoted
        } else if several.next().is_some() && several.next().is_some() {
            Self::Several
        } else if value.contains('=') && is_token(&unpadded()) {
            Self::Padded
        } else {
            Self::Other
        }
    }
}

impl fmt::Display for NotAToken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quoted => out.write_str("a token in quotation marks"),
            Self::Word(word) => write!(out, "the word `{word}`, not a token"),
            Self::Several => out.write_str("several tokens with a separator"),
            Self::Padded => out.write_str("a token padded with `=`, as a load balancer issues it"),
            Self::Other => out.write_str("not a compact JWS (three base64url parts)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is in the place of the event's `token` and in the header `authorization`, which may have several values.
    #[test]
    fn the_first_mistake_of_a_place_is_named() {
        let kind = |place: &str, event: &str| {
            let request = Request::parse(event.as_bytes()).unwrap();
            NotAToken::in_place(&request, &TokenPlace::parse(place).unwrap())
        };
        for (value, expected) in [
            (r#""""#, None),
            (r#""secret""#, Some(NotAToken::Other)),
            (r#""'a.b.c'""#, Some(NotAToken::Quoted)),
            (r#""%22a.b.c%22""#, Some(NotAToken::Quoted)),
            (r#""'a.b'c""#, Some(NotAToken::Other)),
            (r#""'secret'""#, Some(NotAToken::Other)),
            (r#""'null'""#, Some(NotAToken::Word("null"))),
            (r#""Bearer undefined""#, Some(NotAToken::Word("undefined"))),
            (r#""Undefined""#, Some(NotAToken::Other)),
            (r#""a.b.c;d.e.f""#, Some(NotAToken::Several)),
            (r#""a.b.c;""#, Some(NotAToken::Other)),
            (r#""a.b.c;secret""#, Some(NotAToken::Other)),
            (r#""YQ==.YQ==.YQ==""#, Some(NotAToken::Padded)),
            (r#""YQ==.YQ==.Y!==""#, Some(NotAToken::Other)),
            (r#""YQ==""#, Some(NotAToken::Other)),
            // AWS IoT's test call adds the signature to two parts. Without one they are no token.
            (r#""a.b""#, Some(NotAToken::Other)),
        ] {
            assert_eq!(kind("token", &format!(r#"{{ "token": {value} }}"#)), expected, "{value}");
        }
        assert_eq!(kind("password", r#"{ "token": "null" }"#), None);
        let query = r#"{ "protocolData": { "http": { "queryString": "t=&t=secret&t=null&t='a.b.c'" } } }"#;
        assert_eq!(kind("query:t", query), Some(NotAToken::Word("null")));
        assert_eq!(kind("query:u", query), None);
    }

    #[test]
    fn each_kind_has_its_text() {
        for (kind, text) in [
            (NotAToken::Quoted, "a token in quotation marks"),
            (NotAToken::Word("null"), "the word `null`, not a token"),
            (NotAToken::Several, "several tokens with a separator"),
            (NotAToken::Padded, "a token padded with `=`, as a load balancer issues it"),
            (NotAToken::Other, "not a compact JWS (three base64url parts)"),
        ] {
            assert_eq!(kind.to_string(), text);
        }
    }
}
