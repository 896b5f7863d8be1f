//! Silent drops among packets that are lost for other, counted reasons: what conservation finds
//! missing is neither those nor less for them.

use droplens_model::Cause;

use super::silent::possible;
use crate::lab::station::{DONT_FRAGMENT, Kind, MORE_FRAGMENTS, Station, V4, V6, seal};
use crate::lab::{Namespace, Router, load};
use crate::scenario::{Expect, Packets, Scenario, Seen, Watch, expected, scenario};

/// Silent drops.
const SILENT: usize = 400;
/// Packets of each other kind: more than what the balance forgives.
const OTHERS: u16 = 100;

const HOST: Expect = expected(
    Cause::UnaccountedIpInput,
    Packets::Exact,
    &[
        Cause::HeaderErrors,
        Cause::ChecksumErrors,
        Cause::AddressErrors,
        Cause::RpFilter,
        Cause::ReassemblyFailed,
    ],
);
const ROUTER: Expect = expected(Cause::UnaccountedIpOutput, Packets::Exact, NOT_FORWARDED);
const ROUTER_INPUT: Expect = expected(Cause::UnaccountedIpInput, Packets::Exact, NOT_FORWARDED);
const NOT_FORWARDED: &[Cause] = &[
    Cause::TtlExpired,
    Cause::NoRoute,
    Cause::FragmentationFailed,
];

pub(super) const ALL: &[Scenario] = &[
    scenario(
        "silent-among-others",
        "silent drops on a host among bad headers, checksums, addresses and lost fragments",
        HOST,
        || host(Kind::V4),
    ),
    scenario("silent-among-others6", "the same with IPv6", HOST, || {
        host(Kind::V6)
    }),
    scenario(
        "silent-among-others-router",
        "silent drops on a router among used-up hops, missing routes and packets too big",
        ROUTER,
        || router(&ROUTER, Kind::V4),
    ),
    scenario(
        "silent-among-others-router6",
        "the same with IPv6",
        ROUTER,
        || router(&ROUTER, Kind::V6),
    ),
    scenario(
        "silent-input-among-others-router",
        "silent drops in INPUT of a router that cannot forward other packets",
        ROUTER_INPUT,
        || router(&ROUTER_INPUT, Kind::V4),
    ),
    scenario(
        "silent-input-among-others-router6",
        "the same with IPv6",
        ROUTER_INPUT,
        || router(&ROUTER_INPUT, Kind::V6),
    ),
];

fn host(kind: Kind) -> Seen {
    let host = Namespace::new();
    let station = Station::beside(&host, "t0");
    host.ip("route add default via 10.93.0.1");
    host.ip("-6 route add default via fd93::1");
    host.sysctl("net/ipv4/conf/t0/rp_filter", "1");
    host.ip("route add unreachable 203.0.113.0/24");
    host.sysctl("net/ipv4/ipfrag_time", "1");
    host.sysctl("net/ipv6/ip6frag_time", "1");
    let socket = load::sink(&host, "[::]:9000", 1 << 20);
    possible(&host);
    let watch = Watch::start(&host);
    for id in 1..=OTHERS {
        for packet in spoilt(kind, id) {
            station.send(kind, &packet);
        }
    }
    assert_eq!(load::drain(&socket), 0, "packets were good");
    let silent = match kind {
        Kind::V4 => V4 {
            port: 1,
            ..V4::new(64)
        }
        .bytes(),
        Kind::V6 => V6 {
            port: 1,
            ..V6::new(64)
        }
        .bytes(),
    };
    for _ in 0..SILENT {
        station.send(kind, &silent);
    }
    watch.verdict(&HOST, Some(SILENT as u64))
}

/// Packets that a host refuses, each for a reason of its own.
fn spoilt(kind: Kind, id: u16) -> Vec<Vec<u8>> {
    let with = |mut packet: Vec<u8>, at: usize, to: u8| {
        *packet.get_mut(at).expect("a byte to change") = to;
        packet
    };
    match kind {
        Kind::V4 => {
            let good = V4::new(64);
            vec![
                seal(with(good.bytes(), 0, 0x55)),
                with(good.bytes(), 11, 0x77),
                with(good.bytes(), 40, 0x77),
                V4 {
                    to: [198, 51, 100, 9],
                    ..good
                }
                .bytes(),
                V4 {
                    from: [203, 0, 113, 9],
                    ..good
                }
                .bytes(),
                V4 {
                    id,
                    fragment: MORE_FRAGMENTS,
                    ..good
                }
                .bytes(),
            ]
        }
        Kind::V6 => {
            let good = V6::new(64);
            vec![
                with(good.bytes(), 0, 0x70),
                with(good.bytes(), 60, 0x77),
                V6 {
                    to: [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9],
                    ..good
                }
                .bytes(),
                V6 {
                    fragment: Some((u32::from(id), 1)),
                    ..good
                }
                .bytes(),
            ]
        }
    }
}

/// Silent drops behind the routing decision, of what is forwarded or of what is for the router.
fn router(expect: &Expect, kind: Kind) -> Seen {
    let three = Router::new();
    let station = Station::beside(&three.router, "t0");
    three
        .router
        .ip(&format!("link set {} mtu 1280", Router::TO_SERVER));
    three.router.nft(
        "table inet t {
           chain f { type filter hook forward priority 0; udp dport 1 drop; };
           chain i { type filter hook input priority 0; udp dport 2 drop; };
         }",
    );
    let watch = Watch::start(&three.router);
    for _ in 0..OTHERS {
        for packet in not_forwarded(kind) {
            station.send(kind, &packet);
        }
    }
    let forwarded =
        matches!(expect, Expect::Finding(expected) if expected.cause == Cause::UnaccountedIpOutput);
    let silent = match (kind, forwarded) {
        (Kind::V4, true) => V4 {
            to: SERVER_V4,
            port: 1,
            ..V4::new(64)
        }
        .bytes(),
        (Kind::V4, false) => V4 {
            port: 2,
            ..V4::new(64)
        }
        .bytes(),
        (Kind::V6, true) => V6 {
            to: SERVER_V6,
            port: 1,
            ..V6::new(64)
        }
        .bytes(),
        (Kind::V6, false) => V6 {
            port: 2,
            ..V6::new(64)
        }
        .bytes(),
    };
    for _ in 0..SILENT {
        station.send(kind, &silent);
    }
    watch.verdict(expect, Some(SILENT as u64))
}

const SERVER_V4: [u8; 4] = [10, 90, 2, 2];
const SERVER_V6: [u8; 16] = [0xfd, 0x90, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];

/// Packets that a router cannot forward, each for a reason of its own.
fn not_forwarded(kind: Kind) -> Vec<Vec<u8>> {
    match kind {
        Kind::V4 => {
            let good = V4 {
                to: SERVER_V4,
                ..V4::new(64)
            };
            vec![
                V4 { ttl: 1, ..good }.bytes(),
                V4 {
                    to: [198, 51, 100, 9],
                    ..good
                }
                .bytes(),
                V4 {
                    size: 1400,
                    fragment: DONT_FRAGMENT,
                    ..good
                }
                .bytes(),
            ]
        }
        Kind::V6 => {
            let good = V6 {
                to: SERVER_V6,
                ..V6::new(64)
            };
            vec![
                V6 {
                    hop_limit: 1,
                    ..good
                }
                .bytes(),
                V6 {
                    to: [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9],
                    ..good
                }
                .bytes(),
                V6 { size: 1400, ..good }.bytes(),
            ]
        }
    }
}
