//! Hosts with little to do.

use crate::lab::{Namespace, veth};
use crate::scenario::{Expect, Scenario, Seen, Watch};

pub(super) const ALL: &[Scenario] = &[Scenario {
    name: "idle",
    about: "nothing happens",
    expect: Expect::Clean,
    alone: false,
    run: idle,
}];

fn idle() -> Seen {
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    Watch::start(&right).verdict(&Expect::Clean, None)
}
