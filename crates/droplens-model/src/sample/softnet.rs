//! Per-CPU receive work: `/proc/net/softnet_stat`.

use serde::{Deserialize, Serialize};

use crate::CpuId;

/// The receive work of every online CPU.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Softnet {
    /// Online CPUs, in the kernel's order.
    pub cpus: Vec<SoftnetCpu>,
}

/// The receive work of one CPU. Counters are global: every network namespace shows the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoftnetCpu {
    /// The CPU.
    pub cpu: CpuId,
    /// Packets taken from a backlog or a NAPI driver (column 1, unwrapped).
    pub processed: u64,
    /// Packets dropped because the CPU's input backlog was full (column 2, unwrapped).
    pub dropped: u64,
    /// Receive passes that ended with work left (column 3, unwrapped).
    pub time_squeezed: u64,
    /// Wake-ups by receive packet steering (column 10, unwrapped).
    pub received_rps: Option<u64>,
    /// Packets dropped by the flow limit, part of `dropped` (column 11, unwrapped).
    pub flow_limit: Option<u64>,
    /// Packets waiting in the backlog now (column 12).
    pub backlog: Option<u32>,
}
