//! Hardware interrupts: `/proc/interrupts`.

use crate::{CpuId, Name};

/// Hardware interrupts, summed by CPU and spread by network device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interrupts {
    /// All interrupts of each online CPU, network or not (unwrapped).
    pub cpus: Vec<(CpuId, u64)>,
    /// The interrupts of each network device that has any of its own.
    pub devices: Vec<DeviceInterrupts>,
}

/// The interrupts of one network device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceInterrupts {
    /// The device's name.
    pub device: Name,
    /// How many interrupt lines (usually queues) it has.
    pub lines: u32,
    /// Interrupts for each online CPU, only those above zero (unwrapped).
    pub cpus: Vec<(CpuId, u64)>,
}
