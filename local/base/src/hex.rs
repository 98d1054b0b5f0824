//! Hexadecimal encoding.

/// Encodes bytes as lower-case digits.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::encode;

    #[test]
    fn each_byte_becomes_two_digits() {
        assert_eq!(encode(&[0, 1, 0xa0, 0xff]), "0001a0ff");
        assert_eq!(encode(&[]), "");
    }
}
