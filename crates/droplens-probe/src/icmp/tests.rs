use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use droplens_model::sample::probes::IcmpError;
use droplens_model::{Family, Moment};
use proptest::prelude::*;

use super::{
    Echo, EchoKind, HEADER, NotOurs, PAYLOAD, Quoted, Received, checksum, checksum_v6, read,
    skip_ipv4,
};

const ECHO: Echo = Echo {
    identifier: 0x1234,
    nonce: 0x0102_0304_0506_0708,
    sequence: 0xaabb_ccdd,
    sent: Moment(Duration::from_nanos(9)),
};

const V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 9);
const V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9);

/// An IPv4 packet, options and all.
fn in_ipv4(words: u8, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; usize::from(words) * 4];
    packet[0] = 0x40 | words;
    packet[9] = protocol;
    packet[16..20].copy_from_slice(&V4.octets());
    packet.extend(payload);
    packet
}

fn in_ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; 40];
    packet[0] = 0x60;
    packet[6] = next;
    packet[24..40].copy_from_slice(&V6.octets());
    packet.extend(payload);
    packet
}

/// An ICMP error that quotes a packet.
fn error(family: Family, kind: u8, code: u8, rest: u32, quote: &[u8]) -> Vec<u8> {
    let mut packet = vec![kind, code, 0, 0];
    packet.extend(rest.to_be_bytes());
    packet.extend(quote);
    if family == Family::V4 {
        let sum = checksum(&packet).to_be_bytes();
        packet[2..4].copy_from_slice(&sum);
    }
    packet
}

#[test]
fn an_echo_looks_like_this() {
    let packet = ECHO.build(EchoKind::Request, Family::V6, 0);
    assert_eq!(packet.len(), HEADER + PAYLOAD);
    assert_eq!(
        packet,
        [
            128, 0, 0, 0, 0x12, 0x34, 0xcc, 0xdd, b'd', b'r', b'p', 1, 1, 2, 3, 4, 5, 6, 7, 8,
            0xaa, 0xbb, 0xcc, 0xdd, 0, 0, 0, 0, 0, 0, 0, 9
        ]
    );
    let packet = ECHO.build(EchoKind::Request, Family::V4, 56);
    assert_eq!(packet.len(), HEADER + 56);
    assert_eq!((packet[0], checksum(&packet)), (8, 0));
}

#[test]
fn checksums_are_those_of_the_standard() {
    // RFC 1071, section 3: the sum of these words is ddf2.
    let words = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
    assert_eq!(checksum(&words), !0xddf2);
    assert_eq!(checksum(&[0xff]), !0xff00);
    assert_eq!(checksum(&[]), 0xffff);
    // A router solicitation from fe80::1 to ff02::2, added up by hand.
    let source = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    let destination = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
    let solicitation = [133, 0, 0, 0, 0, 0, 0, 0];
    let sum: u32 = 0xfe80 + 1 + 0xff02 + 2 + 8 + 58 + 0x8500;
    let folded = u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap();
    assert_eq!(checksum_v6(source, destination, &solicitation), !folded);
}

#[test]
fn a_router_that_quotes_everything_names_the_probe() {
    let request = ECHO.build(EchoKind::Request, Family::V4, 64);
    let packet = error(Family::V4, 3, 4, 1_400, &in_ipv4(6, 1, &request));
    let Ok(Received::Trouble(trouble)) = read(Family::V4, &packet) else {
        panic!("{:?}", read(Family::V4, &packet));
    };
    assert_eq!(trouble.error, IcmpError { kind: 3, code: 4 });
    assert_eq!(trouble.mtu, Some(1_400));
    assert_eq!(trouble.destination, IpAddr::V4(V4));
    assert_eq!(trouble.quoted, Quoted::Whole(ECHO));
}

#[test]
fn a_router_that_quotes_eight_bytes_tells_what_the_header_has() {
    let request = ECHO.build(EchoKind::Request, Family::V4, 64);
    let packet = error(Family::V4, 11, 0, 0, &in_ipv4(5, 1, &request[..8]));
    let Ok(Received::Trouble(trouble)) = read(Family::V4, &packet) else {
        panic!("{:?}", read(Family::V4, &packet));
    };
    assert_eq!((trouble.error.kind, trouble.mtu), (11, None));
    let (identifier, sequence) = (0x1234, 0xccdd);
    assert_eq!(
        trouble.quoted,
        Quoted::Header {
            identifier,
            sequence
        }
    );
}

