//! IP address ranges in CIDR notation (RFC 4632, RFC 4291 section 2.3).

use std::net::IpAddr;
use std::str::FromStr;

/// An IP address range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Network {
    base: IpAddr,
    /// How many leading bits of `base` an address must share.
    prefix_bits: u32,
}

impl Network {
    /// Whether the range contains an address. An IPv4 range contains no IPv6 address, and the other way round.
    pub(super) fn contains(self, address: IpAddr) -> bool {
        let (base, address, length) = match (self.base, address) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                (u128::from(base.to_bits()), u128::from(address.to_bits()), 32_u32)
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => (base.to_bits(), address.to_bits(), 128),
            _ => return false,
        };
        // `checked_shr` fails for a shift by all 128 bits, which leaves no bit to compare.
        let prefix = |bits: u128| bits.checked_shr(length.saturating_sub(self.prefix_bits)).unwrap_or(0);
        prefix(base) == prefix(address)
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || {
            format!(
                "invalid IP address or range {text:?}; expected one such as 203.0.113.0/24 or 2001:db8::/32"
            )
        };
        let (base, prefix) = text.split_once('/').map_or((text, None), |(base, prefix)| (base, Some(prefix)));
        let base: IpAddr = base.parse().map_err(|_| invalid())?;
        let length = if base.is_ipv4() { 32 } else { 128 };
        let prefix_bits = prefix.map_or(Ok(length), str::parse).map_err(|_| invalid())?;
        if prefix_bits > length { Err(invalid()) } else { Ok(Self { base, prefix_bits }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_contains_the_addresses_with_its_prefix() {
        for (range, address, expected) in [
            ("203.0.113.0/24", "203.0.113.255", true),
            ("203.0.113.0/24", "203.0.114.0", false),
            ("203.0.113.7", "203.0.113.7", true),
            ("203.0.113.7", "203.0.113.8", false),
            ("0.0.0.0/0", "198.51.100.1", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("::/0", "2001:db8::1", true),
        ] {
            let network: Network = range.parse().unwrap();
            assert_eq!(network.contains(address.parse().unwrap()), expected, "{range} {address}");
        }
    }

    #[test]
    fn rejects_invalid_ranges() {
        for text in
            ["", "203.0.113.0/33", "203.0.113/24", "2001:db8::/129", "here", "203.0.113.0/", "1.1.1.1/-1"]
        {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
