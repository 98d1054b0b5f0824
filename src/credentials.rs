//! Where a token may stand in a request, and the rule that there is exactly one.

use std::borrow::Cow;
use std::cell::OnceCell;

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use memchr::memchr_iter;
use percent_encoding::percent_decode_str;

use crate::denial::Code;
use crate::request::Request;

/// The parameter that carries what AWS IoT's gateway verified when token signing is on.
/// <https://docs.aws.amazon.com/iot/latest/developerguide/custom-auth.html>
const SIGNATURE_PARAMETER: &str = "x-amz-customauthorizer-signature";

/// The longest signature that AWS IoT takes, in characters of base64.
/// <https://docs.aws.amazon.com/iot/latest/apireference/API_TestInvokeAuthorizer.html>
const MAX_SIGNATURE_CHARACTERS: usize = 2560;

/// Base64 as clients write it: padded or not, loose bits and all. Only what it decodes to is judged.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// A place in the request where a token may stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
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

impl Place {
    /// Reads a place as `authorizer.toml` names it.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let place = match name.split_once(':') {
            None => match name {
                "token" => Self::Token,
                "username" => Self::UserName,
                "password" => Self::Password,
                _ => return None,
            },
            Some((_, "")) => return None,
            Some(("header", name)) => Self::Header(name.into()),
            Some(("query", name)) => Self::Query(name.into()),
            Some(("username", name)) => Self::UserNameParameter(name.into()),
            Some(_) => return None,
        };
        Some(place)
    }

    /// Whether something other than a token in this place is a mistake. Passwords and user names are not:
    /// they are there for other ends too.
    const fn is_for_tokens(&self) -> bool {
        !matches!(self, Self::UserName | Self::Password)
    }
}

/// Which places are looked into, and how long a token may be.
#[derive(Clone, Debug)]
pub struct TokenRule {
    /// Their order has no meaning.
    pub places: Vec<Place>,
    /// Of the token itself, in bytes.
    pub max_bytes: usize,
}

/// Exactly one token, in compact form and within the size limit. Nothing about it is trusted.
pub struct Credentials<'a> {
    token: Cow<'a, str>,
}

impl<'a> Credentials<'a> {
    /// Looks into every place, and wants one token in all.
    ///
    /// A token has three dot-separated parts of base64url characters. One of two parts comes from a client that
    /// gave its signature to AWS IoT's gateway: the three are put together again. Equal tokens in several places
    /// are one.
    ///
    /// # Errors
    /// [`Code::NoToken`], [`Code::MalformedToken`], [`Code::AmbiguousToken`], [`Code::TokenTooLarge`].
    pub fn find(request: &'a Request<'a>, rule: &TokenRule) -> Result<Self, Code> {
        let mut search = Search {
            request,
            rule,
            found: None,
            ambiguous: false,
            misfilled: false,
            gateway_signature: OnceCell::new(),
        };
        for place in &rule.places {
            search.look_into(place);
        }
        search.conclude()
    }

    /// The token, three parts.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }
}

/// A token, or a value too long to be looked at.
#[derive(PartialEq)]
enum Candidate<'a> {
    Token(Cow<'a, str>),
    Unread,
}

struct Search<'a, 'r> {
    request: &'a Request<'a>,
    rule: &'r TokenRule,
    found: Option<Candidate<'a>>,
    ambiguous: bool,
    misfilled: bool,
    /// Looked for once, however many tokens ask for it.
    gateway_signature: OnceCell<Option<String>>,
}

impl<'a> Search<'a, '_> {
    fn look_into(&mut self, place: &Place) {
        let request = self.request;
        match place {
            Place::Token => {
                if let Some(token) = &request.token {
                    self.consider(place, &token.0, percent_decoded);
                }
            }
            Place::Header(name) => {
                let Some(http) = request.http() else { return };
                for value in http.header(name) {
                    self.consider(place, value, |_| None);
                }
            }
            Place::Query(name) => {
                for value in
                    parameters(query(request)).filter(|(key, _)| key == &**name).map(|(_, value)| value)
                {
                    self.consider(place, value, percent_decoded);
                }
            }
            Place::UserNameParameter(name) => {
                let values = parameters(user_name(request).1).filter(|(key, _)| key == &**name);
                for (_, value) in values {
                    self.consider(place, value, percent_decoded);
                }
            }
            Place::UserName => self.consider(place, user_name(request).0, percent_decoded),
            Place::Password => {
                if let Some(password) = request.mqtt().and_then(|mqtt| mqtt.password.as_ref()) {
                    self.consider(place, &password.0, base64_decoded);
                }
            }
        }
    }

    /// Takes note of what stands in a place; `decode` undoes the place's encoding.
    fn consider(&mut self, place: &Place, raw: &'a str, decode: fn(&'a str) -> Option<Cow<'a, str>>) {
        if raw.is_empty() || self.ambiguous {
            return;
        }
        // No encoding of these places needs more than three characters for one, so a longer value holds no
        // token that would do, and is not decoded to find out.
        let candidate = if raw.len() > self.rule.max_bytes.saturating_mul(3) {
            Some(Candidate::Unread)
        } else {
            // A password that already looks like a token is one: test calls send it without the base64.
            self.token_of(Cow::Borrowed(raw)).or_else(|| self.token_of(decode(raw)?)).map(Candidate::Token)
        };
        match (candidate, &self.found) {
            (None, _) => self.misfilled |= place.is_for_tokens(),
            (Some(new), None) => self.found = Some(new),
            (Some(new), Some(old)) => self.ambiguous |= new != *old,
        }
    }

    /// The token that a value is, if it is one, without its `Bearer `.
    fn token_of(&self, value: Cow<'a, str>) -> Option<Cow<'a, str>> {
        let token = match value {
            Cow::Borrowed(value) => Cow::Borrowed(without_bearer(value)),
            Cow::Owned(value) if without_bearer(&value).len() == value.len() => Cow::Owned(value),
            Cow::Owned(value) => Cow::Owned(without_bearer(&value).to_owned()),
        };
        match parts(&token)? {
            3 => Some(token),
            2 => Some(Cow::Owned(format!("{token}.{}", self.gateway_signature()?))),
            _ => None,
        }
    }

    /// The one signature that the gateway was given, as a token has it.
    fn gateway_signature(&self) -> Option<&str> {
        self.gateway_signature.get_or_init(|| gateway_signature(self.request)).as_deref()
    }

    fn conclude(self) -> Result<Credentials<'a>, Code> {
        match self.found {
            _ if self.ambiguous => Err(Code::AmbiguousToken),
            None if self.misfilled => Err(Code::MalformedToken),
            None => Err(Code::NoToken),
            Some(Candidate::Token(token)) if token.len() <= self.rule.max_bytes => Ok(Credentials { token }),
            Some(_) => Err(Code::TokenTooLarge),
        }
    }
}

