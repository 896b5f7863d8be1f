//! When to ask for a name again.

use std::time::Duration;

use droplens_model::Moment;

use super::{LONGEST, SHORTEST};

/// A name that does not resolve is asked for again after this time at the latest.
const LONGEST_BREAK: Duration = Duration::from_secs(60);

/// When a name is to be looked up: when its addresses become invalid, and after failures in growing
/// intervals from 5 s to 60 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refresh {
    next: Moment,
    failures: u32,
}

impl Refresh {
    /// Due now.
    pub const fn new(now: Moment) -> Self {
        Self {
            next: now,
            failures: 0,
        }
    }

    /// When the next lookup is due.
    pub const fn next(&self) -> Moment {
        self.next
    }

    /// Lookups that failed in a row.
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// Takes in that addresses were found which are valid for this long ([`super::Found::valid_for`]).
    pub fn found(&mut self, now: Moment, valid_for: Duration) {
        self.failures = 0;
        self.next = now + valid_for.clamp(SHORTEST, LONGEST);
    }

    /// Takes in that a lookup failed, and gives the time until the next.
    pub fn failed(&mut self, now: Moment) -> Duration {
        let doubled = SHORTEST.saturating_mul(1 << self.failures.min(8));
        let wait = doubled.min(LONGEST_BREAK);
        self.failures = self.failures.saturating_add(1);
        self.next = now + wait;
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Moment {
        Moment(Duration::from_secs(seconds))
    }

    #[test]
    fn addresses_are_asked_for_again_when_they_become_invalid() {
        let mut refresh = Refresh::new(at(100));
        assert_eq!(refresh.next(), at(100));
        refresh.found(at(101), Duration::from_secs(30));
        assert_eq!(refresh.next(), at(131));
    }

    #[test]
    fn neither_every_moment_nor_never() {
        let mut refresh = Refresh::new(at(0));
        refresh.found(at(0), Duration::ZERO);
        assert_eq!(refresh.next(), at(5));
        refresh.found(at(0), Duration::MAX);
        assert_eq!(refresh.next(), at(600));
    }

    #[test]
    fn failures_back_off_and_a_success_forgets_them() {
        let mut refresh = Refresh::new(at(0));
        let waits: Vec<u64> = (0..6).map(|_| refresh.failed(at(0)).as_secs()).collect();
        assert_eq!(waits, [5, 10, 20, 40, 60, 60]);
        assert_eq!(refresh.failures(), 6);
        refresh.found(at(7), Duration::from_secs(60));
        assert_eq!((refresh.failures(), refresh.next()), (0, at(67)));
        assert_eq!(refresh.failed(at(67)), Duration::from_secs(5));
        assert_eq!(refresh.next(), at(72));
    }

    #[test]
    fn the_wait_never_overflows() {
        let mut refresh = Refresh {
            next: at(0),
            failures: u32::MAX,
        };
        assert_eq!(refresh.failed(at(0)), LONGEST_BREAK);
        assert_eq!(refresh.failures(), u32::MAX);
    }
}
