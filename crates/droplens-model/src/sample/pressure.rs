//! Pressure stall information: `/proc/pressure`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::serial::maybe_nanoseconds;

/// Time lost waiting, by resource; absent where the kernel has no such file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pressure {
    /// Waiting for a CPU.
    pub cpu: Option<Stall>,
    /// Waiting for memory.
    pub memory: Option<Stall>,
    /// Waiting for I/O.
    pub io: Option<Stall>,
    /// Waiting for interrupts; kernel 6.1 or newer, `full` only.
    pub irq: Option<Stall>,
}

/// Time lost to one resource since boot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stall {
    /// While at least one task waited.
    #[serde(with = "maybe_nanoseconds")]
    pub some: Option<Duration>,
    /// While every runnable task waited.
    #[serde(with = "maybe_nanoseconds")]
    pub full: Option<Duration>,
}
