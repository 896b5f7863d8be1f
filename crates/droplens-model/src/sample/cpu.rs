//! Softirq, interrupt and steal time per CPU: `/proc/stat`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::CpuId;
use crate::serial::nanoseconds;

/// The times of every online CPU.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cpus {
    /// Online CPUs, in the kernel's order.
    pub cpus: Vec<CpuTimes>,
}

/// Time one CPU spent where packets are handled or the host was not running.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuTimes {
    /// The CPU.
    pub cpu: CpuId,
    /// In hardware interrupts (field 6).
    #[serde(with = "nanoseconds")]
    pub irq: Duration,
    /// In softirqs (field 7).
    #[serde(with = "nanoseconds")]
    pub softirq: Duration,
    /// Taken by the hypervisor (field 8).
    #[serde(with = "nanoseconds")]
    pub steal: Duration,
}
