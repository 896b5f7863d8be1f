//! Driver statistics as `ethtool -S` prints them.

use std::sync::Arc;

use crate::{Cause, IfIndex, Name};

/// The driver statistics of every device whose driver has any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Driver {
    /// The devices, sorted by index.
    pub devices: Vec<DriverDevice>,
}

/// The statistics of one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriverDevice {
    /// The device's index.
    pub index: IfIndex,
    /// The device's name.
    pub device: Name,
    /// The names and meanings of the statistics, shared between samples while they stay the same.
    pub layout: Arc<DriverLayout>,
    /// The values, in the layout's order.
    pub values: Vec<u64>,
}

/// What a driver's statistics are called and what they mean.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DriverLayout {
    /// The driver's name, such as `virtio_net`.
    pub driver: Name,
    /// Its version or the kernel's, and the firmware's, as the driver tells.
    pub firmware: Name,
    /// The statistics, in the driver's order.
    pub statistics: Vec<DriverStatistic>,
}

/// One statistic of a driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriverStatistic {
    /// The name as the driver prints it: `rx_queue_3_drops`.
    pub name: Name,
    /// The name without queue number or other indices: `rx_queue_drops`.
    pub counter: Name,
    /// The queue or other index that was taken out of the name, dot-separated if several: `3`.
    pub queue: Option<Name>,
    /// What the statistic means.
    pub meaning: Meaning,
}

/// What a driver's statistic means for packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Meaning {
    /// The reviewed table says: packets lost by this cause.
    Loss(Cause),
    /// Looks like a loss or an error by its name, but is not in the reviewed table.
    Suspect,
    /// Anything else: traffic, buffers, offloads.
    Other,
}
