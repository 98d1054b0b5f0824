//! Reads the MQTT packets of a client for what the broker's hooks do not see.
//!
//! A hook sees one topic filter, and a client id that is never empty. AWS IoT has limits for a whole SUBSCRIBE packet,
//! and its event has the client id that the client sent. So packets are framed here, and CONNECT and SUBSCRIBE are
//! decoded by the broker's codec. Of other packets only the fixed header is checked. No byte is changed.

mod header;

use bytes::BytesMut;
use iot_local_policy::limits;
use rmqtt::codec::error::DecodeError;
use rmqtt::codec::version::{ProtocolVersion, VersionCodec};
use rmqtt::codec::{v3, v5};
use rmqtt::types::{QoS, TopicName};
use tokio_util::codec::Decoder;

const CONNECT: u8 = 0x10;
const SUBSCRIBE: u8 = 0x82;
const DISCONNECT: u8 = 0xE0;

/// The longest encoding of "remaining length" (MQTT 3.1.1 section 2.2.3, MQTT 5 section 1.5.5).
const MAX_LENGTH_BYTES: usize = 4;

/// Reads the packets of one connection.
#[derive(Default)]
pub(super) struct PacketReader {
    /// Whether a CONNECT may be of MQTT 3.1.
    accepts_mqtt31: bool,
    version: Option<ProtocolVersion>,
    /// The fixed header of the current packet, and its body if it is to be decoded.
    packet: BytesMut,
    /// How much of the current packet's body is missing. `None` until the fixed header is complete.
    remaining_bytes: Option<usize>,
    /// Why the current packet is malformed, until it is returned.
    malformed: Option<PacketFinding>,
    /// Whether a packet was malformed. Nothing is read any more.
    is_invalid: bool,
    /// Whether the client has sent a DISCONNECT.
    has_disconnect: bool,
}

/// A finding in the packets of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PacketFinding {
    /// A CONNECT with an empty client id. The broker assigns one.
    EmptyClientId,
    /// A SUBSCRIBE that AWS IoT rejects. It ends the connection.
    RejectedSubscribe(SubscribeViolation),
    /// A CONNECT of MQTT 3.1 where that is not accepted: AWS IoT does not document it. It ends the connection.
    Mqtt31,
    /// A packet that breaks the protocol.
    Malformed {
        /// The packet, what is wrong with it, and what is expected.
        reason: String,
        /// Whether the broker responds to the packet. Otherwise the connection is ended without it.
        is_passed: bool,
    },
}

/// Why AWS IoT rejects a SUBSCRIBE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SubscribeViolation {
    /// The topic filter for the event log.
    pub(super) filter: String,
    /// The reason, for the operator.
    pub(super) reason: String,
    /// The reason code (MQTT 5, section 3.14.2.1).
    pub(super) code: u8,
}

impl PacketReader {
    /// Creates a reader that accepts MQTT 3.1, or not.
    pub(super) fn new(accepts_mqtt31: bool) -> Self {
        Self { accepts_mqtt31, ..Self::default() }
    }

