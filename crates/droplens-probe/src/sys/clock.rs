//! The clocks that probes are timed by.

use std::time::Duration;

use droplens_model::Moment;
use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::vigil::Clocks;

/// `CLOCK_MONOTONIC` now.
pub fn monotonic() -> Moment {
    Moment(duration(clock_gettime(ClockId::Monotonic)))
}

/// `CLOCK_REALTIME` now, by which the kernel stamps packets, since 1970.
pub fn realtime() -> Duration {
    duration(clock_gettime(ClockId::Realtime))
}

/// Both clocks now.
pub fn clocks() -> Clocks {
    Clocks {
        monotonic: monotonic(),
        boot: duration(clock_gettime(ClockId::Boottime)),
    }
}

fn duration(time: Timespec) -> Duration {
    // None of them can be before its start, or is worth nothing.
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(seconds, nanoseconds)
}
