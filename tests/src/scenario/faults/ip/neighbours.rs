//! Neighbours that do not answer, and too many of them. The kernel's statistics of them are those
//! of the whole host.

use droplens_model::Cause;

use super::silent::possible;
use crate::lab::{HostSetting, Namespace, load, veth};
use crate::scenario::{Expect, Scenario, Seen, Watch, exactly};

const UNRESOLVED: Expect = exactly(Cause::NeighbourUnresolved);
const FULL: Expect = exactly(Cause::NeighbourTableFull);

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "neighbour-unresolved",
        about: "a host sends one datagram each to 50 addresses of its subnet that nobody has",
        expect: UNRESOLVED,
        alone: true,
        run: unresolved,
    },
    Scenario {
        name: "neighbour-table-full",
        about: "a host with more neighbours than gc_thresh3 allows",
        expect: FULL,
        alone: true,
        run: full,
    },
];

fn unresolved() -> Seen {
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    possible(&left);
    let watch = Watch::start(&left);
    let sender = load::udp(&left, "0.0.0.0:0");
    for host in 100..150 {
        load::send(&sender, &format!("10.9.1.{host}:9000"), 1, 100);
    }
    watch.verdict(&UNRESOLVED, Some(50))
}

/// A limit that other namespaces of the host do not reach meanwhile.
const LIMIT: u64 = 200;
const TOO_MANY: u64 = 150;

fn full() -> Seen {
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    // All of these addresses are at the other end of the link, and answer.
    left.ip("route add 10.94.0.0/16 dev v0");
    right.ip("route add local 10.94.0.0/16 dev lo");
    possible(&left);
    let watch = Watch::start(&left);
    let sender = load::udp(&left, "0.0.0.0:0");
    let _limit = HostSetting::set("net/ipv4/neigh/default/gc_thresh3", LIMIT);
    for number in 0..LIMIT + TOO_MANY {
        let address = format!("10.94.{}.{}:9000", 1 + number / 200, 1 + number % 200);
        load::send(&sender, &address, 1, 100);
    }
    // Packets that found their neighbour are on their way; ICMP tells that nobody listens there.
    let arrived = crate::lab::counted::nstat(&right, "UdpNoPorts");
    assert!(arrived <= LIMIT, "{arrived} arrived");
    watch.verdict(&FULL, Some(LIMIT + TOO_MANY - arrived))
}
