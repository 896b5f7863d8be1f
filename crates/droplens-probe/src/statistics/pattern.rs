//! How losses are spread: at random, in bursts or periodically.
//!
//! Random and bursts are told apart by the runs test (Wald and Wolfowitz 1940): lost and answered
//! probes that do not depend on each other alternate so often, and bursts make fewer runs. A period
//! is found by folding the times at which runs begin and testing whether their phases agree
//! (Rayleigh's test), which also works if the probes miss some of them.

use std::time::Duration;

use droplens_model::sample::probes::LossPattern;

use super::runs::Run;

/// Fewer losses or runs prove no burst.
const BURST_LOSSES: u64 = 10;
const BURST_RUNS: usize = 3;

/// Runs are longer than those of independent losses by this factor, and their number is this many
/// standard deviations below the expected one.
const BURST_RATIO: f64 = 1.5;
const BURST_DEVIATIONS: f64 = 4.0;

/// So many runs, no longer than this factor, show that losses are independent.
const RANDOM_RUNS: usize = 15;
const RANDOM_RATIO: f64 = 1.3;

/// The newest runs that are searched for a period, at most and at least.
const PERIOD_RUNS: usize = 64;
const PERIOD_RUNS_LEAST: usize = 8;

/// Length of the mean phase vector: 1 if all agree.
const PERIOD_AGREEMENT: f64 = 0.8;

/// The chance to find agreement in independent times is below e to the minus this.
const PERIOD_SIGNIFICANCE: f64 = 8.0;

/// Runs in a cycle: losses that the probes see in fewer cycles, or more often, have no period.
const PERIOD_COVERAGE: (f64, f64) = (0.25, 1.3);

/// A period is at least so many probes long: faster ones are the rhythm of the probes.
const PERIOD_PROBES: f64 = 4.0;

/// Step of the search, in cycles over the whole time.
const PERIOD_STEP: f64 = 0.1;

/// The pattern of runs of losses, in order.
pub(super) fn of(runs: &[Run]) -> LossPattern {
    let lost: u64 = runs.iter().map(|run| run.packets).sum();
    let answered: u64 = runs.iter().skip(1).map(|run| run.before).sum();
    if lost == 0 || answered == 0 {
        return LossPattern::Unknown;
    }
    if let Some(period) = period(runs, lost + answered) {
        return LossPattern::Periodic { period };
    }
    let (ratio, deviations) = runs_test(lost as f64, answered as f64, runs.len() as f64);
    if runs.len() >= BURST_RUNS
        && lost >= BURST_LOSSES
        && ratio >= BURST_RATIO
        && deviations <= -BURST_DEVIATIONS
    {
        let mean_packets = lost as f64 / runs.len() as f64;
        return LossPattern::Burst { mean_packets };
    }
    if runs.len() >= RANDOM_RUNS && ratio <= RANDOM_RATIO {
        return LossPattern::Random;
    }
    LossPattern::Unknown
}

/// The mean length of runs, compared with that of independent losses, and by how many standard
/// deviations the number of runs is above that of independent losses.
fn runs_test(lost: f64, answered: f64, runs: f64) -> (f64, f64) {
    let all = lost + answered;
    // The first and the last one are lost, so there is one run of answers less than of losses.
    let seen = 2.0 * runs - 1.0;
    let expected = 2.0 * lost * answered / all + 1.0;
    let variance = (expected - 1.0) * (expected - 2.0) / (all - 1.0);
    let ratio = lost / runs * (answered / all);
    (ratio, (seen - expected) / variance.max(1e-9).sqrt())
}

/// The time from run to run, if they come at regular times.
fn period(runs: &[Run], probes: u64) -> Option<Duration> {
    let (begin, end) = (runs.first()?.start, runs.last()?.start);
    let shortest = end.since(begin).as_secs_f64() / probes as f64 * PERIOD_PROBES;
    let newest = runs.get(runs.len().saturating_sub(PERIOD_RUNS)..)?;
    let begin = newest.first()?.start;
    let span = end.since(begin).as_secs_f64();
    if newest.len() < PERIOD_RUNS_LEAST || span <= 0.0 {
        return None;
    }
    // Between the first and the last run lie one cycle less than there are places for runs.
    let count = newest.len() as f64;
    let least = count / PERIOD_COVERAGE.1 - 1.0;
    let most = (count / PERIOD_COVERAGE.0 - 1.0).min(span / shortest);
    let places = newest
        .iter()
        .map(|run| run.start.since(begin).as_secs_f64() / span);
    let mut fold = Fold::new(places, least);
    let needed = (most - least).max(1.0).ln() + PERIOD_SIGNIFICANCE;
    // The lowest frequency that agrees is the true one; its multiples agree as well.
    let mut best: Option<(f64, f64)> = None;
    let mut cycles = least;
    while cycles <= most {
        let agreement = fold.agreement();
        if let Some((at, highest)) = &mut best {
            if cycles - *at > 1.0 {
                break;
            }
            if agreement > *highest {
                (*at, *highest) = (cycles, agreement);
            }
        } else if agreement >= PERIOD_AGREEMENT && count * agreement * agreement >= needed {
            best = Some((cycles, agreement));
        }
        cycles += PERIOD_STEP;
        fold.step();
    }
    best.map(|(cycles, _)| Duration::from_secs_f64(span / cycles))
}

/// Phases of all times at one frequency, turned on step by step to the next frequency.
struct Fold(Vec<(Turn, Turn)>);

/// A point on the unit circle.
#[derive(Clone, Copy)]
struct Turn(f64, f64);

impl Turn {
    fn of(turns: f64) -> Self {
        let (sin, cos) = (turns * std::f64::consts::TAU).sin_cos();
        Self(cos, sin)
    }

    fn by(self, other: Self) -> Self {
        Self(
            self.0 * other.0 - self.1 * other.1,
            self.0 * other.1 + self.1 * other.0,
        )
    }
}

impl Fold {
    /// Of times as shares of the whole, at so many cycles.
    fn new(places: impl Iterator<Item = f64>, cycles: f64) -> Self {
        let phases = places.map(|place| (Turn::of(place * cycles), Turn::of(place * PERIOD_STEP)));
        Self(phases.collect())
    }

    fn step(&mut self) {
        for (phase, step) in &mut self.0 {
            *phase = phase.by(*step);
        }
    }

    /// The length of the mean phase vector, from 0 to 1.
    fn agreement(&self) -> f64 {
        let (cos, sin) = self.0.iter().fold((0.0, 0.0), |(cos, sin), (phase, _)| {
            (cos + phase.0, sin + phase.1)
        });
        f64::hypot(cos, sin) / self.0.len() as f64
    }
}
