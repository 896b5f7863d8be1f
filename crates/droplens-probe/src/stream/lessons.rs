//! What probes found out beyond whether they were answered.

use std::time::Duration;

use droplens_model::Moment;
use droplens_model::sample::probes::{
    Details, FailureReason, Failures, LastFailure, Phase, PhaseSummary, PhaseTimes, ProbeKind,
};

use crate::flight::Ended;

/// What probes found out.
#[derive(Clone, Debug)]
pub(super) struct Lessons {
    pub(super) failures: Failures,
    pub(super) last_failure: Option<LastFailure>,
    pub(super) syn_retransmits: u64,
    pub(super) truncated: u64,
    pub(super) phases: Vec<PhaseSummary>,
    pub(super) details: Details,
    /// What the report says of the probe that is about to end.
    told: Option<LastFailure>,
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
            told: None,
        }
    }

    /// Takes in whether and why the probe failed that is about to end.
    pub(super) fn learn(&mut self, failure: Option<(FailureReason, String)>, at: Moment) {
        self.told = failure.map(|(reason, message)| LastFailure {
            reason,
            message,
            at,
        });
    }

    /// The next probe that ends is another one.
    pub(super) fn forget_failure(&mut self) {
        self.told = None;
    }

    /// Counts the failure of a probe that ended, if it failed: as its report says, or else by its
    /// outcome.
    pub(super) fn ended(&mut self, ended: Ended) {
        let by_outcome = FailureReason::of_outcome(ended.outcome).map(|reason| LastFailure {
            reason,
            message: String::new(),
            at: ended.sent,
        });
        if let Some(failure) = self.told.take().or(by_outcome) {
            self.failures.add(failure.reason);
            self.last_failure = Some(failure);
        }
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
