//! Replies that are not what was asked for match nothing and are counted as what they are.
#![expect(clippy::expect_used, reason = "a panic is the failure report")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

use droplens_model::Family;
use droplens_model::sample::probes::Address;
use droplens_probe::echo::Sockets;
use droplens_probe::flight::Patience;
use droplens_probe::icmp::{self, Echo, Received};
use droplens_probe::sys::control::Control;
use droplens_probe::sys::egress::EchoKind;
use droplens_probe::sys::message::Message;
use droplens_probe::sys::options;
use droplens_probe::sys::transfer::{self, Batch, Queue};
use droplens_tests::lab::Namespace;
use droplens_tests::needs_root;
use droplens_tests::probing::{self, Probing, wish};
use droplens_tests::wire::Wire;
use socket2::{Domain, Protocol, Socket, Type};

const PATIENCE: Patience = Patience {
    timeout: Duration::from_millis(500),
    late: Duration::from_millis(500),
};

/// What a host answers with. Its place is the last part of the host's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Right,
    OtherIdentifier,
    OtherNonce,
    WrongChecksum,
    Shorter,
    Longer,
    OtherHost,
    Twice,
    NeverSent,
    CutOff,
    Garbled,
}

const ANSWERS: [Answer; 11] = [
    Answer::Right,
    Answer::OtherIdentifier,
    Answer::OtherNonce,
    Answer::WrongChecksum,
    Answer::Shorter,
    Answer::Longer,
    Answer::OtherHost,
    Answer::Twice,
    Answer::NeverSent,
    Answer::CutOff,
    Answer::Garbled,
];

impl Answer {
    fn host(self, family: Family) -> IpAddr {
        let place = ANSWERS.iter().position(|answer| *answer == self);
        let last = u8::try_from(place.expect("a place")).expect("few") + 1;
        at(family, last)
    }

    fn of(host: IpAddr) -> Option<Self> {
        let last = match host {
            IpAddr::V4(host) => host.octets()[3],
            IpAddr::V6(host) => host.octets()[15],
        };
        ANSWERS.get(usize::from(last).checked_sub(1)?).copied()
    }

    /// The packets that answer a request.
    fn packets(self, family: Family, mut echo: Echo) -> Vec<Vec<u8>> {
        let mut payload = 56;
        match self {
            Self::OtherIdentifier => echo.identifier ^= 1,
            Self::OtherNonce => echo.nonce ^= 1,
            Self::NeverSent => echo.sequence = echo.sequence.wrapping_add(1 << 20),
            Self::Shorter => payload = 40,
            Self::Longer => payload = 57,
            _ => {}
        }
        let mut packet = echo.build(icmp::EchoKind::Reply, family, payload);
        match self {
            Self::WrongChecksum => packet[2] ^= 1,
            Self::CutOff => packet.truncate(18),
            // The payload's number is not that of the header.
            Self::Garbled => packet[23] ^= 1,
            _ => {}
        }
        if self != Self::WrongChecksum && family == Family::V4 {
            packet[2..4].fill(0);
            let sum = icmp::checksum(&packet).to_be_bytes();
            packet[2..4].copy_from_slice(&sum);
        }
        let times = if self == Self::Twice { 2 } else { 1 };
        vec![packet; times]
    }
}

fn at(family: Family, last: u8) -> IpAddr {
    match family {
        Family::V4 => Ipv4Addr::new(10, 96, 0, last).into(),
        Family::V6 => Ipv6Addr::new(0xfd96, 0, 0, 0, 0, 0, 0, last.into()).into(),
    }
}

/// A socket that sees all echo requests to the namespace.
fn open(family: Family) -> Socket {
    let (domain, protocol) = match family {
        Family::V4 => (Domain::IPV4, Protocol::ICMPV4),
        Family::V6 => (Domain::IPV6, Protocol::ICMPV6),
    };
    let socket = Socket::new(domain, Type::RAW, Some(protocol)).expect("a raw socket");
    options::report_destination(&socket, family).expect("packet info");
    options::make_room(&socket, 4 << 20).expect("room");
    socket
}

