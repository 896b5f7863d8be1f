//! Softirqs handled by each CPU: `/proc/softirqs`.

use serde::{Deserialize, Serialize};

use crate::{CpuId, Name};

/// Softirqs by vector and CPU.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Softirqs {
    /// The CPUs of the columns.
    pub cpus: Vec<CpuId>,
    /// The vectors, in the kernel's order.
    pub vectors: Vec<SoftirqVector>,
}

/// One kind of softirq.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoftirqVector {
    /// The kernel's name: `NET_RX`, `NET_TX`, `TIMER`, ...
    pub name: Name,
    /// Times it ran, for each CPU of [`Softirqs::cpus`] (unwrapped).
    #[serde(default)]
    pub counts: Vec<u64>,
}
