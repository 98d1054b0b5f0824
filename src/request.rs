//! The event that AWS IoT sends, read leniently and not interpreted.
//!
//! Every member may be absent, unknown members are skipped, and only a known member of the wrong JSON type makes an
//! event malformed. `protocols` and `signatureVerified` are not read, since nothing depends on them.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/custom-auth-lambda.html>

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use crate::denial::Code;
use crate::json::JsonStr;

/// A larger event is denied unread. MQTT limits user name, password and client id to 65,535 bytes each, and AWS IoT
/// limits headers and query to about 8 KB; even with every character escaped that is less.
pub const MAX_EVENT_BYTES: usize = 512 * 1024;

/// Most header fields. AWS IoT accepts about 8 KB of them.
const MAX_HEADERS: usize = 256;

/// Longest connection id, in bytes. AWS's own are UUIDs.
const MAX_CONNECTION_ID_BYTES: usize = 128;

/// One event. It borrows from its JSON text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request<'a> {
    /// The value of the authorizer's token key, which AWS IoT may or may not have percent-decoded.
    #[serde(borrow, default)]
    pub token: Option<JsonStr<'a>>,
    #[serde(borrow, default)]
    protocol_data: Option<Members<ProtocolData<'a>>>,
    #[serde(borrow, default)]
    connection_metadata: Option<Members<ConnectionMetadata<'a>>>,
}

/// The outermost protocol of a request that the event has data of, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// MQTT, over TLS or over WebSocket.
    Mqtt,
    /// HTTP without MQTT: an HTTPS publish.
    Http,
    /// TLS alone.
    Tls,
}

impl Protocol {
    /// Its name in the event.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mqtt => "mqtt",
            Self::Http => "http",
            Self::Tls => "tls",
        }
    }
}

/// The parts of the request by protocol layer.
#[derive(Default, Deserialize)]
struct ProtocolData<'a> {
    #[serde(borrow, default)]
    tls: Option<Members<Tls<'a>>>,
    #[serde(borrow, default)]
    http: Option<Members<Http<'a>>>,
    #[serde(borrow, default)]
    mqtt: Option<Members<Mqtt<'a>>>,
}

/// The TLS layer. Both members are present under X.509 custom authentication only.
/// <https://docs.aws.amazon.com/iot/latest/developerguide/custom-auth-509cert.html>
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tls<'a> {
    /// The client's certificate, PEM.
    #[serde(borrow, default)]
    pub x509_certificate_pem: Option<JsonStr<'a>>,
    /// The certificate's id, which must be the response's principal.
    #[serde(borrow, default)]
    pub principal_id: Option<JsonStr<'a>>,
}

/// The HTTP layer, of a WebSocket upgrade or an HTTPS publish.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Http<'a> {
    #[serde(borrow, default)]
    headers: Option<Headers<'a>>,
    /// The query, with or without its `?`.
    #[serde(borrow, default)]
    pub query_string: Option<JsonStr<'a>>,
}

/// The MQTT layer: fields of CONNECT.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mqtt<'a> {
    /// The whole user name, parameters included.
    #[serde(borrow, default)]
    pub username: Option<JsonStr<'a>>,
    /// The password, base64.
    #[serde(borrow, default)]
    pub password: Option<JsonStr<'a>>,
    /// The client id.
    #[serde(borrow, default)]
    pub client_id: Option<JsonStr<'a>>,
}

#[derive(Deserialize)]
struct ConnectionMetadata<'a> {
    #[serde(borrow, default)]
    id: Option<ConnectionId<'a>>,
}

impl<'a> Request<'a> {
    /// Reads an event.
    ///
    /// # Errors
    /// [`Code::MalformedEvent`] if it is too large, not a JSON object, or has a known member of the wrong type.
    pub fn parse(event: &'a [u8]) -> Result<Self, Code> {
        if event.len() > MAX_EVENT_BYTES {
            return Err(Code::MalformedEvent);
        }
        let text = str::from_utf8(event).map_err(|_| Code::MalformedEvent)?;
        let Members(request) = serde_json::from_str(text).map_err(|_| Code::MalformedEvent)?;
        Ok(request)
    }

