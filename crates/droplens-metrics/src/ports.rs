//! Which ports are shown one by one, and what the others have counted.
//!
//! A counter must not move between its own series and `other`, nor may `other` fall when a port
//! goes: so a port keeps its place for as long as it lives, and `other` keeps what it was told.

use std::collections::HashMap;

use droplens_model::Family;
use droplens_model::totals::Totals;

/// A port of one address family.
pub(crate) type Port = (Family, u16);

/// The places given so far.
#[derive(Debug, Default)]
pub(crate) struct Places {
    ports: HashMap<Port, Place>,
    shown: usize,
    round: u64,
    others: Totals<Family, Port, 1>,
}

#[derive(Debug)]
struct Place {
    shown: bool,
    seen: u64,
}

impl Places {
    /// Takes in a port's counter. A port without a place gets one of its own as long as there are
    /// fewer than `most`; port 0 stands for the rest and never does.
    pub(crate) fn observe(&mut self, port: Port, counter: u64, most: usize) {
        let free = port.1 != 0 && self.shown < most;
        let place = self.ports.entry(port).or_insert_with(|| {
            self.shown += usize::from(free);
            Place {
                shown: free,
                seen: 0,
            }
        });
        place.seen = self.round;
        if !place.shown {
            self.others.observe(&port.0, port, [counter]);
        }
    }

    /// Ends a round: ports that were not seen in it give their place back.
    pub(crate) fn finish(&mut self) {
        let round = self.round;
        self.ports.retain(|_, place| place.seen == round);
        self.shown = self.ports.values().filter(|place| place.shown).count();
        self.others.finish();
        self.round = round.wrapping_add(1);
    }

    /// Whether a port is shown by itself.
    pub(crate) fn shows(&self, port: Port) -> bool {
        self.ports.get(&port).is_some_and(|place| place.shown)
    }

    /// What all ports that are not shown have counted, those that are gone included.
    pub(crate) fn others(&self, family: Family) -> u64 {
        self.others.get(&family).map_or(0, |[sum]| *sum)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const V4: Family = Family::V4;

    #[test]
    fn a_place_is_kept_for_life_and_given_back() {
        let mut places = Places::default();
        for port in [53, 123, 443, 0] {
            places.observe((V4, port), 1, 2);
        }
        places.finish();
        let shown = [53, 123, 443, 0].map(|port| places.shows((V4, port)));
        assert_eq!(shown, [true, true, false, false]);
        assert_eq!(places.others(V4), 2);
        for port in [443, 8080] {
            places.observe((V4, port), 1, 2);
        }
        places.finish();
        assert!(!places.shows((V4, 443)), "its counts are in other");
        assert!(
            !places.shows((V4, 8080)),
            "the places were still taken when it came"
        );
        places.observe((V4, 9090), 1, 2);
        assert!(places.shows((V4, 9090)));
        assert_eq!(places.others(V4), 3, "those that went are remembered");
    }

    proptest! {
        #[test]
        fn no_series_ever_falls(rounds in proptest::collection::vec(
            proptest::collection::btree_map(0_u16..8, 0_u64..5, 0..8), 0..20,
        )) {
            let mut places = Places::default();
            let mut counters = HashMap::<u16, u64>::new();
            let mut before = HashMap::<u16, u64>::new();
            let mut other = 0;
            for round in rounds {
                counters.retain(|port, _| round.contains_key(port));
                for (port, step) in round {
                    let counter = counters.entry(port).or_insert(0);
                    *counter += step;
                    places.observe((V4, port), *counter, 3);
                }
                places.finish();
                prop_assert!(places.others(V4) >= other);
                other = places.others(V4);
                let shown: HashMap<u16, u64> =
                    counters.iter().filter(|(port, _)| places.shows((V4, **port))).map(|(p, c)| (*p, *c)).collect();
                prop_assert!(shown.len() <= 3);
                for (port, counter) in &shown {
                    prop_assert!(before.get(port).is_none_or(|last| counter >= last));
                }
                before = shown;
            }
        }
    }
}
