//! How packets bear their number.

use droplens_model::{Family, Moment};

use super::About;
use crate::icmp::{self, Echo, EchoKind, PAYLOAD, Received};

/// The smallest packet, from the header behind the IP header on: our payload and the word that keeps the
/// checksum the same.
pub(super) const SMALLEST: usize = icmp::HEADER + PAYLOAD + 2;

/// The payload of a datagram: magic, nonce, number.
const DATAGRAM: usize = 16;
const MAGIC: [u8; 4] = *b"drp\x01";

/// How packets are written and read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Codec {
    /// Echo requests.
    Echo {
        /// The identifier on a raw socket; on a ping socket the kernel looks after it.
        identifier: Option<u16>,
        /// What tells ours from others'.
        nonce: u64,
    },
    /// Datagrams.
    Udp {
        /// What tells ours from others'.
        nonce: u64,
    },
}

impl Codec {
    /// A packet of so many bytes with the IP header. All echo requests of a nonce have the same
    /// checksum, all datagrams the same size.
    pub(super) fn build(self, family: Family, number: usize, size: u32) -> Vec<u8> {
        let sequence = u32::try_from(number).unwrap_or(u32::MAX);
        match self {
            Self::Echo { identifier, nonce } => {
                let echo = Echo {
                    identifier: identifier.unwrap_or_default(),
                    nonce,
                    sequence,
                    sent: Moment::default(),
                };
                let size = usize::try_from(size).unwrap_or_default();
                let payload = size.saturating_sub(ip_header(family) + icmp::HEADER);
                let payload = payload.max(PAYLOAD + 2);
                let mut packet = echo.build(EchoKind::Request, family, payload);
                icmp::steady(&mut packet, sum(nonce));
                packet
            }
            Self::Udp { nonce } => {
                let mut packet = Vec::with_capacity(DATAGRAM);
                packet.extend(MAGIC);
                packet.extend(nonce.to_be_bytes());
                packet.extend(sequence.to_be_bytes());
                packet
            }
        }
    }

    /// Which packet a packet answers: none if it is no answer.
    pub(super) fn reply(self, family: Family, packet: &[u8]) -> Option<About> {
        match self {
            Self::Echo { identifier, nonce } => {
                let packet = match (family, identifier) {
                    (Family::V4, Some(_)) => icmp::skip_ipv4(packet).ok()?,
                    _ => packet,
                };
                match icmp::read(family, packet) {
                    Ok(Received::Echo(EchoKind::Reply, echo)) if echo.nonce == nonce => {
                        About::of(echo.sequence)
                    }
                    _ => None,
                }
            }
            // Any datagram is an answer, what it says is the service's business; one that sends back what it
            // got tells the number.
            Self::Udp { .. } => self.quoted(family, packet).or(Some(About::Unclear)),
        }
    }

    /// Which packet an ICMP error quotes, from behind the IP header on (echo requests) or behind the
    /// UDP header: none if it is not ours.
    pub(super) fn quoted(self, family: Family, quote: &[u8]) -> Option<About> {
        match self {
            Self::Echo { identifier, nonce } => {
                let (header, payload) = quote.split_first_chunk::<{ icmp::HEADER }>()?;
                let [kind, _, _, _, id @ .., high, low] = *header;
                let request = match family {
                    Family::V4 => 8,
                    Family::V6 => 128,
                };
                let ours = identifier.is_none_or(|identifier| identifier.to_be_bytes() == id);
                // Behind the magic; routers need not quote more than the header.
                let quoted = payload.get(MAGIC.len()..).and_then(<[u8]>::first_chunk);
                let same = quoted.is_none_or(|quoted| u64::from_be_bytes(*quoted) == nonce);
                let number = usize::from(u16::from_be_bytes([high, low]));
                (kind == request && ours && same).then_some(About::Packet(number))
            }
            Self::Udp { nonce } => {
                let Some(quote) = quote.first_chunk::<DATAGRAM>() else {
                    return Some(About::Unclear);
                };
                let (magic, rest) = quote.split_first_chunk::<4>()?;
                let (quoted, rest) = rest.split_first_chunk()?;
                let (sequence, _) = rest.split_first_chunk()?;
                let ours = *magic == MAGIC && u64::from_be_bytes(*quoted) == nonce;
                About::of(u32::from_be_bytes(*sequence)).filter(|_| ours)
            }
        }
    }
}

