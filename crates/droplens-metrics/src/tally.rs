//! A bounded number of series over members that come, go and change series.
//!
//! No series falls: what a member counted stays where it was counted. A series keeps its place for
//! as long as it has members; what is counted in series without a place is added up as `other`.

use std::collections::HashMap;
use std::hash::Hash;

/// Sums of members' counters, by series.
#[derive(Debug)]
pub(crate) struct Tally<S, M> {
    most: usize,
    series: HashMap<S, Place>,
    members: HashMap<M, Member>,
    /// Series with a place.
    shown: usize,
    /// Whether there are more series than places, so that those without a count have to wait.
    crowded: bool,
    others: Option<u64>,
    round: u64,
}

#[derive(Debug)]
struct Place {
    shown: bool,
    sum: u64,
    seen: u64,
}

#[derive(Debug)]
struct Member {
    last: u64,
    seen: u64,
}

impl<S: Eq + Hash + Ord, M: Eq + Hash> Tally<S, M> {
    /// Without members; at most `most` series are shown.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            series: HashMap::new(),
            members: HashMap::new(),
            shown: 0,
            crowded: false,
            others: None,
            round: 0,
        }
    }

    /// Starts a round in which at most this many series can be observed.
    pub(crate) const fn start(&mut self, series: usize) {
        self.crowded = series > self.most;
        self.round = self.round.wrapping_add(1);
    }

    /// Takes in a member's counter and adds what is new to the series to which it belongs now.
    pub(crate) fn observe(&mut self, series: S, member: M, counter: u64) {
        let member = self.members.entry(member).or_insert(Member {
            last: 0,
            seen: self.round,
        });
        // A counter that stepped back started anew.
        let step = counter.checked_sub(member.last).unwrap_or(counter);
        member.last = counter;
        member.seen = self.round;

        let place = self.series.entry(series).or_insert(Place {
            shown: false,
            sum: 0,
            seen: self.round,
        });
        place.seen = self.round;
        // What is in `other` stays there: only what has counted nothing yet can move out.
        let waits = !place.shown && place.sum == 0;
        if waits && self.shown < self.most && (step > 0 || !self.crowded) {
            place.shown = true;
            self.shown += 1;
        }
        place.sum = place.sum.saturating_add(step);
        if !place.shown {
            let others = self.others.get_or_insert(0);
            *others = others.saturating_add(step);
        }
    }

    /// Ends a round: members and series that were not seen in it are forgotten.
    pub(crate) fn finish(&mut self) {
        let round = self.round;
        self.members.retain(|_, member| member.seen == round);
        self.series.retain(|_, place| place.seen == round);
        self.shown = self.series.values().filter(|place| place.shown).count();
    }

    /// The series that have a place, in order.
    pub(crate) fn shown(&self) -> Vec<(&S, u64)> {
        let shown = self.series.iter().filter(|(_, place)| place.shown);
        let mut shown: Vec<_> = shown.map(|(series, place)| (series, place.sum)).collect();
        shown.sort_unstable();
        shown
    }

    /// What was counted in series without a place; none if there never was one.
    pub(crate) const fn others(&self) -> Option<u64> {
        self.others
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn round(tally: &mut Tally<u8, u8>, members: &[(u8, u8, u64)]) {
        tally.start(members.len());
        for (series, member, counter) in members {
            tally.observe(*series, *member, *counter);
        }
        tally.finish();
    }

    #[test]
    fn members_of_one_series_are_added_up_and_what_they_counted_stays() {
        let mut tally = Tally::new(4);
        round(&mut tally, &[(1, 10, 5), (1, 11, 7), (2, 12, 0)]);
        assert_eq!(tally.shown(), [(&1, 12), (&2, 0)]);
        round(&mut tally, &[(1, 11, 8)]);
        assert_eq!(tally.shown(), [(&1, 13)]);
        round(&mut tally, &[(1, 11, 2)]);
        assert_eq!(tally.shown(), [(&1, 15)], "it started anew");
        assert_eq!(tally.others(), None);
    }

    #[test]
    fn a_member_that_moves_takes_nothing_with_it() {
        let mut tally = Tally::new(4);
        round(&mut tally, &[(1, 10, 5), (2, 11, 100)]);
        // A rule was put before them.
        round(&mut tally, &[(1, 12, 0), (2, 10, 6), (3, 11, 100)]);
        assert_eq!(tally.shown(), [(&1, 5), (&2, 101), (&3, 0)]);
    }

    #[test]
    fn in_a_crowd_places_go_to_those_that_count() {
        let mut tally = Tally::new(2);
        round(&mut tally, &[(1, 1, 0), (2, 2, 0), (3, 3, 4)]);
        assert_eq!((tally.shown(), tally.others()), (vec![(&3, 4)], Some(0)));
        round(&mut tally, &[(1, 1, 1), (2, 2, 9), (3, 3, 4)]);
        assert_eq!(tally.shown(), [(&1, 1), (&3, 4)]);
        assert_eq!(tally.others(), Some(9));
        round(&mut tally, &[(2, 2, 10)]);
        assert_eq!(tally.shown(), []);
        assert_eq!(tally.others(), Some(10), "its counts are in other for good");
    }

    proptest! {
        #[test]
        fn nothing_counted_is_lost_and_no_series_falls(rounds in proptest::collection::vec(
            proptest::collection::btree_map(0_u8..6, (0_u8..5, 0_u64..5), 0..6), 0..20,
        )) {
            let mut tally = Tally::new(3);
            let mut counters = HashMap::<u8, u64>::new();
            let mut before = HashMap::<u8, u64>::new();
            let mut others = 0;
            for members in rounds {
                counters.retain(|member, _| members.contains_key(member));
                tally.start(members.len());
                let mut steps = 0;
                for (member, (series, step)) in members {
                    let counter = counters.entry(member).or_insert(0);
                    *counter += step;
                    steps += step;
                    tally.observe(series, member, *counter);
                }
                tally.finish();
                let shown: HashMap<u8, u64> =
                    tally.shown().into_iter().map(|(series, sum)| (*series, sum)).collect();
                prop_assert!(shown.len() <= 3);
                let mut risen = tally.others().unwrap_or(0).checked_sub(others).unwrap();
                others += risen;
                for (series, sum) in &shown {
                    risen += sum.checked_sub(before.get(series).copied().unwrap_or(0)).unwrap();
                }
                prop_assert_eq!(risen, steps);
                before = shown;
            }
        }
    }
}
