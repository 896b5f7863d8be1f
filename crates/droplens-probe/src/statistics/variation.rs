//! How round-trip times vary.

use std::collections::VecDeque;
use std::time::Duration;

/// So many of the newest round-trip times are kept.
const KEPT: usize = 128;

/// With fewer of them there is no percentile.
const ENOUGH: usize = 20;

/// The newest round-trip times and their smoothed differences.
#[derive(Debug, Default)]
pub(super) struct Variation {
    newest: VecDeque<Duration>,
    /// Sixteen times the jitter, in nanoseconds (RFC 3550, appendix A.8).
    scaled: Option<u64>,
}

impl Variation {
    /// Takes in the next round-trip time, in send order.
    pub(super) fn add(&mut self, time: Duration) {
        if let Some(last) = self.newest.back() {
            let difference = u64::try_from(last.abs_diff(time).as_nanos()).unwrap_or(u64::MAX);
            let scaled = self.scaled.unwrap_or(0);
            let decay = scaled.saturating_add(8) / 16;
            self.scaled = Some(scaled.saturating_add(difference).saturating_sub(decay));
        }
        // Before it is added: room for one more would be room for twice as many.
        while self.newest.len() >= KEPT {
            self.newest.pop_front();
        }
        self.newest.push_back(time);
    }

    /// The newest round-trip times, in send order: at most 128.
    pub(super) fn newest(&self) -> impl Iterator<Item = Duration> {
        self.newest.iter().copied()
    }

    /// The interarrival jitter of RFC 3550, section 6.4.1, of round trips instead of one way.
    pub(super) fn jitter(&self) -> Option<Duration> {
        self.scaled
            .map(|scaled| Duration::from_nanos(scaled.saturating_add(8) / 16))
    }

    /// The 95th percentile of the packet delay variation (RFC 5481, section 4.2): of the times
    /// above the smallest of them.
    pub(super) fn above_minimum(&self) -> Option<Duration> {
        if self.newest.len() < ENOUGH {
            return None;
        }
        let mut room = [Duration::ZERO; KEPT];
        let times = room.get_mut(..self.newest.len())?;
        for (time, newest) in times.iter_mut().zip(&self.newest) {
            *time = *newest;
        }
        let minimum = *times.iter().min()?;
        // The smallest time that 95 % are not above.
        let rank = (times.len() * 95).div_ceil(100).saturating_sub(1);
        let (_, percentile, _) = times.select_nth_unstable(rank);
        Some(percentile.saturating_sub(minimum))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(millis: impl Iterator<Item = u64>) -> Variation {
        let mut variation = Variation::default();
        millis.for_each(|time| variation.add(Duration::from_millis(time)));
        variation
    }

    #[test]
    fn jitter_comes_close_to_a_steady_difference() {
        assert_eq!(of([5].into_iter()).jitter(), None);
        assert_eq!(of([5, 5, 5].into_iter()).jitter(), Some(Duration::ZERO));
        // One difference of 16 ms counts a sixteenth.
        let jitter = of([5, 21].into_iter()).jitter();
        assert_eq!(jitter, Some(Duration::from_millis(1)));
        let jitter = of((0..400).map(|n| 10 + n % 2 * 4)).jitter().unwrap();
        assert!(jitter.abs_diff(Duration::from_millis(4)) < Duration::from_micros(1));
    }

    #[test]
    fn delay_variation_is_what_most_are_above_the_best() {
        assert_eq!(of(0..19).above_minimum(), None);
        // 50 ms is best and 95 of 100 are at most 94 above.
        let variation = of((50..150).rev()).above_minimum();
        assert_eq!(variation, Some(Duration::from_millis(94)));
    }
}
