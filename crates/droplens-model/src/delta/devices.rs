//! How far the counters of devices and their queues moved.

use super::pairs::pairs;
use super::{Delta, both, step};
use crate::Name;
use crate::sample::driver::{DriverDevice, DriverLayout};
use crate::sample::links::{Link, LinkStatistics, Links};
use crate::sample::qdiscs::{Class, Qdisc, QdiscKey, QueueStatistics};

/// One device between two readings.
#[derive(Clone, Debug)]
pub struct DeviceDelta<'a> {
    /// The device as it is now.
    pub link: &'a Link,
    /// How far its statistics moved.
    pub statistics: LinkStatistics,
    /// How often its carrier came or went.
    pub carrier_changes: u64,
    /// Whether it was not there before.
    pub new: bool,
}

/// One qdisc, or one class, between two readings.
#[derive(Clone, Debug)]
pub struct QueueDelta<'a> {
    /// What identifies it.
    pub key: &'a QdiscKey,
    /// How far its counters moved; backlogs are those at the end.
    pub statistics: QueueStatistics,
}

/// The driver statistics of one device between two readings.
#[derive(Clone, Debug)]
pub struct DriverDelta<'a> {
    /// The device as it is now.
    pub device: &'a DriverDevice,
    /// How far each loss or error of its layout moved, in the layout's order, all queues together.
    pub losses: Vec<u64>,
}

impl<'a> DriverDelta<'a> {
    /// The names and meanings.
    pub fn layout(&self) -> &'a DriverLayout {
        &self.device.layout
    }
}

impl<'a> Delta<'a> {
    /// Every device that there is now; none if the links were not read again.
    pub fn devices(&self) -> Vec<DeviceDelta<'a>> {
        let Some((from, to)) = both(&self.from.links, &self.to.links) else {
            return Vec::new();
        };
        pairs(&from.links, &to.links, |link| link.attributes.index)
            .into_iter()
            .map(|(from, to)| device(from, to))
            .collect()
    }

    /// The devices that are new or whose errors, drops or carrier moved; few on most hosts.
    pub fn troubled_devices(&self) -> Vec<DeviceDelta<'a>> {
        let Some((from, to)) = both(&self.from.links, &self.to.links) else {
            return Vec::new();
        };
        pairs(&from.links, &to.links, |link| link.attributes.index)
            .into_iter()
            .filter(|(from, to)| from.is_none_or(|from| trouble(from) != trouble(to)))
            .map(|(from, to)| device(from, to))
            .collect()
    }

    /// The links at the end, or the last known ones.
    pub fn links(&self) -> Option<&'a Links> {
        self.to.links.last().map(|links| &*links.value)
    }

    /// The name of a device at the end.
    pub fn device_name(&self, index: crate::IfIndex) -> Option<&'a Name> {
        self.links()?.get(index).map(Link::name)
    }

    /// The qdiscs whose counters moved.
    pub fn qdiscs(&self) -> Vec<QueueDelta<'a>> {
        let Some((from, to)) = both(&self.from.qdiscs, &self.to.qdiscs) else {
            return Vec::new();
        };
        let key = |qdisc: &'a Qdisc| &qdisc.key;
        pairs(&from.qdiscs, &to.qdiscs, key)
            .into_iter()
            .filter_map(|(from, to)| {
                queue(from.map(|from| from.statistics), &to.key, to.statistics)
            })
            .collect()
    }

    /// The classes whose counters moved.
    pub fn classes(&self) -> Vec<QueueDelta<'a>> {
        let Some((from, to)) = both(&self.from.qdiscs, &self.to.qdiscs) else {
            return Vec::new();
        };
        let key = |class: &'a Class| &class.key;
        pairs(&from.classes, &to.classes, key)
            .into_iter()
            .filter_map(|(from, to)| {
                queue(from.map(|from| from.statistics), &to.key, to.statistics)
            })
            .collect()
    }

    /// The devices with driver statistics that were read again.
    pub fn drivers(&self) -> Vec<DriverDelta<'a>> {
        let Some((from, to)) = both(&self.from.driver, &self.to.driver) else {
            return Vec::new();
        };
        pairs(&from.devices, &to.devices, |device| device.index)
            .into_iter()
            .map(|(from, to)| {
                let from = from.filter(|from| from.layout == to.layout);
                let before: Vec<u64> =
                    from.map_or_else(Vec::new, |from| from.losses().map(|loss| loss.1).collect());
                let losses = to.losses().enumerate();
                let losses = losses
                    .map(|(at, (_, to))| step(before.get(at).copied().unwrap_or(0), to))
                    .collect();
                DriverDelta { device: to, losses }
            })
            .collect()
    }
}

fn device<'a>(from: Option<&'a Link>, to: &'a Link) -> DeviceDelta<'a> {
    let after = to.statistics.to_array();
    // A device whose counters all stand lower under another name took over a deleted one's index.
    let from = from.filter(|from| from.name() == to.name() || !started_again(from, to));
    let before = from.map_or_else(LinkStatistics::default, |from| from.statistics);
    let mut moved = [0; LinkStatistics::COUNT];
    for ((moved, before), after) in moved.iter_mut().zip(before.to_array()).zip(after) {
        *moved = step(before, after);
    }
    let changes = |link: &Link| link.attributes.carrier_changes.unwrap_or(0);
    DeviceDelta {
        link: to,
        statistics: LinkStatistics::from_array(moved),
        // A new device's first carrier is no flap.
        carrier_changes: from.map_or(0, |from| step(changes(from), changes(to))),
        new: from.is_none(),
    }
}

/// What a healthy device does not change.
fn trouble(link: &Link) -> [u64; 12] {
    let statistics = &link.statistics;
    [
        statistics.rx_errors,
        statistics.tx_errors,
        statistics.rx_dropped,
        statistics.tx_dropped,
        statistics.rx_crc_errors,
        statistics.rx_frame_errors,
        statistics.rx_length_errors,
        statistics.rx_missed_errors,
        statistics.rx_fifo_errors,
        statistics.rx_over_errors,
        statistics.tx_carrier_errors,
        link.attributes.carrier_changes.unwrap_or(0),
    ]
}

fn started_again(from: &Link, to: &Link) -> bool {
    from.attributes.kind != to.attributes.kind
        || from
            .statistics
            .to_array()
            .into_iter()
            .zip(to.statistics.to_array())
            .any(|(from, to)| to < from)
}

fn queue(
    from: Option<QueueStatistics>,
    key: &QdiscKey,
    to: QueueStatistics,
) -> Option<QueueDelta<'_>> {
    if from == Some(to) {
        return None;
    }
    let from = from.unwrap_or_default();
    let QueueStatistics {
        bytes,
        packets,
        drops,
        requeues,
        overlimits,
        backlog_packets,
        backlog_bytes,
    } = to;
    let statistics = QueueStatistics {
        bytes: step(from.bytes, bytes),
        packets: step(from.packets, packets),
        drops: step(from.drops, drops),
        requeues: step(from.requeues, requeues),
        overlimits: step(from.overlimits, overlimits),
        backlog_packets,
        backlog_bytes,
    };
    Some(QueueDelta { key, statistics })
}
