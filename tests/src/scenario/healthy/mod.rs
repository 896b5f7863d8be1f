//! Healthy hosts that look as if something were wrong.

mod devices;
mod fragments;
mod noise;
mod path;
mod probed;
mod quiet;
mod routers;
mod tcp;
mod udp;

use super::{Expect, Scenario, Seen};

/// The scenarios of every kind.
pub(super) const GROUPS: &[&[Scenario]] = &[
    quiet::ALL,
    devices::ALL,
    tcp::ALL,
    path::ALL,
    udp::ALL,
    routers::ALL,
    noise::ALL,
    fragments::ALL,
    probed::ALL,
];

/// A healthy host.
const fn clean(name: &'static str, about: &'static str, run: fn() -> Seen) -> Scenario {
    Scenario {
        name,
        about,
        expect: Expect::Clean,
        alone: false,
        run,
    }
}
