//! Checks of policy documents.

use iot_local_policy::{Arn, Policy};

use crate::account::Account;
use crate::error::{ApiError, ErrorKind};

/// The size of a document, without white space.
/// <https://docs.aws.amazon.com/general/latest/gr/iot-core.html#security-limits>
const MAX_CHARACTERS: usize = 2048;

/// Returns a policy document, if it is one.
///
/// # Errors
/// MalformedPolicy with the place of each error.
pub(super) fn policy<'a>(account: &Account, text: &'a str) -> Result<&'a str, ApiError> {
    let malformed =
        |what: String| ApiError::new(ErrorKind::MalformedPolicy, format!("policyDocument: {what}"));
    let length = text.chars().filter(|character| !character.is_whitespace()).count();
    if length > MAX_CHARACTERS {
        return Err(malformed(format!(
            "{length} characters without white space; expected up to {MAX_CHARACTERS}"
        )));
    }
    let document = serde_json::from_str(text).map_err(|error| malformed(format!("invalid JSON: {error}")))?;
    let arn: Arn = account.arn("policy").parse().map_err(|_| malformed("invalid account".to_owned()))?;
    Policy::parse(&[document], &arn).map_err(|errors| malformed(errors.join("; ")))?;
    Ok(text)
}
