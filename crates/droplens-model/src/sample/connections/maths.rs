//! Formulas about TCP.

use std::time::Duration;

/// `part / whole`, or none if there is no whole.
pub fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// The bytes that must be in flight to keep a path busy: `rate` (bytes per second) times the
/// round-trip time, rounded down. A smaller window cannot use the whole rate
/// ([RFC 7323, section 1.1](https://www.rfc-editor.org/rfc/rfc7323#section-1.1)).
pub fn bandwidth_delay_product(rate: u64, rtt: Duration) -> u64 {
    let product = u128::from(rate).saturating_mul(rtt.as_nanos()) / 1_000_000_000;
    u64::try_from(product).unwrap_or(u64::MAX)
}

/// The bytes per second above which a loss-based congestion control (Reno, roughly CUBIC; not
/// BBR) cannot stay: `mss / rtt * sqrt(3/2) / sqrt(loss)`, the constant being 1.22
/// ([Mathis et al. 1997](https://doi.org/10.1145/263932.264023), for losses far apart and an
/// acknowledgement of every segment). `loss` is the share of segments lost, above 0 and up to 1.
pub fn mathis_bound(mss: u32, rtt: Duration, loss: f64) -> Option<f64> {
    let sensible = !rtt.is_zero() && loss > 0.0 && loss <= 1.0;
    sensible.then(|| f64::from(mss) / rtt.as_secs_f64() * 1.5_f64.sqrt() / loss.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_gigabit_over_forty_milliseconds_takes_five_megabytes() {
        let product = bandwidth_delay_product(125_000_000, Duration::from_millis(40));
        assert_eq!(product, 5_000_000);
        assert_eq!(bandwidth_delay_product(1, Duration::from_millis(1)), 0);
        assert_eq!(bandwidth_delay_product(u64::MAX, Duration::MAX), u64::MAX);
    }

    #[test]
    fn a_percent_of_loss_bounds_the_rate() {
        // 1 460 bytes / 100 ms * 1.2247 / 0.1 = 178.8 kB/s.
        let bound = mathis_bound(1_460, Duration::from_millis(100), 0.01).unwrap();
        assert!((bound - 178_813.0).abs() < 1.0, "{bound}");
        let quarter = mathis_bound(1_460, Duration::from_millis(100), 0.16).unwrap();
        assert!((bound / quarter - 4.0).abs() < 1e-9);
    }

    #[test]
    fn without_loss_or_round_trip_there_is_no_bound() {
        let second = Duration::from_secs(1);
        for (rtt, loss) in [
            (second, 0.0),
            (second, -0.1),
            (second, 1.1),
            (second, f64::NAN),
            (Duration::ZERO, 0.1),
        ] {
            assert_eq!(mathis_bound(1_460, rtt, loss), None, "{rtt:?} {loss}");
        }
        assert_eq!(ratio(0, 0), None);
        assert_eq!(ratio(1, 4), Some(0.25));
    }

    proptest! {
        #[test]
        fn more_loss_never_allows_more(mss in 1_u32.., millis in 1_u64..10_000, loss in 0.0001..0.5) {
            let rtt = Duration::from_millis(millis);
            let bound = mathis_bound(mss, rtt, loss).unwrap();
            prop_assert!(bound >= mathis_bound(mss, rtt, loss * 2.0).unwrap());
        }
    }
}
