//! A thread that ends when its owner does.

use std::os::fd::OwnedFd;
use std::panic::resume_unwind;
use std::thread::JoinHandle;

use rustix::event::{EventfdFlags, eventfd};

/// A thread that is told to stop, and waited for, on drop.
#[derive(Debug)]
pub(super) struct Worker {
    stop: OwnedFd,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts a thread, which must end soon after what it is given has become readable.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub(super) fn start(name: &str, work: impl FnOnce(&OwnedFd) + Send + 'static) -> Self {
        let stop = eventfd(0, EventfdFlags::CLOEXEC).expect("an event");
        let stopped = stop.try_clone().expect("a copy of the event");
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || work(&stopped))
            .expect("a thread");
        Self {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        rustix::io::write(&self.stop, &1_u64.to_ne_bytes()).expect("stopping a thread");
        let ended = self.thread.take().map(JoinHandle::join);
        if let Some(Err(panic)) = ended
            && !std::thread::panicking()
        {
            resume_unwind(panic);
        }
    }
}
