//! The clocks of reading.

use std::time::Duration;

use droplens_model::Moment;
use rustix::time::{ClockId, Timespec, clock_gettime};

/// This instant on the monotonic clock.
pub fn now() -> Moment {
    Moment(duration(clock_gettime(ClockId::Monotonic)))
}

/// CPU time that the calling thread has used.
pub fn thread_cpu() -> Duration {
    duration(clock_gettime(ClockId::ThreadCPUTime))
}

fn duration(time: Timespec) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(seconds, nanoseconds)
}
