//! The past: snapshots for the windows of reports, losses per second for charts.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use droplens_model::delta::Delta;
use droplens_model::{Domain, Moment, Snapshot, Timestamp};

use crate::view::Edges;

/// Retransmissions tell of losses up to this long ago: a few timeouts that double each time.
const EVE: Duration = Duration::from_secs(3);

/// A probe is called lost when it was waited for this long: the timeout, and 10 s for late answers.
const PROBE_EVE: Duration = Duration::from_secs(15);

/// Probes that are sent twice a minute need so long a window to prove anything.
const WIDE: Duration = Duration::from_secs(300);

/// The sources of local drops are read at least this often.
const SETTLING: Duration = Duration::from_secs(1);

/// Snapshots of the last minutes, the older the sparser.
#[derive(Clone, Debug)]
pub(crate) struct Past {
    tiers: [Tier; 3],
    /// The sources that every kept snapshot has a value of.
    known: u64,
}

#[derive(Clone, Debug)]
struct Tier {
    every: Duration,
    keep: usize,
    snapshots: VecDeque<Kept>,
}

/// A snapshot and when it was the present one.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    /// On the monotonic clock.
    pub at: Moment,
    /// On the calendar.
    pub wall: Timestamp,
    /// The snapshot.
    pub snapshot: Arc<Snapshot>,
}

impl Default for Past {
    /// Windows of 10 s, 1 min and 5 min find a snapshot near their beginning.
    fn default() -> Self {
        let tier = |every, keep| Tier {
            every: Duration::from_secs(every),
            keep,
            snapshots: VecDeque::new(),
        };
        Self {
            tiers: [tier(1, 12), tier(10, 7), tier(60, 16)],
            known: 0,
        }
    }
}

impl Past {
    /// Keeps a snapshot where one is due.
    pub(crate) fn keep(&mut self, snapshot: &Arc<Snapshot>, at: Moment, wall: Timestamp) {
        self.complete(snapshot);
        for tier in &mut self.tiers {
            let due = match tier.snapshots.back() {
                Some(last) => at.since(last.at) >= tier.every,
                None => true,
            };
            if due {
                tier.snapshots.push_back(Kept {
                    at,
                    wall,
                    snapshot: Arc::clone(snapshot),
                });
            }
            while tier.snapshots.len() > tier.keep {
                tier.snapshots.pop_front();
            }
        }
    }

    /// A source that is read for the first time, such as a slow one just after the start, begins
    /// there in every window: without a beginning its losses would not show at all.
    fn complete(&mut self, snapshot: &Snapshot) {
        let known = snapshot.known();
        if known & !self.known == 0 {
            return;
        }
        self.known |= known;
        let all = self.tiers.iter_mut().flat_map(|tier| &mut tier.snapshots);
        for kept in all {
            Arc::make_mut(&mut kept.snapshot).begin_with(snapshot);
        }
    }

    /// What is known about the ends of a window that began with `from` and ends now.
    pub(crate) fn edges<'a>(&'a self, from: &'a Kept, to: &'a Snapshot, now: Moment) -> Edges<'a> {
        let since = now.since(from.at);
        let delta = |from: &'a Kept, to: &'a Snapshot| Delta::new(&from.snapshot, to);
        let earlier = |eve| {
            let earlier = self.before(since + eve, now);
            earlier.filter(|earlier| earlier.at < from.at)
        };
        let wide = self.before(WIDE, now).filter(|wide| wide.at < from.at);
        let late = self.before(SETTLING, now).filter(|late| late.at > from.at);
        Edges {
            before: earlier(EVE).map(|earlier| delta(earlier, &from.snapshot)),
            end: late.map(|late| delta(late, to)),
            eve: earlier(PROBE_EVE).map(|earlier| delta(earlier, &from.snapshot)),
            wide: wide.map(|wide| delta(wide, to)),
        }
    }

    /// The newest snapshot from before the beginning of a window of this length that ends now: what
    /// happened in the window must not fall out of it. The oldest one if there is none that old.
    pub(crate) fn before(&self, length: Duration, now: Moment) -> Option<&Kept> {
        let wanted = Moment(now.0.saturating_sub(length));
        let all = || self.tiers.iter().flat_map(|tier| &tier.snapshots);
        all()
            .filter(|kept| kept.at <= wanted)
            .max_by_key(|kept| kept.at)
            .or_else(|| {
                all()
                    .filter(|kept| kept.at < now)
                    .min_by_key(|kept| kept.at)
            })
    }
}

