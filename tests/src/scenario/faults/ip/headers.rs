//! Packets whose headers or checksums are wrong.

use std::time::Duration;

use droplens_model::Cause;

use super::silent::possible;
use crate::lab::station::{Kind, Station, V4, V6, seal};
use crate::lab::transfer::Transfer;
use crate::lab::{Namespace, Router, counted, load};
use crate::scenario::{Expect, Scenario, Seen, Watch, exactly, scenario};
use crate::wire::{Impairment, Wire};

const HEADERS: Expect = exactly(Cause::HeaderErrors);
const EXPIRED: Expect = exactly(Cause::TtlExpired);
const CHECKSUMS: Expect = exactly(Cause::ChecksumErrors);

const COUNT: u64 = 300;

pub(super) const ALL: &[Scenario] = &[
    scenario(
        "header-version",
        "IPv4 packets say that they are version 5",
        HEADERS,
        || from_station(&HEADERS, Kind::V4, &changed(V4::new(64).bytes(), 0, 0x55)),
    ),
    scenario(
        "header-length",
        "IPv4 headers say that they are 16 bytes long",
        HEADERS,
        || from_station(&HEADERS, Kind::V4, &changed(V4::new(64).bytes(), 0, 0x44)),
    ),
    scenario(
        "header-truncated",
        "IPv4 packets are shorter than they say",
        HEADERS,
        || from_station(&HEADERS, Kind::V4, &shortened(V4::new(600).bytes())),
    ),
    scenario(
        "header-version6",
        "IPv6 packets say that they are version 7",
        HEADERS,
        || from_station(&HEADERS, Kind::V6, &changed(V6::new(64).bytes(), 0, 0x70)),
    ),
    scenario(
        "header-truncated6",
        "IPv6 packets are shorter than they say",
        HEADERS,
        || from_station(&HEADERS, Kind::V6, &shortened(V6::new(600).bytes())),
    ),
    scenario(
        "ttl-expired",
        "a router gets UDP with a time to live of 1",
        EXPIRED,
        || expired("0.0.0.0:0", "10.90.2.2:9000"),
    ),
    scenario(
        "ttl-expired6",
        "a router gets UDP over IPv6 with a hop limit of 1",
        EXPIRED,
        || expired("[::]:0", "[fd90:2::2]:9000"),
    ),
    scenario(
        "routing-loop",
        "two routers send a little UDP back and forth until its time to live is used up",
        EXPIRED,
        routing_loop,
    ),
    scenario(
        "checksum-ip",
        "IPv4 headers with a wrong checksum",
        CHECKSUMS,
        || {
            from_station(
                &CHECKSUMS,
                Kind::V4,
                &changed(V4::new(64).bytes(), 11, 0x77),
            )
        },
    ),
    scenario(
        "checksum-udp",
        "UDP with a wrong checksum",
        CHECKSUMS,
        || {
            from_station(
                &CHECKSUMS,
                Kind::V4,
                &changed(V4::new(64).bytes(), 40, 0x77),
            )
        },
    ),
    scenario(
        "checksum-udp6",
        "UDP over IPv6 with a wrong checksum",
        CHECKSUMS,
        || {
            from_station(
                &CHECKSUMS,
                Kind::V6,
                &changed(V6::new(64).bytes(), 60, 0x77),
            )
        },
    ),
    scenario(
        "checksum-tcp",
        "a wire that flips bits of TCP segments",
        CHECKSUMS,
        || corrupting_wire("10.91.1.2:9000"),
    ),
    scenario(
        "checksum-tcp6",
        "a wire that flips bits of TCP segments over IPv6",
        CHECKSUMS,
        || corrupting_wire("[fd91:1::2]:9000"),
    ),
];

/// A host with a UDP socket gets this packet again and again.
fn from_station(expect: &Expect, kind: Kind, packet: &[u8]) -> Seen {
    let host = Namespace::new();
    let station = Station::beside(&host, "t0");
    let socket = load::sink(&host, "[::]:9000", 1 << 20);
    possible(&host);
    let watch = Watch::start(&host);
    for _ in 0..COUNT {
        station.send(kind, packet);
    }
    // Checksums of UDP are looked at when an application reads.
    assert_eq!(load::drain(&socket), 0, "packets were good");
    watch.verdict(expect, Some(COUNT))
}

fn changed(mut packet: Vec<u8>, at: usize, to: u8) -> Vec<u8> {
    let byte = packet.get_mut(at).expect("a byte to change");
    assert_ne!(*byte, to, "a change");
    *byte = to;
    // The header must be wrong in one way only.
    match packet.first() {
        Some(0x44 | 0x55) => seal(packet),
        _ => packet,
    }
}

fn shortened(mut packet: Vec<u8>) -> Vec<u8> {
    packet.truncate(packet.len() - 100);
    packet
}

fn expired(from: &str, to: &str) -> Seen {
    let three = Router::new();
    possible(&three.router);
    let watch = Watch::start(&three.router);
    let sender = load::udp(&three.client, from);
    if from.starts_with('[') {
        rustix::net::sockopt::set_ipv6_unicast_hops(&sender, Some(1)).expect("a hop limit");
    } else {
        rustix::net::sockopt::set_ip_ttl(&sender, 1).expect("a time to live");
    }
    load::send(&sender, to, 300, 100);
    watch.verdict(&EXPIRED, Some(300))
}

/// So few packets a second that only the missing answers tell them from traceroutes.
fn routing_loop() -> Seen {
    const PACKETS: u64 = 40;
    let three = Router::new();
    // The router's way there is the server, and the server's is the router.
    three.server.sysctl("net/ipv4/ip_forward", "1");
    three.router.ip("route add 198.51.100.0/24 via 10.90.2.2");
    let watch = Watch::start(&three.router);
    let sender = load::udp(&three.client, "0.0.0.0:0");
    // With an even one they would end at the server.
    rustix::net::sockopt::set_ip_ttl(&sender, 63).expect("a time to live");
    for _ in 0..PACKETS {
        load::send(&sender, "198.51.100.7:9000", 1, 100);
        std::thread::sleep(Duration::from_millis(100));
    }
    watch.verdict(&EXPIRED, Some(PACKETS))
}

fn corrupting_wire(to: &str) -> Seen {
    let (left, right) = (Namespace::new(), Namespace::new());
    let wire = Wire::join(&left, "w0", &right, "w1", 1);
    possible(&right);
    let watch = Watch::start(&right);
    wire.forward.set(Impairment {
        corrupt: 0.02,
        ..Impairment::default()
    });
    Transfer::of(4 << 20).run(&left, &right, to);
    // A flipped bit of the payload is always noticed, but the wire may spoil segments that nobody
    // waits for any more.
    let noticed = counted::nstat(&right, "TcpInCsumErrors");
    let spoilt = wire.forward.counts().corrupted.total();
    assert!(noticed > 0 && noticed <= spoilt, "{noticed} of {spoilt}");
    watch.verdict(&CHECKSUMS, Some(noticed))
}
