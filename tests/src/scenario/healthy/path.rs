//! Ways between hosts that lose nothing and look as if they did.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use droplens_model::Cause;

use crate::lab::transfer::Transfer;
use crate::lab::{Namespace, load};
use crate::scenario::{Expect, Scenario, Seen, Watch};
use crate::wire::{Impairment, Reorder, Wire};

const OUT_OF_ORDER: Expect = Expect::Remark(Cause::PathReordering);
const TWICE: Expect = Expect::Remark(Cause::PathDuplication);

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "reordered-sent",
        about: "2 % of the packets from this host are overtaken by 3 others",
        expect: OUT_OF_ORDER,
        alone: false,
        run: || over_wire(&OUT_OF_ORDER, true, overtaken_by(3)),
    },
    Scenario {
        name: "reordered-deeply-sent",
        about: "2 % of the packets from this host are overtaken by 50 others",
        expect: OUT_OF_ORDER,
        alone: false,
        run: || over_wire(&OUT_OF_ORDER, true, overtaken_by(50)),
    },
    Scenario {
        name: "reordered-received",
        about: "2 % of the packets to this host are overtaken by 3 others",
        expect: OUT_OF_ORDER,
        alone: false,
        run: || over_wire(&OUT_OF_ORDER, false, overtaken_by(3)),
    },
    Scenario {
        name: "duplicated-sent",
        about: "2 % of the packets from this host arrive twice",
        expect: TWICE,
        alone: false,
        run: || over_wire(&TWICE, true, twice()),
    },
    Scenario {
        name: "duplicated-received",
        about: "2 % of the packets to this host arrive twice",
        expect: Expect::Clean,
        alone: false,
        run: || over_wire(&Expect::Clean, false, twice()),
    },
    Scenario {
        name: "tail-probes",
        about: "answers that come late make this host send the last segment again",
        expect: Expect::Clean,
        alone: false,
        run: tail_probes,
    },
];

const DELAY: Duration = Duration::from_millis(5);

fn overtaken_by(behind: u32) -> Impairment {
    Impairment {
        reorder: Some(Reorder {
            probability: 0.02,
            behind,
            at_most: Duration::from_millis(20),
        }),
        ..Impairment::delay(DELAY)
    }
}

fn twice() -> Impairment {
    Impairment {
        duplicate: 0.02,
        ..Impairment::delay(DELAY)
    }
}

fn over_wire(expect: &Expect, sender: bool, impairment: Impairment) -> Seen {
    let (left, right) = (Namespace::new(), Namespace::new());
    let wire = Wire::join(&left, "w0", &right, "w1", 1);
    wire.backward.set(Impairment::delay(DELAY));
    let watch = Watch::start(if sender { &left } else { &right });
    wire.forward.set(impairment);
    Transfer::of(24 << 20).run(&left, &right, "10.91.1.2:9000");
    watch.verdict(expect, None)
}

/// A probe is sent when the answer takes more than two round trips, so each late answer brings one.
fn tail_probes() -> Seen {
    const PATIENCE: Duration = Duration::from_secs(5);
    let (left, right) = (Namespace::new(), Namespace::new());
    let wire = Wire::join(&left, "w0", &right, "w1", 1);
    let listener = load::listen(&right, "10.91.1.2:9000", 1);
    let mut client = load::connect(&left, "10.91.1.2:9000", PATIENCE).expect("a connection");
    let (mut server, _) = listener.accept().expect("a connection");
    client.set_nodelay(true).expect("no delay");
    let watch = Watch::start(&left);
    for round in 0..60 {
        let late = round % 4 == 3;
        let delay = Duration::from_millis(if late { 60 } else { 2 });
        wire.forward.set(Impairment::delay(delay));
        exchange(&mut client, &mut server);
    }
    let probes = json_counter(&left, "TcpExtTCPLossProbes");
    assert!(probes >= 10, "only {probes} tail loss probes");
    watch.verdict(&Expect::Clean, None)
}

fn exchange(client: &mut TcpStream, server: &mut TcpStream) {
    // Two segments: for a single one the probe waits for a delayed acknowledgement.
    client.write_all(&[1; 2000]).expect("a request");
    server.read_exact(&mut [0; 2000]).expect("a request");
    server.write_all(&[2; 100]).expect("an answer");
    client.read_exact(&mut [0; 100]).expect("an answer");
}

fn json_counter(namespace: &Namespace, key: &str) -> u64 {
    let all = crate::json::parse(&namespace.sh("nstat -a -z -s -j"));
    crate::json::number(&all, &format!("/kernel/{key}"))
}