/// How many domains there are.
const DOMAINS: usize = Domain::ALL.len();

/// Packets lost per second and domain, for the last 15 minutes.
#[derive(Clone, Debug, Default)]
pub struct Chart {
    seconds: VecDeque<[u64; DOMAINS]>,
    last: [u64; DOMAINS],
    begun: bool,
    /// When the newest second ended.
    end: Timestamp,
}

impl Chart {
    /// So many seconds are kept.
    pub const LENGTH: usize = 900;

    /// Takes in the ledger's sums, once a second.
    pub fn second(&mut self, sums: [u64; DOMAINS], wall: Timestamp) {
        if self.begun {
            let mut lost = [0; DOMAINS];
            for ((lost, last), now) in lost.iter_mut().zip(self.last).zip(sums) {
                *lost = now.saturating_sub(last);
            }
            self.seconds.push_back(lost);
        }
        self.begun = true;
        self.last = sums;
        self.end = wall;
        while self.seconds.len() > Self::LENGTH {
            self.seconds.pop_front();
        }
    }

    /// When the newest second ended.
    pub const fn end(&self) -> Timestamp {
        self.end
    }

    /// Packets lost in each second, oldest first, of every domain in packet order.
    pub fn domains(&self) -> impl Iterator<Item = (Domain, Vec<u64>)> {
        Domain::ALL.iter().enumerate().map(|(at, domain)| {
            let seconds = self.seconds.iter();
            let lost = seconds.map(|lost| lost.get(at).copied().unwrap_or(0));
            (*domain, lost.collect())
        })
    }
}

#[cfg(test)]
mod tests {
    use droplens_model::{Reading, Stamped};

    use super::*;

    #[test]
    fn windows_find_a_snapshot_near_their_beginning() {
        let mut past = Past::default();
        let at = |millis| Moment(Duration::from_millis(millis));
        let snapshot = Arc::new(Snapshot::default());
        for tenth in 0..6_000 {
            past.keep(&snapshot, at(100 * tenth), Timestamp(100 * tenth));
        }
        let now = at(600_000);
        for (seconds, slack) in [(1, 1), (10, 1), (60, 5), (300, 30), (840, 240)] {
            let kept = past.before(Duration::from_secs(seconds), now).unwrap();
            let off = now.since(kept.at).abs_diff(Duration::from_secs(seconds));
            assert!(off <= Duration::from_secs(slack), "{seconds} s: {off:?}");
        }
        let kept: usize = past.tiers.iter().map(|tier| tier.snapshots.len()).sum();
        assert!(kept <= 35);
    }

    #[test]
    fn a_source_begins_with_its_first_reading() {
        let mut past = Past::default();
        let at = |seconds| Moment(Duration::from_secs(seconds));
        let mut snapshot = Snapshot::default();
        past.keep(&Arc::new(snapshot.clone()), at(1), Timestamp(1));
        for second in 2..5 {
            snapshot.softnet = Reading::Ok(Stamped {
                at: at(second),
                took: Duration::ZERO,
                value: Arc::default(),
            });
            past.keep(&Arc::new(snapshot.clone()), at(second), Timestamp(second));
        }
        let kept = past.before(Duration::from_secs(300), at(5)).unwrap();
        assert_eq!(kept.at, at(1));
        let read = kept.snapshot.softnet.last().map(|stamped| stamped.at);
        assert_eq!(read, Some(at(2)), "the first reading, not a later one");
    }

    #[test]
    fn nothing_falls_out_of_a_window() {
        let mut past = Past::default();
        let at = |seconds| Moment(Duration::from_secs(seconds));
        let snapshot = Arc::new(Snapshot::default());
        for second in 0..100 {
            past.keep(&snapshot, at(second), Timestamp(1000 * second));
        }
        for length in 1..100 {
            let kept = past.before(Duration::from_secs(length), at(100)).unwrap();
            assert!(kept.at <= at(100 - length), "{length} s: {:?}", kept.at);
        }
    }

    #[test]
    fn the_first_second_shows_no_loss_of_before() {
        let mut chart = Chart::default();
        chart.second([5; DOMAINS], Timestamp(1));
        chart.second([7; DOMAINS], Timestamp(2));
        let link = chart.domains().next().unwrap();
        assert_eq!(link, (Domain::Link, vec![2]));
    }
}
