//! Any bytes as what a client sends. The first byte says whether MQTT 3.1 is accepted, and how the bytes are split.
//!
//! Asserted: the same bytes in other pieces have the same findings at the same places; nothing is read after a packet
//! that ends the connection; a second reader of MQTT 3.1.1 and 5 finds the same packets, empty client ids, filters and
//! violations; what it finds malformed is malformed.

#![no_main]

#[path = "packet/mqtt.rs"]
mod mqtt;

/// The broker's codec has the names of the broker, which would take long to build and is not needed here.
extern crate self as rmqtt;
pub use rmqtt_codec as codec;
pub mod types {
    pub use rmqtt_codec::types::QoS;
    pub type TopicName = bytestring::ByteString;
}

/// The reader is private to the gateway, so it is built here once more.
#[path = "../../../local/gateway/src/broker"]
mod broker {
    mod packets;

    use packets::{PacketFinding, PacketReader};

    use super::{Finding, Kind, Read};

    /// Reads the bytes in pieces of the sizes, which are repeated.
    pub(super) fn read(bytes: &[u8], accepts_mqtt31: bool, sizes: &[usize]) -> Read {
        let mut reader = PacketReader::new(accepts_mqtt31);
        let (mut findings, mut position) = (Vec::new(), 0);
        let mut sizes = sizes.iter().cycle();
        while position < bytes.len() {
            let piece_end = position.saturating_add(*sizes.next().unwrap()).min(bytes.len());
            while position < piece_end {
                let piece = &bytes[position..piece_end];
                let Some((finding, range)) = reader.read(piece) else { break };
                assert!(range.start < range.end && range.end <= piece.len(), "{range:?} of {}", piece.len());
                let kind = match finding {
                    PacketFinding::EmptyClientId => Kind::EmptyClientId,
                    PacketFinding::Mqtt31 => Kind::Mqtt31,
                    PacketFinding::RejectedSubscribe(violation) => {
                        assert!(!violation.reason.is_empty());
                        Kind::RejectedSubscribe { filter: violation.filter, code: violation.code }
                    }
                    PacketFinding::Malformed { reason, is_passed } => Kind::Malformed { reason, is_passed },
                };
                findings.push(Finding { kind, start: position + range.start, end: position + range.end });
                position += range.end;
            }
            position = piece_end;
        }
        Read { findings, has_disconnect: reader.has_disconnect() }
    }
}

use libfuzzer_sys::fuzz_target;

/// All that the reader finds.
#[derive(Debug, PartialEq)]
struct Read {
    findings: Vec<Finding>,
    has_disconnect: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct Finding {
    kind: Kind,
    /// Where the packet starts, or the piece in which it ends.
    start: usize,
    end: usize,
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    EmptyClientId,
    Mqtt31,
    RejectedSubscribe { filter: String, code: u8 },
    Malformed { reason: String, is_passed: bool },
}

fuzz_target!(|input: &[u8]| {
    let Some((first, bytes)) = input.split_first() else { return };
    let accepts_mqtt31 = first & 1 == 1;
    let whole = broker::read(bytes, accepts_mqtt31, &[usize::MAX]);
    let sizes = [usize::from(first >> 1) % 9 + 1, usize::from(first >> 4) + 1, 1];
    for sizes in [&sizes[..], &[1]] {
        let pieces = broker::read(bytes, accepts_mqtt31, sizes);
        assert_eq!(pieces.has_disconnect, whole.has_disconnect);
        let places = |read: &Read| -> Vec<_> {
            read.findings.iter().map(|finding| (finding.kind.clone(), finding.end)).collect()
        };
        assert_eq!(places(&pieces), places(&whole), "in pieces of {sizes:?}");
        assert!(
            std::iter::zip(&pieces.findings, &whole.findings)
                .all(|(piece, whole)| piece.start >= whole.start)
        );
    }
    check(bytes, accepts_mqtt31, whole);
});

/// Compares the findings with those of the second reader.
fn check(bytes: &[u8], accepts_mqtt31: bool, read: Read) {
    let mut findings = read.findings.into_iter().peekable();
    let mut reader = mqtt::Reader::new(bytes, accepts_mqtt31);
    let mut has_disconnect = false;
    while let Some(packet) = reader.next() {
        has_disconnect |= packet.is_disconnect;
        let finding = findings.next_if(|finding| finding.start == packet.start);
        let kind = finding.as_ref().map(|finding| &finding.kind);
        if let Some(finding) = &finding {
            assert!(finding.end <= packet.end, "{finding:?} is longer than its packet");
        }
        match (&packet.expected, kind) {
            (mqtt::Expected::Malformed, Some(Kind::Malformed { reason, .. })) => assert!(reason.len() > 10),
            (mqtt::Expected::Mqtt31, Some(Kind::Mqtt31)) => {}
            (mqtt::Expected::Nothing, None) => {}
            (mqtt::Expected::EmptyClientId, Some(Kind::EmptyClientId)) => {}
            (mqtt::Expected::Rejected { code }, Some(Kind::RejectedSubscribe { code: found, filter })) => {
                assert_eq!(code, found);
                assert!(packet.filters.contains(&filter.as_bytes()), "{filter:?} is not in the packet");
            }
            // The broker's codec is stricter: it checks what this reader only skips.
            (_, Some(Kind::Malformed { reason, .. })) if !packet.is_strict => assert!(reason.len() > 10),
            (expected, found) => panic!("expected {expected:?}, found {found:?} at {}", packet.start),
        }
        if matches!(kind, Some(Kind::Malformed { .. } | Kind::Mqtt31)) {
            break;
        }
    }
    assert_eq!(findings.next(), None, "a finding in no packet");
    assert_eq!(read.has_disconnect, has_disconnect);
}
