//! Pressure stall information: `/proc/pressure`.

use std::time::Duration;

/// Time lost waiting, by resource; absent where the kernel has no such file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stall {
    /// While at least one task waited.
    pub some: Option<Duration>,
    /// While every runnable task waited.
    pub full: Option<Duration>,
}
