//! Which of many packets ask for the time stamp of their transmission.
//!
//! Of packets that are sent together, the first one is what takes long: after a pause nothing that the
//! kernel needs for it is at hand. Those after it leave within some microseconds of the call, unless they
//! have to queue on this host; the stamp of the first one shows that, and then all ask for theirs.

use std::time::Duration;

use droplens_model::Moment;

/// A packet that leaves so much later than the call returned was put into a queue. What leaves at once does so
/// within the call, however long that takes.
const QUEUED: Duration = Duration::from_micros(50);

/// For how long all ask afterwards.
const WATCHED: Duration = Duration::from_secs(10);

/// Whether the next packet asks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sampling {
    /// Whether packets are sent together.
    together: bool,
    /// Whether one of those sent now has asked.
    asked: bool,
    watched_until: Moment,
}

impl Sampling {
    /// Takes in that packets are sent now, together or each at its time.
    pub(super) const fn begin(&mut self, together: bool) {
        self.together = together;
        self.asked = false;
    }

    /// Whether a packet that is sent now asks.
    pub(super) fn asks(&self, now: Moment) -> bool {
        !self.together || !self.asked || now < self.watched_until
    }

    /// Takes in that one did.
    pub(super) const fn asked(&mut self) {
        self.asked = true;
    }

    /// Takes in how long after the call one was transmitted.
    pub(super) fn came(&mut self, after: Duration, now: Moment) {
        if after > QUEUED {
            self.watched_until = now + WATCHED;
        }
    }
}
