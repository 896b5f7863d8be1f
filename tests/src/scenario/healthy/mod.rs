//! Healthy hosts that look as if something were wrong.

mod fragments;
mod noise;
mod quiet;
mod routers;
mod tcp;

use super::{Expect, Scenario, Seen};

/// The scenarios of every kind.
pub(super) const GROUPS: &[&[Scenario]] = &[
    quiet::ALL,
    tcp::ALL,
    routers::ALL,
    noise::ALL,
    fragments::ALL,
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
