//! Losses on the way between hosts, made on a wire that counts them.

use std::time::Duration;

use droplens_model::{Cause, PathDirection, Pattern};

use crate::json;
use crate::lab::transfer::{Reader, Transfer};
use crate::lab::{Namespace, veth};
use crate::scenario::{Expect, Packets, Scenario, Seen, Watch, exactly, expected};
use crate::wire::{Impairment, Loss, Reorder, Wire};

const LOSS: Expect = expected(Cause::PathLoss, Packets::Near, &[]);
const FORWARD: Expect = LOSS.towards(PathDirection::Forward);
const RANDOM: Expect = FORWARD.with(Pattern::Random);
const BURSTS: Expect = FORWARD.with(Pattern::Burst);
const PERIODIC: Expect = FORWARD.with(Pattern::Periodic);
const RETURN: Expect = LOSS.towards(PathDirection::Return);
const OWN: Expect = exactly(Cause::QdiscOverflow);
const EITHER: Expect = expected(Cause::PathReordering, Packets::None, &[]);

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "path-loss-random",
        about: "1 % of what this host sends by TCP is lost on the way",
        expect: RANDOM,
        alone: false,
        run: random,
    },
    Scenario {
        name: "path-loss-bursts",
        about: "bursts of about 10 packets of what this host sends are lost",
        expect: BURSTS,
        alone: false,
        run: bursts,
    },
    Scenario {
        name: "path-loss-periodic",
        about: "nothing passes for 200 ms every 2 s",
        expect: PERIODIC,
        alone: false,
        run: periodic,
    },
    Scenario {
        name: "path-loss-return",
        about: "1 % of what this host receives by TCP is lost on the way",
        expect: RETURN,
        alone: false,
        run: returning,
    },
    Scenario {
        name: "path-loss-or-order",
        about: "packets to this host are overtaken by 10 others",
        expect: EITHER,
        alone: false,
        run: overtaken_by_many,
    },
    Scenario {
        name: "qdisc-overflow-tcp",
        about: "TCP overflows this host's own token bucket",
        expect: OWN,
        alone: false,
        run: own_queue,
    },
];

/// On the way in each direction.
const DELAY: Duration = Duration::from_millis(5);

/// Moves bytes over a wire that impairs them like this, while the sender or the receiver is watched;
/// the truth is what the wire lost.
fn over_wire(expect: &Expect, sender: bool, transfer: Transfer, impairment: Impairment) -> Seen {
    let (left, right) = (Namespace::new(), Namespace::new());
    let wire = Wire::join(&left, "w0", &right, "w1", 1);
    wire.backward.set(Impairment::delay(DELAY));
    let watch = Watch::start(if sender { &left } else { &right });
    wire.forward.set(Impairment {
        delay: DELAY,
        ..impairment
    });
    transfer.run(&left, &right, "10.91.1.2:9000");
    watch.verdict(expect, Some(wire.forward.counts().lost.tcp))
}

fn random() -> Seen {
    let impairment = Impairment::loss(Loss::Random(0.01));
    over_wire(&RANDOM, true, Transfer::of(6 << 20), impairment)
}

fn bursts() -> Seen {
    let impairment = Impairment::loss(Loss::bursts(0.01, 10.0));
    over_wire(&BURSTS, true, Transfer::of(6 << 20), impairment)
}

fn periodic() -> Seen {
    let transfer = Transfer {
        limit: Duration::from_secs(12),
        // It reads evenly, so that nothing else limits the rate.
        reader: Reader::Slow {
            bytes: 1 << 15,
            pause: Duration::from_millis(10),
        },
        ..Transfer::of(64 << 20)
    };
    let impairment = Impairment::loss(Loss::Burst {
        every: Duration::from_secs(2),
        lasts: Duration::from_millis(200),
    });
    over_wire(&PERIODIC, true, transfer, impairment)
}

fn returning() -> Seen {
    let impairment = Impairment::loss(Loss::Random(0.01));
    over_wire(&RETURN, false, Transfer::of(6 << 20), impairment)
}

/// The receiver sees deep holes, as after losses, and the copies that the sender sends in vain.
fn overtaken_by_many() -> Seen {
    let impairment = Impairment {
        reorder: Some(Reorder {
            probability: 0.02,
            behind: 10,
            at_most: Duration::from_millis(20),
        }),
        ..Impairment::default()
    };
    over_wire(&EITHER, false, Transfer::of(24 << 20), impairment)
}

fn own_queue() -> Seen {
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    left.tc("qdisc add dev v0 root handle 7: tbf rate 20mbit burst 5000 limit 15000");
    let watch = Watch::start(&left);
    Transfer::of(4 << 20).run(&left, &right, "10.9.1.2:9000");
    let qdiscs = json::parse(&left.tc("-s -j qdisc show dev v0"));
    watch.verdict(&OWN, Some(json::number(&qdiscs, "/0/drops")))
}
