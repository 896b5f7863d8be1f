//! What is followed over many samples: totals that stay monotonic and short-term peaks.
//!
//! One tracker per source that needs one. Each takes in every sample as it is read and is asked
//! for a [`Derived`] when somebody wants to know.

use crate::peaks::{LinkPeaks, PeakTable, QdiscPeaks, SoftnetPeaks};
use crate::sample::links::{KindTotals, LinkStatistics, Links};
use crate::sample::qdiscs::{QdiscKey, QdiscKindTotals, Qdiscs, QueueStatistics};
use crate::sample::softnet::Softnet;
use crate::totals::Totals;
use crate::{CpuId, Derived, IfIndex, Moment, Name, Pace};
use rustc_hash::FxHashMap;

/// A device over time: the kernel may give its index to another one.
type Device = (IfIndex, Name);

/// All trackers.
#[derive(Debug, Default)]
pub struct Trackers {
    softnet: SoftnetTracker,
    links: LinkTracker,
    qdiscs: QdiscTracker,
}

impl Trackers {
    /// Takes in a softnet sample.
    pub fn softnet(&mut self, sample: &Softnet, at: Moment) {
        self.softnet.observe(sample, at);
    }

    /// Takes in a sample of the links.
    pub fn links(&mut self, sample: &Links, at: Moment) {
        self.links.observe(sample, at);
    }

    /// Takes in a sample of the qdiscs; the links tell what kind of device each belongs to.
    pub fn qdiscs(&mut self, sample: &Qdiscs, links: Option<&Links>, at: Moment) {
        self.qdiscs.observe(sample, links, at);
    }

    /// What they have to tell at present; `paces` is handed on.
    pub fn derive(&self, now: Moment, paces: Vec<Pace>) -> Derived {
        Derived {
            links_by_kind: self.links.by_kind(),
            qdiscs_by_kind: self.qdiscs.by_kind(),
            link_peaks: self.links.peaks(now),
            softnet_peaks: self.softnet.peaks(now),
            qdisc_peaks: self.qdiscs.peaks(now),
            paces,
        }
    }
}

#[derive(Debug, Default)]
struct SoftnetTracker {
    peaks: PeakTable<CpuId, 2, 0>,
}

impl SoftnetTracker {
    fn observe(&mut self, sample: &Softnet, at: Moment) {
        for cpu in &sample.cpus {
            self.peaks
                .observe(cpu.cpu, at, [cpu.dropped, cpu.time_squeezed], []);
        }
        self.peaks.finish();
    }

    fn peaks(&self, now: Moment) -> Vec<(CpuId, SoftnetPeaks)> {
        let peaks = self.peaks.peaks(now).into_iter();
        peaks
            .map(|(cpu, [dropped, time_squeezed], [])| {
                (
                    cpu,
                    SoftnetPeaks {
                        dropped,
                        time_squeezed,
                    },
                )
            })
            .collect()
    }
}

/// Every statistic of a device, and its carrier changes.
const LINK_COUNTERS: usize = LinkStatistics::COUNT + 1;

#[derive(Debug, Default)]
struct LinkTracker {
    totals: Totals<Name, Device, LINK_COUNTERS>,
    peaks: PeakTable<Device, 4, 0>,
}

impl LinkTracker {
    fn observe(&mut self, sample: &Links, at: Moment) {
        for link in &sample.links {
            let device = (link.attributes.index, link.name().clone());
            let statistics = &link.statistics;
            if let Some(kind) = &link.attributes.kind {
                let mut counters = [0; LINK_COUNTERS];
                if let Some((carrier_changes, rest)) = counters.split_last_mut() {
                    rest.copy_from_slice(&statistics.to_array());
                    *carrier_changes = link.attributes.carrier_changes.unwrap_or(0);
                }
                self.totals.observe(kind, device.clone(), counters);
            }
            let counters = [
                statistics.rx_bytes,
                statistics.rx_packets,
                statistics.tx_bytes,
                statistics.tx_packets,
            ];
            self.peaks.observe(device, at, counters, []);
        }
        // A list that may lack devices is no proof that they are gone.
        if sample.complete {
            self.totals.finish();
            self.peaks.finish();
        }
    }

