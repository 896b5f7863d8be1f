//! The probes that have ended and been told of, as little of them as is needed to know a second answer.

use std::collections::VecDeque;
use std::time::Duration;

use droplens_model::Moment;

/// Those of one address, up to the newest one that was told in send order.
#[derive(Debug, Default)]
pub(super) struct Past {
    probes: VecDeque<Told>,
}

/// Nanoseconds of the time it was sent, the lowest bit of which says whether it was answered. Thousands
/// of targets have a hundred of these each, and each probe of a target touches others of them, so
/// they are kept small.
#[derive(Clone, Copy, Debug)]
struct Told(u64);

impl Told {
    fn new(sent: Moment, answered: bool) -> Self {
        let nanos = u64::try_from(sent.0.as_nanos()).unwrap_or(u64::MAX);
        Self(nanos & !1 | u64::from(answered))
    }

    const fn sent(self) -> Moment {
        Moment(Duration::from_nanos(self.0 & !1))
    }

    const fn is_answered(self) -> bool {
        self.0 & 1 == 1
    }
}

impl Past {
    /// Takes in the next one, in send order, and forgets those before the newest so many.
    pub(super) fn add(&mut self, sent: Moment, answered: bool, most: usize) {
        // Before it is added: room for one more would be room for twice as many.
        while self.probes.len() >= most && self.probes.pop_front().is_some() {}
        self.probes.push_back(Told::new(sent, answered));
    }

    /// Whether the probe so many before the next one was answered; none if that is not remembered, or if
    /// it was sent longer ago than `age`.
    pub(super) fn answered(&self, back: usize, now: Moment, age: Duration) -> Option<bool> {
        let place = self.probes.len().checked_sub(back)?;
        let told = self.probes.get(place)?;
        (now.since(told.sent()) <= age).then(|| told.is_answered())
    }
}
