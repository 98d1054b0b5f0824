//! Where a token may be in a request, and the rule that a request has exactly one.

mod not_a_token;
mod place;
mod signature;

pub use not_a_token::NotAToken;
pub use place::TokenPlace;

use std::borrow::Cow;
use std::cell::OnceCell;

use crate::denial::{Code, Denial};
use crate::request::Request;
use place::{Decode, visit_values};
use signature::gateway_signature;

/// Most characters that an encoding of these places uses for one character of a token: `%2E`.
const MAX_ENCODED_LENGTH: usize = 3;

/// `[token]`: the places that are searched, and how long a token may be.
#[derive(Clone, Debug)]
pub struct TokenRule {
    /// Their order has no meaning.
    pub places: Vec<TokenPlace>,
    /// Longest token, in bytes.
    pub max_bytes: usize,
}

/// The request's one token, in compact form and within the size limit. It is not verified.
pub struct Credentials<'a> {
    token: Cow<'a, str>,
}

impl<'a> Credentials<'a> {
    /// Searches every place and expects one token in all. Equal tokens in several places count as one.
    ///
    /// A token has three parts of base64url characters, separated by dots. A token of two parts comes from a client
    /// that sends its signature to AWS IoT's gateway: the signature is appended as the third part.
    ///
    /// # Errors
    /// [`Code::NoToken`], [`Code::MalformedToken`], [`Code::AmbiguousToken`], [`Code::TokenTooLarge`]. The first two
    /// name the place of a value that only looks like a token, and what is wrong with it.
    pub fn find(request: &'a Request<'a>, rule: &TokenRule) -> Result<Self, Denial> {
        let mut search = Search {
            request,
            max_bytes: rule.max_bytes,
            found: None,
            is_ambiguous: false,
            has_other_value: false,
            other: None,
            gateway_signature: OnceCell::new(),
        };
        for place in &rule.places {
            visit_values(request, place, |raw, decode| search.consider(place, raw, decode));
        }
        search.result()
    }

    /// The token, with three parts.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }
}

/// A token, or a value that is too long to decode.
#[derive(PartialEq)]
enum Candidate<'a> {
    Token(Cow<'a, str>),
    TooLong,
}

struct Search<'a, 'r> {
    request: &'a Request<'a>,
    max_bytes: usize,
    found: Option<Candidate<'a>>,
    is_ambiguous: bool,
    /// Whether a place for tokens has a value that is not a token.
    has_other_value: bool,
    /// The value that a denial names, and its place: the first that a client meant as a token.
    other: Option<(&'r TokenPlace, NotAToken)>,
    /// Read once, for any number of two-part tokens.
    gateway_signature: OnceCell<Option<String>>,
}

impl<'a, 'r> Search<'a, 'r> {
    /// Adds the value of a place to what was found; `decode` undoes the place's encoding.
    fn consider(&mut self, place: &'r TokenPlace, raw: &'a str, decode: Decode<'a>) {
        if raw.is_empty() || self.is_ambiguous {
            return;
        }
        // A longer value cannot decode to a token within the limit.
        let candidate = if raw.len() > self.max_bytes.saturating_mul(MAX_ENCODED_LENGTH) {
            Some(Candidate::TooLong)
        } else {
            // A password that is a token already is not decoded: test calls send it without the base64.
            self.token_of(Cow::Borrowed(raw)).or_else(|| self.token_of(decode(raw)?)).map(Candidate::Token)
        };
        match (candidate, &self.found) {
            (None, _) => self.note(place, raw, decode),
            (Some(candidate), None) => self.found = Some(candidate),
            (Some(candidate), Some(found)) => self.is_ambiguous |= candidate != *found,
        }
    }

    /// The token that a value is, without `Bearer `, or `None` if the value is not a token.
    fn token_of(&self, value: Cow<'a, str>) -> Option<Cow<'a, str>> {
        let token = match value {
            Cow::Borrowed(value) => Cow::Borrowed(without_bearer(value)),
            Cow::Owned(value) if without_bearer(&value).len() == value.len() => Cow::Owned(value),
            Cow::Owned(value) => Cow::Owned(without_bearer(&value).to_owned()),
        };
        match count_parts(&token)? {
            3 => Some(token),
            2 => Some(Cow::Owned(format!("{token}.{}", self.gateway_signature()?))),
            _ => None,
        }
    }

    /// The signature that the gateway was given, in the encoding of tokens.
    fn gateway_signature(&self) -> Option<&str> {
        self.gateway_signature.get_or_init(|| gateway_signature(self.request)).as_deref()
    }

    fn result(self) -> Result<Credentials<'a>, Denial> {
        match self.found {
            _ if self.is_ambiguous => Err(Code::AmbiguousToken.into()),
            None => Err(self.denial()),
            Some(Candidate::Token(token)) if token.len() <= self.max_bytes => Ok(Credentials { token }),
            Some(_) => Err(Code::TokenTooLarge.into()),
        }
    }

    /// Notes a value that is not a token. A mistake counts before a value that is only something else, of which those
    /// in places for tokens count: an ordinary password is no mistake.
    fn note(&mut self, place: &'r TokenPlace, raw: &'a str, decode: Decode<'a>) {
        self.has_other_value |= place.is_for_tokens();
        if self.other.is_some_and(|(_, kind)| kind != NotAToken::Other) {
            return;
        }
        let kind = NotAToken::of(raw, decode);
        if kind != NotAToken::Other || (self.other.is_none() && place.is_for_tokens()) {
            self.other = Some((place, kind));
        }
    }

    /// The denial of a request without a token.
    fn denial(&self) -> Denial {
        let code = if self.has_other_value { Code::MalformedToken } else { Code::NoToken };
        match self.other {
            Some((place, kind)) => Denial::about(code, &format!("{place}: {kind}")),
            None => code.into(),
        }
    }
}

/// The number of parts of a compact form: two or three, of which only the third may be empty. Else `None`.
fn count_parts(text: &str) -> Option<usize> {
    // Without an early exit, so that the compiler vectorises it.
    let is_base64url = |part: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() | matches!(byte, b'-' | b'_');
        part.bytes().fold(true, |all, byte| all & fits(byte))
    };
    let mut parts = text.split('.');
    let (header, payload, signature) = (parts.next()?, parts.next()?, parts.next());
    if header.is_empty() || payload.is_empty() || parts.next().is_some() {
        return None;
    }
    let fits = [header, payload, signature.unwrap_or_default()].into_iter().all(is_base64url);
    fits.then_some(if signature.is_some() { 3 } else { 2 })
}

/// Removes RFC 6750's scheme name. Clients send it in every place.
fn without_bearer(value: &str) -> &str {
    let value = value.trim_ascii();
    let scheme = value.get(.."bearer".len()).filter(|scheme| scheme.eq_ignore_ascii_case("bearer"));
    let token =
        scheme.and_then(|scheme| value.get(scheme.len()..)).filter(|rest| rest.starts_with([' ', '\t']));
    token.map_or(value, str::trim_ascii_start)
}
