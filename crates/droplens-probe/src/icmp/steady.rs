//! Checksums that stay the same from packet to packet. Routers that share load choose the way by the
//! first words of what follows the IP header, and those of an echo request contain the checksum
//! (Augustin et al.: Avoiding traceroute anomalies with Paris traceroute, IMC 2006).

use super::{HEADER, checksum};

/// Changes the last two bytes of an ICMP packet so that its checksum is `sum`, and that of
/// ICMPv6 the same as in all packets to the same address that were treated so. A packet with an odd
/// number of bytes, or without a payload, is left as it is.
pub fn steady(packet: &mut [u8], sum: u16) {
    if packet.len() % 2 == 1 || packet.len() < HEADER + 2 {
        return;
    }
    put(packet, 2, 0);
    let end = packet.len() - 2;
    put(packet, end, 0);
    // In ones' complement: the word is what is missing to the sum.
    let missing = u32::from(checksum(packet)) + u32::from(!sum);
    let word = (missing & 0xffff) + (missing >> 16);
    put(packet, end, u16::try_from(word).unwrap_or_default());
    put(packet, 2, sum);
}

fn put(packet: &mut [u8], at: usize, word: u16) {
    if let Some(place) = packet.get_mut(at..at + 2) {
        place.copy_from_slice(&word.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use droplens_model::{Family, Moment};
    use proptest::prelude::*;

    use super::steady;
    use crate::icmp::{Echo, EchoKind, PAYLOAD, Received, checksum, read};

    proptest! {
        #[test]
        fn all_packets_have_the_sum_that_is_asked_for(
            nonce: u64,
            sequence: u32,
            identifier: u16,
            sum in 0_u16..0xffff,
            words in 1_usize..800,
        ) {
            let echo = Echo { identifier, nonce, sequence, sent: Moment::default() };
            let mut packet = echo.build(EchoKind::Request, Family::V4, PAYLOAD + 2 * words);
            steady(&mut packet, sum);
            prop_assert_eq!(packet[2..4].to_vec(), sum.to_be_bytes());
            prop_assert_eq!(checksum(&packet), 0);
            prop_assert_eq!(read(Family::V4, &packet), Ok(Received::Echo(EchoKind::Request, echo)));
        }

        #[test]
        fn any_packet_will_do(mut packet in prop::collection::vec(any::<u8>(), 0..100), sum: u16) {
            steady(&mut packet, sum);
        }
    }
}
