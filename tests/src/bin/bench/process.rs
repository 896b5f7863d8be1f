//! What a process uses, by the kernel's account.

use std::fs;
use std::time::Duration;

/// Reads what one process uses.
pub(crate) struct Meter(u32);

impl Meter {
    pub(crate) const fn of(pid: u32) -> Self {
        Self(pid)
    }

    /// CPU time of all its threads so far. Threads that have ended are missing, so both agents
    /// are measured over stretches in which none ends.
    fn cpu(&self) -> Duration {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.0)).expect("a running process");
        tasks
            .filter_map(|task| fs::read_to_string(task.ok()?.path().join("schedstat")).ok())
            .filter_map(|line| line.split_whitespace().next()?.parse().ok())
            .map(Duration::from_nanos)
            .sum()
    }

    /// CPU time used while `work` goes on.
    pub(crate) fn during(&self, work: impl FnOnce()) -> Duration {
        let before = self.cpu();
        work();
        self.cpu().saturating_sub(before)
    }

    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).expect("its status");
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .expect("its VmRSS");
        let kib: u64 = line
            .split_whitespace()
            .nth(1)
            .and_then(|number| number.parse().ok())
            .expect("a number of KiB");
        kib << 10
    }
}