/// The one signature among header, query and user name, in whatever base64 it came; `None` if there are two.
fn gateway_signature(request: &Request<'_>) -> Option<String> {
    let headers = request.http().into_iter().flat_map(|http| http.header(SIGNATURE_PARAMETER));
    let query = parameters(query(request));
    let user_name = parameters(user_name(request).1);
    let named = query.chain(user_name).filter(|(key, _)| key == SIGNATURE_PARAMETER);
    let mut all = headers.map(Cow::Borrowed).chain(named.filter_map(|(_, value)| percent_decoded(value)));
    let signature = signature(&all.next()?)?;
    let is_only = all.all(|other| self::signature(&other).as_ref() == Some(&signature));
    is_only.then(|| URL_SAFE_NO_PAD.encode(signature))
}

/// However many signs of padding a client put there, or its encoder left out.
fn signature(text: &str) -> Option<Vec<u8>> {
    let bare = text.trim_end_matches('=');
    if bare.len() > MAX_SIGNATURE_CHARACTERS {
        return None;
    }
    STANDARD.decode(bare).or_else(|_| URL_SAFE.decode(bare)).ok()
}

/// How many parts a compact form has; `None` when it is none. The last of three may be empty.
fn parts(token: &str) -> Option<usize> {
    // A password in base64 has no dot, and is long.
    let mut dots = memchr_iter(b'.', token.as_bytes());
    let (first, second, third) = (dots.next()?, dots.next(), dots.next());
    let fits = |byte: u8| byte.is_ascii_alphanumeric() | matches!(byte, b'-' | b'_' | b'.');
    // Every byte is looked at, whatever came before it: that way several are at once.
    if !token.bytes().fold(true, |all, byte| all & fits(byte)) {
        return None;
    }
    let payload = first.saturating_add(1)..second.unwrap_or(token.len());
    if first == 0 || payload.is_empty() || third.is_some() {
        return None;
    }
    Some(if second.is_none() { 2 } else { 3 })
}

/// RFC 6750's scheme name is taken off in every place, since clients put it in every place.
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

/// A user name's name and its parameters. AWS's clients may add a second `?` to a name that already has one.
fn user_name<'a>(request: &'a Request<'_>) -> (&'a str, &'a str) {
    let whole = request.mqtt().and_then(|mqtt| mqtt.username.as_ref()).map_or("", |name| &*name.0);
    whole.split_once('?').unwrap_or((whole, ""))
}

/// The pairs of a query, names decoded, values as they stand. Values may hold `=`: AWS's SDKs send such.
fn parameters(query: &str) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
    query.split(['&', '?']).filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        Some((percent_decoded(name)?, value))
    })
}

/// Percent-decoding that leaves `+` alone: base64 has it, and AWS's SDKs send it bare.
fn percent_decoded(text: &str) -> Option<Cow<'_, str>> {
    percent_decode_str(text).decode_utf8().ok()
}

fn base64_decoded(text: &str) -> Option<Cow<'_, str>> {
    // As nearly every client writes it; the rest is read as it was meant.
    let decoded = base64_simd::STANDARD.decode_to_vec(text).ok().or_else(|| STANDARD.decode(text).ok())?;
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

        /// The vectorised reader changes nothing, whatever a client puts where.
        #[test]
        fn a_password_is_read_as_it_was_meant(
            text in "[a-z0-9.]{0,150}",
            at in any::<Index>(),
            put in "[-A-Za-z0-9_+/= \n\u{0}é.]{0,2}",
        ) {
            let mut password = base64::engine::general_purpose::STANDARD.encode(&text);
            prop_assert_eq!(base64_decoded(&password).map(Cow::into_owned), Some(text));
            let at = at.index(password.len().max(1));
            password.replace_range(at..password.len().min(at.saturating_add(1)), &put);
            let plainly = STANDARD.decode(&password).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            prop_assert_eq!(base64_decoded(&password).map(Cow::into_owned), plainly);
        }
    }
}
