//! What a histogram of times says: means, quantiles, and whether most are too long.

use std::time::Duration;

use super::{PhaseTimes, RoundTrips};

/// The times in a histogram.
#[derive(Clone, Copy, Debug)]
pub struct Times<'h> {
    bounds: &'static [Duration],
    /// How many were at most each of the bounds.
    buckets: &'h [u64],
    count: u64,
    sum: Duration,
}

/// One bucket: above the first time, up to the second one, if it ends.
type Bucket = (Duration, Option<Duration>);

impl RoundTrips {
    /// The times.
    pub fn times(&self) -> Times<'_> {
        Times {
            bounds: &Self::BOUNDS,
            buckets: &self.buckets,
            count: self.count,
            sum: self.sum,
        }
    }
}

impl PhaseTimes {
    /// The times.
    pub fn times(&self) -> Times<'_> {
        Times {
            bounds: &Self::BOUNDS,
            buckets: &self.buckets,
            count: self.count,
            sum: self.sum,
        }
    }
}

impl Times<'_> {
    /// How many.
    pub const fn count(self) -> u64 {
        self.count
    }

    /// The mean, which is exact.
    pub fn mean(self) -> Option<Duration> {
        (self.count > 0).then(|| self.sum.div_f64(self.count as f64))
    }

    /// The time that this share of them does not exceed, an estimate: times within a bucket are
    /// taken to be spread evenly. Where the last one is in an unbounded bucket, its lower bound.
    pub fn quantile(self, share: f64) -> Option<Duration> {
        let rank = share * self.count as f64;
        let (bucket, below, within) = self.bucket(rank)?;
        Some(match bucket {
            (low, Some(high)) => {
                let into = ((rank - below as f64) / within as f64).clamp(0.0, 1.0);
                low + high.saturating_sub(low).mul_f64(into)
            }
            (low, None) => low,
        })
    }

    /// Whether a typical one is longer than the limit: the median is. Where the limit is inside the
    /// median's bucket, the mean tells, which is exact and not far off within one bucket.
    pub fn are_above(self, limit: Duration) -> bool {
        let middle = self.bucket(self.count as f64 / 2.0);
        match middle {
            Some(((low, _), ..)) if low >= limit => true,
            Some(((_, Some(high)), ..)) if high <= limit => false,
            Some(_) => self.mean().is_some_and(|mean| mean > limit),
            None => false,
        }
    }

    /// The bucket with the value of this rank, how many are below it and how many in it.
    fn bucket(self, rank: f64) -> Option<(Bucket, u64, u64)> {
        if self.count == 0 {
            return None;
        }
        let mut low = Duration::ZERO;
        let mut below = 0;
        for (bound, up_to) in self.bounds.iter().zip(self.buckets) {
            let within = up_to.saturating_sub(below);
            if within > 0 && *up_to as f64 >= rank {
                return Some(((low, Some(*bound)), below, within));
            }
            low = *bound;
            below = below.max(*up_to);
        }
        Some(((low, None), below, self.count.saturating_sub(below)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(milliseconds: &[u64]) -> RoundTrips {
        let mut times = RoundTrips::default();
        for time in milliseconds {
            times.add(Duration::from_millis(*time));
        }
        times
    }

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn quantiles_lie_in_the_bucket_of_their_rank() {
        let times = of(&[2, 2, 2, 2, 2, 2, 2, 2, 2, 40]);
        let median = times.times().quantile(0.5).unwrap();
        assert!(median > ms(1) && median <= Duration::from_micros(2_500));
        let tail = times.times().quantile(0.99).unwrap();
        assert!(tail > ms(25) && tail <= ms(50), "{tail:?}");
        assert_eq!(of(&[20_000]).times().quantile(0.5), Some(ms(10_000)));
        assert_eq!(of(&[]).times().quantile(0.5), None);
        assert_eq!(times.times().mean(), Some(Duration::from_micros(5_800)));
    }

    #[test]
    fn one_slow_answer_makes_no_slow_target() {
        assert!(!of(&[2, 2, 2, 900]).times().are_above(ms(100)));
        assert!(of(&[2, 900, 900]).times().are_above(ms(100)));
    }

    #[test]
    fn a_limit_inside_a_bucket_is_kept_by_the_mean() {
        // 100 to 250 ms is one bucket.
        assert!(!of(&[110, 120, 130]).times().are_above(ms(200)));
        assert!(of(&[210, 220, 230]).times().are_above(ms(200)));
        assert!(!of(&[200]).times().are_above(ms(200)));
        assert!(!of(&[]).times().are_above(ms(0)));
    }

    #[test]
    fn what_came_in_since_is_the_difference() {
        let early = of(&[2, 40]);
        let late = of(&[2, 40, 7]);
        assert_eq!(late.since(&early), of(&[7]));
        assert_eq!(early.with(&of(&[7])), late);
    }
}
