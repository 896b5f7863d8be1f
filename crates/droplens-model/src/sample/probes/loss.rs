//! How many probes were lost, how sure that is, and how the losses are spread.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Pattern;
use crate::serial::nanoseconds;

/// The normal quantile of a confidence of 95 %.
const Z: f64 = 1.959_964;

/// Lost probes out of those that could tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LossRatio {
    /// Lost.
    pub lost: u64,
    /// Out of so many.
    pub of: u64,
}

impl LossRatio {
    /// The ratio from 0 to 1; none without probes.
    pub fn ratio(self) -> Option<f64> {
        (self.of > 0).then(|| self.lost as f64 / self.of as f64)
    }

    /// The bounds between which the true ratio lies with 95 % confidence, if losses are
    /// independent: Wilson's score interval, which stays true for few probes and for no loss at
    /// all. From 0 to 1 without probes. Losses in bursts make the true interval wider.
    pub fn interval(self) -> (f64, f64) {
        let Some(ratio) = self.ratio() else {
            return (0.0, 1.0);
        };
        let n = self.of as f64;
        let scale = 1.0 + Z * Z / n;
        let middle = (ratio + Z * Z / (2.0 * n)) / scale;
        let half = Z / scale * (ratio * (1.0 - ratio) / n + Z * Z / (4.0 * n * n)).sqrt();
        // At the ends rounding would leave a trace of the other side.
        let low = if self.lost == 0 { 0.0 } else { middle - half };
        let high = if self.lost >= self.of {
            1.0
        } else {
            middle + half
        };
        (low.clamp(0.0, 1.0), high.clamp(0.0, 1.0))
    }
}

/// How the newest losses are spread, with the figure that belongs to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "pattern", rename_all = "snake_case")]
pub enum LossPattern {
    /// Too few losses, or too short a time, to tell.
    #[default]
    Unknown,
    /// Each packet is as likely to be lost as any other.
    Random,
    /// Many in a row, at irregular times.
    Burst {
        /// Lost probes in a row, on average.
        mean_packets: f64,
    },
    /// At regular times.
    Periodic {
        /// The time from one to the next.
        #[serde(with = "nanoseconds")]
        period: Duration,
    },
}

impl LossPattern {
    /// The pattern without its figure.
    pub const fn pattern(self) -> Pattern {
        match self {
            Self::Unknown => Pattern::Unknown,
            Self::Random => Pattern::Random,
            Self::Burst { .. } => Pattern::Burst,
            Self::Periodic { .. } => Pattern::Periodic,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close((low, high): (f64, f64), expected: (f64, f64)) {
        assert!((low - expected.0).abs() < 5e-5, "{low} {expected:?}");
        assert!((high - expected.1).abs() < 5e-5, "{high} {expected:?}");
    }

    #[test]
    fn the_interval_is_wilsons() {
        // Values of the published formula, worked out by other means.
        close(LossRatio { lost: 0, of: 10 }.interval(), (0.0, 0.27753));
        close(LossRatio { lost: 1, of: 10 }.interval(), (0.01788, 0.40415));
        close(LossRatio { lost: 10, of: 10 }.interval(), (0.72247, 1.0));
        close(
            LossRatio { lost: 5, of: 1000 }.interval(),
            (0.00214, 0.01165),
        );
        close(LossRatio::default().interval(), (0.0, 1.0));
        assert_eq!(LossRatio::default().ratio(), None);
    }
}
