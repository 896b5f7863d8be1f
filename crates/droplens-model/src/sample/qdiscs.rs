//! Queueing disciplines and classes: rtnetlink `RTM_GETQDISC` and `RTM_GETTCLASS`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{IfIndex, Name};

/// Every queueing discipline and class of this network namespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Qdiscs {
    /// The qdiscs, in the kernel's order: a parent before its children.
    pub qdiscs: Vec<Qdisc>,
    /// The classes of classful qdiscs.
    pub classes: Vec<Class>,
    /// False when the list kept changing while it was read.
    pub complete: bool,
}

/// A traffic control handle: major number of the qdisc, minor number of the class.
///
/// Written as `tc` does: `root`, `1:`, `1:a`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(into = "String", try_from = "String")]
pub struct TcHandle(pub u32);

impl TcHandle {
    /// The parent of a root qdisc (`TC_H_ROOT`).
    pub const ROOT: Self = Self(0xffff_ffff);
    /// The parent of an ingress or clsact qdisc (`TC_H_INGRESS`).
    pub const INGRESS: Self = Self(0xffff_fff1);

    /// The qdisc's number.
    pub const fn major(self) -> u16 {
        (self.0 >> 16) as u16
    }

    /// The class's number within its qdisc.
    pub const fn minor(self) -> u16 {
        (self.0 & 0xffff) as u16
    }
}

impl fmt::Display for TcHandle {
    /// As `tc` writes it: `root`, `ingress`, `1:` for a qdisc, `1:a` for a class, hexadecimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (*self, self.minor()) {
            (Self::ROOT, _) => f.write_str("root"),
            (Self::INGRESS, _) => f.write_str("ingress"),
            (_, 0) => write!(f, "{:x}:", self.major()),
            (_, minor) if self.major() == 0 => write!(f, ":{minor:x}"),
            (_, minor) => write!(f, "{:x}:{minor:x}", self.major()),
        }
    }
}

impl From<TcHandle> for String {
    fn from(handle: TcHandle) -> Self {
        handle.to_string()
    }
}

impl TryFrom<String> for TcHandle {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl std::str::FromStr for TcHandle {
    type Err = String;

    /// The opposite of its `Display`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("{text:?} is no handle, expected root, ingress, 1: or 1:a");
        match text {
            "root" => return Ok(Self::ROOT),
            "ingress" => return Ok(Self::INGRESS),
            _ => {}
        }
        let number = |digits: &str| match digits {
            "" => Ok(0),
            digits => u16::from_str_radix(digits, 16).map_err(|_| wrong()),
        };
        let (major, minor) = text.split_once(':').ok_or_else(wrong)?;
        Ok(Self(
            u32::from(number(major)?) << 16 | u32::from(number(minor)?),
        ))
    }
}

/// What identifies a qdisc. Default qdiscs all have handle `0:`, so the parent belongs to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct QdiscKey {
    /// The device.
    pub device: IfIndex,
    /// Its own handle.
    pub handle: TcHandle,
    /// Where it is attached.
    pub parent: TcHandle,
    /// Kind, such as `fq_codel`.
    pub kind: Name,
}

/// One queueing discipline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Qdisc {
    /// What identifies it.
    pub key: QdiscKey,
    /// The statistics every kind has.
    pub statistics: QueueStatistics,
    /// The statistics and limits of its own kind.
    #[serde(default)]
    pub detail: QdiscDetail,
}

/// One class of a classful queueing discipline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Class {
    /// The device, the class's handle, its parent and the kind of its qdisc.
    pub key: QdiscKey,
    /// Handle of the qdisc attached to the class.
    pub leaf: Option<TcHandle>,
    /// The statistics every kind has. A class's drops are also its leaf qdisc's, and the root
    /// qdisc shows their sum: never add parents and children.
    pub statistics: QueueStatistics,
    /// The statistics and limits of its own kind.
    #[serde(default)]
    pub detail: ClassDetail,
}

/// Statistics that every qdisc and class has (`TCA_STATS2`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct QueueStatistics {
    /// Bytes sent.
    pub bytes: u64,
    /// Packets sent; with segmentation offload, large packets count once (unwrapped on kernels
    /// before 5.5, which tell 32 bits).
    pub packets: u64,
    /// Packets dropped (unwrapped).
    pub drops: u64,
    /// Packets that the driver would not take and that were put back (unwrapped).
    pub requeues: u64,
    /// Times a packet had to wait for its turn in a rate limit (unwrapped).
    pub overlimits: u64,
    /// Packets waiting now.
    pub backlog_packets: u32,
    /// Bytes waiting now.
    pub backlog_bytes: u32,
}

