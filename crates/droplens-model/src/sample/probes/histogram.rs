//! Histograms with fixed bounds.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::serial::nanoseconds;

macro_rules! histogram {
    (
        $(#[$meta:meta])* $name:ident of $value:ty, $(#[$with:meta])*
        $count:literal bounds: $bounds:expr
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct $name {
            /// How many values.
            pub count: u64,
            /// Their sum.
            $(#[$with])*
            pub sum: $value,
            /// How many values were at most each of the bounds.
            pub buckets: [u64; $count],
        }

        impl $name {
            /// The bounds of the buckets.
            pub const BOUNDS: [$value; $count] = $bounds;

            /// Takes in one value.
            pub fn add(&mut self, value: $value) {
                self.count += 1;
                self.sum = self.sum.saturating_add(value);
                for (bucket, bound) in self.buckets.iter_mut().zip(Self::BOUNDS) {
                    *bucket += u64::from(value <= bound);
                }
            }

            /// What came in since an earlier state of the same histogram.
            #[must_use]
            pub fn since(&self, earlier: &Self) -> Self {
                let mut since = *self;
                since.count = self.count.saturating_sub(earlier.count);
                since.sum = self.sum.saturating_sub(earlier.sum);
                for (bucket, before) in since.buckets.iter_mut().zip(earlier.buckets) {
                    *bucket = bucket.saturating_sub(before);
                }
                since
            }

            /// Both together.
            #[must_use]
            pub fn with(&self, other: &Self) -> Self {
                let mut sum = *self;
                sum.count = self.count.saturating_add(other.count);
                sum.sum = self.sum.saturating_add(other.sum);
                for (bucket, more) in sum.buckets.iter_mut().zip(other.buckets) {
                    *bucket = bucket.saturating_add(more);
                }
                sum
            }
        }
    };
}

histogram! {
    /// Round-trip times.
    RoundTrips of Duration, #[serde(with = "nanoseconds")]
    14 bounds: [
        Duration::from_micros(50),
        Duration::from_micros(100),
        Duration::from_micros(250),
        Duration::from_micros(500),
        Duration::from_millis(1),
        Duration::from_micros(2_500),
        Duration::from_millis(5),
        Duration::from_millis(10),
        Duration::from_millis(25),
        Duration::from_millis(50),
        Duration::from_millis(100),
        Duration::from_millis(250),
        Duration::from_secs(1),
        Duration::from_secs(10),
    ]
}

histogram! {
    /// Times of a step of a probe. Among the bounds are those beyond which a step is slow.
    PhaseTimes of Duration, #[serde(with = "nanoseconds")]
    11 bounds: [
        Duration::from_millis(1),
        Duration::from_millis(5),
        Duration::from_millis(10),
        Duration::from_millis(25),
        Duration::from_millis(50),
        Duration::from_millis(100),
        Duration::from_millis(200),
        Duration::from_millis(500),
        Duration::from_secs(1),
        Duration::from_millis(2_500),
        Duration::from_secs(10),
    ]
}

histogram! {
    /// Lost probes in a row.
    BurstPackets of u64, 8 bounds: [1, 2, 3, 5, 10, 20, 50, 100]
}

histogram! {
    /// Answered probes between two losses.
    GapPackets of u64, 8 bounds: [1, 5, 10, 20, 50, 100, 1_000, 10_000]
}

histogram! {
    /// Durations of losses in a row.
    BurstDurations of Duration, #[serde(with = "nanoseconds")]
    8 bounds: [
        Duration::from_millis(100),
        Duration::from_millis(250),
        Duration::from_millis(500),
        Duration::from_secs(1),
        Duration::from_secs(5),
        Duration::from_secs(10),
        Duration::from_secs(60),
        Duration::from_secs(600),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_on_a_bound_is_within_it() {
        let mut bursts = BurstPackets::default();
        for packets in [1, 4, 5, 101] {
            bursts.add(packets);
        }
        assert_eq!(bursts.buckets, [1, 1, 1, 3, 3, 3, 3, 3]);
        assert_eq!((bursts.count, bursts.sum), (4, 111));
    }

    #[test]
    fn bounds_rise() {
        assert!(RoundTrips::BOUNDS.is_sorted_by(|a, b| a < b));
        assert!(BurstPackets::BOUNDS.is_sorted_by(|a, b| a < b));
        assert!(GapPackets::BOUNDS.is_sorted_by(|a, b| a < b));
        assert!(BurstDurations::BOUNDS.is_sorted_by(|a, b| a < b));
    }
}
