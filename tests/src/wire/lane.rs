//! One direction of a wire: frames go in, and come out when they are due.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::loss::Losing;
use super::packet::Packet;
use super::random::Random;
use super::{Counts, Impairment, Protocol};

/// The state of one direction. It knows no device and no clock.
#[derive(Debug)]
pub(super) struct Lane {
    impairment: Impairment,
    losing: Losing,
    random: Random,
    counts: Counts,
    /// Whether the last packet was lost, so that the next lost one belongs to the same burst.
    in_burst: bool,
    /// When the last packet in the queue of a rate has been sent.
    busy_until: Instant,
    /// Frames that are never impaired.
    urgent: VecDeque<Vec<u8>>,
    /// Packets to be overtaken.
    held: VecDeque<Held>,
    /// Packets in the order in which they leave.
    queue: VecDeque<Leaving>,
}

/// A packet that was not lost.
#[derive(Debug)]
struct Parcel {
    frame: Vec<u8>,
    protocol: Protocol,
    arrived: Instant,
    twice: bool,
}

#[derive(Debug)]
struct Held {
    parcel: Parcel,
    /// How many are still to pass it.
    waits_for: u32,
    overtaken: bool,
    at_most: Instant,
}

/// A frame that leaves the wire.
#[derive(Debug)]
pub(super) struct Leaving {
    pub(super) frame: Vec<u8>,
    /// `None` if it is not impaired.
    protocol: Option<Protocol>,
    at: Instant,
}

impl Lane {
    pub(super) fn new(seed: u64, now: Instant) -> Self {
        let impairment = Impairment::default();
        Self {
            impairment,
            losing: Losing::new(impairment.loss, now),
            random: Random::new(seed),
            counts: Counts::default(),
            in_burst: false,
            busy_until: now,
            urgent: VecDeque::new(),
            held: VecDeque::new(),
            queue: VecDeque::new(),
        }
    }

    /// From now on, packets meet this; those in flight keep their time.
    pub(super) fn set(&mut self, impairment: Impairment, now: Instant) {
        self.impairment = impairment;
        self.losing = Losing::new(impairment.loss, now);
        self.in_burst = false;
    }

    pub(super) fn impairment(&self) -> Impairment {
        self.impairment
    }

    pub(super) fn counts(&self) -> Counts {
        let copies = self.held.iter().filter(|held| held.parcel.twice).count();
        let in_flight = self.queue.len() + self.held.len() + copies;
        Counts {
            in_flight: u64::try_from(in_flight).unwrap_or(u64::MAX),
            ..self.counts
        }
    }

    /// Takes in a frame.
    pub(super) fn accept(&mut self, frame: &[u8], now: Instant) {
        self.counts.frames_received += 1;
        let Some(packet) = Packet::of(frame) else {
            self.urgent.push_back(frame.to_vec());
            return;
        };
        let protocol = packet.protocol;
        self.counts.received.add(protocol);
        let chosen = packet.is_chosen_by(self.impairment.only);
        if chosen && self.loses(&packet, frame, now) {
            return;
        }
        let Some(sent) = self.transmit(frame.len(), now) else {
            self.counts.overflowed.add(protocol);
            return;
        };
        let mut parcel = Parcel {
            frame: frame.to_vec(),
            protocol,
            arrived: now,
            twice: false,
        };
        if !chosen {
            self.enqueue(parcel, sent);
            return;
        }
        if self.random.chance(self.impairment.corrupt) {
            self.corrupt(&packet, &mut parcel.frame);
        }
        if self.random.chance(self.impairment.duplicate) {
            parcel.twice = true;
            self.counts.duplicated.add(protocol);
        }
        if let Some(parcel) = self.hold(parcel, sent) {
            self.enqueue(parcel, sent);
            self.overtake(sent);
        }
    }

    fn loses(&mut self, packet: &Packet, frame: &[u8], now: Instant) -> bool {
        let bytes = Packet::bytes(frame);
        let lost = self
            .losing
            .next(bytes, packet.length, now, &mut self.random);
        if lost {
            self.counts.lost.add(packet.protocol);
            self.counts.loss_runs += u64::from(!self.in_burst);
        }
        self.in_burst = lost;
        lost
    }

