//! Addresses to which, or from which, no way leads.

use droplens_model::Cause;

use super::silent::possible;
use crate::lab::station::{Kind, Station, V4, V6};
use crate::lab::{Namespace, Router, load, veth};
use crate::scenario::{Expect, Scenario, Seen, Watch, exactly, scenario};

const NO_ROUTE: Expect = exactly(Cause::NoRoute);
const RP_FILTER: Expect = exactly(Cause::RpFilter);
const ADDRESS: Expect = exactly(Cause::AddressErrors);

const COUNT: usize = 300;

/// A documentation address (RFC 5737) that nobody here has.
const ELSEWHERE: [u8; 4] = [198, 51, 100, 9];

pub(super) const ALL: &[Scenario] = &[
    scenario(
        "no-route-host",
        "a host sends UDP where it has no route",
        NO_ROUTE,
        no_route_from_here,
    ),
    scenario(
        "no-route-router",
        "a router gets UDP for which it has no route",
        NO_ROUTE,
        || no_route_onwards("0.0.0.0:0", "198.51.100.9:9000"),
    ),
    scenario(
        "no-route-router6",
        "a router gets UDP over IPv6 for which it has no route",
        NO_ROUTE,
        || no_route_onwards("[::]:0", "[2001:db8::9]:9000"),
    ),
    scenario(
        "rp-filter",
        "packets come in where answers would not go out",
        RP_FILTER,
        rp_filter,
    ),
    scenario(
        "address-errors",
        "a host that does not forward gets packets for others",
        ADDRESS,
        || for_others(Kind::V4),
    ),
    scenario(
        "address-errors6",
        "a host that does not forward gets IPv6 packets for others",
        ADDRESS,
        || for_others(Kind::V6),
    ),
];

fn no_route_from_here() -> Seen {
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    possible(&left);
    let watch = Watch::start(&left);
    let sender = load::udp(&left, "0.0.0.0:0");
    load::send(&sender, "198.51.100.9:9000", COUNT, 100);
    watch.verdict(&NO_ROUTE, Some(COUNT as u64))
}

fn no_route_onwards(from: &str, to: &str) -> Seen {
    let three = Router::new();
    possible(&three.router);
    let watch = Watch::start(&three.router);
    let sender = load::udp(&three.client, from);
    load::send(&sender, to, COUNT, 100);
    watch.verdict(&NO_ROUTE, Some(COUNT as u64))
}

fn rp_filter() -> Seen {
    let host = Namespace::new();
    let station = Station::beside(&host, "t0");
    host.sysctl("net/ipv4/conf/t0/rp_filter", "1");
    let _socket = load::sink(&host, "0.0.0.0:9000", 1 << 20);
    possible(&host);
    let watch = Watch::start(&host);
    let packet = V4 {
        from: ELSEWHERE,
        ..V4::new(64)
    };
    repeat(&station, Kind::V4, &packet.bytes());
    watch.verdict(&RP_FILTER, Some(COUNT as u64))
}

fn for_others(kind: Kind) -> Seen {
    let host = Namespace::new();
    let station = Station::beside(&host, "t0");
    host.ip("route add default via 10.93.0.1");
    host.ip("-6 route add default via fd93::1");
    possible(&host);
    let watch = Watch::start(&host);
    let packet = match kind {
        Kind::V4 => V4 {
            to: ELSEWHERE,
            ..V4::new(64)
        }
        .bytes(),
        Kind::V6 => V6 {
            to: [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9],
            ..V6::new(64)
        }
        .bytes(),
    };
    repeat(&station, kind, &packet);
    watch.verdict(&ADDRESS, Some(COUNT as u64))
}

fn repeat(station: &Station, kind: Kind, packet: &[u8]) {
    for _ in 0..COUNT {
        station.send(kind, packet);
    }
}
