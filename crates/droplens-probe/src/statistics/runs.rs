//! Losses in a row, and the answers between them (loss period and loss distance, RFC 3357).

use std::collections::VecDeque;
use std::time::Duration;

use droplens_model::Moment;
use droplens_model::sample::probes::{BurstDurations, BurstPackets, GapPackets, LossPattern};

use super::pattern;

/// The newest runs of so long, and so many, tell the pattern.
const WINDOW: Duration = Duration::from_secs(15 * 60);
const KEPT: usize = 256;

/// A run of lost probes that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// When the first of them was sent.
    pub(super) start: Moment,
    /// How many.
    pub(super) packets: u64,
    /// Answered probes since the run before it.
    pub(super) before: u64,
}

/// The runs of one address.
#[derive(Debug, Default)]
pub(super) struct Runs {
    current: Option<Run>,
    /// Answered probes since the last run.
    answered: u64,
    /// Whether all probes since the last run could tell.
    gapless: bool,
    /// Apart, since it is not touched unless something was lost.
    history: Box<History>,
}

/// The runs that ended.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) packets: BurstPackets,
    pub(super) durations: BurstDurations,
    pub(super) gaps: GapPackets,
    newest: VecDeque<Run>,
    /// The pattern of the runs up to so many, so that it is worked out only when it can change.
    known: Option<(u64, LossPattern)>,
}

impl Runs {
    /// Takes in a lost probe.
    pub(super) fn lost(&mut self, sent: Moment) {
        if let Some(run) = &mut self.current {
            run.packets += 1;
            return;
        }
        if self.gapless && self.answered > 0 {
            self.history.gaps.add(self.answered);
        }
        self.current = Some(Run {
            start: sent,
            packets: 1,
            before: self.answered,
        });
        self.answered = 0;
        self.gapless = true;
    }

    /// Takes in an answered probe.
    pub(super) fn answered(&mut self, sent: Moment) {
        self.end(sent);
        self.answered += 1;
    }

    /// Takes in a probe that cannot tell. A run ends here, as far as anybody knows, and nobody knows
    /// how long the gap is.
    pub(super) fn interrupted(&mut self, sent: Moment) {
        self.end(sent);
        self.gapless = false;
    }

    fn end(&mut self, sent: Moment) {
        let Some(run) = self.current.take() else {
            return;
        };
        self.history.add(run, sent);
    }

    /// Those that ended.
    pub(super) fn history(&mut self) -> &mut History {
        &mut self.history
    }
}

impl History {
    /// Takes in the next one, and when the probe after it was sent.
    fn add(&mut self, run: Run, sent: Moment) {
        self.packets.add(run.packets);
        self.durations.add(sent.since(run.start));
        self.newest.push_back(run);
        if self.newest.len() > KEPT {
            self.newest.pop_front();
        }
    }

    /// The pattern of the newest runs.
    pub(super) fn pattern(&mut self, now: Moment) -> LossPattern {
        let ended = self.packets.count;
        while let Some(run) = self.newest.front() {
            if now.since(run.start) <= WINDOW {
                break;
            }
            self.newest.pop_front();
            self.known = None;
        }
        match self.known {
            Some((at, known)) if at == ended => known,
            _ => {
                let found = pattern::of(self.newest.make_contiguous());
                self.known = Some((ended, found));
                found
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One probe each 100 ms: `x` lost, `.` answered, `?` cannot tell.
    fn runs(story: &str) -> History {
        let mut runs = Runs::default();
        for (millis, what) in (0..).step_by(100).zip(story.chars()) {
            let sent = Moment(Duration::from_millis(millis));
            match what {
                'x' => runs.lost(sent),
                '.' => runs.answered(sent),
                _ => runs.interrupted(sent),
            }
        }
        *runs.history
    }

    #[test]
    fn runs_and_gaps_are_measured_in_packets_and_time() {
        let runs = runs("...xxx....x..xx");
        assert_eq!(
            (runs.packets.count, runs.packets.sum),
            (2, 4),
            "one goes on"
        );
        assert_eq!(runs.durations.sum, Duration::from_millis(300 + 100));
        assert_eq!((runs.gaps.count, runs.gaps.sum), (2, 6));
    }

    #[test]
    fn what_cannot_tell_ends_a_run_and_makes_a_gap_unknown() {
        let runs = runs("x.x?x..x.?.x.");
        assert_eq!((runs.packets.count, runs.packets.sum), (5, 5));
        assert_eq!((runs.gaps.count, runs.gaps.sum), (2, 3));
    }

    #[test]
    fn what_is_kept_is_bounded_in_number_and_time() {
        let mut runs = runs(&"x.".repeat(1_000));
        assert_eq!(runs.newest.len(), KEPT);
        let now = |secs| Moment(Duration::from_secs(secs));
        runs.pattern(now(200));
        assert_eq!(runs.newest.len(), KEPT);
        assert_eq!(runs.pattern(now(1_200)), LossPattern::Unknown);
        assert!(runs.newest.is_empty());
    }
}
