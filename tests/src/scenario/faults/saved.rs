//! Faults between two snapshots that were saved in files, judged without a running agent.

use droplens_model::Cause;

use crate::lab::station::{Kind, MORE_FRAGMENTS, Station, V4};
use crate::lab::{Namespace, Router, counted, load};
use crate::scenario::saved::Saved;
use crate::scenario::{Expect, Packets, Scenario, Seen, exactly, expected};
use crate::wait;

const SILENT: Expect = expected(
    Cause::UnaccountedIpInput,
    Packets::Exact,
    &[Cause::FirewallDrop],
);
const REASSEMBLY: Expect = exactly(Cause::ReassemblyFailed);

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "saved-silent-drop",
        about: "saved snapshots: rules with and without counter drop UDP in INPUT",
        expect: SILENT,
        alone: false,
        run: silent,
    },
    Scenario {
        name: "saved-reassembly-failed",
        about: "saved snapshots: the last fragments of UDP datagrams never come",
        expect: REASSEMBLY,
        alone: false,
        run: reassembly,
    },
];

fn silent() -> Seen {
    let three = Router::new();
    three.server.nft(
        "table inet t { chain c { type filter hook input priority 0;
           udp dport 9000 counter drop;
           udp dport 9001 drop;
         }; }",
    );
    let saved = Saved::before(&three.server);
    let sender = load::udp(&three.client, "0.0.0.0:0");
    load::send(&sender, "10.90.2.2:9000", 200, 100);
    load::send(&sender, "10.90.2.2:9001", 300, 100);
    saved.verdict(Some(300))
}

fn reassembly() -> Seen {
    let host = Namespace::new();
    host.sysctl("net/ipv4/ipfrag_time", "1");
    let station = Station::beside(&host, "t0");
    let saved = Saved::before(&host);
    for id in 1..=100 {
        let first = V4 {
            id,
            fragment: MORE_FRAGMENTS,
            ..V4::new(504)
        };
        station.send(Kind::V4, &first.bytes());
    }
    wait::until("the fragments are given up", || {
        let failed = counted::nstat(&host, "IpReasmFails");
        (failed == 100).then_some(()).ok_or(format!("{failed}"))
    });
    saved.verdict(Some(100))
}
