//! How far the counters of CPUs, connection tracking, neighbour tables and ports moved.

use super::pairs::pairs;
use super::{Delta, both, step, step32};
use crate::sample::conntrack::ConntrackCpu;
use crate::sample::sockets::Sockets;
use crate::{CpuId, Family};

/// The receive work of one CPU between two readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoftnetDelta {
    /// The CPU.
    pub cpu: CpuId,
    /// Packets taken from a backlog or a NAPI driver.
    pub processed: u64,
    /// Packets dropped as the CPU's input backlog was full.
    pub dropped: u64,
    /// Of these: dropped by the flow limit.
    pub flow_limit: u64,
    /// Receive passes that ended with work left.
    pub time_squeezed: u64,
}

/// Connection tracking between two readings, all CPUs together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConntrackDelta {
    /// Packets dropped as no entry could be made.
    pub drop: u64,
    /// Of these: as an entry was there already.
    pub insert_failed: u64,
    /// Entries evicted to make room.
    pub early_drop: u64,
    /// Packets that could not be tracked.
    pub invalid: u64,
}

/// A neighbour table between two readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeighbourDelta {
    /// Address family.
    pub family: Family,
    /// Addresses that could not be resolved.
    pub failed: u64,
    /// Times an entry could not be made as the table was full.
    pub full: u64,
}

/// The drops of the sockets of one local port between two readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortDelta {
    /// Address family.
    pub family: Family,
    /// The port; 0 for those that are not listed.
    pub port: u16,
    /// Packets that its sockets dropped.
    pub drops: u64,
}

impl Delta<'_> {
    /// Every online CPU; none if softnet was not read again.
    pub fn softnet(&self) -> Vec<SoftnetDelta> {
        let Some((from, to)) = both(&self.from.softnet, &self.to.softnet) else {
            return Vec::new();
        };
        pairs(&from.cpus, &to.cpus, |cpu| cpu.cpu)
            .into_iter()
            .filter_map(|(from, to)| {
                // A CPU that came online brings all it ever counted: it begins here.
                let from = from?;
                let flow_limit = |limit: Option<u64>| limit.unwrap_or(0);
                Some(SoftnetDelta {
                    cpu: to.cpu,
                    processed: step32(from.processed, to.processed),
                    dropped: step32(from.dropped, to.dropped),
                    flow_limit: step32(flow_limit(from.flow_limit), flow_limit(to.flow_limit)),
                    time_squeezed: step32(from.time_squeezed, to.time_squeezed),
                })
            })
            .collect()
    }

    /// Connection tracking; none if it was not read again or its statistics may not be read.
    pub fn conntrack(&self) -> Option<ConntrackDelta> {
        let (from, to) = both(&self.from.conntrack, &self.to.conntrack)?;
        let (Ok(from), Ok(to)) = (&from.statistics, &to.statistics) else {
            return None;
        };
        let mut sum = ConntrackDelta::default();
        for (from, to) in pairs(from, to, |cpu| cpu.cpu) {
            let Some(from) = from else { continue };
            let moved = |field: fn(&ConntrackCpu) -> u64| step(field(from), field(to));
            sum.drop += moved(|cpu| cpu.drop);
            sum.insert_failed += moved(|cpu| cpu.insert_failed);
            sum.early_drop += moved(|cpu| cpu.early_drop);
            sum.invalid += moved(|cpu| cpu.invalid);
        }
        Some(sum)
    }

    /// The neighbour tables; none if they were not read again.
    pub fn neighbours(&self) -> Vec<NeighbourDelta> {
        let Some((from, to)) = both(&self.from.neighbours, &self.to.neighbours) else {
            return Vec::new();
        };
        pairs(&from.tables, &to.tables, |table| table.family)
            .into_iter()
            .filter_map(|(from, to)| {
                let (from, now) = (from?.statistics, to.statistics);
                Some(NeighbourDelta {
                    family: to.family,
                    failed: step(from.res_failed, now.res_failed),
                    full: step(from.table_fulls, now.table_fulls),
                })
            })
            .collect()
    }

    /// UDP ports whose sockets dropped.
    pub fn udp_ports(&self) -> Vec<PortDelta> {
        self.ports(|sockets| {
            let ports = sockets.udp.iter();
            ports
                .map(|port| (port.family, port.port, port.drops))
                .collect()
        })
    }

    /// Listening TCP ports whose sockets dropped.
    pub fn listeners(&self) -> Vec<PortDelta> {
        self.ports(|sockets| {
            let ports = sockets.listeners.iter();
            ports
                .map(|port| (port.family, port.port, port.drops))
                .collect()
        })
    }

    fn ports(&self, list: fn(&Sockets) -> Vec<(Family, u16, u64)>) -> Vec<PortDelta> {
        let Some((from, to)) = both(&self.from.sockets, &self.to.sockets) else {
            return Vec::new();
        };
        let (from, to) = (list(from), list(to));
        pairs(&from, &to, |(family, port, _)| (*family, *port))
            .into_iter()
            .map(|(from, &(family, port, drops))| PortDelta {
                family,
                port,
                drops: step(from.map_or(0, |from| from.2), drops),
            })
            .filter(|delta| delta.drops > 0)
            .collect()
    }
}
