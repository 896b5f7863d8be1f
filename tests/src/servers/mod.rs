//! Servers that answer as a test wants. Each lives in a namespace and ends with its value.

pub mod dns;
pub mod http;
pub mod identity;
pub mod tcp;
pub mod tls;
pub mod web;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often a server looks whether it is to end.
const LOOK: Duration = Duration::from_millis(20);

/// Threads that run until their owner ends.
#[derive(Debug, Default)]
struct Threads {
    over: Arc<AtomicBool>,
    running: Vec<JoinHandle<()>>,
}

impl Threads {
    /// Runs `round` again and again; it must come back within a short time.
    fn repeat(&mut self, mut round: impl FnMut() + Send + 'static) {
        let over = Arc::clone(&self.over);
        self.running.push(std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                round();
            }
        }));
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.running.drain(..) {
            // Its panic has been told already.
            let _ = thread.join();
        }
    }
}
