//! Sockets that pile up.

use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use droplens_model::Cause;

use super::counter;
use crate::lab::{Namespace, crowd, load, veth};
use crate::scenario::{Expect, Packets, Scenario, Seen, Watch, exactly, expected};

const CLOSE_WAIT: Expect = expected(Cause::CloseWaitLeak, Packets::None, &[]);
const TIME_WAIT: Expect = exactly(Cause::TimeWaitOverflow);
const PORTS: Expect = expected(Cause::EphemeralPortsExhausted, Packets::None, &[]);

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "close-wait",
        about: "an application does not close 300 connections that its peers closed",
        expect: CLOSE_WAIT,
        alone: false,
        run: close_wait,
    },
    Scenario {
        name: "time-wait",
        about: "200 connections closed by this host, 10 may be in TIME-WAIT",
        expect: TIME_WAIT,
        alone: false,
        run: time_wait,
    },
    Scenario {
        name: "ephemeral-ports",
        about: "60 connections to one destination with 50 ports",
        expect: PORTS,
        alone: false,
        run: ephemeral_ports,
    },
];

const PATIENCE: Duration = Duration::from_secs(5);

/// Connections from the left namespace to the right one: both ends.
fn connections(left: &Namespace, right: &Namespace, count: usize) -> [Vec<TcpStream>; 2] {
    let listener = load::listen(right, "10.9.1.2:9000", 1024);
    let crowd = crowd::connect(left, "10.9.1.2:9000", count, PATIENCE);
    assert_eq!(crowd.connected.len(), count, "connections");
    let accepted = (0..count).map(|_| listener.accept().expect("a connection").0);
    let accepted = accepted.collect();
    [crowd.connected, accepted]
}

fn close_wait() -> Seen {
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    let [clients, _servers] = connections(&left, &right, 300);
    let watch = Watch::start(&right);
    drop(clients);
    watch.verdict(&CLOSE_WAIT, None)
}

fn time_wait() -> Seen {
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    right.sysctl("net/ipv4/tcp_max_tw_buckets", "10");
    let [clients, servers] = connections(&left, &right, 200);
    let watch = Watch::start(&right);
    for server in &servers {
        server.shutdown(Shutdown::Write).expect("the end");
    }
    drop(clients);
    drop(servers);
    let truth = crate::wait::until("all are closed", || {
        let overflows = counter(&right, "TcpExtTCPTimeWaitOverflow");
        // Those in TIME-WAIT are closed too.
        if overflows >= 190 {
            Ok(overflows)
        } else {
            Err(format!("{overflows} overflows"))
        }
    });
    // Those of asking the agent do not count.
    right.sysctl("net/ipv4/tcp_max_tw_buckets", "4096");
    watch.verdict(&TIME_WAIT, Some(truth))
}

fn ephemeral_ports() -> Seen {
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    left.sysctl("net/ipv4/ip_local_port_range", "40000 40049");
    let _listener = load::listen(&right, "10.9.1.2:9000", 1024);
    let watch = Watch::start(&left);
    let crowd = crowd::connect(&left, "10.9.1.2:9000", 60, PATIENCE);
    assert_eq!((crowd.connected.len(), crowd.no_port), (50, 10), "ports");
    watch.verdict(&PORTS, None)
}
