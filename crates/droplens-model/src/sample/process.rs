//! The agent's own process: `/proc/self`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::serial::nanoseconds;

/// What the agent itself uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Process {
    /// CPU time, user and system.
    #[serde(with = "nanoseconds")]
    pub cpu: Duration,
    /// Resident memory in bytes.
    pub resident_bytes: u64,
    /// Virtual memory in bytes.
    pub virtual_bytes: u64,
    /// Open file descriptors.
    pub open_files: u64,
    /// The most file descriptors it may open; none if unlimited.
    pub open_files_limit: Option<u64>,
    /// Threads.
    pub threads: u64,
    /// When it started, in seconds since the epoch.
    pub start_time: f64,
}
