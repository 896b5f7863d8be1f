//! Trials with another ICMP identifier, to find out whether the usual one is what keeps an outage alive.
//!
//! NAT, firewalls and connection tracking know echo requests by their addresses and identifier. An
//! entry that became wrong, as when the public address of a router changed, lives as long as requests keep
//! renewing it, so the very probing makes the outage last. An identifier that nobody on the way knows shows
//! that. A trial takes no packets beyond those that are due: for a while every second probe bears the other
//! identifier, and what is compared was sent at the same time.

use std::time::Duration;

use droplens_model::Moment;
use droplens_model::sample::probes::{RotationKind, Rotations};

/// An outage shorter than this is more likely to end by itself.
const SILENCE: Duration = Duration::from_secs(10);

/// So many probes in a row have to be unanswered, too, since some targets are asked seldom.
const ROW: u64 = 5;

/// The time from one trial to the next, the first time. NAT may forget an identifier 60 s after its last
/// packet (RFC 5508, REQ-2), so each trial meets routers that have forgotten the last one.
const PAUSE: Duration = Duration::from_secs(120);

/// The same after many trials in vain.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// So many probes with either identifier decide. Where one of five is lost at random, three in a row
/// are in less than one of a hundred cases.
const PROOF: usize = 3;

/// A trial takes no more probes than this.
const MOST: usize = 12;

/// Which of the two ICMP identifiers of its address family an echo request bears.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Identifier {
    /// The one that all targets begin with.
    #[default]
    First,
    /// The one for trials, and for targets that it healed.
    Second,
}

impl Identifier {
    /// The other one.
    const fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

/// The identifier of a target, and what is known about it.
#[derive(Debug)]
pub(super) struct Rotation {
    timeout: Duration,
    usual: Identifier,
    /// When anything was heard of a probe at last: an answer, an error, a refusal. None if it was never
    /// answered: then no state on the way can have become wrong.
    heard: Option<Moment>,
    /// Probes begun since then.
    since: u64,
    /// The probes of the trial that goes on.
    trial: Vec<Tried>,
    not_before: Moment,
    pause: Duration,
    counts: Rotations,
}

#[derive(Clone, Copy, Debug)]
struct Tried {
    number: u64,
    /// Whether it bears the identifier that is tried.
    other: bool,
    sent: Moment,
    fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Open,
    Answered,
    Silent,
}

impl Rotation {
    pub(super) fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            usual: Identifier::default(),
            heard: None,
            since: 0,
            trial: Vec::new(),
            not_before: Moment::default(),
            pause: PAUSE,
            counts: Rotations::default(),
        }
    }

    /// Takes in another timeout.
    pub(super) const fn adapt(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    pub(super) const fn counts(&self) -> Rotations {
        self.counts
    }

    /// The identifier that a probe bears. All answers and timeouts up to `now` must have been taken in
    /// before; `unanswered` are the probes in a row before it that got no answer in time.
    pub(super) fn choose(&mut self, number: u64, now: Moment, unanswered: u64) -> Identifier {
        if self.trial.is_empty() {
            let due = self.is_due(now, unanswered);
            self.since += 1;
            if !due {
                return self.usual;
            }
        } else {
            self.settle(now);
            if let Some(verdict) = self.judge() {
                self.end(verdict, now);
                return self.usual;
            }
            if self.trial.len() >= MOST {
                return self.usual;
            }
        }
        let other = self.trial.len().is_multiple_of(2);
        self.trial.push(Tried {
            number,
            other,
            sent: now,
            fate: Fate::Open,
        });
        if other {
            self.usual.other()
        } else {
            self.usual
        }
    }

    /// Takes in an answer to a probe.
    pub(super) fn answered(&mut self, number: u64, now: Moment) {
        self.hear(now);
        if self.trial.is_empty() {
            return;
        }
        let mut tried = self.trial.iter_mut();
        match tried.find(|tried| tried.other && tried.number == number) {
            Some(tried) => tried.fate = Fate::Answered,
            None => self.end(RotationKind::Recovered, now),
        }
    }

    /// Takes in that an error came back or that this host did not send: somebody says what is wrong, so
    /// nothing has to be found out. Of a target that never answered that says nothing.
    pub(super) fn told(&mut self, now: Moment) {
        if self.heard.is_some() {
            self.hear(now);
        }
        if !self.trial.is_empty() {
            self.end(RotationKind::Unhealed, now);
        }
    }

    /// Takes in that nobody listened up to now: what was not heard says nothing.
    pub(super) fn absent(&mut self, now: Moment) {
        if self.heard.is_some() {
            self.hear(now);
        }
        if !self.trial.is_empty() {
            self.trial.clear();
            self.not_before = now + self.pause;
        }
    }

    fn hear(&mut self, now: Moment) {
        self.heard = Some(now);
        self.since = 0;
    }

    fn is_due(&self, now: Moment, unanswered: u64) -> bool {
        let silent = self.heard.is_some_and(|heard| now.since(heard) >= SILENCE);
        silent && self.since >= ROW && unanswered >= ROW && now >= self.not_before
    }

    fn settle(&mut self, now: Moment) {
        for tried in &mut self.trial {
            if tried.fate == Fate::Open && now.since(tried.sent) > self.timeout {
                tried.fate = Fate::Silent;
            }
        }
    }

    fn judge(&self) -> Option<RotationKind> {
        let count = |other: bool, fate: Fate, from: usize| {
            let tried = self.trial.iter().skip(from);
            tried
                .filter(|tried| tried.other == other && tried.fate == fate)
                .count()
        };
        let mut all = self.trial.iter();
        // What the usual one lost before proves nothing: the outage may have ended just then.
        let first = all.position(|tried| tried.other && tried.fate == Fate::Answered);
        let silent = first.map_or(0, |first| count(false, Fate::Silent, first));
        if silent >= PROOF && count(true, Fate::Answered, 0) >= PROOF {
            return Some(RotationKind::Healed);
        }
        let over =
            self.trial.len() >= MOST && self.trial.iter().all(|tried| tried.fate != Fate::Open);
        let in_vain = first.is_none() && count(true, Fate::Silent, 0) >= PROOF;
        (over || in_vain).then_some(RotationKind::Unhealed)
    }

    fn end(&mut self, verdict: RotationKind, now: Moment) {
        self.trial.clear();
        self.counts.add(verdict);
        if verdict == RotationKind::Unhealed {
            self.not_before = now + self.pause;
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
            return;
        }
        if verdict == RotationKind::Healed {
            self.usual = self.usual.other();
        }
        self.pause = PAUSE;
        self.not_before = now + self.pause;
    }
}
