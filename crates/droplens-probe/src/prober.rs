//! The prober at work: a thread that owns the engine and the sockets for echo requests, and tasks for
//! all other probes.
//!
//! At low rates a readable socket wakes the thread. At high rates it sleeps for a tick, then sends what is
//! due and takes in what has come by then; the kernel's time stamps keep the times exact.

mod errands;
#[cfg(test)]
mod tests;
mod worker;

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::mpsc::{Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use droplens_model::sample::probes::Probes;
use tokio::runtime::Handle;

use crate::echo::Sockets;
use crate::engine::{Rules, Ticket};
use crate::errand::Report;
use crate::random::Random;
use crate::resolve::Resolver;
use crate::sys::wake::Waker;
use crate::targets::{TargetKey, TargetWish};
use worker::Worker;

/// A sample is not waited for any longer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Why there is no prober.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The kernel gave no random numbers to begin with.
    #[error("cannot start the prober: no random numbers: {0}")]
    Random(#[source] io::Error),
    /// No descriptor to wake the thread with.
    #[error("cannot start the prober: eventfd: {0}. Raise the limit of open files (LimitNOFILE)")]
    Waker(#[source] io::Error),
    /// No thread.
    #[error("cannot start the prober's thread: {0}. Raise the limit of tasks (TasksMax)")]
    Thread(#[source] io::Error),
}

/// What a prober needs.
#[derive(Debug)]
pub struct Settings {
    /// What holds for all targets.
    pub rules: Rules,
    /// Where tasks run: with time and I/O.
    pub runtime: Handle,
    /// The sockets for echo requests.
    pub sockets: Sockets,
    /// Finds the hosts that servers redirect to.
    pub resolver: Arc<Resolver>,
}

/// A prober. Dropping it ends its thread and its tasks.
#[derive(Debug)]
pub struct Prober {
    mailbox: Mailbox,
    thread: Option<JoinHandle<()>>,
}

/// What the thread is told.
#[derive(Debug)]
enum Letter {
    Reload(Vec<TargetWish>, Rules),
    Resolved(TargetKey, Vec<IpAddr>),
    Unresolved(TargetKey),
    Sample(SyncSender<Probes>),
    /// A task ended, with a report unless it failed to make one.
    Concluded(Ticket, Option<Box<Report>>),
    Stop,
}

/// Where letters to the thread are put. Clones are the same one.
#[derive(Clone, Debug)]
struct Mailbox {
    letters: Sender<Letter>,
    waker: Waker,
}

impl Mailbox {
    /// False if the thread has ended.
    fn put(&self, letter: Letter) -> bool {
        let put = self.letters.send(letter).is_ok();
        self.waker.wake();
        put
    }
}

/// A generator of random numbers that nobody can foretell.
pub fn random() -> Result<Random, ProbeError> {
    let mut seed = [0; 8];
    let flags = rustix::rand::GetRandomFlags::empty();
    rustix::rand::getrandom(&mut seed, flags).map_err(|error| ProbeError::Random(error.into()))?;
    Ok(Random::seeded(u64::from_ne_bytes(seed)))
}

impl Prober {
    /// Starts without targets, in the network namespace of the caller.
    pub fn start(settings: Settings) -> Result<Self, ProbeError> {
        let random = random()?;
        let (letters, received) = channel();
        let waker = Waker::new().map_err(ProbeError::Waker)?;
        let mailbox = Mailbox { letters, waker };
        let own = mailbox.clone();
        let thread = std::thread::Builder::new().name("prober".to_owned());
        let thread = thread
            .spawn(move || Worker::new(settings, random, own).run(&received))
            .map_err(ProbeError::Thread)?;
        Ok(Self {
            mailbox,
            thread: Some(thread),
        })
    }

    /// Sets which targets are wanted now. Those that stay keep their counters. Targets that are
    /// addresses are probed at once, names when [`Self::resolved`] says so.
    pub fn reload(&self, wishes: Vec<TargetWish>, rules: Rules) {
        self.mailbox.put(Letter::Reload(wishes, rules));
    }

    /// Tells which addresses the name of a target has now.
    pub fn resolved(&self, key: &TargetKey, addresses: &[IpAddr]) {
        let letter = Letter::Resolved(key.clone(), addresses.to_vec());
        self.mailbox.put(letter);
    }

    /// Tells that the name of a target does not resolve now.
    pub fn unresolved(&self, key: &TargetKey) {
        self.mailbox.put(Letter::Unresolved(key.clone()));
    }

    /// What there is to tell; none if the thread does not answer within a second.
    pub fn sample(&self) -> Option<Probes> {
        let (answer, answered) = sync_channel(1);
        if !self.mailbox.put(Letter::Sample(answer)) {
            return None;
        }
        answered.recv_timeout(PATIENCE).ok()
    }
}

impl Drop for Prober {
    fn drop(&mut self) {
        self.mailbox.put(Letter::Stop);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the prober's thread panicked");
        }
    }
}
