//! The token signature that a client sends to AWS IoT's gateway.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::place::{STANDARD, URL_SAFE, parameters, percent_decoded, query, user_name};
use crate::request::Request;

/// The parameter with the token signature that AWS IoT's gateway verified, if token signing is on.
/// <https://docs.aws.amazon.com/iot/latest/developerguide/custom-auth.html>
const SIGNATURE_PARAMETER: &str = "x-amz-customauthorizer-signature";

/// The longest signature that AWS IoT accepts, in base64 characters.
/// <https://docs.aws.amazon.com/iot/latest/apireference/API_TestInvokeAuthorizer.html>
const MAX_SIGNATURE_CHARACTERS: usize = 2560;

/// The signature in header, query and user name, in either base64 alphabet. Returns `None` if there are two different
/// ones.
pub(super) fn gateway_signature(request: &Request<'_>) -> Option<String> {
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
