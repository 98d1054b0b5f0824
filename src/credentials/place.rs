//! The places of a request where a token may be, and the values in them.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::percent_decode_str;

use crate::request::Request;

/// Base64 as clients write it: with or without padding, with stray trailing bits. The decoded value is what counts.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
pub(super) const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
pub(super) const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

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
    pub(super) const fn is_for_tokens(&self) -> bool {
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

/// Undoes the encoding of a place; `None` if the value is not encoded.
pub(super) type Decode<'a> = fn(&'a str) -> Option<Cow<'a, str>>;

/// Calls `visit` with each value of a place and the place's encoding.
pub(super) fn visit_values<'a>(
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

pub(super) fn query<'a>(request: &'a Request<'_>) -> &'a str {
    let query = request.http().and_then(|http| http.query_string.as_ref()).map_or("", |query| &*query.0);
    query.strip_prefix('?').unwrap_or(query)
}

/// A user name's name and its parameters. AWS's clients may append a second `?` to a name that already has one.
pub(super) fn user_name<'a>(request: &'a Request<'_>) -> (&'a str, &'a str) {
    let whole = request.mqtt().and_then(|mqtt| mqtt.username.as_ref()).map_or("", |name| &*name.0);
    whole.split_once('?').unwrap_or((whole, ""))
}

/// The pairs of a query: names decoded, values as they are. A value may contain `=`, since AWS's SDKs send such values.
pub(super) fn parameters(query: &str) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
    query.split(['&', '?']).filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        Some((percent_decoded(name)?, value))
    })
}

/// Percent-decodes, but keeps `+`: base64 uses it, and AWS's SDKs do not encode it.
pub(super) fn percent_decoded(text: &str) -> Option<Cow<'_, str>> {
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
