//! Busy TCP.

use crate::lab::transfer::Transfer;
use crate::lab::{Namespace, veth};
use crate::scenario::{Expect, Scenario, Seen, Watch};

pub(super) const ALL: &[Scenario] = &[Scenario {
    name: "bulk-send",
    about: "this host sends 64 MiB by TCP",
    expect: Expect::Clean,
    alone: false,
    run: bulk_send,
}];

fn bulk_send() -> Seen {
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    let watch = Watch::start(&left);
    Transfer::of(64 << 20).run(&left, &right, "10.9.1.2:9000");
    watch.verdict(&Expect::Clean, None)
}
