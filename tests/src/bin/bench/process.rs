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

    /// CPU time so far, of threads that have ended too, in steps of a clock tick (10 ms).
    pub(crate) fn ticks(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0)).expect("a running process");
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        let field = |number: usize| -> u64 {
            let field = after_name.split_whitespace().nth(number);
            field
                .and_then(|field| field.parse().ok())
                .expect("a number of ticks")
        };
        // Fields 14 and 15 of proc(5), counted from the one after the name.
        let ticks = field(11) + field(12);
        Duration::from_secs(1) / 100 * u32::try_from(ticks).unwrap_or(u32::MAX)
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
