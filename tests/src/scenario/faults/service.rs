//! Services that do not answer, as this host's own counters show it.

use std::time::Duration;

use droplens_model::Cause;

use crate::lab::{Namespace, crowd, veth};
use crate::scenario::{Expect, Scenario, Seen, Watch};

const NO_ANSWER: Expect = Expect::Remark(Cause::ConnectTimeout);

pub(super) const ALL: &[Scenario] = &[Scenario {
    name: "connect-timeout",
    about: "connections to a host that does not answer",
    expect: NO_ANSWER,
    alone: false,
    run: dead_peer,
}];

fn dead_peer() -> Seen {
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    // A neighbour that is known and yet not there.
    left.ip("neigh add 10.9.1.9 lladdr 02:00:00:00:00:09 dev v0");
    let watch = Watch::start(&left);
    crowd::connect(&left, "10.9.1.9:9000", 10, Duration::from_secs(4));
    watch.verdict(&NO_ANSWER, None)
}
