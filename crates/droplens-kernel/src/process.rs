//! The agent's own process.

use std::time::Duration;

use droplens_model::sample::process::Process;
use procfs::process::{LimitValue, Process as OwnProcess, Stat};
use procfs::{ProcError, ProcResult};

use crate::cpu::duration;
use crate::sockstat::page_size;
use crate::{ReadError, Reader, Root};

/// Reads `/proc/self`: always the real one, whatever the root.
#[derive(Debug)]
pub struct ProcessReader {
    clock: Clock,
}

/// What turns the kernel's units into ours.
#[derive(Clone, Copy, Debug)]
struct Clock {
    ticks_per_second: u64,
    page_size: u64,
}

impl ProcessReader {
    /// A reader of the agent's own process; the root does not matter.
    pub fn new(_root: &Root) -> Self {
        Self {
            clock: Clock {
                ticks_per_second: rustix::param::clock_ticks_per_second(),
                page_size: page_size(),
            },
        }
    }
}

impl Reader for ProcessReader {
    type Sample = Process;

    fn read(&mut self) -> Result<Process, ReadError> {
        let own = told("/proc/self", OwnProcess::myself())?;
        let stat = told("/proc/self/stat", own.stat())?;
        let limits = told("/proc/self/limits", own.limits())?;
        let boot = told("/proc/stat", procfs::boot_time_secs())?;
        Ok(Process {
            open_files: told("/proc/self/fd", own.fd_count())? as u64,
            open_files_limit: match limits.max_open_files.soft_limit {
                LimitValue::Value(limit) => Some(limit),
                LimitValue::Unlimited => None,
            },
            ..self.clock.process(&stat, boot)
        })
    }
}

impl Clock {
    /// What `/proc/self/stat` tells, on a host that booted at this second since the epoch.
    fn process(self, stat: &Stat, boot: u64) -> Process {
        let ticks = stat.utime.saturating_add(stat.stime);
        Process {
            cpu: self.time(ticks),
            resident_bytes: stat.rss.saturating_mul(self.page_size),
            virtual_bytes: stat.vsize,
            threads: u64::try_from(stat.num_threads).unwrap_or_default(),
            start_time: boot as f64 + self.time(stat.starttime).as_secs_f64(),
            ..Process::default()
        }
    }

    fn time(self, ticks: u64) -> Duration {
        duration(ticks, self.ticks_per_second)
    }
}

fn told<T>(what: &'static str, result: ProcResult<T>) -> Result<T, ReadError> {
    result.map_err(|source: ProcError| ReadError::Procfs {
        what,
        source: Box::new(source),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use procfs::FromRead;

    const STAT: &str = "1790 (droplens) S 1 1790 1790 0 -1 4194560 1234 0 0 0 250 50 0 0 20 0 7 0 \
        12345 268435456 2048 18446744073709551615 1 1 0 0 0 0 0 4096 0 0 0 0 17 1 0 0 0 0 0 0 0 0 \
        0 0 0 0 0\n";

    #[test]
    fn ticks_and_pages_become_seconds_and_bytes() {
        let clock = Clock {
            ticks_per_second: 100,
            page_size: 4096,
        };
        let stat = Stat::from_read(STAT.as_bytes()).unwrap();
        let process = clock.process(&stat, 1_700_000_000);
        assert_eq!(process.cpu, Duration::from_secs(3));
        assert_eq!(process.resident_bytes, 8 << 20);
        assert_eq!(process.virtual_bytes, 256 << 20);
        assert_eq!(process.threads, 7);
        assert!((process.start_time - 1_700_000_123.45).abs() < 1e-3);
    }
}

#[cfg(test)]
mod live {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn this_process_is_seen() {
        let mut reader = ProcessReader::new(&Root::new("/nowhere"));
        let before = reader.read().unwrap();
        assert!(before.resident_bytes > 0);
        assert!(before.virtual_bytes >= before.resident_bytes);
        assert!(before.threads >= 1);
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap();
        assert!(before.start_time > 0.0 && before.start_time <= now.as_secs_f64() + 1.0);
        assert!(
            before
                .open_files_limit
                .is_none_or(|limit| before.open_files <= limit)
        );
    }
}
