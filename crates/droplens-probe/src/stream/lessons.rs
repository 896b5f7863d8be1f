//! What probes found out beyond whether they were answered.

use std::time::Duration;

use droplens_model::sample::probes::{
    Details, Failures, LastFailure, Phase, PhaseSummary, PhaseTimes, ProbeKind,
};

/// What probes found out.
#[derive(Clone, Debug)]
pub(super) struct Lessons {
    pub(super) failures: Failures,
    pub(super) last_failure: Option<LastFailure>,
    pub(super) syn_retransmits: u64,
    pub(super) truncated: u64,
    pub(super) phases: Vec<PhaseSummary>,
    pub(super) details: Details,
}

impl Lessons {
    pub(super) fn new(kind: ProbeKind) -> Self {
        Self {
            failures: Failures::new(kind),
            last_failure: None,
            syn_retransmits: 0,
            truncated: 0,
            phases: Vec::new(),
            details: Details::default(),
        }
    }

    /// Takes in why a probe failed.
    pub(super) fn failed(&mut self, failure: LastFailure) {
        self.failures.add(failure.reason);
        self.last_failure = Some(failure);
    }

    /// Takes in how long each step took, and what was found out.
    pub(super) fn add(&mut self, phases: Vec<(Phase, Duration)>, details: Details) {
        for (phase, time) in phases {
            let place = self
                .phases
                .binary_search_by_key(&phase, |known| known.phase);
            let index = place.unwrap_or_else(|free| {
                let new = PhaseSummary {
                    phase,
                    times: PhaseTimes::default(),
                    last: time,
                };
                self.phases.insert(free, new);
                free
            });
            if let Some(summary) = self.phases.get_mut(index) {
                summary.times.add(time);
                summary.last = time;
            }
        }
        self.details.update(details);
    }
}
