//! How losses on the path are spread over time.

use std::collections::VecDeque;

use droplens_model::Pattern;

/// So many bins of one fast sample each are looked at: a minute.
const BINS: usize = 600;

/// With fewer losses than this nothing can be said.
const ENOUGH: u64 = 20;

/// Variance over mean of the bins above which losses come in bursts. Losses that strike each packet
/// alike have 1; congestion windows that leave in one go raise it to about 3.
const BURSTY: f64 = 5.0;

/// Bins without a loss that part two bursts.
const GAP: usize = 5;

/// Bursts needed to call them periodic, and how much the time between them may waver.
const PERIODIC_BURSTS: usize = 4;
const PERIODIC_WAVER: f64 = 0.15;

/// Losses per fast sample, for the last minute.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rhythm {
    bins: VecDeque<u64>,
}

impl Rhythm {
    /// Takes in the losses of one fast sample.
    pub(crate) fn add(&mut self, losses: u64) {
        self.bins.push_back(losses);
        while self.bins.len() > BINS {
            self.bins.pop_front();
        }
    }

    /// The pattern of the losses from the first to the last one.
    pub(crate) fn pattern(&self) -> Pattern {
        let first = self.bins.iter().position(|losses| *losses > 0);
        let last = self.bins.iter().rposition(|losses| *losses > 0);
        let (Some(first), Some(last)) = (first, last) else {
            return Pattern::Unknown;
        };
        let bins: Vec<u64> = self.bins.range(first..=last).copied().collect();
        let total: u64 = bins.iter().sum();
        if total < ENOUGH || bins.len() < 2 * GAP {
            return Pattern::Unknown;
        }
        let mean = total as f64 / bins.len() as f64;
        let squares = bins.iter().map(|losses| (*losses as f64 - mean).powi(2));
        let dispersion = squares.sum::<f64>() / bins.len() as f64 / mean;
        if dispersion < BURSTY {
            Pattern::Random
        } else if is_periodic(&starts(&bins)) {
            Pattern::Periodic
        } else {
            Pattern::Burst
        }
    }
}

/// Where bursts begin.
fn starts(bins: &[u64]) -> Vec<usize> {
    let mut starts = Vec::new();
    let mut quiet = GAP;
    for (at, losses) in bins.iter().enumerate() {
        if *losses == 0 {
            quiet += 1;
        } else {
            if quiet >= GAP {
                starts.push(at);
            }
            quiet = 0;
        }
    }
    starts
}

fn is_periodic(starts: &[usize]) -> bool {
    let gaps: Vec<f64> = starts
        .iter()
        .zip(starts.iter().skip(1))
        .map(|(from, to)| (to - from) as f64)
        .collect();
    if starts.len() < PERIODIC_BURSTS {
        return false;
    }
    let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
    let squares = gaps.iter().map(|gap| (gap - mean).powi(2));
    let deviation = (squares.sum::<f64>() / gaps.len() as f64).sqrt();
    deviation / mean <= PERIODIC_WAVER
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(bins: impl Iterator<Item = u64>) -> Pattern {
        let mut rhythm = Rhythm::default();
        bins.for_each(|losses| rhythm.add(losses));
        rhythm.pattern()
    }

    #[test]
    fn patterns_are_told_apart() {
        // A small generator with even spread: about two losses in three bins.
        let mut state = 1_u64;
        let mut next = move || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            state >> 33
        };
        let random = (0..300).map(|_| u64::from(next() % 3 == 0) + u64::from(next() % 3 == 0));
        assert_eq!(pattern(random), Pattern::Random);
        let periodic = (0..300).map(|bin| if bin % 30 < 2 { 15 } else { 0 });
        assert_eq!(pattern(periodic), Pattern::Periodic);
        let at = [3, 40, 55, 140, 150, 260];
        let bursts = (0..300).map(|bin| if at.contains(&bin) { 25 } else { 0 });
        assert_eq!(pattern(bursts), Pattern::Burst);
    }

    #[test]
    fn a_few_losses_prove_no_pattern() {
        assert_eq!(
            pattern((0..100).map(|bin| u64::from(bin % 10 == 0))),
            Pattern::Unknown
        );
        assert_eq!(pattern(std::iter::empty()), Pattern::Unknown);
    }
}
