//! 32-bit kernel counters made 64-bit.

use rustc_hash::FxHashMap;
use std::hash::Hash;

/// Extends a 32-bit counter to 64 bits by watching it.
///
/// A step backwards is a wrap if the shortest way forward is less than half the range, otherwise
/// a reset; after a reset the total goes on from where it was. Either way the total never falls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wrapping32 {
    last: Option<u32>,
    total: u64,
}

impl Wrapping32 {
    /// Takes in the counter's present value and returns the 64-bit total.
    pub fn observe(&mut self, raw: u32) -> u64 {
        let step = match self.last {
            None => u64::from(raw),
            Some(last) if raw >= last => u64::from(raw - last),
            Some(last) if raw.wrapping_sub(last) <= u32::MAX / 2 => {
                u64::from(raw.wrapping_sub(last))
            }
            Some(_reset) => u64::from(raw),
        };
        self.last = Some(raw);
        self.total = self.total.saturating_add(step);
        self.total
    }
}

/// A [`Wrapping32`] for each of `N` counters of many objects that come and go.
#[derive(Debug)]
pub struct Unwrapper<K, const N: usize> {
    counters: FxHashMap<K, ([Wrapping32; N], u64)>,
    round: u64,
}

impl<K, const N: usize> Default for Unwrapper<K, N> {
    fn default() -> Self {
        Self {
            counters: FxHashMap::default(),
            round: 0,
        }
    }
}

impl<K: Eq + Hash, const N: usize> Unwrapper<K, N> {
    /// Takes in the counters of one object and returns them as 64-bit totals.
    pub fn observe(&mut self, key: K, raw: [u32; N]) -> [u64; N] {
        let (counters, seen) = self
            .counters
            .entry(key)
            .or_insert_with(|| ([Wrapping32::default(); N], 0));
        *seen = self.round;
        let mut totals = [0; N];
        for ((total, counter), value) in totals.iter_mut().zip(counters).zip(raw) {
            *total = counter.observe(value);
        }
        totals
    }

    /// Ends a round of observations and forgets the objects that were not seen in it.
    pub fn finish(&mut self) {
        let round = self.round;
        self.counters.retain(|_, (_, seen)| *seen == round);
        self.round = round.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_wrap_goes_on_and_a_reset_starts_anew() {
        let mut counter = Wrapping32::default();
        assert_eq!(counter.observe(u32::MAX - 1), u64::from(u32::MAX) - 1);
        assert_eq!(counter.observe(3), u64::from(u32::MAX) + 4);
        let mut counter = Wrapping32::default();
        assert_eq!(counter.observe(1_000), 1_000);
        assert_eq!(counter.observe(10), 1_010, "a reset keeps what was counted");
    }

    #[test]
    fn an_object_that_was_not_seen_is_forgotten() {
        let mut unwrapper = Unwrapper::<&str, 1>::default();
        assert_eq!(unwrapper.observe("a", [5]), [5]);
        unwrapper.finish();
        assert_eq!(unwrapper.observe("b", [1]), [1]);
        unwrapper.finish();
        assert_eq!(unwrapper.observe("a", [2]), [2]);
    }

    proptest! {
        #[test]
        fn steps_below_half_the_range_are_followed_exactly(
            start in any::<u32>(),
            steps in proptest::collection::vec(0..=u32::MAX / 2, 0..50),
        ) {
            let mut counter = Wrapping32::default();
            let mut raw = start;
            let mut exact = counter.observe(raw);
            prop_assert_eq!(exact, u64::from(start));
            for step in steps {
                raw = raw.wrapping_add(step);
                exact += u64::from(step);
                prop_assert_eq!(counter.observe(raw), exact);
            }
        }

        #[test]
        fn a_total_never_falls(values in proptest::collection::vec(any::<u32>(), 1..50)) {
            let mut counter = Wrapping32::default();
            let mut last = 0;
            for value in values {
                let total = counter.observe(value);
                prop_assert!(total >= last);
                last = total;
            }
        }
    }
}
