//! Deciding which packets vanish.

use std::time::Instant;

use super::random::Random;
use super::{GilbertElliott, Loss};

/// A kind of loss with what it remembers.
#[derive(Debug)]
pub(super) struct Losing {
    loss: Loss,
    /// Packets seen.
    seen: u64,
    since: Instant,
    bad: bool,
}

impl Losing {
    pub(super) fn new(loss: Loss, now: Instant) -> Self {
        Self {
            loss,
            seen: 0,
            since: now,
            bad: false,
        }
    }

    /// Whether the next packet is lost; `bytes` are those of the IP packet, which is `length`
    /// bytes long by its header.
    pub(super) fn next(
        &mut self,
        bytes: &[u8],
        length: usize,
        now: Instant,
        random: &mut Random,
    ) -> bool {
        self.seen += 1;
        match self.loss {
            Loss::None => false,
            Loss::Random(probability) => random.chance(probability),
            Loss::GilbertElliott(model) => self.next_of(model, random),
            Loss::Burst { every, lasts } => {
                let period = every.as_nanos().max(1);
                let phase = now.duration_since(self.since).as_nanos() % period;
                phase >= period.saturating_sub(lasts.as_nanos())
            }
            Loss::Every(n) => n != 0 && self.seen.is_multiple_of(u64::from(n)),
            Loss::Next(count) => self.seen <= count,
            Loss::Larger(limit) => length > limit,
            Loss::Matching(matches) => matches(bytes),
        }
    }

    fn next_of(&mut self, model: GilbertElliott, random: &mut Random) -> bool {
        let change = if self.bad {
            model.recover
        } else {
            model.worsen
        };
        self.bad ^= random.chance(change);
        random.chance(if self.bad {
            model.loss_bad
        } else {
            model.loss_good
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn lost(loss: Loss, packets: &[(usize, Duration)]) -> Vec<bool> {
        let start = Instant::now();
        let mut losing = Losing::new(loss, start);
        let mut random = Random::new(1);
        packets
            .iter()
            .map(|&(length, at)| losing.next(&[7; 4], length, start + at, &mut random))
            .collect()
    }

    fn at_once(loss: Loss, count: usize) -> Vec<bool> {
        lost(loss, &vec![(100, Duration::ZERO); count])
    }

    #[test]
    fn counted_kinds() {
        assert_eq!(at_once(Loss::None, 2), [false, false]);
        assert_eq!(at_once(Loss::Every(2), 4), [false, true, false, true]);
        assert_eq!(at_once(Loss::Every(0), 2), [false, false]);
        assert_eq!(at_once(Loss::Next(2), 4), [true, true, false, false]);
        assert_eq!(at_once(Loss::Matching(|bytes| bytes == [7; 4]), 1), [true]);
    }

    #[test]
    fn a_burst_ends_each_period() {
        let loss = Loss::Burst {
            every: Duration::from_secs(3),
            lasts: Duration::from_millis(200),
        };
        let packets = [0, 2799, 2800, 2999, 3000, 5799, 5800, 6000]
            .map(|at| (100, Duration::from_millis(at)));
        let expected = [false, false, true, true, false, false, true, false];
        assert_eq!(lost(loss, &packets), expected);
    }

    #[test]
    fn larger_means_larger() {
        let packets = [1400, 1401].map(|length| (length, Duration::ZERO));
        assert_eq!(lost(Loss::Larger(1400), &packets), [false, true]);
    }

    #[test]
    fn bursts_have_the_mean_they_are_asked_for() {
        let lost = at_once(Loss::bursts(0.05, 20.0), 400_000);
        let total = lost.iter().filter(|lost| **lost).count();
        let runs = lost
            .chunk_by(|one, next| one == next)
            .filter(|run| run.contains(&true));
        let (share, length) = (total as f64 / 400_000.0, total as f64 / runs.count() as f64);
        assert!((0.04..0.06).contains(&share), "loss {share}");
        assert!((18.0..22.0).contains(&length), "mean burst {length}");
    }
}
