//! Packets in one piece and in several.

#![expect(clippy::arithmetic_side_effects, reason = "a panic is how a test fails")]

use super::*;

fn packet(first: u8, body: &[&[u8]]) -> Vec<u8> {
    let body = body.concat();
    let mut packet = vec![first];
    let mut length = body.len();
    loop {
        let continuation = if length > 0x7F { 0x80 } else { 0 };
        packet.push(u8::try_from(length & 0x7F).unwrap() | continuation);
        length >>= 7;
        if length == 0 {
            break;
        }
    }
    packet.extend(body);
    packet
}

fn text(text: &str) -> Vec<u8> {
    [&u16::try_from(text.len()).unwrap().to_be_bytes()[..], text.as_bytes()].concat()
}

fn connect(level: u8, client_id: &str) -> Vec<u8> {
    let properties: &[u8] = if level == 5 { &[0] } else { &[] };
    packet(CONNECT, &[&text("MQTT"), &[level, 0x02, 0, 60], properties, &text(client_id)])
}

fn subscribe(level: u8, properties: &[u8], filters: &[(&str, u8)]) -> Vec<u8> {
    let length = [u8::try_from(properties.len()).unwrap()];
    let properties = if level == 5 { [&length[..], properties].concat() } else { Vec::new() };
    let filters: Vec<_> = filters.iter().map(|(filter, qos)| [text(filter), vec![*qos]].concat()).collect();
    packet(SUBSCRIBE, &[&[0, 1], &properties, &filters.concat()])
}

/// Reads the bytes in pieces of `size`. Returns each finding and the position of its packet.
fn read(bytes: &[u8], size: usize) -> Vec<(PacketFinding, usize)> {
    let mut packets = PacketReader::default();
    let mut findings = Vec::new();
    let mut position = 0;
    for piece in bytes.chunks(size) {
        let mut rest = piece;
        while let Some((finding, range)) = packets.read(rest) {
            findings.push((finding, position + range.start));
            position += range.end;
            rest = &rest[range.end..];
        }
        position += rest.len();
    }
    findings
}

fn code(findings: &[(PacketFinding, usize)]) -> Option<u8> {
    findings.iter().find_map(|(finding, _)| match finding {
        PacketFinding::RejectedSubscribe(violation) => Some(violation.code),
        _ => None,
    })
}

#[test]
fn checks_a_whole_subscribe() {
    let eight = [("f", 1); 8];
    let nine = [("f", 0); 9];
    let (identifier, user) = (vec![0x0B, 7], vec![0x26, 0, 1, b'a', 0, 1, b'b']);
    let table = [
        (vec![], vec![("a", 0)], None, None),
        (vec![], eight.to_vec(), None, None),
        (vec![], nine.to_vec(), Some(0x97), Some(0x97)),
        (vec![], vec![("a", 0), ("b", 2)], Some(0x9B), Some(0x9B)),
        (identifier, vec![("a", 0)], None, Some(0xA1)),
        (user, vec![("a", 1)], None, None),
    ];
    for (properties, filters, mqtt3, mqtt5) in table {
        for (level, expected) in [(4, mqtt3), (5, mqtt5)] {
            let mut bytes = connect(level, "c");
            bytes.extend(subscribe(level, &properties, &filters));
            let findings = read(&bytes, usize::MAX);
            assert_eq!(code(&findings), expected, "level {level}, {filters:?}");
        }
    }
}

#[test]
fn findings_do_not_depend_on_how_the_bytes_are_split() {
    let publish = packet(0x30, &[&text("a"), &[0x82; 300]]);
    let bytes = [
        connect(4, ""),
        packet(0xC0, &[]),
        publish.clone(),
        subscribe(4, &[], &[("a", 1)]),
        publish,
        subscribe(4, &[], &[("b", 2)]),
        packet(0xC0, &[]),
    ];
    let start: usize = bytes[..5].iter().map(Vec::len).sum();
    let bytes = bytes.concat();
    let whole = read(&bytes, usize::MAX);
    assert_eq!((whole.len(), whole[1].1), (2, start), "{whole:?}");
    assert_eq!(whole[0], (PacketFinding::EmptyClientId, 0));
    for size in 1..bytes.len() {
        let pieces: Vec<_> = read(&bytes, size).into_iter().map(|(finding, _)| finding).collect();
        assert_eq!(pieces, [whole[0].0.clone(), whole[1].0.clone()], "in pieces of {size}");
    }
}

#[test]
fn finds_only_an_empty_client_id() {
    for level in [4, 5] {
        assert_eq!(read(&connect(level, ""), usize::MAX).len(), 1);
        assert_eq!(read(&connect(level, "c"), usize::MAX), []);
    }
}

/// What is wrong is named once, and nothing is read after it.
#[test]
fn malformed_packets_are_named_by_packet_and_flag() {
    let c = || connect(4, "c");
    for (bytes, expected, is_passed) in [
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), "PUBACK as the first packet; expected CONNECT", false),
        (
            vec![0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
            "CONNECT: remaining length of more than four bytes",
            false,
        ),
        (
            vec![0x10, 0xFF, 0xFF, 0xFF, 0x7F, 0x00],
            "CONNECT of 268435455 bytes; AWS IoT accepts at most",
            true,
        ),
        (subscribe(4, &[], &[("a", 2)]), "SUBSCRIBE as the first packet; expected CONNECT", false),
        (connect(9, ""), "CONNECT: unsupported protocol name or level", true),
        (
            packet(CONNECT, &[&text("MQTT"), &[4, 0x03, 0, 60], &text("c")]),
            "CONNECT: the reserved flag is 1",
            false,
        ),
        (packet(CONNECT, &[&text("MQTT"), &[4, 0x02, 0, 60], &[0, 9]]), "CONNECT: ", true),
        ([c(), packet(SUBSCRIBE, &[&[0, 1, 0xFF]]), packet(SUBSCRIBE, &[])].concat(), "SUBSCRIBE: ", false),
        ([c(), packet(0x80, &[])].concat(), "SUBSCRIBE with flags 0b0000; expected 0b0010", false),
        ([c(), c()].concat(), "second CONNECT", false),
        ([c(), packet(0x36, &[&text("a")])].concat(), "PUBLISH with QoS 3", false),
    ] {
        for size in [usize::MAX, 1] {
            let findings = read(&bytes, size);
            let [(PacketFinding::Malformed { reason, is_passed: found }, _)] = &findings[..] else {
                panic!("{expected}: {findings:?}");
            };
            assert!(reason.starts_with(expected) && *found == is_passed, "{expected}: {findings:?}");
        }
    }
}

#[test]
fn mqtt_31_is_found() {
    let bytes = packet(CONNECT, &[&text("MQIsdp"), &[3, 0x02, 0, 60], &text("c")]);
    assert_eq!(read(&bytes, 1), [(PacketFinding::Mqtt31, bytes.len() - 1)]);
    assert_eq!(read(&bytes, usize::MAX), [(PacketFinding::Mqtt31, 0)]);
    assert_eq!(PacketReader::new(true).read(&bytes), None);
    // What follows is read as MQTT 3.1.1.
    let mut reader = PacketReader::new(true);
    let subscribe = packet(SUBSCRIBE, &[&[0]]);
    assert_eq!(reader.read(&bytes), None);
    assert!(reader.read(&subscribe).is_some());
}
