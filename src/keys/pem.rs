//! PEM (RFC 7468) with `PUBLIC KEY` blocks, turned into the JWK that it is.

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::Jwk;
use memchr::memmem;
use serde_json::Value;

use super::KeyFault;

const BEGIN: &str = "-----BEGIN ";

/// Whether a text is PEM at all.
pub(super) fn is_pem(text: &str) -> bool {
    memmem::find(text.as_bytes(), BEGIN.as_bytes()).is_some()
}

/// Whether a text holds the beginning of a private key, wherever it stands.
pub(super) fn is_private(text: &str) -> bool {
    is_pem(text)
        && blocks(text)
            .any(|block| block.split("-----").next().is_some_and(|label| label.ends_with("PRIVATE KEY")))
}

/// The keys of a PEM text as JWKs without `kid`.
pub(super) fn entries(text: &str) -> Result<Vec<Value>, KeyFault> {
    if is_private(text) {
        return Err(KeyFault::Private);
    }
    let public: Vec<&str> = blocks(text).filter(|block| block.starts_with("PUBLIC KEY-----")).collect();
    if public.is_empty() {
        return Err(KeyFault::NoPublicKey);
    }
    public.iter().map(|block| entry(block).ok_or(KeyFault::Unreadable)).collect()
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
