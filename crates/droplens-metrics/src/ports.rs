//! Which ports are shown one by one. A counter must not move between its own series and `other`,
//! so what was decided for a port when it was first seen stays.

use std::collections::HashMap;

use droplens_model::Family;

/// The decisions made so far.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    ports: HashMap<(Family, u16), bool>,
    shown: usize,
}

impl Slots {
    /// Decides for a port unless that was done before: the first `most` are shown.
    pub(crate) fn admit(&mut self, port: (Family, u16), most: usize) {
        let shown = &mut self.shown;
        self.ports.entry(port).or_insert_with(|| {
            let free = *shown < most;
            *shown += usize::from(free);
            free
        });
    }

    /// Whether a port is shown by itself.
    pub(crate) fn shows(&self, port: (Family, u16)) -> bool {
        self.ports.get(&port).copied().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_stays_even_if_more_may_be_shown_later() {
        let mut slots = Slots::default();
        for port in [53, 123, 443] {
            slots.admit((Family::V4, port), 2);
        }
        slots.admit((Family::V4, 443), 9);
        slots.admit((Family::V6, 53), 9);
        let shown = [53, 123, 443].map(|port| slots.shows((Family::V4, port)));
        assert_eq!(shown, [true, true, false]);
        assert!(slots.shows((Family::V6, 53)));
        assert!(!slots.shows((Family::V6, 1)));
    }
}
