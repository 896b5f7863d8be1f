//! Where unusual begins, as far as sites differ.

use serde::Deserialize;

use super::values::{Positive, Share};

/// Thresholds of findings; the diagnosis has the reasons of the defaults.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Thresholds {
    pub(crate) critical_packets_per_second: Positive,
    pub(crate) conntrack_ratio: Share,
    pub(crate) ephemeral_ports_ratio: Share,
    pub(crate) retransmit_ratio: Share,
    pub(crate) time_squeezes_per_second: Positive,
    pub(crate) resets_per_second: Positive,
    pub(crate) close_wait_sockets: Positive,
    pub(crate) time_wait_sockets: Positive,
}

impl Default for Thresholds {
    fn default() -> Self {
        let droplens_diagnosis::Thresholds {
            critical_rate,
            conntrack_ratio,
            ephemeral_ratio,
            retransmit_ratio,
            time_squeezes_per_second,
            resets_per_second,
            close_wait_sockets,
            time_wait_sockets,
            ..
        } = droplens_diagnosis::Thresholds::default();
        Self {
            critical_packets_per_second: Positive(critical_rate),
            conntrack_ratio: Share(conntrack_ratio),
            ephemeral_ports_ratio: Share(ephemeral_ratio),
            retransmit_ratio: Share(retransmit_ratio),
            time_squeezes_per_second: Positive(time_squeezes_per_second),
            resets_per_second: Positive(resets_per_second),
            close_wait_sockets: Positive(close_wait_sockets as f64),
            time_wait_sockets: Positive(time_wait_sockets as f64),
        }
    }
}

impl Thresholds {
    /// In the words of the diagnosis.
    pub(crate) fn all(&self) -> droplens_diagnosis::Thresholds {
        droplens_diagnosis::Thresholds {
            critical_rate: self.critical_packets_per_second.0,
            conntrack_ratio: self.conntrack_ratio.0,
            ephemeral_ratio: self.ephemeral_ports_ratio.0,
            retransmit_ratio: self.retransmit_ratio.0,
            time_squeezes_per_second: self.time_squeezes_per_second.0,
            resets_per_second: self.resets_per_second.0,
            close_wait_sockets: self.close_wait_sockets.whole(),
            time_wait_sockets: self.time_wait_sockets.whole(),
            ..droplens_diagnosis::Thresholds::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_diagnosis() {
        assert_eq!(
            Thresholds::default().all(),
            droplens_diagnosis::Thresholds::default()
        );
    }
}