    /// The TLS layer.
    #[must_use]
    pub fn tls(&self) -> Option<&Tls<'a>> {
        self.protocol_data.as_ref().and_then(|data| data.0.tls.as_ref()).map(|tls| &tls.0)
    }

    /// The client's certificate, PEM.
    #[must_use]
    pub fn certificate(&self) -> Option<&str> {
        self.tls().and_then(|tls| tls.x509_certificate_pem.as_ref()).map(|pem| &*pem.0)
    }

    /// The HTTP layer.
    #[must_use]
    pub fn http(&self) -> Option<&Http<'a>> {
        self.protocol_data.as_ref().and_then(|data| data.0.http.as_ref()).map(|http| &http.0)
    }

    /// The MQTT layer; absent on an HTTPS publish and on some test calls.
    #[must_use]
    pub fn mqtt(&self) -> Option<&Mqtt<'a>> {
        self.protocol_data.as_ref().and_then(|data| data.0.mqtt.as_ref()).map(|mqtt| &mqtt.0)
    }

    /// The outermost protocol that the event has data of; `None` for a test call without any.
    #[must_use]
    pub fn protocol(&self) -> Option<Protocol> {
        let layers = [
            (self.mqtt().is_some(), Protocol::Mqtt),
            (self.http().is_some(), Protocol::Http),
            (self.tls().is_some(), Protocol::Tls),
        ];
        layers.into_iter().find(|(is_present, _)| *is_present).map(|(_, protocol)| protocol)
    }

    /// AWS IoT's id of the connection, a UUID, for the log. `None` also for a value that is too long to be one.
    #[must_use]
    pub fn connection_id(&self) -> Option<&str> {
        let id = self.connection_metadata.as_ref()?.0.id.as_ref()?;
        (id.0.len() <= MAX_CONNECTION_ID_BYTES).then_some(&*id.0)
    }
}

impl<'a> Http<'a> {
    /// The values of every header field called `name`, in any case.
    pub fn header<'s, 'n>(&'s self, name: &'n str) -> impl Iterator<Item = &'s str> + use<'s, 'n, 'a> {
        let fields = self.headers.as_ref().map(|headers| headers.0.as_slice()).unwrap_or_default();
        fields.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }
}

/// A struct that is read from a JSON object only. serde's derived reader also accepts an array.
struct Members<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Members<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor(PhantomData)).map(Self)
    }
}

struct MembersVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for MembersVisitor<T> {
    type Value = T;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members))
    }
}

/// Header fields, in the order of the event. Names that differ only in case are all kept.
struct Headers<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Headers<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeadersVisitor)
    }
}

struct HeadersVisitor;

impl<'de> Visitor<'de> for HeadersVisitor {
    type Value = Headers<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Headers<'de>, A::Error> {
        let mut fields = Vec::with_capacity(16);
        while let Some((JsonStr(name), JsonStr(value))) = entries.next_entry()? {
            if fields.len() == MAX_HEADERS {
                return Err(A::Error::custom("too many header fields"));
            }
            fields.push((name, value));
        }
        Ok(Headers(fields))
    }
}

/// A connection's id. AWS sends a UUID, but its samples also have numbers, so strings and numbers are accepted.
struct ConnectionId<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for ConnectionId<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ConnectionIdVisitor)
    }
}

struct ConnectionIdVisitor;

