//! The CPU budget: stretches intervals on hosts where reading costs much.

use std::time::Duration;

/// What one source would like, may have and costs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Demand {
    /// The interval when nothing stretches it.
    pub(super) nominal: Duration,
    /// The longest interval.
    pub(super) ceiling: Duration,
    /// CPU time of one reading.
    pub(super) cost: Duration,
}

impl Demand {
    fn interval(&self, factor: f64) -> Duration {
        self.nominal.mul_f64(factor).min(self.ceiling)
    }

    /// Share of one core at this interval.
    fn share(&self, factor: f64) -> f64 {
        self.cost.as_secs_f64() / self.interval(factor).as_secs_f64()
    }
}

/// No interval is stretched further than by this factor, however small the budget.
const LONGEST: f64 = 1_000.0;

/// The intervals at which all readings together stay within `budget` (share of one core): every
/// interval is stretched by the same factor, each up to its ceiling. Where the ceilings do not
/// allow the budget to be kept, all are at their ceilings: a source that loses its resolution is
/// worth less than the CPU it would save.
pub(super) fn intervals(demands: &[Demand], budget: f64) -> Vec<Duration> {
    let total = |factor: f64| {
        demands
            .iter()
            .map(|demand| demand.share(factor))
            .sum::<f64>()
    };
    let factor = if total(1.0) <= budget {
        1.0
    } else if total(LONGEST) > budget {
        LONGEST
    } else {
        // The total falls with the factor: halve the bracket until it is narrow.
        let (mut low, mut high) = (1.0, LONGEST);
        while high - low > 0.01 {
            let middle = f64::midpoint(low, high);
            if total(middle) > budget {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    };
    demands
        .iter()
        .map(|demand| demand.interval(factor))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn demand(nominal: u64, ceiling: u64, cost_micros: u64) -> Demand {
        Demand {
            nominal: Duration::from_millis(nominal),
            ceiling: Duration::from_millis(ceiling),
            cost: Duration::from_micros(cost_micros),
        }
    }

    #[test]
    fn a_small_host_is_not_stretched() {
        let demands = [demand(100, 500, 50), demand(1_000, 5_000, 200)];
        assert_eq!(
            intervals(&demands, 0.01),
            [Duration::from_millis(100), Duration::from_secs(1)]
        );
    }

    #[test]
    fn a_big_host_is_stretched_just_enough() {
        let demands = [demand(100, 100, 50), demand(100, 500, 1_000)];
        let stretched = intervals(&demands, 0.005);
        assert_eq!(
            stretched[0],
            Duration::from_millis(100),
            "its ceiling is its cadence"
        );
        let millis = stretched[1].as_millis();
        assert!(
            (221..=224).contains(&millis),
            "1 ms / 0.45 % = 222 ms: {millis}"
        );
    }

    #[test]
    fn ceilings_hold_even_where_the_budget_does_not() {
        let demands = [demand(100, 500, 100_000)];
        assert_eq!(intervals(&demands, 0.01), [Duration::from_millis(500)]);
    }

    proptest! {
        #[test]
        fn the_budget_is_kept_or_all_are_at_their_ceilings(
            costs in proptest::collection::vec((1_u64..5_000, 1_u64..20), 1..10),
            budget in 0.001..0.5,
        ) {
            let demands: Vec<_> =
                costs.iter().map(|&(cost, stretch)| demand(100, 100 * stretch, cost)).collect();
            let result = intervals(&demands, budget);
            let share: f64 = demands
                .iter()
                .zip(&result)
                .map(|(demand, interval)| demand.cost.as_secs_f64() / interval.as_secs_f64())
                .sum();
            let at_ceiling =
                demands.iter().zip(&result).all(|(demand, interval)| *interval == demand.ceiling);
            prop_assert!(share <= budget * 1.000_001 || at_ceiling);
        }
    }
}
