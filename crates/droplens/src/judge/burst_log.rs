//! One log line for each burst of losses, but not thousands.

use std::time::Duration;

use droplens_model::{Event, Moment};

/// So many bursts are logged one by one in each [`PERIOD`].
const LINES: u64 = 20;

const PERIOD: Duration = Duration::from_secs(60);

/// Logs bursts, within bounds.
#[derive(Debug, Default)]
pub(super) struct BurstLog {
    began: Option<Moment>,
    logged: u64,
    left_out: u64,
}

impl BurstLog {
    /// Logs bursts that ended; says how many were left out once the period is over.
    pub(super) fn bursts(&mut self, ended: &[Event], now: Moment) {
        if self.began.is_none_or(|began| now.since(began) >= PERIOD) {
            if self.left_out > 0 {
                tracing::warn!(
                    bursts = self.left_out,
                    "more bursts of losses than are logged one by one; see /api/v1/events"
                );
            }
            *self = Self {
                began: Some(now),
                ..Self::default()
            };
        }
        for event in ended {
            if self.admits() {
                log(event);
            }
        }
    }

    /// Whether one more line is in bounds.
    const fn admits(&mut self) -> bool {
        if self.logged < LINES {
            self.logged += 1;
            return true;
        }
        self.left_out += 1;
        false
    }
}

fn log(event: &Event) {
    tracing::warn!(
        domain = %event.domain,
        cause = %event.cause,
        place = %event.place,
        start = %event.start,
        seconds = event.seconds,
        packets = event.packets,
        peak_rate = event.peak_rate,
        "packets were lost"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_period_admits_so_many_lines() {
        let mut log = BurstLog::default();
        let at = |secs| Moment(Duration::from_secs(secs));
        log.bursts(&[], at(1));
        let admitted = (0..100).filter(|_| log.admits()).count() as u64;
        assert_eq!((admitted, log.left_out), (LINES, 100 - LINES));
        log.bursts(&[], at(30));
        assert!(!log.admits(), "the same period");
        log.bursts(&[], at(61));
        assert!(log.admits());
        assert_eq!(log.left_out, 0);
    }
}
