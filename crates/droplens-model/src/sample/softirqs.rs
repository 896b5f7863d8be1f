//! Softirqs handled by each CPU: `/proc/softirqs`.

use crate::{CpuId, Name};

/// Softirqs by vector and CPU.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Softirqs {
    /// The CPUs of the columns.
    pub cpus: Vec<CpuId>,
    /// The vectors, in the kernel's order.
    pub vectors: Vec<SoftirqVector>,
}

/// One kind of softirq.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoftirqVector {
    /// The kernel's name: `NET_RX`, `NET_TX`, `TIMER`, ...
    pub name: Name,
    /// Times it ran, for each CPU of [`Softirqs::cpus`] (unwrapped).
    pub counts: Vec<u64>,
}
