//! Faults that only probes can see, and faults of the host itself that probes suffer from.

mod own;
mod path;
mod service;

use droplens_model::Cause;
use droplens_model::sample::probes::OutcomeKind;

use crate::scenario::{Expect, Packets, Scenario, Watch, expected};

pub(super) const GROUPS: &[&[Scenario]] = &[path::ALL, service::ALL, own::ALL];

/// A finding that counts no packets.
const fn uncounted(cause: Cause) -> Expect {
    expected(cause, Packets::None, &[])
}

/// Waits until at least so many probes of the agent ended in this way.
fn until_ended(watch: &Watch<'_>, kind: OutcomeKind, least: u64) {
    let what = format!("{least} probes that end as {kind}");
    watch.agent().probes_until(&what, |probes| {
        let targets = probes.targets.iter();
        let addresses = targets.flat_map(|target| &target.addresses);
        let ended: u64 = addresses.map(|one| one.outcomes.get(kind)).sum();
        (ended >= least).then_some(()).ok_or(format!("{ended}"))
    });
}
