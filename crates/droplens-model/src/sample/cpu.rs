//! Softirq, interrupt and steal time per CPU: `/proc/stat`.

use std::time::Duration;

use crate::CpuId;

/// The times of every online CPU.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cpus {
    /// Online CPUs, in the kernel's order.
    pub cpus: Vec<CpuTimes>,
}

/// Time one CPU spent where packets are handled or the host was not running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpuTimes {
    /// The CPU.
    pub cpu: CpuId,
    /// In hardware interrupts (field 6).
    pub irq: Duration,
    /// In softirqs (field 7).
    pub softirq: Duration,
    /// Taken by the hypervisor (field 8).
    pub steal: Duration,
}
