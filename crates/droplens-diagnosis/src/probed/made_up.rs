//! Made-up probes for the tests of rules.

use std::sync::Arc;
use std::time::Duration;

use droplens_model::delta::{Delta, Protocol};
use droplens_model::sample::probes::{
    Address, FailureReason, Phase, PhaseSummary, PhaseTimes, ProbeKind, Prober, Probes, Target,
};
use droplens_model::{Finding, Moment, Reading, Snapshot, Stamped, Timestamp};

use crate::counters::snapshots;
use crate::ledger::Ledger;
use crate::thresholds::Thresholds;
use crate::verdict;
use crate::view::{Edges, View};

/// The date at the end of the window: 2026-01-02.
pub(crate) const END: Timestamp = Timestamp(1_767_312_000_000);

/// A target that was asked for, with one address that is nothing but `now`.
pub(crate) fn target(kind: ProbeKind, address: &str, now: impl FnOnce(&mut Address)) -> Target {
    let mut found = Address::new(address.parse().unwrap(), kind);
    now(&mut found);
    Target {
        addresses: vec![found],
        ..Target::new(kind.id(), kind, address)
    }
}

/// Probes that were answered in 2 ms, and others that were lost.
pub(crate) fn counts(answered: u64, lost: u64) -> impl FnOnce(&mut Address) {
    move |address| {
        address.sent = answered + lost;
        address.outcomes.ok = answered;
        address.outcomes.lost = lost;
        times(address, answered, Duration::from_millis(2));
    }
}

/// So many round trips.
pub(crate) fn times(address: &mut Address, count: u64, time: Duration) {
    (0..count).for_each(|_| address.round_trips.add(time));
}

/// So many times of a step.
pub(crate) fn phase(address: &mut Address, phase: Phase, count: u64, time: Duration) {
    let mut all = PhaseTimes::default();
    (0..count).for_each(|_| all.add(time));
    address.phases.push(PhaseSummary {
        phase,
        times: all,
        last: time,
    });
}

/// So many failures.
pub(crate) fn fail(address: &mut Address, reason: FailureReason, count: u64) {
    (0..count).for_each(|_| address.failures.add(reason));
}

/// A reading of this second.
pub(crate) fn read<T>(second: u64, value: T) -> Reading<T> {
    Reading::Ok(Stamped {
        at: Moment(Duration::from_secs(second)),
        took: Duration::ZERO,
        value: Arc::new(value),
    })
}

/// A snapshot with these counters and targets.
pub(crate) fn snapshot(second: u64, counters: &[(Protocol, i128)], targets: &[Target]) -> Snapshot {
    Snapshot {
        probes: read(
            second,
            Probes {
                targets: targets.to_vec(),
                prober: Prober::default(),
            },
        ),
        ..snapshots::of(second, counters)
    }
}

/// What the rules find in a window of 10 s in which all this happened.
pub(crate) fn judge(counters: &[(Protocol, i128)], targets: &[Target]) -> Vec<Finding> {
    judge_by(&Thresholds::default(), counters, targets)
}

/// The same by these thresholds.
pub(crate) fn judge_by(
    thresholds: &Thresholds,
    counters: &[(Protocol, i128)],
    targets: &[Target],
) -> Vec<Finding> {
    let still: Vec<_> = counters.iter().map(|(counter, _)| (*counter, 0)).collect();
    let from = snapshot(1, &still, &begun(targets));
    let to = snapshot(11, counters, targets);
    found(thresholds, &from, &to, Edges::default())
}

/// The same targets before the first probe.
pub(crate) fn begun(targets: &[Target]) -> Vec<Target> {
    let begun = |target: &Target| Target {
        addresses: (target.addresses.iter())
            .map(|address| Address::new(address.address, target.kind))
            .collect(),
        ..target.clone()
    };
    targets.iter().map(begun).collect()
}

/// What the rules find between two snapshots that are 10 s apart.
pub(crate) fn judge_between(from: &Snapshot, to: &Snapshot, edges: Edges<'_>) -> Vec<Finding> {
    found(&Thresholds::default(), from, to, edges)
}

fn found(
    thresholds: &Thresholds,
    from: &Snapshot,
    to: &Snapshot,
    edges: Edges<'_>,
) -> Vec<Finding> {
    let delta = Delta::new(from, to);
    let ledger = Ledger::of(delta);
    let view = View::new(delta, &ledger, Duration::from_secs(10), thresholds)
        .with_edges(edges)
        .ending(END);
    verdict::findings(&view)
}

/// The only finding.
pub(crate) fn only(findings: Vec<Finding>) -> Finding {
    let [finding] = <[Finding; 1]>::try_from(findings).unwrap();
    finding
}