#[test]
fn ipv6_errors_are_read_behind_extension_headers() {
    let request = ECHO.build(EchoKind::Request, Family::V6, 64);
    let mut extended = vec![58, 1];
    extended.extend([0; 14]);
    extended.extend(&request);
    for quote in [in_ipv6(58, &request), in_ipv6(60, &extended)] {
        let packet = error(Family::V6, 2, 0, 1_280, &quote);
        let Ok(Received::Trouble(trouble)) = read(Family::V6, &packet) else {
            panic!("{:?}", read(Family::V6, &packet));
        };
        assert_eq!(trouble.mtu, Some(1_280));
        assert_eq!(trouble.destination, IpAddr::V6(V6));
        assert_eq!(trouble.quoted, Quoted::Whole(ECHO));
    }
}

#[test]
fn what_is_not_ours_is_refused_with_its_reason() {
    let reply = ECHO.build(EchoKind::Reply, Family::V6, 0);
    let reason = |packet: &[u8]| read(Family::V6, packet).unwrap_err();
    assert_eq!(reason(&[]), NotOurs::Truncated);
    assert_eq!(reason(&reply[..HEADER + PAYLOAD - 1]), NotOurs::Truncated);
    assert_eq!(reason(&[133, 0, 0, 0, 0, 0, 0, 0]), NotOurs::OtherType(133));
    let changed = |at: usize| {
        let mut packet = reply.clone();
        packet[at] ^= 1;
        packet
    };
    assert_eq!(reason(&changed(HEADER)), NotOurs::OtherPayload);
    assert_eq!(reason(&changed(7)), NotOurs::Sequence);
    let mut reply = ECHO.build(EchoKind::Reply, Family::V4, 0);
    reply[30] ^= 1;
    assert_eq!(read(Family::V4, &reply), Err(NotOurs::Checksum));
    // An error about somebody's TCP segment, and about a later fragment.
    let request = ECHO.build(EchoKind::Request, Family::V4, 64);
    let tcp = error(Family::V4, 3, 1, 0, &in_ipv4(5, 6, &request));
    assert_eq!(read(Family::V4, &tcp), Err(NotOurs::OtherPayload));
    let mut fragment = in_ipv4(5, 1, &request);
    fragment[7] = 1;
    let fragment = error(Family::V4, 3, 1, 0, &fragment);
    assert_eq!(read(Family::V4, &fragment), Err(NotOurs::OtherPayload));
}

#[test]
fn raw_sockets_ip_header_is_taken_off() {
    let packet = in_ipv4(6, 1, b"rest");
    assert_eq!(skip_ipv4(&packet), Ok(&b"rest"[..]));
    assert_eq!(skip_ipv4(&packet[..20]), Err(NotOurs::Truncated));
    assert_eq!(skip_ipv4(&[0x44; 40]), Err(NotOurs::OtherPayload));
    assert_eq!(skip_ipv4(&[0x60; 40]), Err(NotOurs::OtherPayload));
}

prop_compose! {
    fn echo()(
        identifier: u16,
        nonce: u64,
        sequence: u32,
        sent: u64,
    ) -> Echo {
        Echo { identifier, nonce, sequence, sent: Moment(Duration::from_nanos(sent)) }
    }
}

fn family() -> impl Strategy<Value = Family> {
    prop_oneof![Just(Family::V4), Just(Family::V6)]
}

proptest! {
    #[test]
    fn what_is_built_is_read_back(echo in echo(), family in family(), payload in 0_usize..2_000) {
        for kind in [EchoKind::Request, EchoKind::Reply] {
            let packet = echo.build(kind, family, payload);
            prop_assert_eq!(packet.len(), HEADER + payload.max(PAYLOAD));
            prop_assert_eq!(read(family, &packet), Ok(Received::Echo(kind, echo)));
        }
    }

    #[test]
    fn one_wrong_bit_is_found(echo in echo(), bit in 0_usize..(HEADER + PAYLOAD) * 8) {
        let mut packet = echo.build(EchoKind::Reply, Family::V4, 0);
        packet[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(read(Family::V4, &packet), Err(NotOurs::Checksum));
    }

    #[test]
    fn garbage_is_survived(
        family in family(),
        kind: u8,
        packet in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let _ = read(family, &packet);
        let _ = skip_ipv4(&packet);
        // With a right checksum it gets further.
        let packet = error(family, kind, 0, 0, &packet);
        let _ = read(family, &packet);
    }

    #[test]
    fn garbled_quotes_are_survived(
        family in family(),
        cut in 0_usize..120,
        flips in prop::collection::vec((0_usize..120, any::<u8>()), 0..4),
    ) {
        let request = ECHO.build(EchoKind::Request, family, 56);
        let (kind, mut quote) = match family {
            Family::V4 => (3, in_ipv4(5, 1, &request)),
            Family::V6 => (1, in_ipv6(58, &request)),
        };
        for (at, value) in flips {
            if let Some(byte) = quote.get_mut(at) {
                *byte ^= value;
            }
        }
        quote.truncate(cut);
        let packet = error(family, kind, 0, 0, &quote);
        if let Ok(received) = read(family, &packet) {
            prop_assert!(matches!(received, Received::Trouble(_)));
        }
    }
}
