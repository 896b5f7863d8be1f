use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::time::Duration;

use droplens_model::Family;
use proptest::prelude::*;

use super::{ExtendedError, Message, Messages, Origin};
use crate::flight::Stamp;
use crate::sys::control::Control;
use crate::sys::options::{self, Stamps};
use crate::sys::transfer::{self, Batch, Queue};

fn read(control: &[u8]) -> Vec<Message> {
    Messages::new(control).collect()
}

/// A control message as the kernel writes it.
fn message(level: i32, kind: i32, value: &[u8]) -> Vec<u8> {
    let length = 2 * size_of::<usize>() + value.len();
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend(level.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.resize(2 * size_of::<usize>(), 0);
    bytes.extend(value);
    bytes.resize(length.next_multiple_of(size_of::<usize>()), 0);
    bytes
}

fn extended_error(origin: u8, info: u32, data: u32, offender: &[u8]) -> Vec<u8> {
    let mut value = 113_u32.to_ne_bytes().to_vec();
    value.extend([origin, 3, 4, 0]);
    value.extend(info.to_ne_bytes());
    value.extend(data.to_ne_bytes());
    value.extend(offender);
    value
}

#[test]
fn what_is_built_is_what_the_kernel_would_send() {
    let source = IpAddr::from([192, 0, 2, 1]);
    let control = Control::new()
        .leave_by(Family::V4, Some(source), 7)
        .ttl(Family::V4, 3)
        .dscp(Family::V4, 46)
        .stamp()
        .stamp_number(9);
    let messages = read(control.bytes());
    assert_eq!(messages.len(), 5);
    // The source is told in a field of its own, which only sending has.
    let destination = Message::Destination {
        address: Ipv4Addr::UNSPECIFIED.into(),
        interface: 7,
    };
    assert_eq!(messages[..2], [destination, Message::Ttl(3)]);

    let source = IpAddr::from(Ipv6Addr::LOCALHOST);
    let control = Control::new()
        .leave_by(Family::V6, Some(source), 7)
        .ttl(Family::V6, 255)
        .dscp(Family::V6, 46)
        .stamp()
        .stamp_number(9);
    let messages = read(control.bytes());
    assert_eq!(messages.len(), 5);
    let destination = Message::Destination {
        address: source,
        interface: 7,
    };
    assert_eq!(messages[..2], [destination, Message::Ttl(255)]);
}

#[test]
fn errors_name_their_origin_and_offender() {
    let mut offender = 2_u16.to_ne_bytes().to_vec();
    offender.extend([0, 0, 192, 0, 2, 9, 0, 0, 0, 0, 0, 0, 0, 0]);
    let bytes = message(0, libc::IP_RECVERR, &extended_error(2, 1_400, 0, &offender));
    let expected = ExtendedError {
        errno: 113,
        origin: Origin::Icmp {
            kind: 3,
            code: 4,
            info: 1_400,
        },
        offender: Some(IpAddr::from([192, 0, 2, 9])),
    };
    assert_eq!(read(&bytes), [Message::Error(expected)]);
    // A time stamp bears its number, and nobody is to blame.
    let bytes = message(41, libc::IPV6_RECVERR, &extended_error(4, 0, 77, &[0; 28]));
    let [Message::Error(found)] = read(&bytes)[..] else {
        panic!("{:?}", read(&bytes));
    };
    assert_eq!(
        (found.origin, found.offender),
        (Origin::Transmission(77), None)
    );
}

#[test]
fn a_stamp_of_zero_is_none() {
    let stamp = |seconds: i64, nanoseconds: i64| {
        let mut value = seconds.to_ne_bytes().to_vec();
        value.extend(nanoseconds.to_ne_bytes());
        value.resize(48, 0);
        read(&message(libc::SOL_SOCKET, libc::SCM_TIMESTAMPING, &value))
    };
    let expected = Message::Stamp(Stamp(Duration::new(5, 6)));
    assert_eq!(stamp(5, 6), [expected]);
    for (seconds, nanoseconds) in [(0, 0), (-1, 0), (1, 1_000_000_000), (1, -1)] {
        let found = stamp(seconds, nanoseconds);
        assert!(matches!(found[..], [Message::Other { .. }]), "{found:?}");
    }
}

#[test]
fn a_message_that_lies_about_its_length_is_the_last() {
    let good = message(libc::SOL_SOCKET, libc::SO_RXQ_OVFL, &7_u32.to_ne_bytes());
    for length in [0, 1, 15, good.len() + 1, usize::MAX] {
        let mut bytes = good.clone();
        let mut bad = good.clone();
        bad[..size_of::<usize>()].copy_from_slice(&length.to_ne_bytes());
        bytes.extend(bad);
        assert_eq!(read(&bytes), [Message::Overflows(7)], "{length}");
    }
}

#[test]
fn a_real_packet_says_when_it_came_and_how_far_it_was() -> io::Result<()> {
    for (family, address) in [(Family::V4, "127.0.0.1:0"), (Family::V6, "[::1]:0")] {
        let Ok(receiver) = UdpSocket::bind(address) else {
            assert_eq!(family, Family::V6, "every host has IPv4");
            continue;
        };
        let stamps = Stamps {
            receive: true,
            transmit: true,
        };
        options::stamp(&receiver, stamps)?;
        options::report_ttl(&receiver, family)?;
        options::report_destination(&receiver, family)?;
        options::report_overflows(&receiver)?;
        let to = receiver.local_addr()?;
        let control = Control::new()
            .leave_by(family, Some(to.ip()), 0)
            .ttl(family, 9)
            .dscp(family, 46)
            .stamp();
        let mut batch = Batch::new(4, 3);
        let is_stamp = |message: &Message| matches!(message, Message::Stamp(_));
        // The kernel begins to stamp some time after the first socket asked for it.
        for number in 0.. {
            assert!(number < 1_000, "no time stamps");
            assert_eq!(transfer::send(&receiver, to, b"hello", &control)?, 5);
            // Loopback delivers before the sending returns.
            assert_eq!(batch.receive(&receiver, Queue::Packets)?, 1);
            let stamped = batch
                .packets()
                .any(|packet| packet.messages().any(|m| is_stamp(&m)));
            if stamped {
                break;
            }
            batch.receive(&receiver, Queue::Errors)?;
            options::stamp(&receiver, Stamps::default())?;
            options::stamp(&receiver, stamps)?;
            std::thread::sleep(Duration::from_millis(1));
        }
        let packets: Vec<_> = batch.packets().collect();
        let [packet] = packets[..] else {
            panic!("{packets:?}");
        };
        assert_eq!((packet.peer, packet.payload), (Some(to), &b"hel"[..]));
        assert!(packet.truncated);
        let messages: Vec<Message> = packet.messages().collect();
        assert!(messages.contains(&Message::Ttl(9)), "{messages:?}");
        let is_here = |message: &Message| matches!(message, Message::Destination { address, interface: 1 } if *address == to.ip());
        assert!(messages.iter().any(is_here), "{messages:?}");
        assert!(messages.iter().any(is_stamp), "{messages:?}");

        assert_eq!(batch.receive(&receiver, Queue::Errors)?, 1);
        let packets: Vec<_> = batch.packets().collect();
        let messages: Vec<Message> = packets[0].messages().collect();
        assert!(messages.iter().any(is_stamp), "{messages:?}");
        let first = |message: &Message| matches!(message, Message::Error(error) if error.origin == Origin::Transmission(0));
        assert!(messages.iter().any(first), "{messages:?}");
        assert_eq!(batch.receive(&receiver, Queue::Packets)?, 0);
        assert_eq!(options::overflows(&receiver)?, 0);
    }
    Ok(())
}

proptest! {
    #[test]
    fn garbage_is_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(read(&bytes).len() <= bytes.len() / 16);
        let _ = super::address(&bytes);
    }

    #[test]
    fn garbled_values_are_survived(
        level in prop_oneof![Just(0), Just(1), Just(41)],
        kind in prop_oneof![
            Just(libc::IP_TTL), Just(libc::IP_PKTINFO), Just(libc::IP_RECVERR),
            Just(libc::IPV6_RECVERR), Just(libc::IPV6_PKTINFO), Just(libc::IPV6_HOPLIMIT),
            Just(libc::SCM_TIMESTAMPING), Just(libc::SO_RXQ_OVFL),
        ],
        value in prop::collection::vec(any::<u8>(), 0..64),
        count in 1_usize..4,
    ) {
        let bytes = message(level, kind, &value).repeat(count);
        prop_assert_eq!(read(&bytes).len(), count);
    }
}
