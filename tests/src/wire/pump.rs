//! The thread that carries frames from one device to the other.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::lane::Lane;
use super::tap::Tap;

/// Frames taken in from one side before the other one has its turn.
const BATCH: usize = 64;

/// The largest frame a device can send.
const LARGEST: usize = 1 << 16;

/// One direction: from a device through a lane into a device.
#[derive(Debug, Clone)]
pub(super) struct Path {
    pub(super) from: Arc<Tap>,
    pub(super) lane: Arc<Mutex<Lane>>,
    pub(super) to: Arc<Tap>,
}

/// A lane is whole even if a test panicked while it looked at it.
pub(super) fn lock(lane: &Mutex<Lane>) -> MutexGuard<'_, Lane> {
    lane.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Carries frames until `stop` is readable or a device is gone.
pub(super) fn run(paths: &[Path; 2], stop: &OwnedFd) {
    let [forward, backward] = paths;
    let mut buffer = vec![0; LARGEST];
    loop {
        let next = paths.iter().filter_map(Path::deliver).min();
        let timeout = next.map(|at| {
            let wait = at.saturating_duration_since(Instant::now());
            Timespec::try_from(wait).unwrap_or_default()
        });
        let mut waiting = [stop.as_fd(), forward.from.as_fd(), backward.from.as_fd()]
            .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
        match poll(&mut waiting, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => panic!("the wire cannot wait: {error}"),
        }
        let [stopped, ready @ ..] = waiting.map(|fd| fd.revents());
        if !stopped.is_empty() {
            return;
        }
        for (path, ready) in paths.iter().zip(ready) {
            if ready.contains(PollFlags::IN) {
                path.take_in(&mut buffer);
            } else if !ready.is_empty() {
                // The device was deleted.
                return;
            }
        }
    }
}

impl Path {
    fn take_in(&self, buffer: &mut [u8]) {
        let mut lane = lock(&self.lane);
        for _ in 0..BATCH {
            // A device that is gone is noticed by poll.
            let Ok(Some(frame)) = self.from.read(buffer) else {
                return;
            };
            lane.accept(frame, Instant::now());
        }
    }

    /// Sends on what is due and tells when something is next.
    fn deliver(&self) -> Option<Instant> {
        let mut lane = lock(&self.lane);
        while let Some(leaving) = lane.leave(Instant::now()) {
            let arrived = self.to.write(&leaving.frame).is_ok();
            lane.left(&leaving, arrived);
        }
        lane.next()
    }
}
