//! Tells when a lane's thread is late.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

/// A timer that is put off again and again and, if all goes well, never goes off. Putting it off
/// wakes nobody: it costs one system call, where a thread that looks after another costs a
/// wake-up each time.
#[derive(Debug)]
pub(super) struct Watch {
    timer: OwnedFd,
}

impl Watch {
    /// A timer that does not run yet.
    pub(super) fn new() -> io::Result<Self> {
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC)?;
        Ok(Self { timer })
    }

    /// Puts it off: it goes off after this long, and not before.
    pub(super) fn put_off(&self, after: Duration) -> io::Result<()> {
        let after = Itimerspec {
            it_interval: Timespec::default(),
            // A timer of zero would not run.
            it_value: after
                .max(Duration::from_nanos(1))
                .try_into()
                .map_err(|_| io::ErrorKind::InvalidInput)?,
        };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &after)?;
        Ok(())
    }

    /// Sleeps until it goes off.
    pub(super) fn wait(&self) -> io::Result<()> {
        loop {
            match rustix::io::read(&self.timer, &mut [0; 8]) {
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn it_goes_off_once_it_is_put_off_no_more() {
        let watch = Watch::new().unwrap();
        let (day, moment) = (Duration::from_secs(86_400), Duration::from_millis(1));
        watch.put_off(day).unwrap();
        watch.put_off(moment).unwrap();
        let started = Instant::now();
        watch.wait().unwrap();
        assert!(started.elapsed() < day);
        watch.put_off(Duration::ZERO).unwrap();
        watch.wait().unwrap();
    }
}
