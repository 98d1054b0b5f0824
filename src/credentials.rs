//! Where a token may be in a request, and the rule that a request has exactly one.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use percent_encoding::percent_decode_str;

use crate::denial::{Code, Denial};
use crate::request::Request;

/// The parameter with the token signature that AWS IoT's gateway verified, if token signing is on.
/// <https://docs.aws.amazon.com/iot/latest/developerguide/custom-auth.html>
const SIGNATURE_PARAMETER: &str = "x-amz-customauthorizer-signature";

/// The longest signature that AWS IoT accepts, in base64 characters.
/// <https://docs.aws.amazon.com/iot/latest/apireference/API_TestInvokeAuthorizer.html>
const MAX_SIGNATURE_CHARACTERS: usize = 2560;

/// Most characters that an encoding of these places uses for one character of a token: `%2E`.
const MAX_ENCODED_LENGTH: usize = 3;

/// Base64 as clients write it: with or without padding, with stray trailing bits. The decoded value is what counts.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// A place in the request where a token may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenPlace {
    /// The event's `token`.
    Token,
    /// An HTTP header field, by its name in any case.
    Header(Box<str>),
    /// A parameter of the query.
    Query(Box<str>),
    /// A parameter of the MQTT user name.
    UserNameParameter(Box<str>),
    /// The MQTT user name up to its first `?`.
    UserName,
    /// The MQTT password.
    Password,
}

impl TokenPlace {
    /// How `authorizer.toml` writes the places.
    pub const SYNTAX: [&str; 6] =
        ["token", "header:NAME", "query:NAME", "username:NAME", "username", "password"];

    /// Parses a place as `authorizer.toml` writes it. Returns `None` for an unknown one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None if text == "token" => Some(Self::Token),
            None if text == "username" => Some(Self::UserName),
            None if text == "password" => Some(Self::Password),
            None | Some((_, "")) => None,
            Some(("header", name)) => Some(Self::Header(name.into())),
            Some(("query", name)) => Some(Self::Query(name.into())),
            Some(("username", name)) => Some(Self::UserNameParameter(name.into())),
            Some(_) => None,
        }
    }

    /// Whether any value in this place is meant to be a token. Passwords and user names also have other uses.
    const fn is_for_tokens(&self) -> bool {
        !matches!(self, Self::UserName | Self::Password)
    }
}

impl fmt::Display for TokenPlace {
    /// Writes the place as [`TokenPlace::parse`] reads it.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token => out.write_str("token"),
            Self::Header(name) => write!(out, "header:{name}"),
            Self::Query(name) => write!(out, "query:{name}"),
            Self::UserNameParameter(name) => write!(out, "username:{name}"),
            Self::UserName => out.write_str("username"),
            Self::Password => out.write_str("password"),
        }
    }
}

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
            rule,
            found: None,
            is_ambiguous: false,
            has_other_value: false,
            gateway_signature: OnceCell::new(),
        };
        for place in &rule.places {
            search.search(place);
        }
        search.result().map_err(|code| denial(code, request, rule))
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
    rule: &'r TokenRule,
    found: Option<Candidate<'a>>,
    is_ambiguous: bool,
    /// Whether a place for tokens has a value that is not a token.
    has_other_value: bool,
    /// Read once, for any number of two-part tokens.
    gateway_signature: OnceCell<Option<String>>,
}

/// Undoes the encoding of a place; `None` if the value is not encoded.
type Decode<'a> = fn(&'a str) -> Option<Cow<'a, str>>;

