//! Whether this process was running: answers that nobody could read are not lost.

use std::time::Duration;

use droplens_model::Moment;

use crate::flight::Absence;

/// While an answer is waited for, the prober has to wake up this often, so that it notices when it
/// was stopped: together with [`STALL`] well below any sensible timeout.
pub const HEARTBEAT: Duration = Duration::from_millis(200);

/// Waking up this much later than planned is an absence.
pub const STALL: Duration = Duration::from_millis(300);

/// The clock with suspended time gets ahead of the one without by this much in a suspend. They are
/// read one after the other, which may take a while.
const SUSPEND: Duration = Duration::from_millis(100);

/// The clocks, read together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// `CLOCK_MONOTONIC`.
    pub monotonic: Moment,
    /// `CLOCK_BOOTTIME`: the same, with the time that the host was suspended.
    pub boot: Duration,
}

/// Watches over the own wake-ups.
#[derive(Debug, Default)]
pub struct Vigil {
    /// The last time it was seen running.
    seen: Option<Moment>,
    /// Until when it has a right to sleep.
    planned: Moment,
    /// By how much boot time was ahead.
    ahead: Option<Duration>,
}

impl Vigil {
    /// The last time it was seen running. Time never goes backwards here, whatever the clock does.
    pub fn now(&self) -> Moment {
        self.seen.unwrap_or_default()
    }

    /// Takes in that it sleeps now, at most until `until`.
    pub fn sleep(&mut self, until: Moment) {
        self.planned = until;
    }

    /// Takes in that it runs, and tells if it did not for a while.
    pub fn seen(&mut self, now: Moment) -> Option<Absence> {
        let from = self.seen.unwrap_or(now);
        let now = now.max(from);
        self.seen = Some(now);
        let planned = self.planned.max(from);
        self.planned = now;
        (now.since(planned) > STALL).then_some(Absence {
            from,
            until: now,
            suspended: false,
        })
    }

    /// Takes in that it woke up, and tells if it was stopped or the host suspended meanwhile.
    pub fn woke(&mut self, clocks: Clocks) -> Option<Absence> {
        let from = self.seen.unwrap_or(clocks.monotonic);
        let stalled = self.seen(clocks.monotonic);
        let ahead = clocks.boot.saturating_sub(clocks.monotonic.0);
        let before = self.ahead.replace(ahead);
        let suspended = before.is_some_and(|before| ahead.saturating_sub(before) > SUSPEND);
        if suspended {
            return Some(Absence {
                from,
                until: self.now(),
                suspended: true,
            });
        }
        stalled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment(Duration::from_millis(millis))
    }

    fn clocks(monotonic: u64, boot: u64) -> Clocks {
        Clocks {
            monotonic: at(monotonic),
            boot: Duration::from_millis(boot),
        }
    }

    #[test]
    fn sleeping_as_planned_is_no_absence() {
        let mut vigil = Vigil::default();
        assert_eq!(vigil.woke(clocks(1_000, 1_000)), None);
        vigil.sleep(at(31_000));
        assert_eq!(vigil.woke(clocks(31_200, 31_200)), None);
        vigil.sleep(at(40_000));
        assert_eq!(vigil.woke(clocks(32_000, 32_000)), None);
    }

    #[test]
    fn waking_late_is() {
        let mut vigil = Vigil::default();
        vigil.woke(clocks(1_000, 1_000));
        vigil.sleep(at(1_200));
        let absence = vigil.woke(clocks(6_000, 6_000)).unwrap();
        assert_eq!((absence.from, absence.until), (at(1_000), at(6_000)));
        assert!(!absence.suspended);
    }

    #[test]
    fn so_is_a_stop_in_the_middle_of_the_work() {
        let mut vigil = Vigil::default();
        vigil.sleep(at(1_200));
        vigil.woke(clocks(1_000, 1_000));
        assert_eq!(vigil.seen(at(1_100)), None);
        assert!(vigil.seen(at(1_500)).is_some());
    }

    #[test]
    fn a_suspend_shows_although_monotonic_time_stood_still() {
        let mut vigil = Vigil::default();
        vigil.woke(clocks(1_000, 5_000));
        vigil.sleep(at(1_200));
        let absence = vigil.woke(clocks(1_100, 605_100)).unwrap();
        assert!(absence.suspended);
        vigil.sleep(at(1_200));
        assert_eq!(vigil.woke(clocks(1_200, 605_200)), None);
    }

    #[test]
    fn a_clock_that_jumps_back_is_not_followed() {
        let mut vigil = Vigil::default();
        vigil.woke(clocks(5_000, 5_000));
        assert_eq!(vigil.woke(clocks(1_000, 1_000)), None);
        assert_eq!(vigil.now(), at(5_000));
    }
}
