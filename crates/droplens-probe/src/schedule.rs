//! When the next probe is due.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use droplens_model::Moment;

use crate::random::Random;

/// Intervals are drawn evenly from this share of them to [`LONGEST`], so that probes of many
/// targets and hosts do not fall into step, with each other or with what they measure.
const SHORTEST: f64 = 0.75;
const LONGEST: f64 = 1.25;

/// How many packets and bytes a second all probes of the host together may send.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// Packets.
    pub packets: f64,
    /// Bytes, with all headers.
    pub bytes: f64,
}

impl Default for Budget {
    /// 1 000 packets and 125 000 bytes (1 Mbit) a second.
    fn default() -> Self {
        Self {
            packets: 1_000.0,
            bytes: 125_000.0,
        }
    }
}

/// What the targets ask for, a second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Demand {
    /// Packets.
    pub packets: f64,
    /// Bytes, with all headers.
    pub bytes: f64,
}

impl Demand {
    /// Adds packets of so many bytes, one each interval.
    pub fn add(&mut self, interval: Duration, bytes: u32) {
        let interval = interval.as_secs_f64();
        if interval > 0.0 {
            self.packets += 1.0 / interval;
            self.bytes += f64::from(bytes) / interval;
        }
    }
}

impl Budget {
    /// By how much to stretch all intervals so that the demand fits; at least 1.
    pub fn stretch(self, demand: Demand) -> f64 {
        let share = |demand: f64, budget: f64| {
            if budget > 0.0 { demand / budget } else { 1.0 }
        };
        share(demand.packets, self.packets)
            .max(share(demand.bytes, self.bytes))
            .max(1.0)
    }
}

/// The first probe of a target comes after a random part of its interval.
pub fn phase(interval: Duration, stretch: f64, random: &mut Random) -> Duration {
    random.between(Duration::ZERO, interval.mul_f64(stretch))
}

/// The time to the next probe.
pub fn spread(interval: Duration, stretch: f64, random: &mut Random) -> Duration {
    let interval = interval.mul_f64(stretch);
    random.between(interval.mul_f64(SHORTEST), interval.mul_f64(LONGEST))
}

/// Rounds of probes are drawn from one less this share of their length to one more.
const ROUNDS: f64 = 0.1;

/// The longest round is as long as the shortest time that is drawn between two probes of a target, so
/// that none is due twice in one round.
const SHARE: f64 = SHORTEST / (1.0 + ROUNDS);

/// And no longer than this: what is known about targets is to be no older than what is read of the kernel.
const LONGEST_ROUND: Duration = Duration::from_millis(100);

/// Probes in a round: more would be a burst that a short queue on the way may not take.
const MOST: f64 = 250.0;

/// What the kernel counts for a packet that waits to be received: so many bytes and twice its own.
const BUFFER: f64 = 1_024.0;

/// The time from one round of probes to the next, on average, where they go out in rounds: waking up costs as
/// much as ten probes. Probes go out up to half of it early, and late by the rest. What is received
/// meanwhile fills no more than a quarter of the `room` for it, in bytes. None if that brings no two
/// together.
pub fn tick(demand: Demand, shortest: Duration, room: usize) -> Option<Duration> {
    let filling = demand.packets * BUFFER + demand.bytes * 2.0;
    let full = Duration::try_from_secs_f64(room as f64 / filling).unwrap_or(Duration::MAX);
    let many = Duration::try_from_secs_f64(MOST / demand.packets).unwrap_or(Duration::MAX);
    let tick = shortest.mul_f64(SHARE).min(LONGEST_ROUND);
    let tick = tick.min(full / 4).min(many);
    (demand.packets * tick.as_secs_f64() >= 2.0).then_some(tick)
}

/// The time to the next round. Not the same each time, so that rounds do not fall into step with what they
/// measure.
pub fn round(tick: Duration, random: &mut Random) -> Duration {
    random.between(tick.mul_f64(1.0 - ROUNDS), tick.mul_f64(1.0 + ROUNDS))
}

/// What is due when, the earliest first. Whoever moves a date adds a second one, and the owner
/// knows which one counts.
#[derive(Debug)]
pub struct Timers<T>(BinaryHeap<Reverse<(Moment, T)>>);

impl<T: Ord> Default for Timers<T> {
    fn default() -> Self {
        Self(BinaryHeap::new())
    }
}

impl<T: Ord + Copy> Timers<T> {
    /// Adds a date.
    pub fn add(&mut self, at: Moment, what: T) {
        self.0.push(Reverse((at, what)));
    }

    /// The earliest date.
    pub fn next(&self) -> Option<Moment> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes out the earliest date if it has come.
    pub fn pop(&mut self, now: Moment) -> Option<(Moment, T)> {
        self.next().filter(|at| *at <= now)?;
        self.0.pop().map(|Reverse(due)| due)
    }
}

/// The longest delay of the last minute, in two halves.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lag {
    half: u64,
    now: Duration,
    before: Duration,
}

