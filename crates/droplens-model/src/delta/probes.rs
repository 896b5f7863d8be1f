//! What probes found out between two readings.

use super::pairs::pairs;
use super::{Delta, both, step};
use crate::sample::probes::{
    Address, FailureReason, OutcomeKind, Outcomes, Phase, PhaseTimes, RotationKind, RoundTrips,
    Target,
};

/// One address of a target between two readings.
#[derive(Clone, Copy, Debug)]
pub struct ProbeDelta<'a> {
    /// The target at the end.
    pub target: &'a Target,
    /// The address at the end.
    pub address: &'a Address,
    /// The address at the beginning; none if it was not probed yet, or if the prober has started
    /// again: then all that it counts happened since.
    before: Option<&'a Address>,
}

impl<'a> ProbeDelta<'a> {
    fn new(before: Option<&'a Address>, target: &'a Target, address: &'a Address) -> Self {
        Self {
            target,
            address,
            before: before.filter(|before| !began_anew(before, address)),
        }
    }

    fn moved(&self, counter: impl Fn(&Address) -> u64) -> u64 {
        let before = self.before.map_or(0, &counter);
        counter(self.address).saturating_sub(before)
    }

    /// Probes begun.
    pub fn sent(&self) -> u64 {
        self.moved(|address| address.sent)
    }

    /// Probes that ended, by outcome.
    pub fn outcomes(&self) -> Outcomes {
        let moved = |kind| self.moved(|address| address.outcomes.get(kind));
        Outcomes {
            ok: moved(OutcomeKind::Ok),
            late: moved(OutcomeKind::Late),
            lost: moved(OutcomeKind::Lost),
            send_error: moved(OutcomeKind::SendError),
            icmp_error: moved(OutcomeKind::IcmpError),
            local_drop: moved(OutcomeKind::LocalDrop),
            aborted: moved(OutcomeKind::Aborted),
        }
    }

    /// Probes that were answered, in time or late.
    pub fn answered(&self) -> u64 {
        self.moved(|address| address.outcomes.ok + address.outcomes.late)
    }

    /// Probes that failed for a reason.
    pub fn failed(&self, reason: FailureReason) -> u64 {
        self.moved(|address| address.failures.get(reason))
    }

    /// Probes that failed, for whatever reason.
    pub fn failed_in_all(&self) -> u64 {
        self.moved(|address| address.failures.total())
    }

    /// Round-trip times.
    pub fn round_trips(&self) -> RoundTrips {
        let now = self.address.round_trips;
        self.before
            .map_or(now, |before| now.since(&before.round_trips))
    }

    /// Times of a step; none if this probe does not have it.
    pub fn phase(&self, phase: Phase) -> Option<PhaseTimes> {
        let of = |address: &Address| {
            let found = address.phases.iter().find(|summary| summary.phase == phase);
            found.map(|summary| summary.times)
        };
        let now = of(self.address)?;
        let before = self.before.and_then(of).unwrap_or_default();
        Some(now.since(&before))
    }

    /// SYN segments that were sent again.
    pub fn syn_retransmits(&self) -> u64 {
        self.moved(|address| address.syn_retransmits)
    }

    /// How often the way there from this host became another one.
    pub fn route_changes(&self) -> u64 {
        self.moved(|address| address.route_changes)
    }

    /// Trials with another ICMP identifier that showed this.
    pub fn rotations(&self, kind: RotationKind) -> u64 {
        self.moved(|address| address.rotations.get(kind))
    }
}

/// Whether the prober started again in between: a counter of it fell.
fn began_anew(before: &Address, now: &Address) -> bool {
    let counters = |address: &Address| {
        [
            address.sent,
            address.outcomes.total(),
            address.outcomes.ok,
            address.outcomes.lost,
            address.round_trips.count,
            address.failures.total(),
        ]
    };
    counters(before)
        .into_iter()
        .zip(counters(now))
        .any(|(before, now)| now < before)
}

impl<'a> Delta<'a> {
    /// Every address of every target; none if the probes were not read again. Addresses that are
    /// gone are left out.
    pub fn probes(&self) -> Vec<ProbeDelta<'a>> {
        let Some((from, to)) = both(&self.from.probes, &self.to.probes) else {
            return Vec::new();
        };
        let (from, to) = (addresses(&from.targets), addresses(&to.targets));
        pairs(&from, &to, |(target, address)| {
            (&target.probe, target.kind, &target.target, address.address)
        })
        .into_iter()
        .map(|(before, (target, address))| {
            ProbeDelta::new(before.map(|(_, address)| *address), target, address)
        })
        .collect()
    }

    /// Answers that the kernel dropped as a socket of the prober was full.
    pub fn prober_overflows(&self) -> u64 {
        both(&self.from.probes, &self.to.probes).map_or(0, |(from, to)| {
            step(from.prober.socket_overflows, to.prober.socket_overflows)
        })
    }
}

