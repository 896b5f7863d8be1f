//! Hardware interrupts: `/proc/interrupts`.

use serde::{Deserialize, Serialize};

use crate::{CpuId, Name};

/// Hardware interrupts, summed by CPU and spread by network device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Interrupts {
    /// All interrupts of each online CPU, network or not (unwrapped).
    pub cpus: Vec<(CpuId, u64)>,
    /// The interrupts of each network device that has any of its own.
    pub devices: Vec<DeviceInterrupts>,
}

/// The interrupts of one network device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceInterrupts {
    /// The device's name.
    pub device: Name,
    /// How many interrupt lines (usually queues) it has.
    pub lines: u32,
    /// Interrupts for each online CPU, only those above zero (unwrapped).
    #[serde(default)]
    pub cpus: Vec<(CpuId, u64)>,
}
