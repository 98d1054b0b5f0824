//! Ranges of IP addresses in CIDR notation (RFC 4632, RFC 4291 section 2.3).

use std::net::IpAddr;
use std::str::FromStr;

/// An address and how many of its first bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Network {
    base: IpAddr,
    prefix: u32,
}

impl Network {
    /// Whether an address lies in the range. One of the other family never does.
    pub(super) fn holds(self, address: IpAddr) -> bool {
        let (ours, theirs, length) = match (self.base, address) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                (u128::from(ours.to_bits()), u128::from(theirs.to_bits()), 32_u32)
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => (ours.to_bits(), theirs.to_bits(), 128),
            _ => return false,
        };
        // A shift by all 128 bits has no value and leaves nothing to compare.
        let left = |bits: u128| bits.checked_shr(length.saturating_sub(self.prefix)).unwrap_or(0);
        left(ours) == left(theirs)
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fault =
            || format!("{text:?} is no IP address or range; write one as 203.0.113.0/24 or 2001:db8::/32");
        let (base, prefix) = text.split_once('/').map_or((text, None), |(base, prefix)| (base, Some(prefix)));
        let base: IpAddr = base.parse().map_err(|_| fault())?;
        let length = if base.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(length), str::parse).map_err(|_| fault())?;
        if prefix > length { Err(fault()) } else { Ok(Self { base, prefix }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_their_addresses() {
        for (range, address, held) in [
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
            assert_eq!(network.holds(address.parse().unwrap()), held, "{range} {address}");
        }
    }

    #[test]
    fn anything_else_is_a_fault() {
        for text in
            ["", "203.0.113.0/33", "203.0.113/24", "2001:db8::/129", "here", "203.0.113.0/", "1.1.1.1/-1"]
        {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
