//! What the ended probes of one address say together. They are taken in in send order.

mod pattern;
mod runs;
#[cfg(test)]
mod simulated;
mod variation;

use droplens_model::Moment;
use droplens_model::sample::probes::{
    BurstDurations, BurstPackets, GapPackets, LossPattern, RoundTrips,
};

use crate::flight::Ended;
use runs::Runs;
use variation::Variation;

/// The statistics of one address.
#[derive(Debug, Default)]
pub struct Statistics {
    round_trips: RoundTrips,
    variation: Variation,
    runs: Runs,
}

/// What the statistics say at one instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// Round-trip times.
    pub round_trips: RoundTrips,
    /// Lengths of the runs of lost probes.
    pub burst_packets: BurstPackets,
    /// Their durations.
    pub burst_durations: BurstDurations,
    /// Answered probes between them.
    pub gap_packets: GapPackets,
    /// How the newest losses are spread.
    pub pattern: LossPattern,
    /// Jitter as RFC 3550 smooths it.
    pub jitter: Option<std::time::Duration>,
    /// The 95th percentile of the round-trip times above their minimum.
    pub delay_variation: Option<std::time::Duration>,
}

impl Statistics {
    /// Takes in the next ended probe in send order.
    pub fn add(&mut self, ended: Ended) {
        if let Some(time) = ended.round_trip {
            self.round_trips.add(time);
            self.variation.add(time);
        }
        match ended.outcome.is_loss() {
            Some(true) => self.runs.lost(ended.sent),
            Some(false) => self.runs.answered(ended.sent),
            None => self.runs.interrupted(ended.sent),
        }
    }

    /// Takes in a probe that says nothing, neither about answers nor about losses.
    pub fn skip(&mut self, ended: Ended) {
        self.runs.interrupted(ended.sent);
    }

    /// The newest round-trip times, in send order: at most 128.
    pub fn newest(&self) -> impl Iterator<Item = std::time::Duration> {
        self.variation.newest()
    }

    /// What they say now.
    pub fn summary(&mut self, now: Moment) -> Summary {
        let runs = self.runs.history();
        Summary {
            round_trips: self.round_trips,
            burst_packets: runs.packets,
            burst_durations: runs.durations,
            gap_packets: runs.gaps,
            pattern: runs.pattern(now),
            jitter: self.variation.jitter(),
            delay_variation: self.variation.above_minimum(),
        }
    }
}
