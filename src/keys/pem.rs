//! PEM (RFC 7468) with `PUBLIC KEY` blocks, converted to JWKs.

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::Jwk;
use serde_json::Value;

use super::KeyFileError;

const BEGIN: &str = "-----BEGIN ";

/// Whether a text contains PEM.
pub(super) fn is_pem(text: &str) -> bool {
    text.contains(BEGIN)
}

/// Whether a text contains the beginning of a private key, at any place.
pub(super) fn is_private(text: &str) -> bool {
    let label = |block: &str| block.split("-----").next().is_some_and(|label| label.ends_with("PRIVATE KEY"));
    blocks(text).any(label)
}

/// The keys of a PEM text as JWKs without `kid`.
pub(super) fn entries(text: &str) -> Result<Vec<Value>, KeyFileError> {
    if is_private(text) {
        return Err(KeyFileError::Private);
    }
    let public: Vec<&str> = blocks(text).filter(|block| block.starts_with("PUBLIC KEY-----")).collect();
    if public.is_empty() {
        return Err(KeyFileError::NoPublicKey);
    }
    public.iter().map(|block| entry(block).ok_or(KeyFileError::Unreadable)).collect()
}

fn blocks(text: &str) -> impl Iterator<Item = &str> {
    text.split(BEGIN).skip(1)
}

fn entry(block: &str) -> Option<Value> {
    let pem = format!("{BEGIN}{block}");
    let readers = [DecodingKey::from_rsa_pem, DecodingKey::from_ec_pem, DecodingKey::from_ed_pem];
    let key = readers.iter().find_map(|read| read(pem.as_bytes()).ok())?;
    serde_json::to_value(Jwk::from_decoding_key(&key, None).ok()?).ok()
}