impl About {
    fn of(sequence: u32) -> Option<Self> {
        usize::try_from(sequence).ok().map(Self::Packet)
    }
}

/// The IP header of our packets, which bear no options.
const fn ip_header(family: Family) -> usize {
    match family {
        Family::V4 => 20,
        Family::V6 => 40,
    }
}

/// The checksum of all echo requests with a nonce. A checksum that is all ones cannot be had.
const fn sum(nonce: u64) -> u16 {
    let [first, second, ..] = nonce.to_be_bytes();
    let sum = u16::from_be_bytes([first, second]);
    if sum == u16::MAX { 0 } else { sum }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{About, Codec, SMALLEST};
    use crate::icmp::checksum;
    use droplens_model::Family;

    const ECHO: Codec = Codec::Echo {
        identifier: Some(7),
        nonce: 0x1234_5678_9abc_def0,
    };
    const UDP: Codec = Codec::Udp {
        nonce: 0x1234_5678_9abc_def0,
    };

    #[test]
    fn all_packets_of_a_round_are_of_one_flow() {
        let first = |number| ECHO.build(Family::V4, number, 0)[..6].to_vec();
        for number in 1..200 {
            assert_eq!(first(number), first(0));
            assert_eq!(UDP.build(Family::V4, number, 0).len(), 16);
        }
    }

    #[test]
    fn packets_have_the_size_that_is_asked_for() {
        for (family, header) in [(Family::V4, 20), (Family::V6, 40)] {
            for size in [100, 1_200, 1_500, 9_000, 65_535] {
                let packet = ECHO.build(family, 3, size);
                assert_eq!(packet.len() + header, size as usize);
            }
        }
        assert_eq!(ECHO.build(Family::V4, 3, 0).len(), SMALLEST);
    }

    #[test]
    fn the_first_eight_bytes_of_an_echo_request_tell_which_it_is() {
        let packet = ECHO.build(Family::V4, 300, 100);
        assert_eq!(
            ECHO.quoted(Family::V4, &packet[..8]),
            Some(About::Packet(300))
        );
        assert_eq!(ECHO.quoted(Family::V4, &packet[..7]), None);
        // Of a datagram nothing is left behind the UDP header.
        assert_eq!(UDP.quoted(Family::V4, &[]), Some(About::Unclear));
    }

    #[test]
    fn what_others_sent_is_none_of_ours() {
        let other = Codec::Echo {
            identifier: Some(7),
            nonce: 1,
        };
        let packet = other.build(Family::V6, 3, 100);
        assert_eq!(ECHO.quoted(Family::V6, &packet), None);
        let other = Codec::Echo {
            identifier: Some(8),
            nonce: 0x1234_5678_9abc_def0,
        };
        let packet = other.build(Family::V6, 3, 100);
        assert_eq!(ECHO.quoted(Family::V6, &packet[..8]), None);
        let packet = Codec::Udp { nonce: 1 }.build(Family::V6, 3, 100);
        assert_eq!(UDP.quoted(Family::V6, &packet), None);
        // A request is no reply.
        let packet = ECHO.build(Family::V6, 3, 100);
        assert_eq!(ECHO.reply(Family::V6, &packet), None);
    }

    proptest! {
        #[test]
        fn quotes_are_read_back(number in 0_usize..=0xffff, size in 0_u32..3_000) {
            for codec in [ECHO, UDP] {
                let packet = codec.build(Family::V4, number, size);
                prop_assert_eq!(codec.quoted(Family::V4, &packet), Some(About::Packet(number)));
            }
            prop_assert_eq!(checksum(&ECHO.build(Family::V4, number, size)), 0);
        }

        #[test]
        fn garbage_is_survived(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            for (codec, family) in [(ECHO, Family::V4), (ECHO, Family::V6), (UDP, Family::V4)] {
                let _ = (codec.quoted(family, &bytes), codec.reply(family, &bytes));
            }
        }
    }
}
