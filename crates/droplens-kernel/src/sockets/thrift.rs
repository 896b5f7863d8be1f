//! When all connections are listed, and what tells their number otherwise.
//!
//! The kernel needs about a microsecond to describe a socket: 50 000 of them every 15 seconds would
//! cost more than everything else that is read. Passing over a socket costs it a fifth of that.

use std::time::{Duration, Instant};

use droplens_model::PerFamily;
use droplens_model::sample::sockets::EphemeralPorts;
use droplens_model::sample::sockstat::Sockstat;

/// A list that takes no longer than this is made at each reading: some 5 000 connections.
const CHEAP: Duration = Duration::from_millis(5);

/// Other lists may take this share of the time of one core.
const SHARE: f64 = 0.0005;

/// The longest time between two lists, however long one takes.
const LONGEST: Duration = Duration::from_secs(300);

/// Spends time on lists of all connections as if it were money.
#[derive(Debug, Default)]
pub(super) struct Thrift {
    last: Option<Instant>,
    pause: Duration,
}

impl Thrift {
    /// Whether a list is affordable now.
    pub(super) fn affords(&self, now: Instant) -> bool {
        self.last
            .is_none_or(|last| now.duration_since(last) >= self.pause)
    }

    /// Takes in that a list was begun at `started` and took so much CPU time. Where it says that ports
    /// run out, the next one is not put off.
    pub(super) fn spent(&mut self, started: Instant, time: Duration, ports: EphemeralPorts) {
        let scarce = ports.used_by_busiest_destination >= ports.available / 2;
        self.last = Some(started);
        self.pause = if time <= CHEAP || scarce {
            Duration::ZERO
        } else {
            time.div_f64(SHARE).min(LONGEST)
        };
    }

    /// The age of the last list; zero if one is made at each reading.
    pub(super) fn age(&self, now: Instant) -> Duration {
        match self.last {
            Some(last) if !self.pause.is_zero() => now.duration_since(last),
            _ => Duration::ZERO,
        }
    }
}

/// How many TCP sockets are in use: `inuse` of `TCP` in `/proc/net/sockstat` and of `TCP6` in
/// `sockstat6`. That is without time-wait and request sockets.
pub(super) fn in_use(sockstat: &Sockstat) -> PerFamily<u64> {
    let of = |protocol| sockstat.get(protocol, "inuse").unwrap_or(0);
    PerFamily {
        v4: of("TCP"),
        v6: of("TCP6"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cheap_lists_are_made_always_and_dear_ones_rarely() {
        let mut thrift = Thrift::default();
        let ports = EphemeralPorts {
            available: 100,
            used: 60,
            used_by_busiest_destination: 20,
        };
        let start = Instant::now();
        let after = |millis| start + Duration::from_millis(millis);
        assert!(thrift.affords(start));
        thrift.spent(start, Duration::from_millis(2), ports);
        assert!(thrift.affords(after(1)));
        assert_eq!(thrift.age(after(1)), Duration::ZERO);
        thrift.spent(after(1), Duration::from_millis(30), ports);
        assert!(!thrift.affords(after(30_000)));
        assert_eq!(thrift.age(after(30_001)), Duration::from_secs(30));
        assert!(thrift.affords(after(60_002)));
        thrift.spent(after(70_000), Duration::from_secs(2), ports);
        assert!(!thrift.affords(after(369_000)));
        assert!(thrift.affords(after(370_001)));
        let scarce = EphemeralPorts {
            used_by_busiest_destination: 50,
            ..ports
        };
        thrift.spent(after(400_000), Duration::from_secs(2), scarce);
        assert!(thrift.affords(after(400_001)));
    }
}