impl<'de> Visitor<'de> for ConnectionIdVisitor {
    type Value = ConnectionId<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a string or a number")
    }

    fn visit_borrowed_str<E>(self, id: &'de str) -> Result<ConnectionId<'de>, E> {
        Ok(ConnectionId(Cow::Borrowed(id)))
    }

    fn visit_str<E>(self, id: &str) -> Result<ConnectionId<'de>, E> {
        Ok(ConnectionId(Cow::Owned(id.to_owned())))
    }

    fn visit_u64<E>(self, id: u64) -> Result<ConnectionId<'de>, E> {
        Ok(ConnectionId(Cow::Owned(id.to_string())))
    }

    fn visit_i64<E>(self, id: i64) -> Result<ConnectionId<'de>, E> {
        Ok(ConnectionId(Cow::Owned(id.to_string())))
    }

    fn visit_f64<E>(self, id: f64) -> Result<ConnectionId<'de>, E> {
        Ok(ConnectionId(Cow::Owned(id.to_string())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_members_are_accepted_and_wrong_types_are_not() {
        let good = [
            "{}",
            r#"{"token":null,"protocolData":null,"connectionMetadata":null}"#,
            r#"{"protocolData":{"mqtt":{"password":null}},"more":[[[]]]}"#,
            r#"{"connectionMetadata":{"id":1234567890}}"#,
            r##"{"protocolData":{"http":{"headers":{"#{name}":"a\nb","A":"1","a":"2"},"queryString":""}}}"##,
            r#"{"signatureVerified":"no","protocols":7}"#,
        ];
        for event in good {
            assert!(Request::parse(event.as_bytes()).is_ok(), "{event}");
        }
        let bad = [
            "",
            "null",
            "[]",
            "\"x\"",
            "{",
            "{}{}",
            r#"{"token":7}"#,
            r#"{"token":"a","token":"a"}"#,
            r#"{"protocolData":[]}"#,
            r#"{"protocolData":{"mqtt":[]}}"#,
            r#"{"protocolData":{"mqtt":{"clientId":7}}}"#,
            r#"{"protocolData":{"http":{"headers":{"a":["b"]}}}}"#,
            r#"{"protocolData":{"http":{"headers":[]}}}"#,
            r#"{"connectionMetadata":{"id":{}}}"#,
        ];
        for event in bad {
            assert_eq!(Request::parse(event.as_bytes()).err(), Some(Code::MalformedEvent), "{event}");
        }
        assert!(Request::parse(b"{\"x\":\"\xff\"}").is_err());
        assert!(Request::parse(format!("{{}}{}", " ".repeat(MAX_EVENT_BYTES)).as_bytes()).is_err());
        let many: String = (0..=MAX_HEADERS).map(|i| format!("\"h{i}\":\"\",")).collect();
        let many =
            format!(r#"{{"protocolData":{{"http":{{"headers":{{{}}}}}}}}}"#, many.trim_end_matches(','));
        assert!(Request::parse(many.as_bytes()).is_err());
    }

    #[test]
    fn long_connection_ids_are_dropped() {
        let id = |id: &str| format!("{{\"connectionMetadata\":{{\"id\":{id}}}}}");
        let cases = [
            ("null".to_owned(), None),
            ("\"a-b\"".to_owned(), Some("a-b".to_owned())),
            ("\"\\u0061\"".to_owned(), Some("a".to_owned())),
            ("7".to_owned(), Some("7".to_owned())),
            ("-7".to_owned(), Some("-7".to_owned())),
            ("7.5".to_owned(), Some("7.5".to_owned())),
            (format!("\"{}\"", "x".repeat(128)), Some("x".repeat(128))),
            (format!("\"{}\"", "x".repeat(129)), None),
        ];
        for (json, expected) in cases {
            let event = id(&json);
            let request = Request::parse(event.as_bytes()).unwrap();
            assert_eq!(request.connection_id().map(str::to_owned), expected, "{json}");
        }
    }

    #[test]
    fn header_names_match_in_any_case() {
        let event =
            br#"{"protocolData":{"http":{"headers":{"Authorization":"a","x":"b","AUTHORIZATION":"c"}}}}"#;
        let request = Request::parse(event).unwrap();
        assert_eq!(request.http().unwrap().header("authorization").collect::<Vec<_>>(), ["a", "c"]);
    }
}
