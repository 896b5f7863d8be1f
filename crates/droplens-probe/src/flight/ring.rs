//! The ring.

use std::collections::VecDeque;
use std::time::Duration;

use droplens_model::Moment;
use droplens_model::sample::probes::{Outcome, OutcomeKind};

use super::past::Past;
use super::{Absence, Arrival, Ended, Match, Patience, Stamp};

/// The kernel's clock and ours may differ by so much in rate and resolution over one round trip.
const CLOCK_SLACK: Duration = Duration::from_millis(1);

/// Sequence numbers this far behind the ring were sent once; those further away never were, or
/// more than two thousand million probes ago.
const PAST: u32 = u32::MAX / 2;

/// The probes of one address under way, by sequence number.
#[derive(Debug)]
pub struct Flight {
    patience: Patience,
    /// What has become of a probe of which nothing was heard in all the time.
    unheard: Outcome,
    capacity: usize,
    /// Those that were told in send order.
    past: Past,
    /// Those after them.
    probes: VecDeque<Probe>,
    /// Number and sequence number of the first of these.
    first: u64,
    first_sequence: u32,
    /// So many of them have ended or are past the timeout.
    overdue: usize,
    under_way: u64,
    /// The newest probe that was answered.
    newest_answered: Option<u64>,
    /// Probes since then that were not.
    unanswered: u64,
    /// When the first of these was sent.
    unanswered_since: Option<Moment>,
}

#[derive(Clone, Copy, Debug)]
struct Probe {
    sent: Moment,
    /// As it was when the probe was sent.
    patience: Patience,
    stamp: Option<Stamp>,
    /// Time in which nobody was there to listen; it does not count as waiting.
    away: Duration,
    ended: Option<(Outcome, Option<Duration>)>,
}

impl Flight {
    /// Without probes. The first one will have `sequence`; no more than `capacity` are waited for,
    /// and no more of those that ended are remembered.
    pub fn new(patience: Patience, capacity: usize, sequence: u32) -> Self {
        Self {
            patience,
            unheard: Outcome::Lost,
            capacity,
            past: Past::default(),
            probes: VecDeque::new(),
            first: 0,
            first_sequence: sequence,
            overdue: 0,
            under_way: 0,
            newest_answered: None,
            unanswered: 0,
            unanswered_since: None,
        }
    }

    /// The same for probes that others send and wait for, and report of, lost or not: one without a
    /// report says that they were held up, and nothing of the network.
    #[must_use]
    pub const fn reported(mut self) -> Self {
        self.unheard = Outcome::Aborted;
        self
    }

    /// Changes how long answers to the next probes are waited for, and how many are kept at most. Those
    /// under way are waited for as before.
    pub const fn adapt(&mut self, patience: Patience, capacity: usize) {
        self.patience = patience;
        self.capacity = capacity;
    }

    /// Begins a probe and returns its sequence number; none if there is no room. Times of probes
    /// must not go backwards.
    pub fn begin(&mut self, now: Moment) -> Option<u32> {
        if self.probes.len() >= self.capacity {
            return None;
        }
        let offset = u32::try_from(self.probes.len()).ok()?;
        let sequence = self.first_sequence.wrapping_add(offset);
        self.probes.push_back(Probe {
            sent: now,
            patience: self.patience,
            stamp: None,
            away: Duration::ZERO,
            ended: None,
        });
        self.under_way += 1;
        Some(sequence)
    }

    /// Takes in the kernel's time stamp of a probe's transmission.
    pub fn stamp(&mut self, sequence: u32, stamp: Stamp) {
        if let Some(probe) = self
            .place(sequence)
            .and_then(|place| self.probes.get_mut(place))
        {
            probe.stamp = Some(stamp);
        }
    }

    /// Takes in an answer.
    pub fn answer(&mut self, sequence: u32, arrival: Arrival) -> Match {
        let Some(place) = self.place(sequence) else {
            return self.answer_again(sequence, arrival.read);
        };
        let Some(probe) = self.probes.get(place).copied() else {
            return Match::NeverSent;
        };
        if let Some((outcome, _)) = probe.ended {
            return second_answer(is_answered(outcome));
        }
        let round_trip = probe.round_trip(arrival);
        let waited = arrival.read.since(probe.sent).saturating_sub(probe.away);
        let outcome = match round_trip {
            Some(time) if time <= probe.patience.timeout => Outcome::Ok,
            // Without a usable time, how long it was waited for has to do.
            None if waited <= probe.patience.timeout && probe.away.is_zero() => Outcome::Ok,
            Some(time) if time <= probe.patience.whole() => Outcome::Late,
            None if waited <= probe.patience.whole() => Outcome::Late,
            _ => {
                let ended = self.finish(place, self.unheard, None);
                return ended.map_or(Match::Stale, Match::TooLate);
            }
        };
        let number = self.first + place as u64;
        let reordered = self.newest_answered.is_some_and(|newest| newest > number);
        let Some(ended) = self.finish(place, outcome, round_trip) else {
            return Match::Stale;
        };
        if !reordered {
            self.newest_answered = Some(number);
            if self.unanswered > 0 {
                self.count_unanswered_after(place);
            }
        }
        Match::Answered { ended, reordered }
    }

