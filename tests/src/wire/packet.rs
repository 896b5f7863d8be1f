//! Looking into a frame, as deep as the impairments need.

use std::ops::Range;

use super::{Filter, Protocol};

const ETHERNET: usize = 14;
const IPV6_HEADER: usize = 40;

/// An IP packet in a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packet {
    pub(super) protocol: Protocol,
    /// Bytes of the IP packet, headers included, as its header says.
    pub(super) length: usize,
    /// Where the transport header begins in the frame; `None` in later fragments.
    transport: Option<usize>,
    /// Source and destination, of UDP and TCP.
    ports: Option<(u16, u16)>,
}

impl Packet {
    /// The packet in a frame; `None` for what is not IP and for what neighbours tell each other
    /// (neighbour discovery, multicast memberships), which is never impaired.
    pub(super) fn of(frame: &[u8]) -> Option<Self> {
        match word(frame, 12)? {
            0x0800 => Self::v4(frame),
            0x86dd => Self::v6(frame),
            _ => None,
        }
    }

    fn v4(frame: &[u8]) -> Option<Self> {
        const IGMP: u8 = 2;
        let header = usize::from(byte(frame, ETHERNET)? & 0xf) * 4;
        let length = usize::from(word(frame, ETHERNET + 2)?);
        let later_fragment = word(frame, ETHERNET + 6)? & 0x1fff != 0;
        let number = byte(frame, ETHERNET + 9)?;
        let transport = (!later_fragment).then_some(ETHERNET + header);
        (number != IGMP).then(|| Self::new(frame, number, length, transport))
    }

    fn v6(frame: &[u8]) -> Option<Self> {
        const ICMPV6: u8 = 58;
        let length = IPV6_HEADER + usize::from(word(frame, ETHERNET + 4)?);
        let mut number = byte(frame, ETHERNET + 6)?;
        let mut at = ETHERNET + IPV6_HEADER;
        let mut later_fragment = false;
        // Each turn moves on by at least eight bytes, so the end of the frame ends it.
        while let Some(size) = extension(frame, number, at) {
            if number == FRAGMENT {
                later_fragment |= word(frame, at + 2)? & 0xfff8 != 0;
            }
            number = byte(frame, at)?;
            at += size;
        }
        let transport = (!later_fragment).then_some(at);
        let kind = transport.and_then(|at| byte(frame, at));
        let housekeeping = number == ICMPV6 && matches!(kind, Some(130..=137 | 143));
        (!housekeeping).then(|| Self::new(frame, number, length, transport))
    }

    fn new(frame: &[u8], number: u8, length: usize, transport: Option<usize>) -> Self {
        let protocol = match number {
            1 | 58 => Protocol::Icmp,
            6 => Protocol::Tcp,
            17 => Protocol::Udp,
            _ => Protocol::Other,
        };
        let ports = match protocol {
            Protocol::Udp | Protocol::Tcp => {
                transport.and_then(|at| Some((word(frame, at)?, word(frame, at + 2)?)))
            }
            Protocol::Icmp | Protocol::Other => None,
        };
        Self {
            protocol,
            length,
            transport,
            ports,
        }
    }

    /// The bytes of the frame from the IP header on.
    pub(super) fn bytes(frame: &[u8]) -> &[u8] {
        frame.get(ETHERNET..).unwrap_or_default()
    }

    pub(super) fn is_chosen_by(&self, filter: Filter) -> bool {
        match filter {
            Filter::All => true,
            Filter::Protocol(protocol) => self.protocol == protocol,
            Filter::Port(protocol, port) => {
                let either = |(from, to)| from == port || to == port;
                self.protocol == protocol && self.ports.is_some_and(either)
            }
        }
    }

    /// The bytes of the frame in which a changed bit is noticed by nothing but the transport's
    /// checksum: the payload or, without one, the checksum itself.
    pub(super) fn fragile(&self, frame: &[u8]) -> Option<Range<usize>> {
        let end = frame.len().min(ETHERNET + self.length);
        let Some(at) = self.transport else {
            return nonempty(end.saturating_sub(8)..end);
        };
        let (header, checksum) = match self.protocol {
            Protocol::Icmp => (8, Some(at + 2)),
            Protocol::Udp => (8, Some(at + 6)),
            Protocol::Tcp => (usize::from(byte(frame, at + 12)? >> 4) * 4, Some(at + 16)),
            Protocol::Other => (0, None),
        };
        nonempty(at + header..end)
            .or_else(|| checksum.map(|at| at..at + 2))
            .filter(|range| range.end <= end)
    }
}

const FRAGMENT: u8 = 44;

/// The size of an IPv6 extension header; `None` if this is the transport header.
fn extension(frame: &[u8], number: u8, at: usize) -> Option<usize> {
    match number {
        // Hop-by-hop options, routing, destination options.
        0 | 43 | 60 => Some((usize::from(byte(frame, at + 1)?) + 1) * 8),
        FRAGMENT => Some(8),
        _ => None,
    }
}

fn nonempty(range: Range<usize>) -> Option<Range<usize>> {
    (!range.is_empty()).then_some(range)
}

fn byte(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    let two = bytes.get(at..at + 2)?;
    Some(u16::from_be_bytes(two.try_into().ok()?))
}

#[cfg(test)]
mod tests;