    /// Reads `bytes`. Returns the first finding, and the range of its packet in `bytes`. The range starts at 0 if the
    /// packet began in earlier bytes. The bytes after the packet are not read.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Option<(PacketFinding, std::ops::Range<usize>)> {
        let mut rest = bytes;
        let mut start = 0;
        while !rest.is_empty() && !self.is_invalid {
            rest = match self.remaining_bytes {
                None => self.read_header_byte(rest),
                Some(remaining) => self.read_body(remaining, rest),
            };
            if let Some(finding) = self.malformed.take() {
                self.is_invalid = true;
                return Some((finding, start..bytes.len().saturating_sub(rest.len())));
            }
            if self.remaining_bytes == Some(0) {
                self.has_disconnect |= self.packet.first() == Some(&DISCONNECT);
                let end = bytes.len().saturating_sub(rest.len());
                let finding = self.decode();
                self.is_invalid =
                    matches!(finding, Some(PacketFinding::Malformed { .. } | PacketFinding::Mqtt31));
                // Frees the memory: a CONNECT may be long, and most connections are idle after it.
                self.packet = BytesMut::new();
                self.remaining_bytes = None;
                if let Some(finding) = finding {
                    return Some((finding, start..end));
                }
                start = end;
            }
        }
        None
    }

    /// Whether the client has sent a DISCONNECT.
    pub(super) fn has_disconnect(&self) -> bool {
        self.has_disconnect
    }

    /// Reads one byte of the fixed header: the packet type, or a byte of the remaining length. Returns the rest.
    fn read_header_byte<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let Some((byte, rest)) = bytes.split_first() else { return bytes };
        self.packet.extend_from_slice(&[*byte]);
        if self.packet.len() == 1 {
            self.malformed = header::error(*byte, self.version).map(rejected);
            return rest;
        }
        let length = self.packet.get(1..).unwrap_or_default();
        if length.last().is_some_and(|last| last & 0x80 == 0) {
            let value =
                length.iter().rev().fold(0_usize, |value, byte| (value << 7) | usize::from(byte & 0x7F));
            self.remaining_bytes = Some(value);
            let max = limits::MAX_PACKET_BYTES;
            if value > max.try_into().unwrap_or(usize::MAX) {
                let reason =
                    format!("{} of {value} bytes; AWS IoT accepts at most {max}", self.packet_name());
                self.malformed = Some(PacketFinding::Malformed { reason, is_passed: true });
            }
        } else if length.len() >= MAX_LENGTH_BYTES {
            let reason = format!("{}: remaining length of more than four bytes", self.packet_name());
            self.malformed = Some(rejected(reason));
        }
        rest
    }

    fn read_body<'b>(&mut self, remaining: usize, bytes: &'b [u8]) -> &'b [u8] {
        let (body, rest) = bytes.split_at(remaining.min(bytes.len()));
        if self.is_decoded() {
            self.packet.extend_from_slice(body);
        }
        self.remaining_bytes = Some(remaining.saturating_sub(body.len()));
        rest
    }

    /// Whether the current packet is to be decoded.
    fn is_decoded(&self) -> bool {
        self.packet.first().is_some_and(|first| [CONNECT, SUBSCRIBE].contains(first))
    }

    fn packet_name(&self) -> &'static str {
        self.packet.first().map_or("packet", |first| header::name(*first))
    }

    fn decode(&mut self) -> Option<PacketFinding> {
        match (*self.packet.first()?, self.version) {
            (CONNECT, None) => {
                if !self.accepts_mqtt31 && header::is_mqtt31(&self.packet) {
                    return Some(PacketFinding::Mqtt31);
                }
                let Ok(Some(version)) = VersionCodec.decode(&mut self.packet) else {
                    let reason =
                        "CONNECT: unsupported protocol name or level; expected MQTT with level 4 or 5";
                    return Some(PacketFinding::Malformed { reason: reason.to_owned(), is_passed: true });
                };
                self.version = Some(version);
                if let Some(reason) = header::connect_flags_error(&self.packet, version) {
                    return Some(rejected(reason));
                }
                // The broker responds to a CONNECT that it cannot decode.
                self.decode_connect().unwrap_or_else(|error| {
                    Some(PacketFinding::Malformed { reason: format!("CONNECT: {error}"), is_passed: true })
                })
            }
            (SUBSCRIBE, Some(version)) => match self.decode_subscribe(version) {
                Ok(violation) => violation.map(PacketFinding::RejectedSubscribe),
                Err(error) => Some(rejected(format!("SUBSCRIBE: {error}"))),
            },
            _ => None,
        }
    }

    fn decode_connect(&mut self) -> Result<Option<PacketFinding>, DecodeError> {
        let is_empty = match self.version {
            Some(ProtocolVersion::MQTT3) => match v3::Codec::default().decode(&mut self.packet)? {
                Some((v3::Packet::Connect(connect), _)) => connect.client_id.is_empty(),
                Some(_) => false,
                None => return Err(DecodeError::InvalidLength),
            },
            Some(ProtocolVersion::MQTT5) => match v5::Codec::new(0, 0).decode(&mut self.packet)? {
                Some((v5::Packet::Connect(connect), _)) => connect.client_id.is_empty(),
                Some(_) => false,
                None => return Err(DecodeError::InvalidLength),
            },
            None => false,
        };
        Ok(is_empty.then_some(PacketFinding::EmptyClientId))
    }

    fn decode_subscribe(
        &mut self,
        version: ProtocolVersion,
    ) -> Result<Option<SubscribeViolation>, DecodeError> {
        let (filters, has_identifier): (Vec<_>, _) = match version {
            ProtocolVersion::MQTT3 => match v3::Codec::default().decode(&mut self.packet)? {
                Some((v3::Packet::Subscribe { topic_filters, .. }, _)) => (topic_filters, false),
                Some(_) => return Ok(None),
                None => return Err(DecodeError::InvalidLength),
            },
            ProtocolVersion::MQTT5 => match v5::Codec::new(0, 0).decode(&mut self.packet)? {
                Some((v5::Packet::Subscribe(subscribe), _)) => {
                    let filters = subscribe.topic_filters.into_iter();
                    (filters.map(|(filter, options)| (filter, options.qos)).collect(), subscribe.id.is_some())
                }
                Some(_) => return Ok(None),
                None => return Err(DecodeError::InvalidLength),
            },
        };
        Ok(violation(&filters, has_identifier))
    }
}

/// A malformed packet that ends the connection.
fn rejected(reason: String) -> PacketFinding {
    PacketFinding::Malformed { reason, is_passed: false }
}

/// Checks the filters of a SUBSCRIBE by AWS IoT's rules.
fn violation(filters: &[(TopicName, QoS)], has_identifier: bool) -> Option<SubscribeViolation> {
    let (first, _) = filters.first()?;
    let violation = |filter: &str, reason: String, code| {
        Some(SubscribeViolation { filter: filter.to_owned(), reason, code })
    };
    let max = limits::MAX_FILTERS_PER_SUBSCRIBE;
    if filters.len() > max {
        let reason = format!("the SUBSCRIBE has {} topic filters; expected at most {max}", filters.len());
        return violation(first, reason, 0x97);
    }
    if has_identifier {
        return violation(first, "AWS IoT does not support subscription identifiers".to_owned(), 0xA1);
    }
    let (filter, _) = filters.iter().find(|(_, qos)| *qos == QoS::ExactlyOnce)?;
    violation(filter, "AWS IoT does not support QoS 2, and sends no SUBACK for it".to_owned(), 0x9B)
}

#[cfg(test)]
mod tests;
