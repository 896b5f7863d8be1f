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

/// Whole days, as many as there are at most. A part of a day is a day, and not none.
fn days(days: Positive) -> u32 {
    u32::try_from(Positive(days.0.ceil()).whole()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::Config;

    #[test]
    fn the_defaults_are_those_of_the_diagnosis() {
        assert_eq!(
            Thresholds::default().all(),
            droplens_diagnosis::Thresholds::default()
        );
    }

    type Set = fn(&mut droplens_diagnosis::Thresholds);

    /// The keys of probes, each with a value that is not the default, and what that sets.
    const PROBES: [(&str, &str, Set); 8] = [
        ("probe_loss_ratio", "0.05", |all| {
            all.probe_loss_ratio = 0.05;
        }),
        ("certificate_warning_days", "30", |all| {
            all.certificate_warning_days = 30;
        }),
        ("certificate_critical_days", "3", |all| {
            all.certificate_critical_days = 3;
        }),
        ("dns_query", "\"2s\"", |all| {
            all.dns_query = Duration::from_secs(2);
        }),
        ("resolve", "\"20ms\"", |all| {
            all.resolve = Duration::from_millis(20);
        }),
        ("connect", "\"30ms\"", |all| {
            all.connect = Duration::from_millis(30);
        }),
        ("tls", "\"40ms\"", |all| all.tls = Duration::from_millis(40)),
        ("first_byte", "\"1s 500ms\"", |all| {
            all.first_byte = Duration::from_millis(1_500);
        }),
    ];

    fn parse(key: &str, value: &str) -> Result<droplens_diagnosis::Thresholds, String> {
        let text = format!("[log]\n[thresholds]\n{key} = {value}\n");
        let config = Config::parse(&text).map_err(|mistake| mistake.to_string())?;
        Ok(config.thresholds.all())
    }

    #[test]
    fn each_key_of_probes_sets_its_own_threshold() {
        for (key, value, set) in PROBES {
            let mut expected = droplens_diagnosis::Thresholds::default();
            set(&mut expected);
            assert_ne!(expected, droplens_diagnosis::Thresholds::default(), "{key}");
            assert_eq!(parse(key, value).unwrap(), expected, "{key}");
        }
    }

    #[test]
    fn a_part_of_a_day_is_a_day() {
        let days = |text| {
            let all = parse("certificate_critical_days", text).unwrap();
            all.certificate_critical_days
        };
        assert_eq!([days("0.5"), days("1.0"), days("6.1")], [1, 1, 7]);
    }

    #[test]
    fn a_value_that_makes_no_sense_is_shown_with_its_key_and_line() {
        const NONE: [&str; 6] = ["0", "-1", "nan", "inf", "true", "[]"];
        for (key, good, _) in PROBES {
            let is_time = good.starts_with('"');
            let more = match key {
                _ if is_time => ["\"0s\"", "\"soon\"", "\"-1s\""],
                "probe_loss_ratio" => ["1.1", "\"5%\"", "\"\""],
                _ => ["\"30d\"", "\"\"", "{}"],
            };
            for bad in NONE.iter().chain(&more) {
                let told = parse(key, bad).expect_err(bad);
                let line = format!("3 | {key} = {bad}");
                assert!(
                    told.contains("line 3,") && told.contains(&line) && told.contains('^'),
                    "{told}"
                );
            }
        }
    }
}
