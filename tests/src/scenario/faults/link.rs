//! Carriers that go.

use std::time::Duration;

use droplens_model::Cause;

use crate::json;
use crate::lab::paced::{self, Pace};
use crate::lab::{Namespace, load, veth};
use crate::scenario::{Expect, Packets, Scenario, Seen, Watch, expected};
use crate::wait;

const DOWN: Expect = expected(
    Cause::LinkDown,
    Packets::Counted,
    &[Cause::NeighbourUnresolved],
);
const FLAP: Expect = expected(
    Cause::LinkFlap,
    Packets::Counted,
    &[Cause::NeighbourUnresolved],
);

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "link-down",
        about: "the other end of a link in use is taken down",
        expect: DOWN,
        alone: false,
        run: down,
    },
    Scenario {
        name: "link-flap",
        about: "a link in use goes down and comes back three times",
        expect: FLAP,
        alone: false,
        run: flap,
    },
];

/// For long enough to outlast what is done to the link.
const TRAFFIC: Pace = Pace {
    per_second: 500,
    lasts: Duration::from_secs(2),
    size: 100,
};

/// Two ends of a link that has carried packets both ways.
fn used_link() -> (Namespace, Namespace) {
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    let ends = [(&left, "10.9.1.2:9000"), (&right, "10.9.1.1:9000")];
    let sockets = [
        load::deep_sink(&left, "10.9.1.1:9000"),
        load::deep_sink(&right, "10.9.1.2:9000"),
    ];
    for (socket, (_, to)) in sockets.iter().zip(ends) {
        load::send(socket, to, 20, 100);
    }
    (left, right)
}

/// Packets that the left end's device refused, as `ip` tells. Those that came before the kernel knew
/// that the carrier was gone; most of the rest is counted nowhere.
fn refused(left: &Namespace) -> u64 {
    let links = json::parse(&left.ip("-s -j link show v0"));
    json::number(&links, "/0/stats64/tx/dropped")
}

/// Does something to the link while the left end sends.
fn under_traffic(left: &Namespace, right: &Namespace, act: impl FnOnce()) {
    let _sink = load::deep_sink(right, "10.9.1.2:9000");
    let sender = load::udp(left, "10.9.1.1:0");
    std::thread::scope(|scope| {
        scope.spawn(|| paced::send(&sender, "10.9.1.2:9000", TRAFFIC));
        act();
    });
}

fn down() -> Seen {
    let (left, right) = used_link();
    let before = refused(&left);
    let watch = Watch::start(&left);
    under_traffic(&left, &right, || drop(right.ip("link set v1 down")));
    watch.verdict(&DOWN, Some(refused(&left) - before))
}

fn flap() -> Seen {
    let (left, right) = used_link();
    let before = refused(&left);
    let watch = Watch::start(&left);
    under_traffic(&left, &right, || {
        for _ in 0..3 {
            for (act, state) in [("down", "NO-CARRIER"), ("up", "state UP")] {
                right.ip(&format!("link set v1 {act}"));
                wait::until(state, || {
                    let now = left.ip("-o link show v0");
                    if now.contains(state) {
                        Ok(())
                    } else {
                        Err(now)
                    }
                });
            }
        }
    });
    watch.verdict(&FLAP, Some(refused(&left) - before))
}
