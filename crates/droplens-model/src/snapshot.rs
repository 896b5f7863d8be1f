//! All current readings together.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::peaks::{LinkPeaks, QdiscPeaks, SoftnetPeaks};
use crate::sample::conntrack::Conntrack;
use crate::sample::cpu::Cpus;
use crate::sample::driver::Driver;
use crate::sample::ethtool::Ethtool;
use crate::sample::firewall::Firewall;
use crate::sample::interrupts::Interrupts;
use crate::sample::limits::Limits;
use crate::sample::links::{KindTotals, Links};
use crate::sample::neighbours::Neighbours;
use crate::sample::netstat::Counters;
use crate::sample::pressure::Pressure;
use crate::sample::probes::Probes;
use crate::sample::process::Process;
use crate::sample::qdiscs::{QdiscKey, QdiscKindTotals, Qdiscs};
use crate::sample::sockets::Sockets;
use crate::sample::sockstat::Sockstat;
use crate::sample::softirqs::Softirqs;
use crate::sample::softnet::Softnet;
use crate::{CpuId, Failure, IfIndex, Moment, Reading, Reason, Source, State};

macro_rules! snapshot {
    ($( $field:ident: $sample:ty = $source:ident, )+) => {
        /// The newest reading of every source. Cloning shares the samples.
        ///
        /// Written as JSON it is read again by later versions: sources they added are pending, and
        /// those they do not know are ignored.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Snapshot {
            $(
                #[doc = concat!("The reading of [`Source::", stringify!($source), "`].")]
                pub $field: Reading<$sample>,
            )+
        }

        impl Snapshot {
            /// The state of one source's reading.
            pub fn state(&self, source: Source) -> State<'_> {
                match source { $(Source::$source => self.$field.state(),)+ }
            }

            /// Takes over the readings of a later snapshot that this one has no value of: what is
            /// counted since then can at least be told.
            pub fn begin_with(&mut self, later: &Self) {
                $(
                    if self.$field.last().is_none() && later.$field.last().is_some() {
                        self.$field = later.$field.clone();
                    }
                )+
            }

            /// The sources that it has a value of, as a bit for each, the first source's lowest.
            pub fn known(&self) -> u64 {
                let mut known = 0;
                $(
                    if self.$field.last().is_some() {
                        known |= 1 << Source::$source as u64;
                    }
                )+
                known
            }

            /// Reports one source as failed; see [`Reading::fail`].
            pub fn fail(&mut self, source: Source, at: Moment, failure: Failure) {
                match source { $(Source::$source => self.$field.fail(at, failure),)+ }
            }
        }
    };
}

snapshot! {
    softnet: Softnet = Softnet,
    links: Links = Links,
    qdiscs: Qdiscs = Qdiscs,
    snmp: Counters = Snmp,
    snmp6: Counters = Snmp6,
    netstat: Counters = Netstat,
    sockstat: Sockstat = Sockstat,
    cpu: Cpus = Cpu,
    softirqs: Softirqs = Softirqs,
    interrupts: Interrupts = Interrupts,
    conntrack: Conntrack = Conntrack,
    firewall: Firewall = Firewall,
    sockets: Sockets = Sockets,
    neighbours: Neighbours = Neighbours,
    limits: Limits = Limits,
    pressure: Pressure = Pressure,
    driver: Driver = Driver,
    ethtool: Ethtool = Ethtool,
    process: Process = Process,
    probes: Probes = Probes,
}

impl Snapshot {
    /// Every source with the state of its reading.
    pub fn states(&self) -> impl Iterator<Item = (Source, State<'_>)> {
        Source::ALL
            .iter()
            .map(|&source| (source, self.state(source)))
    }
}

/// A part of a good reading that is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The source.
    pub source: Source,
    /// What is missing.
    pub what: &'static str,
    /// Why.
    pub failure: Failure,
}

impl Snapshot {
    /// What is missing from readings that are good otherwise.
    pub fn gaps(&self) -> Vec<Gap> {
        let mut gaps = Vec::new();
        let conntrack = self.conntrack.ok();
        let firewall = self.firewall.ok();
        for (source, what, failure) in [
            (
                Source::Conntrack,
                "statistics",
                conntrack.and_then(|sample| sample.statistics.as_ref().err()),
            ),
            (
                Source::Firewall,
                "nftables",
                firewall.and_then(|sample| sample.nftables.as_ref().err()),
            ),
            (
                Source::Firewall,
                "iptables-legacy",
                firewall.and_then(|sample| sample.legacy.as_ref().err()),
            ),
        ] {
            if let Some(failure) = failure.cloned() {
                gaps.push(Gap {
                    source,
                    what,
                    failure,
                });
            }
        }
        for (source, complete) in [
            (Source::Links, self.links.ok().map(|sample| sample.complete)),
            (
                Source::Qdiscs,
                self.qdiscs.ok().map(|sample| sample.complete),
            ),
            (Source::Firewall, firewall.map(|sample| sample.complete)),
            (
                Source::Sockets,
                self.sockets.ok().map(|sample| sample.complete),
            ),
            (
                Source::Neighbours,
                self.neighbours.ok().map(|sample| sample.complete),
            ),
        ] {
            if complete == Some(false) {
                let detail = "the list kept changing while it was read".to_owned();
                let failure = Failure {
                    reason: Reason::Interrupted,
                    detail,
                };
                gaps.push(Gap {
                    source,
                    what: "list",
                    failure,
                });
            }
        }
        gaps
    }
}

/// What is worked out from many samples over time and belongs to no single one.
#[derive(Clone, Debug, Default)]
pub struct Derived {
    /// Statistics of the devices of each virtual kind together, monotonic while devices come and
    /// go. Sorted by kind.
    pub links_by_kind: Vec<KindTotals>,
    /// Statistics of the qdiscs on the devices of each virtual kind together, likewise.
    pub qdiscs_by_kind: Vec<QdiscKindTotals>,
    /// The highest short-term rates of each device over the last minute, sorted by index.
    pub link_peaks: Vec<(IfIndex, LinkPeaks)>,
    /// The highest short-term rates of each CPU over the last minute, sorted by CPU.
    pub softnet_peaks: Vec<(CpuId, SoftnetPeaks)>,
    /// The highest short-term rates of each qdisc over the last minute, sorted by key.
    pub qdisc_peaks: Vec<(QdiscKey, QdiscPeaks)>,
    /// How each source is read at present.
    pub paces: Vec<Pace>,
}

/// How one source is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The source.
    pub source: Source,
    /// The interval at which it is read at present.
    pub interval: Duration,
    /// Readings since the start, good or not.
    pub readings: u64,
    /// CPU time of all these readings.
    pub cpu: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_has_a_slot_that_starts_pending() {
        let snapshot = Snapshot::default();
        assert_eq!(snapshot.states().count(), Source::ALL.len());
        assert!(snapshot.states().all(|(_, state)| state == State::Pending));
    }
}
