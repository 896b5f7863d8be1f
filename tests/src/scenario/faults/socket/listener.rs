//! Listeners whose queues are full.

use std::time::Duration;

use droplens_model::Cause;
use socket2::SockRef;

use super::counter;
use crate::lab::{Namespace, crowd, load, veth};
use crate::scenario::{Expect, Scenario, Seen, Watch, exactly};

const ACCEPT: Expect = exactly(Cause::TcpAcceptQueueFull).at("port 9000 (ipv4)");
const SYN: Expect = exactly(Cause::TcpSynQueueFull).at("port 9000 (ipv4)");

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "accept-queue",
        about: "a listener with a backlog of 1 that accepts nobody",
        expect: ACCEPT,
        alone: false,
        run: accept_queue,
    },
    Scenario {
        name: "syn-queue",
        about: "many connections that are never completed, without cookies",
        expect: SYN,
        alone: false,
        run: syn_queue,
    },
];

/// Asks for connections, and gives them up for good after a while.
fn ask(client: &Namespace, count: usize) {
    let crowd = crowd::connect(client, "10.9.1.2:9000", count, Duration::from_secs(2));
    for stream in &crowd.connected {
        // A reset ends it at once; the end of the stream would be sent again and again.
        SockRef::from(stream)
            .set_linger(Some(Duration::ZERO))
            .expect("no lingering");
    }
}

fn accept_queue() -> Seen {
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    // Half-open connections are given up soon.
    right.sysctl("net/ipv4/tcp_synack_retries", "0");
    let _listener = load::listen(&right, "10.9.1.2:9000", 1);
    let watch = Watch::start(&right);
    ask(&left, 20);
    let truth = counter(&right, "TcpExtListenOverflows");
    watch.verdict(&ACCEPT, Some(truth))
}

fn syn_queue() -> Seen {
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    right.sysctl("net/ipv4/tcp_syncookies", "0");
    right.sysctl("net/ipv4/tcp_max_syn_backlog", "8");
    // The client never learns of the answer.
    left.nft("add table ip t; add chain ip t c { type filter hook prerouting priority 0; }; add rule ip t c tcp flags & (syn|ack) == syn|ack drop");
    let _listener = load::listen(&right, "10.9.1.2:9000", 128);
    let watch = Watch::start(&right);
    ask(&left, 100);
    let truth = counter(&right, "TcpExtListenDrops");
    watch.verdict(&SYN, Some(truth))
}
