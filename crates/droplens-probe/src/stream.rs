//! One address of one target: its probes under way, its counters, its statistics.

mod lessons;
mod rotation;

use std::net::IpAddr;
use std::time::Duration;

use droplens_model::Moment;
use droplens_model::sample::probes::{
    Address, FailureReason, LastFailure, Outcome, Outcomes, ProbeKind,
};

use crate::errand::{Ending, Report};
use crate::flight::{Absence, Arrival, Ended, Flight, Match, Patience, Stamp};
use crate::statistics::Statistics;
use crate::targets::TargetWish;
use lessons::Lessons;
use rotation::Rotation;

pub use rotation::Identifier;

/// More probes under way than this are never kept; a thousand a second need eleven thousand.
const MOST: f64 = 65_536.0;

/// Room beyond what the interval needs, for stalls and late time stamps.
const ROOM: f64 = 16.0;

/// One address of one target.
#[derive(Debug)]
pub struct Stream {
    address: IpAddr,
    flight: Flight,
    outcomes: Outcomes,
    statistics: Statistics,
    /// Apart, since answered echo requests have no part in it.
    lessons: Box<Lessons>,
    /// Why the probe failed that is about to end, as its report says.
    told: Option<LastFailure>,
    rotation: Rotation,
    /// The first probe whose loss counts, if any does: targets nobody asked for have to answer once.
    judged: Option<u64>,
    /// One after the newest probe that was counted as silent.
    after_silent: u64,
    silent: u64,
    duplicates: u64,
    reordered: u64,
    stale: u64,
}

impl Stream {
    /// Without probes. Probes to a target that nobody asked for count only once it has answered.
    pub fn new(address: IpAddr, wish: &TargetWish, sequence: u32) -> Self {
        let patience = patience(wish);
        let flight = Flight::new(patience, capacity(patience, wish.interval), sequence);
        Self {
            address,
            flight: if is_errand(wish) {
                flight.reported()
            } else {
                flight
            },
            outcomes: Outcomes::default(),
            statistics: Statistics::default(),
            lessons: Box::new(Lessons::new(wish.request.ask.kind())),
            told: None,
            rotation: Rotation::new(patience.timeout),
            judged: wish.asked_for.then_some(0),
            after_silent: 0,
            silent: 0,
            duplicates: 0,
            reordered: 0,
            stale: 0,
        }
    }

    /// The address.
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// Whether it has answered, or does not have to in order to be judged.
    pub const fn is_judged(&self) -> bool {
        self.judged.is_some()
    }

    /// Takes in another interval and timeout, and whether somebody asks for the target now.
    pub fn adapt(&mut self, wish: &TargetWish) {
        let patience = patience(wish);
        self.flight
            .adapt(patience, capacity(patience, wish.interval));
        self.rotation.adapt(patience.timeout);
        if wish.asked_for && self.judged.is_none() {
            self.judged = Some(self.flight.begun());
        }
    }

    /// Begins a probe and returns its sequence number; none if too many are under way.
    pub fn begin(&mut self, now: Moment) -> Option<u32> {
        self.flight.begin(now)
    }

    /// The ICMP identifier that the probe just begun is to bear. What happened to earlier ones must have
    /// been taken in before.
    pub fn identifier(&mut self, now: Moment) -> Identifier {
        let number = self.flight.begun().saturating_sub(1);
        let unanswered = self.flight.unanswered();
        self.rotation.choose(number, now, unanswered)
    }

    /// Takes in the kernel's time stamp of a transmission.
    pub fn stamp(&mut self, sequence: u32, stamp: Stamp) {
        self.flight.stamp(sequence, stamp);
    }

    /// Takes in an answer.
    pub fn answer(&mut self, sequence: u32, arrival: Arrival) -> Match {
        let found = self.flight.answer(sequence, arrival);
        match found {
            Match::Answered { ended, reordered } => {
                self.judge_from(ended.number);
                self.rotation.answered(ended.number, arrival.read);
                self.reordered += u64::from(reordered);
                self.count(ended);
            }
            Match::TooLate(ended) => {
                self.judge_from(ended.number + 1);
                self.rotation.answered(ended.number, arrival.read);
                self.stale += 1;
                self.count(ended);
            }
            Match::Duplicate => self.duplicates += 1,
            Match::Stale => self.stale += 1,
            Match::NeverSent => {}
        }
        self.settle();
        found
    }

    /// Whether a probe has not ended yet.
    pub fn is_under_way(&self, sequence: u32) -> bool {
        self.flight.is_under_way(sequence)
    }

    /// The number of a probe under way, by its lower bits.
    pub fn under_way_like(&self, sequence: u16) -> Option<u32> {
        self.flight.under_way_like(sequence)
    }

    /// Ends a probe without an answer, as of `now`. False if it had ended already.
    pub fn end(&mut self, sequence: u32, outcome: Outcome, now: Moment) -> bool {
        let ended = self.flight.end(sequence, outcome);
        if let Some(ended) = ended {
            self.rotation.told(now);
            self.count(ended);
            self.settle();
        }
        ended.is_some()
    }

