//! MQTT packets in the bytes that a client sends, as far as the broker's hooks do not see them.
//!
//! The hooks see one topic filter at a time and a client id that is never empty. AWS IoT has rules for a whole
//! SUBSCRIBE, and tells its authorizer the client id that the client sent. So packets are framed here, and CONNECT and
//! SUBSCRIBE are read with the broker's own codec. Everything else is counted past, and nothing is changed.

use bytes::BytesMut;
use rmqtt::codec::version::{ProtocolVersion, VersionCodec};
use rmqtt::codec::{v3, v5};
use rmqtt::types::QoS;
use tokio_util::codec::Decoder;

use crate::limits;

const CONNECT: u8 = 0x10;
const SUBSCRIBE: u8 = 0x82;

/// The longest "remaining length", in bytes (MQTT 3.1.1 section 2.2.3, MQTT 5 section 1.5.5).
const LENGTH_BYTES: usize = 4;

/// Reads along with one connection.
#[derive(Default)]
pub(super) struct Wire {
    version: Option<ProtocolVersion>,
    /// Of the packet under way: its head, and all of it if it is one to be read.
    packet: BytesMut,
    /// How much of it is to come; none while its head is.
    left: Option<usize>,
    /// What came is no MQTT. The broker will say so; there is nothing to be read any more.
    lost: bool,
}

/// What the hooks cannot see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// A CONNECT without a client id: the broker will assign one.
    Nameless,
    /// A SUBSCRIBE that AWS IoT does not take. It ends the connection.
    Unacceptable(Fault),
}

/// Why AWS IoT does not take a SUBSCRIBE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// The topic filter that shows it.
    pub(super) filter: String,
    /// For the operator.
    pub(super) reason: String,
    /// The reason code of MQTT 5 (section 3.14.2.1).
    pub(super) code: u8,
}

impl Wire {
    /// Reads on. Returns what there is to know of the first packet that is worth it, and where in `bytes` that packet
    /// begins (0 if it began before) and ends.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Option<(Seen, std::ops::Range<usize>)> {
        let mut rest = bytes;
        let mut begin = 0;
        while !rest.is_empty() && !self.lost {
            rest = match self.left {
                None => self.head(rest),
                Some(left) => self.body(left, rest),
            };
            if self.left == Some(0) {
                let end = bytes.len().saturating_sub(rest.len());
                let seen = self.complete();
                // A CONNECT may be long, and most connections are idle after it.
                self.packet = BytesMut::new();
                self.left = None;
                if let Some(seen) = seen {
                    return Some((seen, begin..end));
                }
                begin = end;
            }
        }
        None
    }

    /// Takes the first byte or one of the length.
    fn head<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let Some((byte, rest)) = bytes.split_first() else { return bytes };
        self.packet.extend_from_slice(&[*byte]);
        let length = self.packet.get(1..).unwrap_or_default();
        if length.last().is_some_and(|last| last & 0x80 == 0) {
            let value =
                length.iter().rev().fold(0_usize, |value, byte| (value << 7) | usize::from(byte & 0x7F));
            self.left = Some(value);
            self.lost = self.is_read() && value > limits::PACKET.try_into().unwrap_or(usize::MAX);
        } else if length.len() >= LENGTH_BYTES {
            self.lost = true;
        }
        rest
    }

    fn body<'b>(&mut self, left: usize, bytes: &'b [u8]) -> &'b [u8] {
        let (body, rest) = bytes.split_at(left.min(bytes.len()));
        if self.is_read() {
            self.packet.extend_from_slice(body);
        }
        self.left = Some(left.saturating_sub(body.len()));
        rest
    }

    fn is_read(&self) -> bool {
        self.packet.first().is_some_and(|first| [CONNECT, SUBSCRIBE].contains(first))
    }

    fn complete(&mut self) -> Option<Seen> {
        match (*self.packet.first()?, self.version) {
            (CONNECT, None) => {
                self.version = VersionCodec.decode(&mut self.packet).ok()?;
                self.connect()
            }
            (SUBSCRIBE, Some(version)) => self.subscribe(version).map(Seen::Unacceptable),
            _ => None,
        }
    }

    fn connect(&mut self) -> Option<Seen> {
        let nameless = match self.version? {
            ProtocolVersion::MQTT3 => match v3::Codec::default().decode(&mut self.packet).ok()?? {
                (v3::Packet::Connect(connect), _) => connect.client_id.is_empty(),
                _ => false,
            },
            ProtocolVersion::MQTT5 => match v5::Codec::new(0, 0).decode(&mut self.packet).ok()?? {
                (v5::Packet::Connect(connect), _) => connect.client_id.is_empty(),
                _ => false,
            },
        };
        nameless.then_some(Seen::Nameless)
    }

    fn subscribe(&mut self, version: ProtocolVersion) -> Option<Fault> {
        let (filters, identifier): (Vec<_>, _) = match version {
            ProtocolVersion::MQTT3 => match v3::Codec::default().decode(&mut self.packet).ok()?? {
                (v3::Packet::Subscribe { topic_filters, .. }, _) => (topic_filters, false),
                _ => return None,
            },
            ProtocolVersion::MQTT5 => match v5::Codec::new(0, 0).decode(&mut self.packet).ok()?? {
                (v5::Packet::Subscribe(subscribe), _) => {
                    let filters = subscribe.topic_filters.into_iter();
                    (filters.map(|(filter, options)| (filter, options.qos)).collect(), subscribe.id.is_some())
                }
                _ => return None,
            },
        };
        let (first, _) = filters.first()?;
        let fault =
            |filter: &str, reason: String, code| Some(Fault { filter: filter.to_owned(), reason, code });
        let most = limits::FILTERS_OF_ONE_SUBSCRIBE;
        if filters.len() > most {
            let reason =
                format!("one SUBSCRIBE asks for {} topic filters; AWS IoT takes {most}", filters.len());
            return fault(first, reason, 0x97);
        }
        if identifier {
            return fault(first, "AWS IoT has no subscription identifiers".to_owned(), 0xA1);
        }
        let (filter, _) = filters.iter().find(|(_, qos)| *qos == QoS::ExactlyOnce)?;
        fault(filter, "AWS IoT has no QoS 2, and acknowledges no SUBSCRIBE that asks for it".to_owned(), 0x9B)
    }
}

#[cfg(test)]
mod tests;
