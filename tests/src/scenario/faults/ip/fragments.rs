//! Fragments that are missing, and packets that must not be made into fragments.

use droplens_model::Cause;

use super::silent::possible;
use crate::lab::station::{DONT_FRAGMENT, Kind, MORE_FRAGMENTS, Station, V4, V6};
use crate::lab::{Namespace, Router};
use crate::scenario::{Expect, Scenario, Seen, Watch, exactly};

const REASSEMBLY: Expect = exactly(Cause::ReassemblyFailed);
const TOO_BIG: Expect = exactly(Cause::FragmentationFailed);

const COUNT: u16 = 100;

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "reassembly-failed",
        about: "the last fragments of UDP datagrams never come",
        expect: REASSEMBLY,
        alone: false,
        run: || unfinished(Kind::V4),
    },
    Scenario {
        name: "reassembly-failed6",
        about: "the last fragments of UDP datagrams over IPv6 never come",
        expect: REASSEMBLY,
        alone: false,
        run: || unfinished(Kind::V6),
    },
    Scenario {
        name: "fragmentation-failed",
        about: "a router gets packets too big for the next link that must not be fragmented",
        expect: TOO_BIG,
        alone: false,
        run: || too_big(Kind::V4),
    },
    Scenario {
        name: "fragmentation-failed6",
        about: "a router gets IPv6 packets too big for the next link",
        expect: TOO_BIG,
        alone: false,
        run: || too_big(Kind::V6),
    },
];

fn unfinished(kind: Kind) -> Seen {
    let host = Namespace::new();
    host.sysctl("net/ipv4/ipfrag_time", "1");
    host.sysctl("net/ipv6/ip6frag_time", "1");
    let station = Station::beside(&host, "t0");
    possible(&host);
    let watch = Watch::start(&host);
    for id in 1..=COUNT {
        let first = match kind {
            Kind::V4 => V4 {
                id,
                fragment: MORE_FRAGMENTS,
                ..V4::new(504)
            }
            .bytes(),
            Kind::V6 => V6 {
                fragment: Some((u32::from(id), 1)),
                ..V6::new(504)
            }
            .bytes(),
        };
        station.send(kind, &first);
    }
    watch.verdict(&REASSEMBLY, Some(u64::from(COUNT)))
}

fn too_big(kind: Kind) -> Seen {
    let three = Router::new();
    let station = Station::beside(&three.router, "t0");
    three
        .router
        .ip(&format!("link set {} mtu 1280", Router::TO_SERVER));
    possible(&three.router);
    let watch = Watch::start(&three.router);
    let packet = match kind {
        Kind::V4 => V4 {
            to: [10, 90, 2, 2],
            fragment: DONT_FRAGMENT,
            ..V4::new(1400)
        }
        .bytes(),
        Kind::V6 => V6 {
            to: [0xfd, 0x90, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2],
            ..V6::new(1400)
        }
        .bytes(),
    };
    for _ in 0..COUNT {
        station.send(kind, &packet);
    }
    watch.verdict(&TOO_BIG, Some(u64::from(COUNT)))
}
