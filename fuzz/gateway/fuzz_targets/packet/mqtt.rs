//! A second reader of the packets of a client (MQTT 3.1.1, MQTT 5): frames, and what AWS IoT rejects in them.

use iot_local_policy::limits;

/// A packet, or its part up to the byte that is malformed.
pub struct Packet<'a> {
    pub start: usize,
    pub end: usize,
    pub is_disconnect: bool,
    pub expected: Expected,
    /// Whether nothing of the packet was skipped, so that no other reader can find it malformed.
    pub is_strict: bool,
    /// The topic filters of a SUBSCRIBE.
    pub filters: Vec<&'a [u8]>,
}

/// What there is to find in a packet.
#[derive(Debug, Clone, PartialEq)]
pub enum Expected {
    Nothing,
    EmptyClientId,
    Mqtt31,
    Rejected { code: u8 },
    Malformed,
}

pub struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
    accepts_mqtt31: bool,
    /// The protocol level, after the CONNECT.
    level: Option<u8>,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8], accepts_mqtt31: bool) -> Self {
        Self { bytes, position: 0, accepts_mqtt31, level: None }
    }

    /// Returns the next packet that is complete or malformed.
    pub fn next(&mut self) -> Option<Packet<'a>> {
        let start = self.position;
        let packet = |end, expected| Packet {
            start,
            end,
            is_disconnect: false,
            expected,
            is_strict: true,
            filters: Vec::new(),
        };
        let first = *self.bytes.get(start)?;
        if !is_first_byte(first, self.level) {
            return Some(packet(start + 1, Expected::Malformed));
        }
        // MQTT 5, section 1.5.5: seven bits for each byte, the lowest first.
        let (mut length, mut header) = (0, 1);
        loop {
            let byte = usize::from(*self.bytes.get(start + header)?);
            length |= (byte & 0x7F) << (7 * (header - 1));
            header += 1;
            if byte < 0x80 {
                break;
            }
            if header == 5 {
                return Some(packet(start + header, Expected::Malformed));
            }
        }
        if length > limits::MAX_PACKET_BYTES as usize {
            return Some(packet(start + header, Expected::Malformed));
        }
        let end = start + header + length;
        let body = self.bytes.get(start + header..end)?;
        self.position = end;
        let mut packet = Packet { is_disconnect: first == 0xE0, ..packet(end, Expected::Nothing) };
        match (first, self.level) {
            (0x10, _) => (packet.expected, packet.is_strict) = self.connect(body),
            (0x82, Some(level)) => subscribe(body, level, &mut packet),
            _ => {}
        }
        Some(packet)
    }

    fn connect(&mut self, body: &[u8]) -> (Expected, bool) {
        let mut fields = Fields(body);
        let header = (|| Some((fields.text()?, fields.byte()?, fields.byte()?)))();
        let Some((name, level, flags)) = header else { return (Expected::Malformed, true) };
        if (name == b"MQIsdp" || level == 3) && !self.accepts_mqtt31 {
            return (Expected::Mqtt31, true);
        }
        if !matches!((name, level), (b"MQTT", 4 | 5) | (b"MQIsdp", 3)) {
            return (Expected::Malformed, true);
        }
        self.level = Some(level);
        let has_will = flags & 0x04 != 0;
        let is_wrong = flags & 0x01 != 0
            || flags & 0x18 == 0x18
            || (!has_will && flags & 0x38 != 0)
            || (level != 5 && flags & 0xC0 == 0x40);
        if is_wrong {
            return (Expected::Malformed, true);
        }
        let client_id = (|| {
            fields.take(2)?;
            if level == 5 {
                let length = fields.length()?;
                fields.take(length)?;
            }
            fields.text()
        })();
        match client_id {
            None => (Expected::Malformed, true),
            Some(id) if id.is_empty() => (Expected::EmptyClientId, false),
            Some(_) => (Expected::Nothing, false),
        }
    }
}

fn is_first_byte(first: u8, level: Option<u8>) -> bool {
    let flags = first & 0x0F;
    match (first >> 4, level) {
        (1, None) => flags == 0,
        (_, None) | (0 | 1 | 2 | 9 | 11 | 13, _) => false,
        (3, _) => flags & 0x06 != 0x06,
        (6 | 8 | 10, _) => flags == 2,
        (15, Some(level)) => flags == 0 && level == 5,
        _ => flags == 0,
    }
}

/// MQTT 5, section 3.8.
fn subscribe<'a>(body: &'a [u8], level: u8, packet: &mut Packet<'a>) {
    let mut fields = Fields(body);
    let mut has_identifier = false;
    let mut options = Vec::new();
    let id = (|| {
        let id = fields.take(2)?;
        if level == 5 {
            let length = fields.length()?;
            has_identifier = has_subscription_identifier(fields.take(length)?);
        }
        while !fields.0.is_empty() {
            packet.filters.push(fields.text()?);
            options.push(fields.byte()?);
        }
        Some(id)
    })();
    let Some(id) = id else {
        packet.expected = Expected::Malformed;
        return;
    };
    let max = limits::MAX_FILTERS_PER_SUBSCRIBE;
    packet.expected = if packet.filters.len() > max {
        Expected::Rejected { code: 0x97 }
    } else if has_identifier {
        Expected::Rejected { code: 0xA1 }
    } else if options.iter().any(|options| options & 3 == 2) {
        Expected::Rejected { code: 0x9B }
    } else {
        Expected::Nothing
    };
    let is_text =
        |text: &&[u8]| str::from_utf8(text).is_ok_and(|text| !text.is_empty() && !text.contains('\0'));
    packet.is_strict = level != 5
        && id != [0, 0]
        && !packet.filters.is_empty()
        && packet.filters.iter().all(is_text)
        && options.iter().all(|options| *options <= 2);
}

/// Whether the properties of a SUBSCRIBE begin with an identifier or have one after user properties.
fn has_subscription_identifier(properties: &[u8]) -> bool {
    let mut fields = Fields(properties);
    loop {
        match fields.byte() {
            Some(0x0B) => return true,
            Some(0x26) if fields.text().is_some() && fields.text().is_some() => {}
            _ => return false,
        }
    }
}

/// The fields of a packet that are not read yet.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        Some(self.take(1)?[0])
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let length = self.take(2)?;
        self.take(usize::from(length[0]) << 8 | usize::from(length[1]))
    }

    /// A variable byte integer.
    fn length(&mut self) -> Option<usize> {
        let mut length = 0;
        for i in 0..4 {
            let byte = usize::from(self.byte()?);
            length |= (byte & 0x7F) << (7 * i);
            if byte < 0x80 {
                return Some(length);
            }
        }
        None
    }
}
