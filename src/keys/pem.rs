//! PEM (RFC 7468) with public keys, converted to JWKs: `PUBLIC KEY` (X.509) and `RSA PUBLIC KEY` (RFC 8017).
//!
//! Secrets and environment variables often hold PEM on one line, with `\n` as two characters, or with doubled line
//! ends. Both are read: base64 has neither a backslash nor white space.

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::Jwk;
use serde_json::Value;

use super::KeyFileError;

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";

/// The labels of public keys.
const PUBLIC: [&str; 2] = ["PUBLIC KEY", "RSA PUBLIC KEY"];

/// Whether a text contains PEM.
pub(super) fn is_pem(text: &str) -> bool {
    text.contains(BEGIN)
}

/// The keys of a PEM text as JWKs without `kid`.
pub(super) fn entries(text: &str) -> Result<Vec<Value>, KeyFileError> {
    let public: Vec<(&str, &str)> = blocks(text).filter(|(label, _)| PUBLIC.contains(label)).collect();
    if public.is_empty() {
        let has_certificate = blocks(text).any(|(label, _)| label.ends_with("CERTIFICATE"));
        return Err(if has_certificate { KeyFileError::Certificate } else { KeyFileError::NoPublicKey });
    }
    public.iter().map(|(label, body)| entry(label, body).ok_or(KeyFileError::Unreadable)).collect()
}

/// The label and the base64 of each block.
fn blocks(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split(BEGIN).skip(1).filter_map(|block| {
        let (label, rest) = block.split_once(DASHES)?;
        Some((label, rest.split_once("-----END ")?.0))
    })
}

fn entry(label: &str, body: &str) -> Option<Value> {
    let base64: String = body.replace("\\r", "").replace("\\n", "").split_whitespace().collect();
    let pem = format!("{BEGIN}{label}{DASHES}\n{base64}\n-----END {label}{DASHES}\n");
    let readers = [DecodingKey::from_rsa_pem, DecodingKey::from_ec_pem, DecodingKey::from_ed_pem];
    let key = readers.iter().find_map(|read| read(pem.as_bytes()).ok())?;
    serde_json::to_value(Jwk::from_decoding_key(&key, None).ok()?).ok()
}
