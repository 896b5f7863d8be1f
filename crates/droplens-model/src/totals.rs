//! Sums of counters over members that come and go, without ever falling.

use rustc_hash::FxHashMap;
use std::hash::Hash;

/// For each group, the sum of `N` counters over all members ever seen.
///
/// When a member disappears its last values stay in the sum; when a member's counter steps back
/// (a driver was reloaded, an index was reused) what it had counted before stays too.
#[derive(Debug)]
pub struct Totals<G, M, const N: usize> {
    groups: FxHashMap<G, [u64; N]>,
    members: FxHashMap<M, Member<N>>,
    round: u64,
}

#[derive(Debug)]
struct Member<const N: usize> {
    last: [u64; N],
    seen: u64,
}

impl<G, M, const N: usize> Default for Totals<G, M, N> {
    fn default() -> Self {
        Self {
            groups: FxHashMap::default(),
            members: FxHashMap::default(),
            round: 0,
        }
    }
}

impl<G: Eq + Hash + Clone, M: Eq + Hash, const N: usize> Totals<G, M, N> {
    /// Takes in a member's present counters and adds what is new to its group.
    pub fn observe(&mut self, group: &G, member: M, values: [u64; N]) {
        let member = self.members.entry(member).or_insert(Member {
            last: [0; N],
            seen: self.round,
        });
        member.seen = self.round;
        if !self.groups.contains_key(group) {
            self.groups.insert(group.clone(), [0; N]);
        }
        let Some(sums) = self.groups.get_mut(group) else {
            return;
        };
        for ((sum, last), value) in sums.iter_mut().zip(&mut member.last).zip(values) {
            let step = value.checked_sub(*last).unwrap_or(value);
            *sum = sum.saturating_add(step);
            *last = value;
        }
    }

    /// Ends a round of observations and forgets the members that were not seen in it; their
    /// counts stay in the sums.
    pub fn finish(&mut self) {
        let round = self.round;
        self.members.retain(|_, member| member.seen == round);
        self.round = round.wrapping_add(1);
    }

    /// The sums of one group.
    pub fn get(&self, group: &G) -> Option<&[u64; N]> {
        self.groups.get(group)
    }

    /// Every group with its sums, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&G, &[u64; N])> {
        self.groups.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn counts_of_the_gone_stay() {
        let mut totals = Totals::<&str, u8, 1>::default();
        totals.observe(&"veth", 1, [10]);
        totals.observe(&"veth", 2, [5]);
        totals.finish();
        totals.observe(&"veth", 2, [6]);
        totals.finish();
        assert_eq!(totals.get(&"veth"), Some(&[16]));
        totals.observe(&"veth", 1, [3]);
        totals.finish();
        assert_eq!(totals.get(&"veth"), Some(&[19]), "member 1 is a new one");
    }

    proptest! {
        #[test]
        fn sums_never_fall(rounds in proptest::collection::vec(
            proptest::collection::vec((0_u8..4, any::<u32>()), 0..6), 0..20,
        )) {
            let mut totals = Totals::<(), u8, 1>::default();
            let mut last = 0;
            for round in rounds {
                for (member, value) in round {
                    totals.observe(&(), member, [u64::from(value)]);
                }
                totals.finish();
                let sum = totals.get(&()).map_or(0, |sums| sums[0]);
                prop_assert!(sum >= last);
                last = sum;
            }
        }
    }
}
