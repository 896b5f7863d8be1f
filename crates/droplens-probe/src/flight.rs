//! The probes of one address that are under way, and how each of them ends.
//!
//! Probes lie in a ring by sequence number until they have ended and all before them as well. What is left of
//! them stays for as long as an answer would be waited for, so that a second answer is known as a
//! duplicate.

mod past;
mod ring;
#[cfg(test)]
mod tests;

use std::time::Duration;

use droplens_model::Moment;
use droplens_model::sample::probes::Outcome;

pub use ring::Flight;

/// How long an answer is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// An answer after this time is late.
    pub timeout: Duration,
    /// After the timeout, the time in which a late answer is still waited for. Then the probe is
    /// lost.
    pub late: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(1),
            late: Duration::from_secs(10),
        }
    }
}

impl Patience {
    /// From the sending to the end.
    pub const fn whole(self) -> Duration {
        self.timeout.saturating_add(self.late)
    }
}

/// A time of the clock by which the kernel stamps packets. Only differences of two of them mean
/// anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp(pub Duration);

/// When an answer was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// When this process read it.
    pub read: Moment,
    /// The kernel's time stamp of its reception.
    pub stamp: Option<Stamp>,
}

/// A probe that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Counts the probes to the address, from 0.
    pub number: u64,
    /// When it was sent.
    pub sent: Moment,
    /// How it ended.
    pub outcome: Outcome,
    /// The time to the answer, if there was one and the time could be measured.
    pub round_trip: Option<Duration>,
}

/// What an answer with a sequence number turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// The first answer to a probe that was waiting for it.
    Answered {
        /// The probe, which thereby ended.
        ended: Ended,
        /// Whether a later probe was answered before.
        reordered: bool,
    },
    /// An answer to a probe that was still under way, but longer than it was to be waited for. The
    /// probe thereby ended as lost.
    TooLate(Ended),
    /// Another answer to a probe that has been answered.
    Duplicate,
    /// An answer to a probe that ended in another way, or so long ago that nothing is known of it.
    Stale,
    /// No probe had this sequence number lately.
    NeverSent,
}

/// A time in which this process was not running, or the whole host was suspended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Absence {
    /// Last known to be running.
    pub from: Moment,
    /// Known to be running again.
    pub until: Moment,
    /// Whether the host was suspended, so that it received nothing.
    pub suspended: bool,
}