/// Calls `visit` with each value of a place and the place's encoding.
fn visit_values<'a>(
    request: &'a Request<'a>,
    place: &TokenPlace,
    mut visit: impl FnMut(&'a str, Decode<'a>),
) {
    let values_of = |query: &'a str, name: &str, visit: &mut dyn FnMut(&'a str, Decode<'a>)| {
        for (_, value) in parameters(query).filter(|(key, _)| key == name) {
            visit(value, percent_decoded);
        }
    };
    match place {
        TokenPlace::Token => {
            if let Some(token) = &request.token {
                visit(&token.0, percent_decoded);
            }
        }
        TokenPlace::Header(name) => {
            let Some(http) = request.http() else { return };
            for value in http.header(name) {
                visit(value, |_| None);
            }
        }
        TokenPlace::Query(name) => values_of(query(request), name, &mut visit),
        TokenPlace::UserNameParameter(name) => values_of(user_name(request).1, name, &mut visit),
        TokenPlace::UserName => visit(user_name(request).0, percent_decoded),
        TokenPlace::Password => {
            if let Some(password) = request.mqtt().and_then(|mqtt| mqtt.password.as_ref()) {
                visit(&password.0, base64_decoded);
            }
        }
    }
}

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
            if raw.is_empty() || !matches!(found, None | Some(Self::Other)) {
                return;
            }
            let decoded = decode(raw);
            let texts = std::iter::once(raw).chain(decoded.as_deref());
            found = texts.map(Self::of).find(|kind| *kind != Self::Other).or(Some(Self::Other));
        });
        found
    }

    fn of(value: &str) -> Self {
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

/// The denial of a request without a token, which names the first place with a value that a client meant as one.
fn denial(code: Code, request: &Request<'_>, rule: &TokenRule) -> Denial {
    if !matches!(code, Code::NoToken | Code::MalformedToken) {
        return code.into();
    }
    let values =
        || rule.places.iter().filter_map(|place| Some((place, NotAToken::in_place(request, place)?)));
    let mistake = values().find(|(_, value)| *value != NotAToken::Other);
    // An ordinary password is no mistake.
    let other = || values().find(|(place, _)| place.is_for_tokens());
    match mistake.or_else(other) {
        Some((place, value)) => Denial::about(code, &format!("{place}: {value}")),
        None => code.into(),
    }
}

impl<'a> Search<'a, '_> {
    fn search(&mut self, place: &TokenPlace) {
        visit_values(self.request, place, |raw, decode| self.consider(place, raw, decode));
    }

    /// Adds the value of a place to what was found; `decode` undoes the place's encoding.
    fn consider(&mut self, place: &TokenPlace, raw: &'a str, decode: Decode<'a>) {
        if raw.is_empty() || self.is_ambiguous {
            return;
        }
        // A longer value cannot decode to a token within the limit.
        let candidate = if raw.len() > self.rule.max_bytes.saturating_mul(MAX_ENCODED_LENGTH) {
            Some(Candidate::TooLong)
        } else {
            // A password that is a token already is not decoded: test calls send it without the base64.
            self.token_of(Cow::Borrowed(raw)).or_else(|| self.token_of(decode(raw)?)).map(Candidate::Token)
        };
        match (candidate, &self.found) {
            (None, _) => self.has_other_value |= place.is_for_tokens(),
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

    fn result(self) -> Result<Credentials<'a>, Code> {
        match self.found {
            _ if self.is_ambiguous => Err(Code::AmbiguousToken),
            None if self.has_other_value => Err(Code::MalformedToken),
            None => Err(Code::NoToken),
            Some(Candidate::Token(token)) if token.len() <= self.rule.max_bytes => Ok(Credentials { token }),
            Some(_) => Err(Code::TokenTooLarge),
        }
    }
}

/// The signature in header, query and user name, in either base64 alphabet. Returns `None` if there are two different
/// ones.
fn gateway_signature(request: &Request<'_>) -> Option<String> {
    let headers = request.http().into_iter().flat_map(|http| http.header(SIGNATURE_PARAMETER));
    let parameters = parameters(query(request)).chain(parameters(user_name(request).1));
    let parameters = parameters.filter(|(key, _)| key == SIGNATURE_PARAMETER);
    let decoded = parameters.filter_map(|(_, value)| percent_decoded(value));
    let mut texts = headers.map(Cow::Borrowed).chain(decoded);
    let signature = signature(&texts.next()?)?;
    let is_unique = texts.all(|text| self::signature(&text).as_ref() == Some(&signature));
    is_unique.then(|| URL_SAFE_NO_PAD.encode(signature))
}

/// Decodes a signature with any amount of padding.
fn signature(text: &str) -> Option<Vec<u8>> {
    let bare = text.trim_end_matches('=');
    if bare.len() > MAX_SIGNATURE_CHARACTERS {
        return None;
    }
    STANDARD.decode(bare).or_else(|_| URL_SAFE.decode(bare)).ok()
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

fn query<'a>(request: &'a Request<'_>) -> &'a str {
    let query = request.http().and_then(|http| http.query_string.as_ref()).map_or("", |query| &*query.0);
    query.strip_prefix('?').unwrap_or(query)
}

/// A user name's name and its parameters. AWS's clients may append a second `?` to a name that already has one.
fn user_name<'a>(request: &'a Request<'_>) -> (&'a str, &'a str) {
    let whole = request.mqtt().and_then(|mqtt| mqtt.username.as_ref()).map_or("", |name| &*name.0);
    whole.split_once('?').unwrap_or((whole, ""))
}

/// The pairs of a query: names decoded, values as they are. A value may contain `=`, since AWS's SDKs send such values.
fn parameters(query: &str) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
    query.split(['&', '?']).filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        Some((percent_decoded(name)?, value))
    })
}

/// Percent-decodes, but keeps `+`: base64 uses it, and AWS's SDKs do not encode it.
fn percent_decoded(text: &str) -> Option<Cow<'_, str>> {
    percent_decode_str(text).decode_utf8().ok()
}

fn base64_decoded(text: &str) -> Option<Cow<'_, str>> {
    // Most clients write canonical base64, which decodes faster.
    let decoded = base64_simd::STANDARD.decode_to_vec(text).ok().or_else(|| STANDARD.decode(text).ok())?;
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;

    #[test]
    fn places_are_read_as_they_are_written() {
        for syntax in TokenPlace::SYNTAX {
            assert_eq!(TokenPlace::parse(syntax).map(|place| place.to_string()).as_deref(), Some(syntax));
        }
        for text in ["", "Token", "header", "header:", "cookie:NAME", "username:", "token:NAME"] {
            assert_eq!(TokenPlace::parse(text), None, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

        /// The vectorised decoder first changes nothing, whichever character a client changes.
        #[test]
        fn passwords_are_decoded_leniently(
            text in "[a-z0-9.]{0,150}",
            index in any::<Index>(),
            inserted in "[-A-Za-z0-9_+/= \n\u{0}é.]{0,2}",
        ) {
            let mut password = base64::engine::general_purpose::STANDARD.encode(&text);
            prop_assert_eq!(base64_decoded(&password).map(Cow::into_owned), Some(text));
            let start = index.index(password.len().max(1));
            password.replace_range(start..password.len().min(start.saturating_add(1)), &inserted);
            let plainly = STANDARD.decode(&password).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            prop_assert_eq!(base64_decoded(&password).map(Cow::into_owned), plainly);
        }
    }
}
