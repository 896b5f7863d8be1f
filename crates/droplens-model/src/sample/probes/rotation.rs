//! What became of trials with another ICMP identifier.

use serde::{Deserialize, Serialize};

use crate::serial::words;

words! {
    /// What a trial showed.
    RotationKind {
        /// The other identifier was answered while the usual one stayed silent. Probes bear the other one
        /// from then on.
        Healed "healed",
        /// The other identifier was not answered either.
        Unhealed "unhealed",
        /// The usual identifier was answered again meanwhile.
        Recovered "recovered",
    }
}

/// Trials that ended, by what they showed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rotations {
    /// The identifier was the fault.
    pub healed: u64,
    /// It was not.
    pub unhealed: u64,
    /// The outage ended by itself.
    pub recovered: u64,
}

impl Rotations {
    /// Counts one more.
    pub const fn add(&mut self, kind: RotationKind) {
        let counter = match kind {
            RotationKind::Healed => &mut self.healed,
            RotationKind::Unhealed => &mut self.unhealed,
            RotationKind::Recovered => &mut self.recovered,
        };
        *counter += 1;
    }

    /// How many ended so.
    pub const fn get(&self, kind: RotationKind) -> u64 {
        match kind {
            RotationKind::Healed => self.healed,
            RotationKind::Unhealed => self.unhealed,
            RotationKind::Recovered => self.recovered,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_verdict_counts_in_its_own_place() {
        let mut rotations = Rotations::default();
        for (times, kind) in (1..).zip(RotationKind::ALL) {
            (0..times).for_each(|_| rotations.add(*kind));
        }
        for (times, kind) in (1..).zip(RotationKind::ALL) {
            assert_eq!(rotations.get(*kind), times, "{kind}");
        }
    }
}
