//! Queues before the card.

use droplens_model::{Cause, Place};

use crate::json;
use crate::lab::bpf::DropAll;
use crate::lab::{Namespace, load, veth};
use crate::scenario::{Expect, Scenario, Seen, Watch, exactly};

const OVERFLOW: Expect = exactly(Cause::QdiscOverflow);
const CLASS: Expect = exactly(Cause::QdiscClassOverflow);
const FILTER: Expect = exactly(Cause::PolicerDrop);

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "qdisc-overflow",
        about: "UDP faster than a token bucket",
        expect: OVERFLOW,
        alone: false,
        run: overflow,
    },
    Scenario {
        name: "qdisc-limit",
        about: "UDP fills the short queue inside a token bucket",
        expect: OVERFLOW,
        alone: false,
        run: limit,
    },
    Scenario {
        name: "qdisc-below-macvlan",
        about: "UDP from a macvlan device faster than the token bucket below",
        expect: OVERFLOW,
        alone: false,
        run: below_macvlan,
    },
    Scenario {
        name: "qdisc-class-overflow",
        about: "UDP faster than its class of an htb qdisc",
        expect: CLASS,
        alone: false,
        run: class_overflow,
    },
    Scenario {
        name: "filter-drop-ingress",
        about: "a BPF filter of tc drops what arrives",
        expect: FILTER,
        alone: false,
        run: filter_drop_ingress,
    },
    Scenario {
        name: "filter-drop-egress",
        about: "a BPF filter of tc drops what is sent",
        expect: FILTER,
        alone: false,
        run: filter_drop_egress,
    },
];

/// Two ends of a link, with commands of `tc` for the sending one.
fn link(commands: &[&str]) -> (Namespace, Namespace) {
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    for command in commands {
        left.tc(command);
    }
    (left, right)
}

/// Drops of the first qdisc of the sending end, as `tc` tells.
fn dropped(left: &Namespace) -> u64 {
    let qdiscs = json::parse(&left.tc("-s -j qdisc show dev v0"));
    json::number(&qdiscs, "/0/drops")
}

/// Floods the other end by way of a queue.
fn flood(left: &Namespace, right: &Namespace, expect: &Expect) -> Seen {
    let _sink = load::deep_sink(right, "10.9.1.2:9000");
    let watch = Watch::start(left);
    let sender = load::udp(left, "10.9.1.1:0");
    load::send(&sender, "10.9.1.2:9000", 500, 1000);
    watch.verdict(expect, Some(dropped(left)))
}

fn overflow() -> Seen {
    let (left, right) =
        link(&["qdisc add dev v0 root handle 7: tbf rate 640kbit burst 2000 limit 8000"]);
    flood(&left, &right, &OVERFLOW)
}

fn limit() -> Seen {
    let (left, right) = link(&[
        "qdisc add dev v0 root handle 7: tbf rate 640kbit burst 2000 limit 1000000",
        "qdisc add dev v0 parent 7:1 handle 10: pfifo limit 20",
    ]);
    flood(&left, &right, &OVERFLOW)
}

fn below_macvlan() -> Seen {
    let (left, right) =
        link(&["qdisc add dev v0 root handle 7: tbf rate 640kbit burst 2000 limit 8000"]);
    left.ip("link add mv0 link v0 type macvlan mode private");
    left.sysctl("net/ipv6/conf/mv0/disable_ipv6", "1");
    left.ip("addr add 10.9.2.1/24 dev mv0");
    left.ip("link set mv0 up");
    right.ip("addr add 10.9.2.2/24 dev v1");
    let _sink = load::deep_sink(&right, "10.9.2.2:9000");
    let watch = Watch::start(&left);
    let sender = load::udp(&left, "10.9.2.1:0");
    load::send(&sender, "10.9.2.2:9000", 500, 1000);
    watch.verdict(&OVERFLOW, Some(dropped(&left)))
}

fn class_overflow() -> Seen {
    let (left, right) = link(&[
        "qdisc add dev v0 root handle 1: htb default 10",
        "class add dev v0 parent 1: classid 1:10 htb rate 640kbit burst 2000",
        "qdisc add dev v0 parent 1:10 handle 10: pfifo limit 20",
    ]);
    let seen = flood(&left, &right, &CLASS);
    for finding in &seen.report.findings {
        if let Place::Queue { handle, .. } = &finding.place {
            assert_eq!(handle.to_string(), "1:10", "the class that overflows");
        }
    }
    seen
}

fn filter_drop_ingress() -> Seen {
    let (left, right) = link(&[]);
    let program = DropAll::tc();
    right.tc("qdisc add dev v1 clsact");
    // The neighbours must find each other first.
    let sender = load::udp(&left, "10.9.1.1:0");
    let _sink = load::deep_sink(&right, "10.9.1.2:9000");
    load::send(&sender, "10.9.1.2:9000", 1, 100);
    right.tc(&format!(
        "filter add dev v1 ingress protocol ip bpf direct-action {}",
        program.words()
    ));
    let watch = Watch::start(&right);
    load::send(&sender, "10.9.1.2:9000", 300, 100);
    watch.verdict(&FILTER, Some(300))
}

fn filter_drop_egress() -> Seen {
    let (left, right) = link(&["qdisc add dev v0 clsact"]);
    let program = DropAll::tc();
    left.tc(&format!(
        "filter add dev v0 egress protocol ip bpf direct-action {}",
        program.words()
    ));
    let _sink = load::deep_sink(&right, "10.9.1.2:9000");
    let watch = Watch::start(&left);
    let sender = load::udp(&left, "10.9.1.1:0");
    load::send(&sender, "10.9.1.2:9000", 300, 100);
    watch.verdict(&FILTER, Some(300))
}