    fn by_kind(&self) -> Vec<KindTotals> {
        let mut all: Vec<_> = self
            .totals
            .iter()
            .filter_map(|(kind, counters)| {
                let (carrier_changes, statistics) = counters.split_last()?;
                let statistics = LinkStatistics::from_array(statistics.try_into().ok()?);
                Some(KindTotals {
                    kind: kind.clone(),
                    statistics,
                    carrier_changes: *carrier_changes,
                })
            })
            .collect();
        all.sort_unstable_by(|a, b| a.kind.cmp(&b.kind));
        all
    }

    fn peaks(&self, now: Moment) -> Vec<(IfIndex, LinkPeaks)> {
        let peaks = self.peaks.peaks(now).into_iter();
        peaks
            .map(
                |(
                    (index, _),
                    [
                        receive_bytes,
                        receive_packets,
                        transmit_bytes,
                        transmit_packets,
                    ],
                    [],
                )| {
                    (
                        index,
                        LinkPeaks {
                            receive_bytes,
                            receive_packets,
                            transmit_bytes,
                            transmit_packets,
                        },
                    )
                },
            )
            .collect()
    }
}

/// The counters of [`QueueStatistics`].
const QUEUE_COUNTERS: usize = 5;

#[derive(Debug, Default)]
struct QdiscTracker {
    totals: Totals<(Name, Name), (QdiscKey, Name), QUEUE_COUNTERS>,
    backlogs: FxHashMap<(Name, Name), (u32, u32)>,
    peaks: PeakTable<QdiscKey, 1, 1>,
}

impl QdiscTracker {
    fn observe(&mut self, sample: &Qdiscs, links: Option<&Links>, at: Moment) {
        self.backlogs.clear();
        for qdisc in &sample.qdiscs {
            let QueueStatistics {
                bytes,
                packets,
                drops,
                requeues,
                overlimits,
                backlog_packets,
                backlog_bytes,
            } = qdisc.statistics;
            let link = links.and_then(|links| links.get(qdisc.key.device));
            if let Some((link, kind)) =
                link.and_then(|link| Some((link, link.attributes.kind.as_ref()?)))
            {
                let group = (kind.clone(), qdisc.key.kind.clone());
                let member = (qdisc.key.clone(), link.name().clone());
                self.totals.observe(
                    &group,
                    member,
                    [bytes, packets, drops, requeues, overlimits],
                );
                let (packets, bytes) = self.backlogs.entry(group).or_default();
                *packets = packets.saturating_add(backlog_packets);
                *bytes = bytes.saturating_add(backlog_bytes);
            }
            self.peaks
                .observe(qdisc.key.clone(), at, [drops], [u64::from(backlog_packets)]);
        }
        if sample.complete {
            self.totals.finish();
            self.peaks.finish();
        }
    }

    fn by_kind(&self) -> Vec<QdiscKindTotals> {
        let mut all: Vec<_> = self
            .totals
            .iter()
            .map(|(group, &[bytes, packets, drops, requeues, overlimits])| {
                let (backlog_packets, backlog_bytes) =
                    self.backlogs.get(group).copied().unwrap_or_default();
                let (device_kind, kind) = group.clone();
                let statistics = QueueStatistics {
                    bytes,
                    packets,
                    drops,
                    requeues,
                    overlimits,
                    backlog_packets,
                    backlog_bytes,
                };
                QdiscKindTotals {
                    device_kind,
                    kind,
                    statistics,
                }
            })
            .collect();
        all.sort_unstable_by(|a, b| (&a.device_kind, &a.kind).cmp(&(&b.device_kind, &b.kind)));
        all
    }