/// Answers until told to stop.
fn answer(family: Family, socket: &Socket, stop: &AtomicBool) {
    let mut batch = Batch::new(32, 256);
    while !stop.load(Ordering::Relaxed) {
        if batch.receive(socket, Queue::Packets).expect("requests") == 0 {
            sleep(Duration::from_millis(1));
        }
        for request in batch.packets() {
            let bytes = match family {
                Family::V4 => icmp::skip_ipv4(request.payload).expect("an IPv4 packet"),
                Family::V6 => request.payload,
            };
            let Ok(Received::Echo(icmp::EchoKind::Request, echo)) = icmp::read(family, bytes)
            else {
                continue;
            };
            let host = request.messages().find_map(|message| match message {
                Message::Destination { address, .. } => Some(address),
                _ => None,
            });
            let host = host.expect("a destination");
            let how = Answer::of(host).expect("an answer");
            let source = if how == Answer::OtherHost {
                at(family, 100)
            } else {
                host
            };
            let control = Control::new().leave_by(family, Some(source), 0);
            let peer = request.peer.expect("a peer").ip();
            for packet in how.packets(family, echo) {
                transfer::send(socket, SocketAddr::new(peer, 0), &packet, &control)
                    .expect("answering");
            }
        }
    }
}

fn check(family: Family, kind: EchoKind) {
    let (left, right) = (Namespace::new(), Namespace::new());
    let _wire = Wire::join(&left, "w0", &right, "w1", 1);
    left.sysctl("net/ipv4/ping_group_range", "0 0");
    let ignore = match family {
        Family::V4 => "net/ipv4/icmp_echo_ignore_all",
        Family::V6 => "net/ipv6/icmp/echo_ignore_all",
    };
    right.sysctl(ignore, "1");
    match family {
        Family::V4 => {
            left.ip("route add 10.96.0.0/24 via 10.91.1.2");
            right.ip("route add local 10.96.0.0/24 dev lo");
        }
        Family::V6 => {
            left.ip("route add fd96::/64 via fd91:1::2");
            // Only an address of a device can be a source.
            for last in (1..=20).chain([100]) {
                right.ip(&format!("addr add {}/128 dev lo nodad", at(family, last)));
            }
        }
    }
    let socket = right.enter(|| open(family));
    let stop = AtomicBool::new(false);
    let sample = std::thread::scope(|scope| {
        scope.spawn(|| answer(family, &socket, &stop));
        let probing = Probing::start(&left, |random| Sockets::open_only(kind, random));
        // A raw IPv6 socket cannot send a wrong checksum.
        let possible = |how: &&Answer| family == Family::V4 || **how != Answer::WrongChecksum;
        let wishes: Vec<_> = ANSWERS
            .iter()
            .filter(possible)
            .map(|how| wish(&how.host(family).to_string(), 20, PATIENCE))
            .collect();
        probing.aim(wishes.clone());
        sleep(Duration::from_secs(2));
        let sample = probing.settle(wishes);
        stop.store(true, Ordering::Relaxed);
        sample
    });
    let of = |how: Answer| -> Option<&Address> {
        let host = how.host(family);
        probing::addresses(&sample).find(|one| one.address == host)
    };
    let sent = |how: Answer| of(how).map_or(0, |one| one.sent);
    for how in ANSWERS {
        let Some(one) = of(how) else {
            continue;
        };
        assert!(one.sent > 50, "{how:?}");
        let answered = matches!(how, Answer::Right | Answer::Twice);
        let expected = if answered {
            (one.sent, 0)
        } else {
            (0, one.sent)
        };
        let found = (one.outcomes.ok, one.outcomes.lost);
        assert_eq!(found, expected, "{family:?} {kind:?} {how:?}");
        let twice = if how == Answer::Twice { one.sent } else { 0 };
        assert_eq!(one.duplicates, twice, "{family:?} {kind:?} {how:?}");
    }
    let strays = sample.prober.strays;
    assert_eq!(strays.nonce, sent(Answer::OtherNonce));
    assert_eq!(strays.peer, sent(Answer::OtherHost));
    assert_eq!(strays.sequence, sent(Answer::NeverSent));
    let malformed = [
        Answer::Shorter,
        Answer::Longer,
        Answer::CutOff,
        Answer::Garbled,
    ];
    assert_eq!(strays.malformed, malformed.map(sent).iter().sum::<u64>());
    // Those the kernel does not hand to a ping socket.
    let (identifier, checksum) = match kind {
        EchoKind::Raw => (sent(Answer::OtherIdentifier), sent(Answer::WrongChecksum)),
        EchoKind::Ping => (0, 0),
    };
    assert_eq!((strays.identifier, strays.checksum), (identifier, checksum));
}

#[test]
fn forged_replies_match_nothing_on_raw_sockets() {
    needs_root!();
    check(Family::V4, EchoKind::Raw);
}

#[test]
fn forged_replies_match_nothing_on_ping_sockets() {
    needs_root!();
    check(Family::V4, EchoKind::Ping);
}

#[test]
fn forged_ipv6_replies_match_nothing_on_raw_sockets() {
    needs_root!();
    check(Family::V6, EchoKind::Raw);
}

#[test]
fn forged_ipv6_replies_match_nothing_on_ping_sockets() {
    needs_root!();
    check(Family::V6, EchoKind::Ping);
}
