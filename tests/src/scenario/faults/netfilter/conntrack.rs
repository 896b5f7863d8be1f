//! Connection tracking on a router.

use std::net::TcpListener;
use std::time::Duration;

use droplens_model::Cause;

use super::super::ip::possible;
use crate::lab::crowd::{self, Crowd};
use crate::lab::{HostSetting, Router, load};
use crate::scenario::{Expect, Packets, Scenario, Seen, Watch, exactly, expected};

/// A full table is under pressure, too.
const FULL: Expect = expected(
    Cause::ConntrackTableFull,
    Packets::Exact,
    &[Cause::ConntrackNearFull],
);
const NEAR_FULL: Expect = expected(Cause::ConntrackNearFull, Packets::None, &[]);
const INSERT_FAILED: Expect = exactly(Cause::ConntrackInsertFailed);
const INVALID: Expect = expected(Cause::ConntrackInvalid, Packets::None, &[]);

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "conntrack-table-full",
        about: "a router tracks as many connections as it may, and UDP flows come",
        expect: FULL,
        // The maximum is that of the whole host.
        alone: true,
        run: full,
    },
    Scenario {
        name: "conntrack-near-full",
        about: "a router tracks 300 connections of at most 350",
        expect: NEAR_FULL,
        alone: true,
        run: near_full,
    },
    Scenario {
        name: "conntrack-insert-failed",
        about: "source NAT with one port for many UDP flows",
        expect: INSERT_FAILED,
        alone: false,
        run: insert_failed,
    },
    Scenario {
        name: "conntrack-invalid",
        about: "a router sees only the answers of TCP connections",
        expect: INVALID,
        alone: false,
        run: invalid,
    },
];

/// Connections through the router; more than other namespaces of the host track meanwhile.
const CONNECTIONS: usize = 300;

/// Makes the router track what it forwards, but not what it says to itself.
fn track(three: &Router) {
    three.router.nft(
        "table inet t {
           chain c { type filter hook forward priority 0; ct state established accept; };
           chain p { type filter hook prerouting priority -300; iifname lo notrack; };
           chain o { type filter hook output priority -300; oifname lo notrack; };
         }",
    );
    possible(&three.router);
}

/// Many connections through a router, open as long as what is returned.
fn connections(three: &Router) -> (TcpListener, Crowd) {
    let server = load::listen(&three.server, "10.90.2.2:9000", 1024);
    let patience = Duration::from_secs(5);
    let crowd = crowd::connect(&three.client, "10.90.2.2:9000", CONNECTIONS, patience);
    assert_eq!(crowd.connected.len(), CONNECTIONS, "connections");
    (server, crowd)
}

/// So many datagrams, each from a port of its own; returns how many did not arrive.
fn flows(three: &Router, count: usize) -> u64 {
    let sink = load::sink(&three.server, "10.90.2.2:9001", 1 << 20);
    let senders: Vec<_> = (0..count)
        .map(|_| load::udp(&three.client, "10.90.1.1:0"))
        .collect();
    for sender in &senders {
        load::send(sender, "10.90.2.2:9001", 1, 100);
    }
    (count - load::drain(&sink)) as u64
}

fn full() -> Seen {
    let three = Router::new();
    track(&three);
    let _open = connections(&three);
    let watch = Watch::start(&three.router);
    let _limit = HostSetting::set("net/netfilter/nf_conntrack_max", CONNECTIONS as u64);
    let lost = flows(&three, 200);
    watch.verdict(&FULL, Some(lost))
}

fn near_full() -> Seen {
    let three = Router::new();
    track(&three);
    let watch = Watch::start(&three.router);
    let _limit = HostSetting::set("net/netfilter/nf_conntrack_max", 350);
    let _open = connections(&three);
    watch.verdict(&NEAR_FULL, None)
}

fn insert_failed() -> Seen {
    let three = Router::new();
    three.router.nft("table ip t { chain c { type nat hook postrouting priority 100; oifname rs ip protocol udp snat to 10.90.2.1:5000; }; }");
    possible(&three.router);
    let watch = Watch::start(&three.router);
    let lost = flows(&three, 200);
    assert!(lost > 0, "every flow has a port");
    watch.verdict(&INSERT_FAILED, Some(lost))
}

fn invalid() -> Seen {
    let three = Router::new();
    track(&three);
    three.router.nft("table ip raw { chain c { type filter hook prerouting priority -300; iifname rc notrack; }; }");
    let watch = Watch::start(&three.router);
    let _open = connections(&three);
    watch.verdict(&INVALID, None)
}