    /// Takes in an answer to none of the probes that are still to be told.
    fn answer_again(&self, sequence: u32, now: Moment) -> Match {
        let behind = self.first_sequence.wrapping_sub(sequence);
        let sent = u64::from(behind) <= self.first && (1..=PAST).contains(&behind);
        if !sent {
            return Match::NeverSent;
        }
        let age = self.patience.whole();
        let answered = self.past.answered(behind as usize, now, age);
        second_answer(answered.unwrap_or_default())
    }

    /// Whether a probe has not ended yet.
    pub fn is_under_way(&self, sequence: u32) -> bool {
        let place = self.place(sequence);
        place
            .and_then(|place| self.probes.get(place))
            .is_some_and(|probe| probe.ended.is_none())
    }

    /// The number of a probe under way, by its lower bits; none if more than one could be meant.
    pub fn under_way_like(&self, sequence: u16) -> Option<u32> {
        const BITS: u32 = 1 << u16::BITS;
        let [.., high, low] = self.first_sequence.to_be_bytes();
        let first = sequence.wrapping_sub(u16::from_be_bytes([high, low]));
        let length = u32::try_from(self.probes.len()).unwrap_or(u32::MAX);
        let mut found = (u32::from(first)..length)
            .step_by(BITS as usize)
            .map(|place| self.first_sequence.wrapping_add(place))
            .filter(|sequence| self.is_under_way(*sequence));
        let only = found.next()?;
        found.next().is_none().then_some(only)
    }

    /// Ends a probe without an answer; none if it is not under way.
    pub fn end(&mut self, sequence: u32, outcome: Outcome) -> Option<Ended> {
        let place = self.place(sequence)?;
        let counts = place >= self.overdue && is_unanswered(outcome.kind());
        let ended = self.finish(place, outcome, None)?;
        if counts && self.newest_answered.is_none_or(|n| n < ended.number) {
            self.add_unanswered(ended.sent);
        }
        Some(ended)
    }

    /// Ends the probes that were waited for long enough. All answers that were received until `now`
    /// must have been taken in before.
    pub fn expire(&mut self, now: Moment, mut tell: impl FnMut(Ended)) {
        while let Some(probe) = self.probes.get(self.overdue) {
            if probe.ended.is_none() && now.since(probe.sent) <= probe.patience.timeout {
                break;
            }
            let number = self.first + self.overdue as u64;
            let newest = self.newest_answered.is_none_or(|newest| newest < number);
            let (sent, is_new) = (probe.sent, newest && probe.ended.is_none());
            if is_new {
                self.add_unanswered(sent);
            }
            self.overdue += 1;
        }
        for place in 0..self.overdue {
            let Some(probe) = self.probes.get(place) else {
                break;
            };
            if probe.ended.is_some() {
                continue;
            }
            if now.since(probe.sent) <= probe.patience.whole().saturating_add(probe.away) {
                break;
            }
            if let Some(ended) = self.finish(place, self.unheard, None) {
                let newest = self.newest_answered.is_none_or(|n| n < ended.number);
                if newest && !is_unanswered(ended.outcome.kind()) {
                    // It was taken for unanswered since its timeout, and nobody knows that now.
                    self.unanswered = self.unanswered.saturating_sub(1);
                    if self.unanswered == 0 {
                        self.unanswered_since = None;
                    }
                }
                tell(ended);
            }
        }
    }

    /// Takes in that nobody listened for a while.
    ///
    /// Probes whose time had not run out when that began are aborted: whether the answer would have
    /// been in time cannot be told any more. Those that were overdue by then go on waiting and the
    /// absence does not count as waiting; to abort them too would hide the loss on a host that
    /// stalls every few seconds, since a lost probe waits so much longer than an answered one. A
    /// suspended host receives nothing, so it aborts them all.
    pub fn absent(&mut self, absence: Absence, mut tell: impl FnMut(Ended)) {
        for place in 0..self.probes.len() {
            let Some(probe) = self.probes.get_mut(place) else {
                break;
            };
            if probe.ended.is_some() {
                continue;
            }
            let overdue = absence.from.since(probe.sent) > probe.patience.timeout;
            if overdue && !absence.suspended {
                let away = absence.until.since(absence.from);
                probe.away = probe.away.saturating_add(away);
            } else if let Some(ended) = self.finish(place, Outcome::Aborted, None) {
                tell(ended);
            }
        }
    }

