//! The Internet checksum (RFC 1071).

use std::net::Ipv6Addr;

/// The protocol number of ICMPv6 in the pseudo header.
const ICMPV6: u8 = 58;

/// The checksum of a packet whose checksum field is 0; 0 for a packet with its right checksum.
pub fn checksum(packet: &[u8]) -> u16 {
    finish(sum(0, packet))
}

/// The checksum of an ICMPv6 packet, which covers a pseudo header too (RFC 8200, section 8.1).
pub fn checksum_v6(source: Ipv6Addr, destination: Ipv6Addr, packet: &[u8]) -> u16 {
    let length = u32::try_from(packet.len()).unwrap_or(u32::MAX);
    let mut total = sum(0, &source.octets());
    total = sum(total, &destination.octets());
    total = sum(total, &length.to_be_bytes());
    total = sum(total, &[0, 0, 0, ICMPV6]);
    finish(sum(total, packet))
}

/// Adds the 16-bit words of a part that is followed by others only if its length is even.
fn sum(start: u64, bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<2>();
    let words: u64 = words
        .iter()
        .map(|word| u64::from(u16::from_be_bytes(*word)))
        .sum();
    let rest: u64 = rest.iter().map(|byte| u64::from(*byte) << 8).sum();
    start + words + rest
}

fn finish(mut total: u64) -> u16 {
    while total > u64::from(u16::MAX) {
        total = (total >> 16) + (total & u64::from(u16::MAX));
    }
    !u16::try_from(total).unwrap_or(u16::MAX)
}
