//! What happened between two snapshots.
//!
//! A delta owns the traps of subtracting: counters that start again, devices whose index another
//! one took over, devices that came or went in between, sources that were not read again. What is
//! not in both snapshots is either new, and then counts from zero, or gone, and then counts no more.

mod devices;
mod firewall;
mod pairs;
mod probes;
mod protocol;
mod tables;

use std::sync::Arc;
use std::time::Duration;

use crate::{Reading, Snapshot, Source, Stamped, State};

pub use devices::{DeviceDelta, DriverDelta, QueueDelta};
pub use firewall::RuleDelta;
pub use probes::ProbeDelta;
pub use protocol::Protocol;
pub use tables::{ConntrackDelta, NeighbourDelta, PortDelta, SoftnetDelta};

/// Two snapshots of one host, the earlier one first.
#[derive(Clone, Copy, Debug)]
pub struct Delta<'a> {
    /// The earlier one.
    pub from: &'a Snapshot,
    /// The later one.
    pub to: &'a Snapshot,
}

/// A counter's way from one reading to the next. One that stands lower than before has started
/// again from zero.
pub const fn step(from: u64, to: u64) -> u64 {
    match to.checked_sub(from) {
        Some(step) => step,
        None => to,
    }
}

/// The same for a counter that the kernel keeps in 32 bits. Two processes that each read it once
/// give it as it is: one that stands lower has wrapped. Larger values are a reader's that watched
/// it wrap, and one that stands lower than these was begun anew.
pub const fn step32(from: u64, to: u64) -> u64 {
    const WRAP: u64 = 1 << 32;
    match to.checked_sub(from) {
        Some(step) => step,
        None if from < WRAP => to + (WRAP - from),
        None => to,
    }
}

impl<'a> Delta<'a> {
    /// What happened from one snapshot to a later one.
    pub const fn new(from: &'a Snapshot, to: &'a Snapshot) -> Self {
        Self { from, to }
    }

    /// Whether a source was read again between the two.
    pub fn moved(&self, source: Source) -> bool {
        match (self.from.state(source), self.to.state(source)) {
            (State::Ok { at: from, .. }, State::Ok { at: to, .. }) => from != to,
            (_, State::Ok { .. }) => true,
            _ => false,
        }
    }

    /// Time between the two readings of a source; none if there are not two.
    pub fn span(&self, source: Source) -> Option<Duration> {
        match (self.from.state(source), self.to.state(source)) {
            (State::Ok { at: from, .. }, State::Ok { at: to, .. }) => Some(to.since(from)),
            _ => None,
        }
    }
}

/// The values of two readings of a source, if both are good and the later one is another.
fn both<'a, T>(from: &'a Reading<T>, to: &'a Reading<T>) -> Option<(&'a T, &'a T)> {
    let (Some(from), Reading::Ok(to)) = (from.last(), to) else {
        return None;
    };
    different(from, to)
}

fn different<'a, T>(from: &'a Stamped<T>, to: &'a Stamped<T>) -> Option<(&'a T, &'a T)> {
    (!Arc::ptr_eq(&from.value, &to.value)).then(|| (&*from.value, &*to.value))
}