impl Lag {
    const HALF: u64 = 30;

    /// Takes in one delay.
    pub fn add(&mut self, now: Moment, delay: Duration) {
        self.turn(now);
        self.now = self.now.max(delay);
    }

    /// The longest one of the last half to whole minute.
    pub fn longest(mut self, now: Moment) -> Duration {
        self.turn(now);
        self.now.max(self.before)
    }

    fn turn(&mut self, now: Moment) {
        let half = now.0.as_secs() / Self::HALF;
        if half > self.half {
            self.before = if half == self.half + 1 {
                self.now
            } else {
                Duration::ZERO
            };
            self.now = Duration::ZERO;
            self.half = half;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_stretches_by_the_tighter_of_its_limits() {
        let budget = Budget {
            packets: 100.0,
            bytes: 10_000.0,
        };
        let mut demand = Demand::default();
        for _ in 0..10 {
            demand.add(Duration::from_millis(100), 50);
        }
        assert!((budget.stretch(demand) - 1.0).abs() < 1e-9);
        demand.add(Duration::from_millis(10), 50);
        assert!((budget.stretch(demand) - 2.0).abs() < 1e-9);
        demand.add(Duration::from_millis(100), 2_000);
        assert!((budget.stretch(demand) - 3.0).abs() < 1e-9);
    }

    #[test]
    fn intervals_are_spread_evenly_between_their_bounds() {
        let mut random = Random::seeded(1);
        let interval = Duration::from_millis(200);
        let drawn: Vec<Duration> = (0..100_000)
            .map(|_| spread(interval, 2.0, &mut random))
            .collect();
        let (low, high) = (Duration::from_millis(300), Duration::from_millis(500));
        assert!(drawn.iter().all(|time| (low..high).contains(time)));
        let mean = drawn.iter().sum::<Duration>().as_secs_f64() / 100_000.0;
        assert!((mean - 0.4).abs() < 0.002, "{mean}");
        assert!(drawn.iter().any(|time| *time < low.mul_f64(1.02)));
        assert!(drawn.iter().any(|time| *time > high.mul_f64(0.98)));
    }

    #[test]
    fn probes_wait_for_each_other_only_where_there_are_many() {
        let millis = Duration::from_millis;
        let tick_of = |packets, shortest| {
            let bytes = packets * 84.0;
            let tick = tick(Demand { packets, bytes }, shortest, 8 << 20);
            tick.map(|tick| Duration::from_micros(tick.as_micros().try_into().unwrap()))
        };
        assert_eq!(
            tick_of(1_000.0, millis(100)),
            Some(Duration::from_micros(68_181))
        );
        assert_eq!(tick_of(100.0, millis(1_000)), Some(millis(100)));
        // No large bursts.
        assert_eq!(tick_of(5_000.0, millis(200)), Some(millis(50)));
        // Never for long beside one that is probed often.
        let fast = tick_of(10_000.0, millis(10));
        assert_eq!(fast, Some(Duration::from_micros(6_818)));
        assert_eq!(tick_of(290.0, millis(10)), None);
        assert_eq!(tick_of(19.0, millis(1_000)), None);
        assert_eq!(tick_of(0.0, Duration::ZERO), None);
    }

    #[test]
    fn nor_for_longer_than_there_is_room_for_the_answers() {
        let demand = Demand {
            packets: 10_000.0,
            bytes: 840_000.0,
        };
        let interval = Duration::from_millis(200);
        // 119 200 bytes in 10 ms, four times which is a bit more than there is room for.
        let tick = tick(demand, interval, 416 << 10).unwrap();
        let millis = Duration::from_millis;
        assert!((millis(8)..millis(10)).contains(&tick), "{tick:?}");
    }

    #[test]
    fn timers_come_in_order_and_not_before_their_time() {
        let at = |secs| Moment(Duration::from_secs(secs));
        let mut timers = Timers::default();
        for (secs, what) in [(3, 'c'), (1, 'a'), (2, 'b')] {
            timers.add(at(secs), what);
        }
        assert_eq!(timers.pop(at(0)), None);
        assert_eq!(timers.next(), Some(at(1)));
        assert_eq!(timers.pop(at(2)), Some((at(1), 'a')));
        assert_eq!(timers.pop(at(2)), Some((at(2), 'b')));
        assert_eq!(timers.pop(at(2)), None);
    }

    #[test]
    fn the_longest_lag_is_forgotten_within_a_minute() {
        let at = |secs| Moment(Duration::from_secs(secs));
        let mut lag = Lag::default();
        lag.add(at(10), Duration::from_millis(7));
        lag.add(at(20), Duration::from_millis(2));
        assert_eq!(lag.longest(at(20)), Duration::from_millis(7));
        assert_eq!(lag.longest(at(59)), Duration::from_millis(7));
        lag.add(at(45), Duration::from_millis(3));
        assert_eq!(lag.longest(at(65)), Duration::from_millis(3));
        assert_eq!(lag.longest(at(90)), Duration::ZERO);
    }
}
