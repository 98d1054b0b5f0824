//! The fixed header of a packet and the flags of a CONNECT: what is wrong with them, by name.

use rmqtt::codec::version::ProtocolVersion;

/// The packet types (MQTT 5, section 2.1.2).
const NAMES: [&str; 16] = [
    "reserved packet type 0",
    "CONNECT",
    "CONNACK",
    "PUBLISH",
    "PUBACK",
    "PUBREC",
    "PUBREL",
    "PUBCOMP",
    "SUBSCRIBE",
    "SUBACK",
    "UNSUBSCRIBE",
    "UNSUBACK",
    "PINGREQ",
    "PINGRESP",
    "DISCONNECT",
    "AUTH",
];

/// Returns the name of a packet by its first byte.
pub(super) fn name(first: u8) -> &'static str {
    NAMES.get(usize::from(first >> 4)).copied().unwrap_or_default()
}

/// Returns what is wrong with the first byte of a packet from a client. `version` is absent before the CONNECT.
pub(super) fn error(first: u8, version: Option<ProtocolVersion>) -> Option<String> {
    let (kind, flags, name) = (first >> 4, first & 0x0F, name(first));
    match (kind, version) {
        (1, Some(_)) => return Some("second CONNECT on one connection; expected only one".to_owned()),
        (1, None) => {}
        (_, None) => return Some(format!("{name} as the first packet; expected CONNECT")),
        (0, _) => return Some(name.to_owned()),
        (2 | 9 | 11 | 13, _) => return Some(format!("{name} from a client; only a server sends it")),
        (15, Some(ProtocolVersion::MQTT3)) => return Some("AUTH, which MQTT 3.1.1 does not have".to_owned()),
        _ => {}
    }
    let expected = match kind {
        3 if flags & 0x06 == 0x06 => return Some("PUBLISH with QoS 3; expected 0 or 1".to_owned()),
        3 => flags,
        6 | 8 | 10 => 0x02,
        _ => 0,
    };
    (flags != expected).then(|| format!("{name} with flags 0b{flags:04b}; expected 0b{expected:04b}"))
}

/// The variable header of a CONNECT: protocol name, level, connect flags.
fn connect_header(packet: &[u8]) -> Option<(&[u8], u8, u8)> {
    // The remaining length has one to four bytes, and the last one has no continuation bit.
    let length = packet.iter().skip(1).position(|byte| byte & 0x80 == 0)?.saturating_add(2);
    let body = packet.get(length..)?;
    let (name_length, rest) = body.split_at_checked(2)?;
    let name_length = usize::from(u16::from_be_bytes(name_length.try_into().ok()?));
    let (name, rest) = rest.split_at_checked(name_length)?;
    Some((name, *rest.first()?, *rest.get(1)?))
}

/// Whether a whole CONNECT is of MQTT 3.1 (protocol name `MQIsdp`, level 3).
pub(super) fn is_mqtt31(packet: &[u8]) -> bool {
    connect_header(packet).is_some_and(|(name, level, _)| name == b"MQIsdp" || level == 3)
}

/// Returns which connect flags contradict each other (MQTT 5, section 3.1.2.3).
pub(super) fn connect_flags_error(packet: &[u8], version: ProtocolVersion) -> Option<String> {
    let (_, _, flags) = connect_header(packet)?;
    let is_set = |mask: u8| flags & mask != 0;
    let what = if is_set(0x01) {
        "the reserved flag is 1; expected 0"
    } else if flags & 0x18 == 0x18 {
        "Will QoS is 3; expected 0 or 1"
    } else if !is_set(0x04) && is_set(0x38) {
        "Will QoS or Will Retain without Will Flag"
    } else if is_set(0x40) && !is_set(0x80) && version == ProtocolVersion::MQTT3 {
        "Password Flag without User Name Flag; MQTT 3.1.1 requires both"
    } else {
        return None;
    };
    Some(format!("CONNECT: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_first_bytes_are_named_by_packet_and_flag() {
        let (mqtt3, mqtt5) = (Some(ProtocolVersion::MQTT3), Some(ProtocolVersion::MQTT5));
        for (first, version, expected) in [
            (0x10, None, None),
            (0x12, None, Some("CONNECT with flags 0b0010; expected 0b0000")),
            (0x30, None, Some("PUBLISH as the first packet; expected CONNECT")),
            (0x10, mqtt5, Some("second CONNECT on one connection; expected only one")),
            (0x00, mqtt5, Some("reserved packet type 0")),
            (0x90, mqtt3, Some("SUBACK from a client; only a server sends it")),
            (0xF0, mqtt3, Some("AUTH, which MQTT 3.1.1 does not have")),
            (0xF0, mqtt5, None),
            (0x36, mqtt3, Some("PUBLISH with QoS 3; expected 0 or 1")),
            (0x3D, mqtt3, None),
            (0x80, mqtt5, Some("SUBSCRIBE with flags 0b0000; expected 0b0010")),
            (0x82, mqtt5, None),
            (0x62, mqtt5, None),
            (0xA3, mqtt3, Some("UNSUBSCRIBE with flags 0b0011; expected 0b0010")),
            (0xC1, mqtt3, Some("PINGREQ with flags 0b0001; expected 0b0000")),
        ] {
            assert_eq!(error(first, version).as_deref(), expected, "{first:#x}");
        }
    }

    #[test]
    fn contradictory_connect_flags_are_named() {
        for (flags, mqtt3, mqtt5) in [
            (0xC2, None, None),
            (
                0xC3,
                Some("CONNECT: the reserved flag is 1; expected 0"),
                Some("CONNECT: the reserved flag is 1; expected 0"),
            ),
            (
                0xDE,
                Some("CONNECT: Will QoS is 3; expected 0 or 1"),
                Some("CONNECT: Will QoS is 3; expected 0 or 1"),
            ),
            (
                0xE2,
                Some("CONNECT: Will QoS or Will Retain without Will Flag"),
                Some("CONNECT: Will QoS or Will Retain without Will Flag"),
            ),
            (0x42, Some("CONNECT: Password Flag without User Name Flag; MQTT 3.1.1 requires both"), None),
        ] {
            let packet = [&[0x10, 0x0A, 0, 4][..], b"MQTT", &[4, flags, 0, 60]].concat();
            assert_eq!(connect_flags_error(&packet, ProtocolVersion::MQTT3).as_deref(), mqtt3, "{flags:#x}");
            assert_eq!(connect_flags_error(&packet, ProtocolVersion::MQTT5).as_deref(), mqtt5, "{flags:#x}");
        }
        assert_eq!(connect_flags_error(&[0x10, 2, 0, 4], ProtocolVersion::MQTT3), None);
    }

    #[test]
    fn mqtt_31_is_recognised_by_name_or_level() {
        let connect = |name: &[u8], level: u8| {
            [&[0x10, 20, 0, u8::try_from(name.len()).unwrap()][..], name, &[level, 2, 0, 60]].concat()
        };
        for (name, level, expected) in
            [(&b"MQIsdp"[..], 3, true), (b"MQTT", 3, true), (b"MQTT", 4, false), (b"MQTT", 5, false)]
        {
            assert_eq!(is_mqtt31(&connect(name, level)), expected, "{level}");
        }
        assert!(!is_mqtt31(&[0x10, 0]));
    }
}
