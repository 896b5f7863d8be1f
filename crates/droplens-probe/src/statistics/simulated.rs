//! Patterns of losses made by a generator, which the statistics have to recognise.

use std::time::Duration;

use droplens_model::Moment;
use droplens_model::sample::probes::{LossPattern, Outcome};

use super::Statistics;
use crate::flight::Ended;
use crate::random::Random;
use crate::schedule;

/// Probes for so long at an interval, lost as `lost` says, and what the statistics make of it.
fn watch(
    seed: u64,
    interval: Duration,
    seconds: u64,
    mut lost: impl FnMut(Duration, &mut Random) -> bool,
) -> LossPattern {
    let mut random = Random::seeded(seed);
    let mut statistics = Statistics::default();
    let mut now = schedule::phase(interval, 1.0, &mut random);
    let end = Duration::from_secs(seconds);
    for number in 0.. {
        let outcome = if lost(now, &mut random) {
            Outcome::Lost
        } else {
            Outcome::Ok
        };
        statistics.add(Ended {
            number,
            sent: Moment(now),
            outcome,
            round_trip: None,
        });
        now += schedule::spread(interval, 1.0, &mut random);
        if now > end {
            break;
        }
    }
    statistics.summary(Moment(end)).pattern
}

const INTERVALS: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(200)];

#[test]
fn random_losses_are_random() {
    for interval in INTERVALS {
        for percent in [1.0, 2.0, 5.0] {
            for seed in 0..20 {
                let found = watch(seed, interval, 600, |_, random| {
                    random.share() < percent / 100.0
                });
                assert_eq!(
                    found,
                    LossPattern::Random,
                    "{percent} % each {interval:?}, {seed}"
                );
            }
        }
    }
}

/// The model of Gilbert (1960): in the bad state everything is lost.
#[test]
fn bursts_are_bursts_and_their_length_is_found() {
    for interval in INTERVALS {
        for mean in [5.0, 10.0, 20.0] {
            for seed in 0..20 {
                let mut bad = false;
                let found = watch(seed, interval, 600, |_, random| {
                    let leave = if bad { 1.0 / mean } else { 0.05 / mean };
                    bad ^= random.share() < leave;
                    bad
                });
                let LossPattern::Burst { mean_packets } = found else {
                    panic!("{found:?}: bursts of {mean} each {interval:?}, {seed}");
                };
                assert!(
                    (mean / 2.5..mean * 2.5).contains(&mean_packets),
                    "{mean_packets} of {mean}"
                );
            }
        }
    }
}

#[test]
fn periodic_losses_are_periodic_and_the_period_is_found() {
    for interval in INTERVALS {
        for (seconds, length) in [(90, 200), (600, 200)] {
            for seed in 0..20 {
                let found = watch(seed, interval, seconds, |now, _| {
                    now.as_millis() % 3_000 < length
                });
                let LossPattern::Periodic { period } = found else {
                    panic!("{found:?}: each {interval:?} for {seconds} s, {seed}");
                };
                let off = period.abs_diff(Duration::from_secs(3));
                assert!(off < Duration::from_millis(60), "{period:?}");
            }
        }
    }
}

#[test]
fn little_evidence_is_no_pattern() {
    for seed in 0..20 {
        let found = watch(seed, INTERVALS[1], 60, |_, random| random.share() < 0.01);
        assert_eq!(found, LossPattern::Unknown);
        let outage = watch(seed, INTERVALS[1], 600, |now, _| {
            now > Duration::from_secs(300)
        });
        assert_eq!(outage, LossPattern::Unknown, "it goes on");
        let never = watch(seed, INTERVALS[1], 600, |_, _| false);
        assert_eq!(never, LossPattern::Unknown);
    }
}
