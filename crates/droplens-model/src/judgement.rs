//! What the running agent's diagnosis has to tell in numbers.

use std::time::Duration;

use crate::{Cause, Name};

/// The diagnosis as it stands now. Counts never fall while the agent runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judgement {
    /// Every cause, in packet order.
    pub causes: Vec<CauseStanding>,
    /// Packets lost at each device, by cause.
    pub devices: Vec<DeviceDrops>,
}

/// How one cause stands.
#[derive(Clone, Debug, PartialEq)]
pub struct CauseStanding {
    /// The cause.
    pub cause: Cause,
    /// Whether it can be looked for.
    pub observable: bool,
    /// Whether there is, or lately was, a finding that matters.
    pub active: bool,
    /// Packets lost since the agent started, each in one cause only.
    pub drops: u64,
    /// Bursts that ended.
    pub events: EventTotals,
}

/// Packets lost at one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceDrops {
    /// The cause.
    pub cause: Cause,
    /// The device.
    pub device: Name,
    /// Its kind, if it is virtual.
    pub kind: Option<Name>,
    /// Packets.
    pub drops: u64,
}

/// Bursts of one cause: how many, and how long.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EventTotals {
    /// How many.
    pub count: u64,
    /// How long all of them together were.
    pub duration: Duration,
    /// How many were at most as long as each of [`Self::BOUNDS`].
    pub buckets: [u64; Self::BOUNDS.len()],
}

impl EventTotals {
    /// The bounds of the buckets.
    pub const BOUNDS: [Duration; 5] = [
        Duration::from_millis(200),
        Duration::from_secs(1),
        Duration::from_secs(10),
        Duration::from_secs(60),
        Duration::from_secs(600),
    ];

    /// Counts one more.
    pub fn add(&mut self, duration: Duration) {
        self.count += 1;
        self.duration += duration;
        for (bucket, bound) in self.buckets.iter_mut().zip(Self::BOUNDS) {
            *bucket += u64::from(duration <= bound);
        }
    }
}