    /// The next ended probe in send order, once all before it have ended.
    pub fn next_in_order(&mut self) -> Option<Ended> {
        let (sent, (outcome, round_trip)) = self
            .probes
            .front()
            .and_then(|probe| Some((probe.sent, probe.ended?)))?;
        let ended = Ended {
            number: self.first,
            sent,
            outcome,
            round_trip,
        };
        self.probes.pop_front();
        self.first += 1;
        self.first_sequence = self.first_sequence.wrapping_add(1);
        self.overdue = self.overdue.saturating_sub(1);
        self.past.add(sent, is_answered(outcome), self.capacity);
        Some(ended)
    }

    /// When [`Self::expire`] has something to do next.
    pub fn next_check(&self) -> Option<Moment> {
        let tick = Duration::from_nanos(1);
        let timeout = self.probes.range(self.overdue.min(self.probes.len())..);
        let timeout = timeout
            .into_iter()
            .find(|probe| probe.ended.is_none())
            .map(|probe| probe.sent + probe.patience.timeout + tick);
        let end = self.probes.front();
        let end = end
            .filter(|probe| probe.ended.is_none())
            .map(|probe| probe.sent + probe.patience.whole() + probe.away + tick);
        timeout.into_iter().chain(end).min()
    }

    /// Probes that have not ended.
    pub const fn in_flight(&self) -> u64 {
        self.under_way
    }

    /// Probes in a row that were not answered in time, up to the newest one that is due.
    pub const fn unanswered(&self) -> u64 {
        self.unanswered
    }

    /// When the first probe of that row was sent; none if there is no row.
    pub const fn unanswered_since(&self) -> Option<Moment> {
        self.unanswered_since
    }

    /// Probes begun.
    pub fn begun(&self) -> u64 {
        self.first + self.probes.len() as u64
    }

    fn place(&self, sequence: u32) -> Option<usize> {
        let place = sequence.wrapping_sub(self.first_sequence) as usize;
        (place < self.probes.len()).then_some(place)
    }

    fn finish(
        &mut self,
        place: usize,
        outcome: Outcome,
        round_trip: Option<Duration>,
    ) -> Option<Ended> {
        let probe = self.probes.get_mut(place)?;
        if probe.ended.is_some() {
            return None;
        }
        probe.ended = Some((outcome, round_trip));
        self.under_way = self.under_way.saturating_sub(1);
        Some(Ended {
            number: self.first + place as u64,
            sent: probe.sent,
            outcome,
            round_trip,
        })
    }

    /// Lengthens the row of unanswered probes. It may begin earlier than was known, since errors can
    /// come before the timeouts of probes that were sent before.
    fn add_unanswered(&mut self, sent: Moment) {
        self.unanswered += 1;
        let since = self.unanswered_since.get_or_insert(sent);
        *since = sent.min(*since);
    }

    /// Begins the row of unanswered probes anew: it is those after the one at `place`.
    fn count_unanswered_after(&mut self, place: usize) {
        let after = (place + 1).min(self.probes.len());
        let mut unanswered = (self.probes.range(after..).zip(after..))
            .filter(|(probe, place)| match probe.ended {
                None => *place < self.overdue,
                Some((outcome, _)) => is_unanswered(outcome.kind()),
            })
            .map(|(probe, _)| probe.sent);
        let since = unanswered.next();
        let more = unanswered.count() as u64;
        self.unanswered = since.map_or(0, |_| 1 + more);
        self.unanswered_since = since;
    }
}

fn is_answered(outcome: Outcome) -> bool {
    outcome.is_loss() == Some(false)
}

/// What an answer to a probe that has ended is, whether or not anybody else was told of that.
const fn second_answer(answered: bool) -> Match {
    if answered {
        Match::Duplicate
    } else {
        Match::Stale
    }
}

const fn is_unanswered(kind: OutcomeKind) -> bool {
    matches!(
        kind,
        OutcomeKind::Lost
            | OutcomeKind::SendError
            | OutcomeKind::IcmpError
            | OutcomeKind::LocalDrop
    )
}

impl Probe {
    /// The time to the answer: between the kernel's stamps if they make sense, otherwise between the
    /// times of this process, if it was there to read the answer when it came.
    fn round_trip(&self, arrival: Arrival) -> Option<Duration> {
        let longest = arrival.read.0.checked_sub(self.sent.0);
        let stamped = match (self.stamp, arrival.stamp) {
            (Some(sent), Some(received)) => received.0.checked_sub(sent.0),
            _ => None,
        };
        // The packet left after we began to send it and came before we read it, so a longer time
        // means that the clock of the stamps was set.
        let stamped =
            stamped.filter(|time| longest.is_some_and(|l| *time <= l.saturating_add(CLOCK_SLACK)));
        stamped.or(longest.filter(|_| self.away.is_zero()))
    }
}
