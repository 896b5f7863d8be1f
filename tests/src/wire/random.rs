//! Random numbers that come again with the same seed.

/// `SplitMix64`: one addition and a mixing function, which is random enough to lose packets by.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Evenly spread from 0 (included) to 1 (excluded).
    pub(super) fn fraction(&mut self) -> f64 {
        // A double holds 53 bits exactly.
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True with this probability; 0 is never, 1 is always.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.fraction() < probability
    }

    /// Evenly spread from 0 to below `end`; 0 if there is nothing below it.
    pub(super) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX);
        let value = self.next().checked_rem(end).unwrap_or(0);
        usize::try_from(value).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_sequence() {
        // The first values of the reference implementation for seed 1234567.
        let mut random = Random::new(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
        assert_eq!(random.next(), 9_817_491_932_198_370_423);
    }

    #[test]
    fn never_always_and_in_between() {
        let mut random = Random::new(7);
        let mut hits = |probability| (0..10_000).filter(|_| random.chance(probability)).count();
        assert_eq!((hits(0.0), hits(1.0)), (0, 10_000));
        let tenth = hits(0.1);
        assert!((800..1200).contains(&tenth), "{tenth} of 10 000 at 0.1");
    }
}