    /// Takes in the report of an errand. False if the probe had ended already.
    pub fn conclude(&mut self, sequence: u32, report: Report, read: Moment) -> bool {
        if !self.flight.is_under_way(sequence) {
            return false;
        }
        let sent = report.sent;
        // Counted by what the report says, not by the outcome alone.
        self.told = report.failure.map(|(reason, message)| LastFailure {
            reason,
            message,
            at: sent,
        });
        match report.ending {
            Ending::Answered(at) => {
                self.flight.stamp(sequence, Stamp(sent.0));
                let stamp = Some(Stamp(at.0));
                self.answer(sequence, Arrival { read, stamp });
            }
            Ending::Silent => {
                self.end(sequence, Outcome::Lost, read);
            }
            Ending::Ended(outcome) => {
                self.end(sequence, outcome, read);
            }
        }
        self.told = None;
        self.lessons.add(report.phases, report.details);
        self.lessons.syn_retransmits += u64::from(report.syn_retransmits);
        self.lessons.truncated += u64::from(report.truncated);
        true
    }

    /// Ends what was waited for long enough. All answers received until `now` must have been taken
    /// in before.
    pub fn expire(&mut self, now: Moment) {
        let mut all = Vec::new();
        self.flight.expire(now, |ended| all.push(ended));
        self.count_all(all);
    }

    /// Takes in that nobody listened for a while.
    pub fn absent(&mut self, absence: Absence) {
        let mut all = Vec::new();
        self.flight.absent(absence, |ended| all.push(ended));
        self.rotation.absent(absence.until);
        self.count_all(all);
    }

    /// When [`Self::expire`] has something to do next.
    pub fn next_check(&self) -> Option<Moment> {
        self.flight.next_check()
    }

    /// The newest round-trip times, in send order: at most 128.
    pub fn newest_round_trips(&self) -> impl Iterator<Item = Duration> {
        self.statistics.newest()
    }

    /// What there is to tell.
    pub fn sample(&mut self, now: Moment) -> Address {
        let summary = self.statistics.summary(now);
        Address {
            address: self.address,
            sent: self.flight.begun(),
            outcomes: self.outcomes,
            silent: self.silent,
            in_flight: self.flight.in_flight(),
            unanswered_consecutive: self.judged.map_or(0, |_| self.flight.unanswered()),
            unanswered_for: self.judged.and_then(|_| {
                let since = self.flight.unanswered_since()?;
                Some(now.since(since))
            }),
            round_trips: summary.round_trips,
            burst_packets: summary.burst_packets,
            burst_durations: summary.burst_durations,
            gap_packets: summary.gap_packets,
            pattern: summary.pattern,
            duplicates: self.duplicates,
            reordered: self.reordered,
            stale: self.stale,
            rotations: self.rotation.counts(),
            jitter: summary.jitter,
            delay_variation: summary.delay_variation,
            failures: self.lessons.failures.clone(),
            last_failure: self.lessons.last_failure.clone(),
            syn_retransmits: self.lessons.syn_retransmits,
            truncated: self.lessons.truncated,
            phases: self.lessons.phases.clone(),
            details: self.lessons.details.clone(),
            route: None,
            route_changes: 0,
        }
    }

    fn count_all(&mut self, all: Vec<Ended>) {
        for ended in all {
            self.count(ended);
        }
        self.settle();
    }

    /// Counts a probe that ended, once.
    fn count(&mut self, ended: Ended) {
        if self.is_silent(ended) {
            self.silent += 1;
            self.after_silent = self.after_silent.max(ended.number + 1);
        } else {
            self.outcomes.add(ended.outcome.kind());
            let failure = self.told.take().or_else(|| failure_of(ended));
            if let Some(failure) = failure {
                self.lessons.failed(failure);
            }
        }
    }

    /// Hands the ended probes on in send order.
    fn settle(&mut self) {
        while let Some(ended) = self.flight.next_in_order() {
            if self.is_silent(ended) {
                self.statistics.skip(ended);
            } else {
                self.statistics.add(ended);
            }
        }
    }

    /// The target has answered for the first time. What was silent stays so.
    fn judge_from(&mut self, number: u64) {
        self.judged.get_or_insert(number.max(self.after_silent));
    }

    /// Whether the probe says nothing, since the target has not answered any probe up to it.
    fn is_silent(&self, ended: Ended) -> bool {
        let judged = self.judged.is_some_and(|from| ended.number >= from);
        !judged && ended.outcome.is_loss() == Some(true)
    }
}

/// Why a probe failed, if it did, where no report says more than its outcome.
fn failure_of(ended: Ended) -> Option<LastFailure> {
    Some(LastFailure {
        reason: FailureReason::of_outcome(ended.outcome)?,
        message: String::new(),
        at: ended.sent,
    })
}

/// Whether a task sends the probe, waits for the answer and reports.
fn is_errand(wish: &TargetWish) -> bool {
    wish.request.ask.kind() != ProbeKind::Icmp
}

/// How long the engine waits. Errands time their steps themselves and say which one got no answer, so
/// they are given a little longer. One that says nothing even then was held up by this host.
fn patience(wish: &TargetWish) -> Patience {
    const GRACE: Duration = Duration::from_secs(1);
    let mut patience = wish.request.patience;
    if is_errand(wish) {
        patience.late += GRACE;
    }
    patience
}

/// Probes of an interval that can be under way at once. Capped, so no target takes all memory.
fn capacity(patience: Patience, interval: Duration) -> usize {
    let interval = interval.as_secs_f64().max(1e-6);
    let most = (patience.whole().as_secs_f64() / (0.75 * interval) + ROOM).min(MOST);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between ROOM and MOST"
    )]
    let most = most as usize;
    most
}
