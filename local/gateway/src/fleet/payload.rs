//! The formats of payloads: JSON, and CBOR (RFC 8949).

use std::io::Cursor;

use serde_json::{Map, Value};

/// The format of a request and of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PayloadFormat {
    Json,
    Cbor,
}

impl PayloadFormat {
    /// Finds a format by its level in a topic.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        match name {
            "json" => Some(Self::Json),
            "cbor" => Some(Self::Cbor),
            _ => None,
        }
    }

    /// Reads an object. An empty payload is an empty object.
    ///
    /// # Errors
    /// What the payload is not. It is not repeated: it may hold an ownership token.
    pub(super) fn decode(self, payload: &[u8]) -> Result<Map<String, Value>, String> {
        if payload.is_empty() {
            return Ok(Map::new());
        }
        let value = match self {
            Self::Json => serde_json::from_slice(payload).map_err(|_| "expected JSON")?,
            Self::Cbor => decode_cbor(payload)?,
        };
        match value {
            Value::Object(members) => Ok(members),
            _ => Err("expected an object".to_owned()),
        }
    }

    /// Writes an answer.
    pub(super) fn encode(self, answer: &Value) -> Vec<u8> {
        match self {
            Self::Json => answer.to_string().into_bytes(),
            Self::Cbor => {
                let mut bytes = Vec::new();
                // Writing to memory cannot fail, and JSON has no value that CBOR has not.
                let _ = ciborium::into_writer(answer, &mut bytes);
                bytes
            }
        }
    }
}

/// Reads one item of CBOR. Values that JSON does not have, such as byte strings and tags, are errors.
fn decode_cbor(payload: &[u8]) -> Result<Value, String> {
    let mut reader = Cursor::new(payload);
    let value =
        ciborium::from_reader(&mut reader).map_err(|_| "expected CBOR with text, numbers and maps")?;
    let is_whole = usize::try_from(reader.position()).is_ok_and(|position| position == payload.len());
    if is_whole { Ok(value) } else { Err("expected one CBOR item, but bytes follow it".to_owned()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::PayloadFormat::{Cbor, Json};

    #[test]
    fn an_object_keeps_its_members_in_both_formats() {
        let object =
            json!({ "text": "ä\n", "number": 7, "flag": true, "nothing": null, "inner": { "a": ["b"] } });
        for format in [Json, Cbor] {
            assert_eq!(format.decode(&format.encode(&object)), Ok(object.as_object().unwrap().clone()));
            assert_eq!(format.decode(b""), Ok(serde_json::Map::new()));
        }
        // {"a": "b"}, with definite and with indefinite lengths (RFC 8949, section 3.2.2).
        for bytes in [&b"\xa1\x61a\x61b"[..], b"\xbf\x61a\x61b\xff", b"\xa1\x61a\x7f\x61b\xff"] {
            assert_eq!(Cbor.decode(bytes), Ok(json!({ "a": "b" }).as_object().unwrap().clone()), "{bytes:?}");
        }
        assert_eq!(Cbor.encode(&json!({ "a": "b" })), b"\xa1\x61a\x61b");
    }

    #[test]
    fn other_payloads_are_rejected_without_repeating_them() {
        let deep = [b"\xa1\x61a".repeat(5000), b"\xa0".to_vec()].concat();
        for (format, payload) in [
            (Json, &b"secret"[..]),
            (Json, b"\"secret\""),
            (Json, b"[\"secret\"]"),
            (Json, b"{\"a\": \"secret\"} x"),
            (Json, b"{\"a\": \"secret"),
            (Json, b"null"),
            (Json, b"\xff"),
            (Json, b"\xa1\x61a\x61b"),
            (Cbor, b"{}"),
            (Cbor, b"\x66secret"),
            (Cbor, b"\x81\x66secret"),
            (Cbor, b"\xa1\x61a"),
            (Cbor, b"\xa1\x01\x61b"),
            (Cbor, b"\xa1\x61a\x46secret"),
            (Cbor, b"\xa1\x61a\x61b\x00"),
            (Cbor, b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff"),
            (Cbor, b"\xf6"),
            (Cbor, &deep),
        ] {
            let error = format.decode(payload).unwrap_err();
            assert!(error.starts_with("expected") && !error.contains("secret"), "{payload:?}: {error}");
        }
    }
}