    fn corrupt(&mut self, packet: &Packet, frame: &mut [u8]) {
        let Some(range) = packet.fragile(frame) else {
            return;
        };
        let at = range.start + self.random.below(range.len());
        if let Some(byte) = frame.get_mut(at) {
            *byte ^= 1 << self.random.below(8);
            self.counts.corrupted.add(packet.protocol);
        }
    }

    /// When the frame has gone through the bottleneck; `None` if its queue has no room.
    fn transmit(&mut self, size: usize, now: Instant) -> Option<Instant> {
        let Some(rate) = self.impairment.rate else {
            return Some(now);
        };
        let bytes_per_second = rate.bits_per_second.max(8) as f64 / 8.0;
        let wait = self.busy_until.saturating_duration_since(now);
        let waiting = wait.as_secs_f64() * bytes_per_second;
        if !wait.is_zero() && waiting + size as f64 > rate.queue as f64 {
            return None;
        }
        let takes = Duration::from_secs_f64(size as f64 / bytes_per_second);
        self.busy_until = self.busy_until.max(now) + takes;
        Some(self.busy_until)
    }

    /// Gives the packet back unless it is to be overtaken.
    fn hold(&mut self, parcel: Parcel, sent: Instant) -> Option<Parcel> {
        let Some(reorder) = self.impairment.reorder else {
            return Some(parcel);
        };
        if !self.random.chance(reorder.probability) {
            return Some(parcel);
        }
        self.held.push_back(Held {
            parcel,
            waits_for: reorder.behind.max(1),
            overtaken: false,
            at_most: sent + reorder.at_most,
        });
        None
    }

    /// A packet has passed those that are held back.
    fn overtake(&mut self, sent: Instant) {
        for held in &mut self.held {
            held.overtaken = true;
            held.waits_for = held.waits_for.saturating_sub(1);
        }
        self.release(sent, |held| held.waits_for == 0);
    }

    /// Sends on those that were held back long enough, in their order.
    fn release(&mut self, sent: Instant, enough: impl Fn(&Held) -> bool) {
        while self.held.front().is_some_and(&enough) {
            let Some(held) = self.held.pop_front() else {
                return;
            };
            if held.overtaken {
                self.counts.reordered.add(held.parcel.protocol);
            }
            self.enqueue(held.parcel, sent);
        }
    }

    fn enqueue(&mut self, parcel: Parcel, sent: Instant) {
        let jitter = self.impairment.jitter;
        let spread = jitter.mul_f64(2.0 * self.random.fraction());
        let delay = (self.impairment.delay + spread).saturating_sub(jitter);
        let last = self.queue.back().map_or(sent, |last| last.at);
        let at = (sent + delay).max(last);
        if at > parcel.arrived {
            self.counts.delayed.add(parcel.protocol);
        }
        let protocol = Some(parcel.protocol);
        if parcel.twice {
            self.queue.push_back(Leaving {
                frame: parcel.frame.clone(),
                protocol,
                at,
            });
        }
        self.queue.push_back(Leaving {
            frame: parcel.frame,
            protocol,
            at,
        });
    }

    /// The next frame that leaves now, if any.
    pub(super) fn leave(&mut self, now: Instant) -> Option<Leaving> {
        if let Some(frame) = self.urgent.pop_front() {
            return Some(Leaving {
                frame,
                protocol: None,
                at: now,
            });
        }
        self.release(now, |held| held.at_most <= now);
        let due = self.queue.front().is_some_and(|first| first.at <= now);
        due.then(|| self.queue.pop_front()).flatten()
    }

    /// The frame has left, or could not.
    pub(super) fn left(&mut self, leaving: &Leaving, arrived: bool) {
        self.counts.frames_forwarded += u64::from(arrived);
        let Some(protocol) = leaving.protocol else {
            return;
        };
        if arrived {
            self.counts.forwarded.add(protocol);
        } else {
            self.counts.failed.add(protocol);
        }
    }

    /// When something leaves next, once all that is due has left.
    pub(super) fn next(&self) -> Option<Instant> {
        let first = self.queue.front().map(|first| first.at);
        let held = self.held.front().map(|held| held.at_most);
        first.into_iter().chain(held).min()
    }
}

#[cfg(test)]
mod tests;
