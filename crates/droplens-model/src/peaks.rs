//! The highest short-term rate over the last minute, whoever scrapes and whenever.

use rustc_hash::FxHashMap;
use std::hash::Hash;
use std::time::Duration;

use crate::Moment;

/// How far back a peak is remembered, at least.
pub const WINDOW: Duration = Duration::from_secs(60);

/// The window is kept as the highest value of each of these spans, so a peak is forgotten
/// between [`WINDOW`] and one span later.
const SPAN: Duration = Duration::from_secs(5);

/// One span more than the window holds, for the one being filled.
const SPANS: usize = 13;

/// Rates are taken over at least this long, so that a late tick followed by a timely one does not
/// make a burst out of nothing.
const SHORTEST: Duration = Duration::from_millis(80);

/// Highest short-term rates of a network device.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LinkPeaks {
    /// Bytes received per second.
    pub receive_bytes: f64,
    /// Packets received per second.
    pub receive_packets: f64,
    /// Bytes sent per second.
    pub transmit_bytes: f64,
    /// Packets sent per second.
    pub transmit_packets: f64,
}

/// Highest short-term rates of a CPU's receive work.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SoftnetPeaks {
    /// Packets dropped per second because the backlog was full.
    pub dropped: f64,
    /// Time squeezes per second.
    pub time_squeezed: f64,
}

/// Highest short-term values of a queueing discipline.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct QdiscPeaks {
    /// Packets dropped per second.
    pub dropped: f64,
    /// Packets waiting.
    pub backlog_packets: f64,
}

/// Peaks of `C` counters (as rates per second) and `G` gauges of many objects.
#[derive(Debug)]
pub struct PeakTable<K, const C: usize, const G: usize> {
    objects: FxHashMap<K, Object<C, G>>,
    round: u64,
}

#[derive(Debug)]
struct Object<const C: usize, const G: usize> {
    base: (Moment, [u64; C]),
    spans: [([f32; C], [f32; G]); SPANS],
    span: u64,
    seen: u64,
}

impl<K, const C: usize, const G: usize> Default for PeakTable<K, C, G> {
    fn default() -> Self {
        Self {
            objects: FxHashMap::default(),
            round: 0,
        }
    }
}

impl<K: Eq + Hash + Ord + Clone, const C: usize, const G: usize> PeakTable<K, C, G> {
    /// Takes in one object's present counters and gauges. A counter that stepped back (a reset, a
    /// new device under an old key) starts a new base and makes no rate.
    pub fn observe(&mut self, key: K, at: Moment, counters: [u64; C], gauges: [u64; G]) {
        let round = self.round;
        let object = self
            .objects
            .entry(key)
            .or_insert_with(|| Object::new(at, counters));
        object.seen = round;
        object.observe(at, counters, gauges);
    }

    /// Ends a round of observations and forgets the objects that were not seen in it.
    pub fn finish(&mut self) {
        let round = self.round;
        self.objects.retain(|_, object| object.seen == round);
        self.round = round.wrapping_add(1);
    }

    /// The peaks of every object over the window that ends now, sorted by key.
    pub fn peaks(&self, now: Moment) -> Vec<(K, [f64; C], [f64; G])> {
        let mut all: Vec<_> = self
            .objects
            .iter()
            .map(|(key, object)| {
                let (rates, gauges) = object.peaks(now);
                (key.clone(), rates, gauges)
            })
            .collect();
        all.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        all
    }
}

const fn span_of(at: Moment) -> u64 {
    at.0.as_secs() / SPAN.as_secs()
}