    fn peaks(&self, now: Moment) -> Vec<(QdiscKey, QdiscPeaks)> {
        let peaks = self.peaks.peaks(now).into_iter();
        peaks
            .map(|(key, [dropped], [backlog_packets])| {
                (
                    key,
                    QdiscPeaks {
                        dropped,
                        backlog_packets,
                    },
                )
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::sample::links::{Link, LinkAttributes, OperState, Xdp};
    use crate::sample::qdiscs::{Qdisc, QdiscDetail, TcHandle};

    fn link(index: u32, kind: Option<&str>, rx_packets: u64) -> Link {
        let attributes = LinkAttributes {
            index: IfIndex(index),
            name: format!("d{index}").into(),
            kind: kind.map(Name::from),
            loopback: false,
            physical: kind.is_none(),
            up: true,
            oper_state: OperState::Up,
            carrier: Some(true),
            carrier_changes: Some(1),
            carrier_up: None,
            carrier_down: None,
            mtu: 1500,
            transmit_queue_length: 1000,
            transmit_queues: 1,
            receive_queues: 1,
            master: None,
            lower: None,
            qdisc: "noqueue".into(),
            xdp: Xdp::None,
            speed: None,
            duplex: None,
        };
        let statistics = LinkStatistics {
            rx_packets,
            ..LinkStatistics::default()
        };
        Link {
            attributes: Arc::new(attributes),
            statistics,
        }
    }

    fn links(links: Vec<Link>) -> Links {
        Links {
            links,
            complete: true,
        }
    }

    fn at(millis: u64) -> Moment {
        Moment(Duration::from_millis(millis))
    }

    #[test]
    fn a_kind_keeps_what_its_deleted_devices_counted() {
        let mut trackers = Trackers::default();
        let hardware = link(1, None, 1_000);
        trackers.links(
            &links(vec![
                hardware.clone(),
                link(2, Some("veth"), 10),
                link(3, Some("veth"), 5),
            ]),
            at(0),
        );
        trackers.links(&links(vec![hardware, link(3, Some("veth"), 7)]), at(100));
        let derived = trackers.derive(at(100), vec![]);
        assert_eq!(derived.links_by_kind.len(), 1);
        let veth = &derived.links_by_kind[0];
        assert_eq!(
            (
                &*veth.kind,
                veth.statistics.rx_packets,
                veth.carrier_changes
            ),
            ("veth", 17, 2)
        );
        assert_eq!(
            derived.link_peaks.len(),
            2,
            "the peaks of the deleted device are gone"
        );
        assert!((derived.link_peaks[1].1.receive_packets - 20.0).abs() < 1e-3);
    }

    #[test]
    fn a_partial_list_proves_no_device_gone() {
        let mut trackers = Trackers::default();
        let both = vec![link(2, Some("veth"), 10), link(3, Some("veth"), 5)];
        trackers.links(&links(both.clone()), at(0));
        let partial = Links {
            links: vec![link(3, Some("veth"), 5)],
            complete: false,
        };
        trackers.links(&partial, at(100));
        trackers.links(&links(both), at(200));
        let derived = trackers.derive(at(200), vec![]);
        assert_eq!(
            derived.links_by_kind[0].statistics.rx_packets, 15,
            "not counted again"
        );
    }

    #[test]
    fn qdiscs_of_a_kind_of_device_are_added_up() {
        let qdisc = |device: u32, drops, backlog_packets| Qdisc {
            key: QdiscKey {
                device: IfIndex(device),
                handle: TcHandle(0x1_0000),
                parent: TcHandle::ROOT,
                kind: "tbf".into(),
            },
            statistics: QueueStatistics {
                drops,
                backlog_packets,
                ..QueueStatistics::default()
            },
            detail: QdiscDetail::None,
        };
        let mut trackers = Trackers::default();
        let devices = links(vec![
            link(1, None, 0),
            link(2, Some("veth"), 0),
            link(3, Some("veth"), 0),
        ]);
        let first = Qdiscs {
            qdiscs: vec![qdisc(1, 9, 0), qdisc(2, 1, 4), qdisc(3, 2, 4)],
            classes: vec![],
            complete: true,
        };
        let second = Qdiscs {
            qdiscs: vec![qdisc(1, 9, 0), qdisc(3, 5, 1)],
            classes: vec![],
            complete: true,
        };
        trackers.qdiscs(&first, Some(&devices), at(0));
        trackers.qdiscs(&second, Some(&devices), at(100));
        let derived = trackers.derive(at(100), vec![]);
        assert_eq!(derived.qdiscs_by_kind.len(), 1);
        let QueueStatistics {
            drops,
            backlog_packets,
            ..
        } = derived.qdiscs_by_kind[0].statistics;
        assert_eq!((drops, backlog_packets), (6, 1));
        assert_eq!(derived.qdisc_peaks.len(), 2);
        assert!((derived.qdisc_peaks[1].1.dropped - 30.0).abs() < 1e-3);
        assert!((derived.qdisc_peaks[1].1.backlog_packets - 4.0).abs() < 1e-9);
    }
}
