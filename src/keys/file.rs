//! A text of public keys, in a file, a secret or a response: a JWK Set, a single JWK, PEM, or a JSON object of `kid` to
//! PEM.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::file_error::KeyFileError;
use super::jwk::is_private;
use super::pem;
use super::private_key;
use super::unusable::type_of;
use super::{KeySet, UnusableKey};
use crate::algorithm::Algorithm;

/// Names that a form for a single key gives to it. They are not meant as a `kid`.
const FIELD_NAMES: [&str; 6] = ["publickey", "publickeypem", "jwtpublickey", "jwtkey", "pem", "key"];

/// An object that has none of the forms.
const OTHER_OBJECT: &str = "a JSON object of another form";

/// Longest name of a member that an error shows, in characters.
const MAX_NAME_CHARACTERS: usize = 40;

/// The keys of a text, not yet checked against an issuer's algorithms.
#[derive(Debug)]
pub struct KeyFile {
    entries: Vec<Value>,
    field_name: Option<String>,
}

impl KeyFile {
    /// Parses a text that is part of a deployment, or a secret. It must not contain a private key at any place.
    ///
    /// # Errors
    /// Why no public keys can be read from it.
    pub fn parse(text: &str) -> Result<Self, KeyFileError> {
        if private_key::is_in(text) {
            return Err(KeyFileError::Private);
        }
        let file = Self::read(text)?;
        if file.entries.iter().filter_map(Value::as_object).any(is_private) {
            return Err(KeyFileError::Private);
        }
        Ok(file)
    }

    /// Parses the body of a response. Private keys in a JWK Set are skipped like other unusable entries.
    ///
    /// # Errors
    /// Why no public keys can be read from it.
    pub fn parse_response(body: &[u8]) -> Result<Self, KeyFileError> {
        match body {
            // RFC 1952 section 2.3.1 (gzip), RFC 8878 section 3.1.1 (zstd).
            [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] => Err(KeyFileError::Compressed),
            _ => Self::read(std::str::from_utf8(body).map_err(|_| KeyFileError::NotUtf8)?),
        }
    }

    fn read(text: &str) -> Result<Self, KeyFileError> {
        let text = without_mark(text).trim();
        // JSON first: an object of `kid` to PEM contains PEM, too.
        match serde_json::from_str(text) {
            Ok(json) => json_entries(text, json),
            Err(_) if text.is_empty() => Err(KeyFileError::Empty),
            Err(error) if text.starts_with(['{', '[', '"']) => Err(KeyFileError::json(&error)),
            Err(_) if pem::is_pem(text) => Ok(Self { entries: pem::entries(text)?, field_name: None }),
            Err(_) if text.starts_with('<') => Err(KeyFileError::Html),
            Err(_) if is_open_ssh(text) => Err(KeyFileError::OpenSsh),
            Err(_) => Err(KeyFileError::UnknownFormat),
        }
    }

    /// The keys as JWKs.
    #[must_use]
    pub fn into_entries(self) -> Vec<Value> {
        self.entries
    }

    /// The name of the only member of an object of `kid` to PEM, if it says what the value is, as `publicKey` does. It
    /// is not taken as a `kid`: the key fits tokens with any `kid`.
    #[must_use]
    pub fn field_name(&self) -> Option<&str> {
        self.field_name.as_deref()
    }

    /// The keys that serve an issuer with these algorithms, and why each other entry is skipped.
    #[must_use]
    pub fn keys(&self, algorithms: &[Algorithm], blocked: &[String]) -> (KeySet, Vec<(usize, UnusableKey)>) {
        KeySet::from_entries(&self.entries, algorithms, blocked)
    }
}

/// A text without the UTF-8 byte-order mark that some editors write (RFC 8259 section 8.1 lets readers ignore it).
#[must_use]
pub fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// RFC 4253 section 6.6 in the form of OpenSSH, and RFC 4716.
fn is_open_ssh(text: &str) -> bool {
    ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-", "---- BEGIN SSH2"]
        .iter()
        .any(|start| text.starts_with(start))
}

/// The member of a JWK Set (RFC 7517 section 5). Reading it rejects a second `keys`.
#[derive(Deserialize)]
struct KeySetMembers {
    #[serde(default, rename = "keys")]
    _keys: serde::de::IgnoredAny,
}

fn json_entries(text: &str, json: Value) -> Result<KeyFile, KeyFileError> {
    let mut members = match json {
        Value::Object(members) => members,
        other => return Err(KeyFileError::NoKeySet(type_of(&other))),
    };
    let entries = |entries| Ok(KeyFile { entries, field_name: None });
    match members.get_mut("keys").map(Value::take) {
        Some(Value::Array(list)) => {
            let _: KeySetMembers = serde_json::from_str(text).map_err(|error| KeyFileError::json(&error))?;
            entries(list)
        }
        None if members.contains_key("kty") => entries(vec![Value::Object(members)]),
        None => named_pems(&members),
        Some(_) => Err(KeyFileError::NoKeySet(OTHER_OBJECT)),
    }
}

/// Reads an object of `kid` to PEM, each with one key.
fn named_pems(members: &Map<String, Value>) -> Result<KeyFile, KeyFileError> {
    let is_pem = |value: &Value| value.as_str().is_some_and(pem::is_pem);
    if members.is_empty() || !members.values().all(is_pem) {
        return Err(match members.iter().find(|(_, value)| has_key_set(value)) {
            Some((name, _)) => KeyFileError::Member(name.chars().take(MAX_NAME_CHARACTERS).collect()),
            None => KeyFileError::NoKeySet(OTHER_OBJECT),
        });
    }
    let field_name = members.keys().next().filter(|name| members.len() == 1 && is_field_name(name)).cloned();
    let entry = |(kid, text): (&String, &Value)| {
        let [mut entry]: [Value; 1] = pem::entries(text.as_str().unwrap_or_default())?
            .try_into()
            .map_err(|_| KeyFileError::SeveralKeys)?;
        if let (Some(entry), None) = (entry.as_object_mut(), &field_name) {
            entry.insert("kid".to_owned(), Value::String(kid.clone()));
        }
        Ok(entry)
    };
    let entries = members.iter().map(entry).collect::<Result<_, _>>()?;
    Ok(KeyFile { entries, field_name })
}

/// Whether a value is a JWK Set or the text of one.
fn has_key_set(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.get("keys").is_some_and(Value::is_array),
        Value::String(text) => serde_json::from_str(text).is_ok_and(|json: Value| has_key_set(&json)),
        _ => false,
    }
}

fn is_field_name(name: &str) -> bool {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    FIELD_NAMES.contains(&&*plain.to_ascii_lowercase())
}