fn addresses(targets: &[Target]) -> Vec<(&Target, &Address)> {
    let each = |target| Target::addresses_of(target);
    targets.iter().flat_map(each).collect()
}

impl Target {
    fn addresses_of(&self) -> impl Iterator<Item = (&Self, &Address)> {
        self.addresses.iter().map(move |address| (self, address))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::sample::probes::{PhaseSummary, ProbeKind, Prober, Probes};
    use crate::{Moment, Reading, Snapshot, Stamped};

    fn snapshot(second: u64, targets: Vec<Target>) -> Snapshot {
        Snapshot {
            probes: Reading::Ok(Stamped {
                at: Moment(Duration::from_secs(second)),
                took: Duration::ZERO,
                value: Arc::new(Probes {
                    targets,
                    prober: Prober::default(),
                }),
            }),
            ..Snapshot::default()
        }
    }

    fn target(name: &str, addresses: &[(&str, u64, u64)]) -> Target {
        let mut target = Target::new("web", ProbeKind::Http, name);
        for (address, ok, lost) in addresses {
            let mut address = Address::new(address.parse().unwrap(), ProbeKind::Http);
            address.sent = ok + lost;
            (address.outcomes.ok, address.outcomes.lost) = (*ok, *lost);
            for _ in 0..*lost {
                address.failures.add(FailureReason::ConnectTimeout);
            }
            let mut times = PhaseTimes::default();
            for _ in 0..*ok {
                address.round_trips.add(Duration::from_millis(3));
                times.add(Duration::from_millis(2));
            }
            address.phases.push(PhaseSummary {
                phase: Phase::Connect,
                times,
                last: Duration::from_millis(2),
            });
            target.addresses.push(address);
        }
        target
    }

    #[test]
    fn each_address_moves_on_its_own() {
        let from = snapshot(
            1,
            vec![target("a", &[("192.0.2.1", 5, 1), ("2001:db8::1", 9, 0)])],
        );
        let to = snapshot(
            2,
            vec![target("a", &[("192.0.2.1", 7, 4), ("2001:db8::1", 9, 0)])],
        );
        let delta = Delta::new(&from, &to).probes();
        let [v4, v6] = <[ProbeDelta<'_>; 2]>::try_from(delta).unwrap();
        assert_eq!((v4.outcomes().ok, v4.outcomes().lost), (2, 3));
        assert_eq!((v4.sent(), v4.answered()), (5, 2));
        assert_eq!(v4.failed(FailureReason::ConnectTimeout), 3);
        assert_eq!(v4.round_trips().count, 2);
        assert_eq!(v4.phase(Phase::Connect).unwrap().count, 2);
        assert_eq!(v4.phase(Phase::Tls), None);
        assert_eq!(v6.outcomes().total(), 0);
    }

    #[test]
    fn targets_come_and_go() {
        let from = snapshot(
            1,
            vec![
                target("a", &[("192.0.2.1", 5, 1)]),
                target("b", &[("192.0.2.2", 5, 1)]),
            ],
        );
        let to = snapshot(
            2,
            vec![target("b", &[("192.0.2.3", 2, 2), ("192.0.2.2", 6, 1)])],
        );
        let delta = Delta::new(&from, &to).probes();
        let moved: Vec<_> = delta
            .iter()
            .map(|probe| (probe.address.address.to_string(), probe.outcomes().loss()))
            .map(|(address, loss)| (address, loss.lost, loss.of))
            .collect();
        assert_eq!(
            moved,
            [
                ("192.0.2.3".to_owned(), 2, 4),
                ("192.0.2.2".to_owned(), 0, 1)
            ]
        );
    }

    #[test]
    fn a_prober_that_started_again_counts_from_zero() {
        let from = snapshot(1, vec![target("a", &[("192.0.2.1", 500, 100)])]);
        let to = snapshot(2, vec![target("a", &[("192.0.2.1", 3, 1)])]);
        let delta = Delta::new(&from, &to).probes();
        let loss = delta.first().unwrap().outcomes().loss();
        assert_eq!((loss.lost, loss.of), (1, 4));
        assert_eq!(delta.first().unwrap().round_trips().count, 3);
    }

    #[test]
    fn what_was_not_read_again_has_not_moved() {
        let to = snapshot(2, vec![target("a", &[("192.0.2.1", 3, 1)])]);
        assert!(Delta::new(&Snapshot::default(), &to).probes().is_empty());
        assert!(Delta::new(&to, &to).probes().is_empty());
    }
}
