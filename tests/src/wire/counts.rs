//! What really happened on one direction of a wire.

use serde::{Deserialize, Serialize};

/// What a packet carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// ICMP, and `ICMPv6` without the neighbour's housekeeping.
    Icmp,
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
    /// Any other IP protocol.
    Other,
}

/// Packets by what they carry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// [`Protocol::Icmp`].
    pub icmp: u64,
    /// [`Protocol::Udp`].
    pub udp: u64,
    /// [`Protocol::Tcp`].
    pub tcp: u64,
    /// [`Protocol::Other`].
    pub other: u64,
}

impl Tally {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.icmp + self.udp + self.tcp + self.other
    }

    pub(super) fn add(&mut self, protocol: Protocol) {
        *match protocol {
            Protocol::Icmp => &mut self.icmp,
            Protocol::Udp => &mut self.udp,
            Protocol::Tcp => &mut self.tcp,
            Protocol::Other => &mut self.other,
        } += 1;
    }
}

/// Exact counts of one direction since the wire was joined.
///
/// At any time, `received + duplicated = forwarded + lost + overflowed + failed + in_flight`.
/// What the neighbours need to find each other (ARP, neighbour discovery, multicast
/// memberships) is never impaired and counts as frames only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Frames read from the sending device, of whatever kind.
    pub frames_received: u64,
    /// Frames written to the receiving device, of whatever kind, copies included.
    pub frames_forwarded: u64,
    /// IP packets read from the sending device.
    pub received: Tally,
    /// IP packets written to the receiving device, copies included. The kernel has handled a
    /// packet up to its socket by the time it is counted.
    pub forwarded: Tally,
    /// Packets lost by [`Loss`](super::Loss).
    pub lost: Tally,
    /// Unbroken runs of lost packets; lost / runs is the mean length of a burst.
    pub loss_runs: u64,
    /// Packets for which the queue of a [`Rate`](super::Rate) had no room.
    pub overflowed: Tally,
    /// Copies made: the packets themselves are not counted here.
    pub duplicated: Tally,
    /// Packets overtaken by at least one later one that the impairment also applies to.
    pub reordered: Tally,
    /// Packets forwarded with a bit changed.
    pub corrupted: Tally,
    /// Packets sent on later than at once: by delay, jitter, rate or reordering.
    pub delayed: Tally,
    /// Packets, copies included, that the receiving device refused because it was down.
    pub failed: Tally,
    /// Packets, with their copies, on their way now.
    pub in_flight: u64,
}