impl<const C: usize, const G: usize> Object<C, G> {
    const fn new(at: Moment, counters: [u64; C]) -> Self {
        Self {
            base: (at, counters),
            spans: [([0.0; C], [0.0; G]); SPANS],
            span: span_of(at),
            seen: 0,
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "seven digits are enough for a peak"
    )]
    fn observe(&mut self, at: Moment, counters: [u64; C], gauges: [u64; G]) {
        self.advance(span_of(at));
        let (base_at, base) = self.base;
        let elapsed = at.since(base_at);
        let stepped_back = counters.iter().zip(base).any(|(new, old)| *new < old);
        let Some((rates, highest)) = self.spans.get_mut(slot(self.span)) else {
            return;
        };
        for (peak, value) in highest.iter_mut().zip(gauges) {
            *peak = peak.max(value as f32);
        }
        if stepped_back {
            self.base = (at, counters);
        } else if elapsed >= SHORTEST {
            for ((peak, new), old) in rates.iter_mut().zip(counters).zip(base) {
                *peak = peak.max(((new - old) as f64 / elapsed.as_secs_f64()) as f32);
            }
            self.base = (at, counters);
        }
    }

    /// Empties the spans between the one last filled and `span`.
    fn advance(&mut self, span: u64) {
        let passed = span.saturating_sub(self.span).min(SPANS as u64);
        for step in 0..passed {
            if let Some(values) = self.spans.get_mut(slot(span - step)) {
                *values = ([0.0; C], [0.0; G]);
            }
        }
        self.span = self.span.max(span);
    }

    fn peaks(&self, now: Moment) -> ([f64; C], [f64; G]) {
        let mut rates = [0.0; C];
        let mut gauges = [0.0; G];
        let oldest = span_of(now).saturating_sub(SPANS as u64 - 1);
        for span in oldest..=self.span {
            if span + (SPANS as u64) <= self.span {
                continue;
            }
            let Some((span_rates, span_gauges)) = self.spans.get(slot(span)) else {
                continue;
            };
            for (peak, value) in rates.iter_mut().zip(span_rates) {
                *peak = f64::max(*peak, f64::from(*value));
            }
            for (peak, value) in gauges.iter_mut().zip(span_gauges) {
                *peak = f64::max(*peak, f64::from(*value));
            }
        }
        (rates, gauges)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the remainder is below SPANS"
)]
const fn slot(span: u64) -> usize {
    (span % SPANS as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment(Duration::from_millis(millis))
    }

    fn only(table: &PeakTable<u8, 1, 1>, now: Moment) -> (f64, f64) {
        let peaks = table.peaks(now);
        assert_eq!(peaks.len(), 1);
        (peaks[0].1[0], peaks[0].2[0])
    }

    #[test]
    fn a_burst_is_seen_for_a_minute_and_then_forgotten() {
        let mut table = PeakTable::<u8, 1, 1>::default();
        table.observe(1, at(0), [0], [0]);
        table.observe(1, at(100), [50], [9]);
        for tick in 2..=10 {
            table.observe(1, at(tick * 100), [50], [0]);
        }
        assert_eq!(only(&table, at(1_000)), (500.0, 9.0));
        assert_eq!(only(&table, at(60_000)), (500.0, 9.0));
        assert_eq!(only(&table, at(65_100)), (0.0, 0.0));
        table.observe(1, at(70_000), [50], [1]);
        assert_eq!(only(&table, at(70_000)), (0.0, 1.0));
    }

    #[test]
    fn two_ticks_close_together_make_no_burst() {
        let mut table = PeakTable::<u8, 1, 1>::default();
        table.observe(1, at(0), [0], [0]);
        table.observe(1, at(195), [20], [0]);
        table.observe(1, at(200), [30], [0]);
        table.observe(1, at(300), [40], [0]);
        let (rate, _) = only(&table, at(300));
        assert!(
            (rate - 190.476).abs() < 0.01,
            "20 in 105 ms is the highest: {rate}"
        );
    }

    #[test]
    fn a_reset_makes_no_rate_and_the_gone_are_forgotten() {
        let mut table = PeakTable::<u8, 1, 1>::default();
        table.observe(1, at(0), [1_000_000], [0]);
        table.observe(1, at(100), [10], [0]);
        table.observe(1, at(200), [20], [0]);
        assert!((only(&table, at(200)).0 - 100.0).abs() < 1e-9);
        table.finish();
        table.finish();
        assert!(table.peaks(at(200)).is_empty());
    }
}
