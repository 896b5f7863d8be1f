//! Where unusual begins, as far as sites differ.

use serde::Deserialize;

use super::probes::Slow;
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
    pub(crate) probe_loss_ratio: Share,
    pub(crate) certificate_warning_days: Positive,
    pub(crate) certificate_critical_days: Positive,
    pub(crate) dns_query: Slow,
    pub(crate) resolve: Slow,
    pub(crate) connect: Slow,
    pub(crate) tls: Slow,
    pub(crate) first_byte: Slow,
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
            probe_loss_ratio,
            certificate_warning_days,
            certificate_critical_days,
            dns_query,
            resolve,
            connect,
            tls,
            first_byte,
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
            probe_loss_ratio: Share(probe_loss_ratio),
            certificate_warning_days: Positive(f64::from(certificate_warning_days)),
            certificate_critical_days: Positive(f64::from(certificate_critical_days)),
            dns_query: Slow(dns_query),
            resolve: Slow(resolve),
            connect: Slow(connect),
            tls: Slow(tls),
            first_byte: Slow(first_byte),
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
            probe_loss_ratio: self.probe_loss_ratio.0,
            certificate_warning_days: days(self.certificate_warning_days),
            certificate_critical_days: days(self.certificate_critical_days),
            dns_query: self.dns_query.0,
            resolve: self.resolve.0,
            connect: self.connect.0,
            tls: self.tls.0,
            first_byte: self.first_byte.0,
            ..droplens_diagnosis::Thresholds::default()
        }
    }
}

/// Whole days, as many as there are at most.
fn days(days: Positive) -> u32 {
    u32::try_from(days.whole()).unwrap_or(u32::MAX)
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