/// Statistics and limits of a qdisc's own kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum QdiscDetail {
    /// `fq_codel`.
    FqCodel(FqCodel),
    /// `fq`.
    Fq(Fq),
    /// `htb`.
    Htb(Htb),
    /// `tbf`.
    Tbf(Tbf),
    /// The kind has none, or is not known.
    #[default]
    #[serde(other)]
    None,
}

/// `struct tc_fq_codel_qd_stats`, counters unwrapped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FqCodel {
    /// Largest packet seen, in bytes.
    pub max_packet_bytes: u32,
    /// Packets dropped because the queue was over its packet limit.
    pub drop_overlimit: u64,
    /// Packets dropped because the queue was over its memory limit.
    pub drop_overmemory: u64,
    /// Packets marked with ECN instead of being dropped.
    pub ecn_mark: u64,
    /// Packets marked above the `ce_threshold`.
    pub ce_mark: u64,
    /// Flows that became active.
    pub new_flow_count: u64,
    /// Flows on the list of new ones now.
    pub new_flows: u32,
    /// Flows on the list of old ones now.
    pub old_flows: u32,
    /// Memory in use now, in bytes.
    pub memory_bytes: u32,
}

/// `struct tc_fq_qd_stats`; 32-bit counters are unwrapped, absent ones are newer than the kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Fq {
    /// Packets of the high-priority flow.
    pub highprio_packets: u64,
    /// Packets whose transmission was scheduled by TCP pacing.
    pub throttled: u64,
    /// Packets dropped because one flow was over its limit.
    pub flows_plimit: u64,
    /// Packets with a send time beyond the horizon, capped or dropped.
    pub horizon_drops: Option<u64>,
    /// Packets with a send time beyond the horizon that was capped.
    pub horizon_caps: Option<u64>,
    /// Packets marked above the `ce_threshold`.
    pub ce_mark: Option<u64>,
    /// Flows now.
    pub flows: u32,
    /// Inactive flows now.
    pub inactive_flows: u32,
    /// Throttled flows now.
    pub throttled_flows: u32,
}

/// `struct tc_htb_glob`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Htb {
    /// Packets that matched no class and were sent unshaped (unwrapped).
    pub direct_packets: u64,
}

/// Options of `tbf` (it has no statistics of its own).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tbf {
    /// Rate in bytes per second.
    pub rate_bytes: u64,
    /// Queue limit in bytes.
    pub limit_bytes: u32,
}

/// Statistics and limits of a class's own kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ClassDetail {
    /// `htb`.
    Htb(HtbClass),
    /// The kind has none, or is not known.
    #[default]
    #[serde(other)]
    None,
}

/// `struct tc_htb_xstats` and the class's rates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HtbClass {
    /// Packets sent within the class's own rate (unwrapped).
    pub lends: u64,
    /// Packets sent with tokens borrowed from the parent (unwrapped).
    pub borrows: u64,
    /// Packets larger than the MTU in the rate table (unwrapped).
    pub giants: u64,
    /// Guaranteed rate in bytes per second.
    pub rate_bytes: u64,
    /// Ceiling in bytes per second.
    pub ceil_bytes: u64,
}

/// All qdiscs of one kind on the devices of one virtual kind together, with what the deleted ones
/// counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QdiscKindTotals {
    /// The kind of the devices, such as `veth`.
    pub device_kind: Name,
    /// The kind of the qdiscs.
    pub kind: Name,
    /// The counters, monotonic while devices come and go; backlogs are of the living.
    pub statistics: QueueStatistics,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_read_as_tc_prints_them() {
        for (handle, text) in [
            (0xffff_ffff, "root"),
            (0xffff_fff1, "ingress"),
            (0x0001_0000, "1:"),
            (0x0001_000a, "1:a"),
            (0x8001_0000, "8001:"),
            (0xffff_0000, "ffff:"),
            (0x0000_0003, ":3"),
            (0, "0:"),
        ] {
            assert_eq!(TcHandle(handle).to_string(), text);
            assert_eq!(text.parse(), Ok(TcHandle(handle)));
        }
    }
}
