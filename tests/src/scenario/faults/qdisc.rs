//! Queues before the card.

use droplens_model::Cause;

use crate::json;
use crate::lab::{Namespace, load, veth};
use crate::scenario::{Expect, Scenario, Seen, Watch, exactly};

const OVERFLOW: Expect = exactly(Cause::QdiscOverflow);

pub(super) const ALL: &[Scenario] = &[Scenario {
    name: "qdisc-overflow",
    about: "UDP faster than a token bucket",
    expect: OVERFLOW,
    alone: false,
    run: overflow,
}];

fn overflow() -> Seen {
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    left.tc("qdisc add dev v0 root handle 7: tbf rate 640kbit burst 2000 limit 8000");
    let _sink = load::sink(&right, "10.9.1.2:9000", 1 << 20);
    let watch = Watch::start(&left);
    let sender = load::udp(&left, "10.9.1.1:0");
    load::send(&sender, "10.9.1.2:9000", 500, 1000);
    let qdiscs = json::parse(&left.tc("-s -j qdisc show dev v0"));
    let truth = json::number(&qdiscs, "/0/drops");
    watch.verdict(&OVERFLOW, Some(truth))
}
