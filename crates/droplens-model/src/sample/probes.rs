//! What the own probes found: outcomes, round-trip times and how losses are spread, for each
//! address of each target.

mod details;
mod failure;
mod histogram;
mod loss;
mod outcome;
mod path;
mod phases;
mod rotation;
mod times;

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::serial::{maybe_nanoseconds, nanoseconds, words};
use crate::{Family, Name};

pub use details::{
    Certificate, Details, DnsDetails, DnsRecords, HttpDetails, PmtuDetails, TcpDetails, TlsDetails,
};
pub use failure::{FailureCount, FailureReason, Failures, LastFailure};
pub use histogram::{BurstDurations, BurstPackets, GapPackets, PhaseTimes, RoundTrips};
pub use loss::{LossPattern, LossRatio};
pub use outcome::{IcmpError, Outcome, OutcomeKind, Outcomes, SendFailure};
pub use path::{Hop, HopVerdict, PathDetails, judge};
pub use phases::{Limits, Phase, PhaseSummary};
pub use rotation::{RotationKind, Rotations};
pub use times::Times;

words! {
    /// What a probe asks.
    ProbeKind {
        /// An echo request.
        Icmp "icmp",
        /// A TCP connection.
        Tcp "tcp",
        /// A question to a name server.
        Dns "dns",
        /// A TLS handshake.
        Tls "tls",
        /// An HTTP request.
        Http "http",
        /// The largest packet that gets through.
        Pmtu "pmtu",
        /// The hops on the way.
        Path "path",
    }
}

words! {
    /// How a target stands.
    TargetState {
        /// It has addresses and is probed.
        Resolved "resolved",
        /// Its name does not resolve now. Addresses that it had before are probed on.
        Unresolved "unresolved",
        /// A target nobody asked for (gateway, resolver) that never answered. Many never answer a
        /// ping by choice, so this is no loss.
        Silent "silent",
    }
}

/// Everything the prober knows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Probes {
    /// The targets, by probe and name.
    pub targets: Vec<Target>,
    /// The prober itself.
    pub prober: Prober,
}

/// One target of one probe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// The probe's name: as it is configured, or its kind.
    pub probe: Name,
    /// What it asks.
    pub kind: ProbeKind,
    /// The target as it was configured: a name, an address or a URL.
    pub target: Name,
    /// Whether somebody asked for it, or droplens found it by itself (gateway, resolver).
    pub asked_for: bool,
    /// Labels that the configuration gives it.
    #[serde(default)]
    pub labels: Vec<(Name, Name)>,
    /// From when on it is slow, where that is configured.
    #[serde(default)]
    pub limits: Limits,
    /// How it stands.
    pub state: TargetState,
    /// Its addresses, at most 8, each measured on its own.
    pub addresses: Vec<Address>,
    /// Addresses that the name has beyond those.
    #[serde(default)]
    pub addresses_left_out: u32,
}

/// One address of a target. Counters move when a probe ends, never before, and never fall.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Address {
    /// The address.
    pub address: IpAddr,
    /// Probes begun: the ended ones, the silent ones and those in flight.
    pub sent: u64,
    /// Probes that ended, by outcome.
    pub outcomes: Outcomes,
    /// Unanswered probes to a target nobody asked for, before its first answer. They are in no
    /// outcome: nobody can tell whether they were lost.
    #[serde(default)]
    pub silent: u64,
    /// Probes that have not ended.
    pub in_flight: u64,
    /// Probes in a row, up to the newest one that is due, that the target did not answer in time.
    /// Rises with each timeout, seconds before those probes are counted as lost.
    pub unanswered_consecutive: u64,
    /// How long that has been so: since the first probe of the row was sent. None without a row, or if
    /// that is not known.
    #[serde(with = "maybe_nanoseconds", default)]
    pub unanswered_for: Option<Duration>,
    /// Times between a probe and its answer; those of late answers too, never of lost probes.
    pub round_trips: RoundTrips,
    /// Lengths of the runs of lost probes that ended (loss periods of RFC 3357).
    pub burst_packets: BurstPackets,
    /// Durations of these runs: from the sending of the first lost probe to that of the next one
    /// that was answered.
    pub burst_durations: BurstDurations,
    /// Answered probes between two runs of lost ones (loss distance of RFC 3357, less one).
    pub gap_packets: GapPackets,
    /// How the newest losses are spread.
    pub pattern: LossPattern,
    /// Copies of answers that had been received already (RFC 5560).
    pub duplicates: u64,
    /// Answers that came after the answer to a later probe (RFC 4737, over the round trip).
    pub reordered: u64,
    /// Answers to probes that had ended in another way, or too long ago to tell.
    pub stale: u64,
    /// Trials with another ICMP identifier in outages.
    #[serde(default)]
    pub rotations: Rotations,
    /// Smoothed difference between successive round-trip times (RFC 3550, section 6.4.1).
    #[serde(with = "maybe_nanoseconds", default)]
    pub jitter: Option<Duration>,
    /// The 95th percentile of the newest round-trip times above their minimum (packet delay
    /// variation of RFC 5481, section 4.2).
    #[serde(with = "maybe_nanoseconds", default)]
    pub delay_variation: Option<Duration>,
    /// Probes that failed, by reason. An answered probe can fail too.
    #[serde(default)]
    pub failures: Failures,
    /// The newest failure.
    #[serde(default)]
    pub last_failure: Option<LastFailure>,
    /// SYN segments that were sent again, for all connections.
    #[serde(default)]
    pub syn_retransmits: u64,
    /// DNS answers that were truncated.
    #[serde(default)]
    pub truncated: u64,
    /// The steps of a probe, in order.
    #[serde(default)]
    pub phases: Vec<PhaseSummary>,
    /// What the newest probe found out.
    #[serde(default)]
    pub details: Details,
    /// How packets get there from this host.
    #[serde(default)]
    pub route: Option<Route>,
    /// How often that became another way.
    #[serde(default)]
    pub route_changes: u64,
}

/// The first step from this host to a destination, as the kernel's routing tables say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The device that packets leave by.
    pub device: Name,
    /// The router; none if the destination is on the link.
    pub gateway: Option<IpAddr>,
    /// The own address that packets bear.
    pub source: Option<IpAddr>,
    /// The largest packet that this host would send there, in bytes.
    pub mtu: Option<u32>,
}

impl Target {
    /// A target that was asked for, without addresses yet.
    pub fn new(probe: &str, kind: ProbeKind, target: &str) -> Self {
        Self {
            probe: probe.into(),
            kind,
            target: target.into(),
            asked_for: true,
            labels: Vec::new(),
            limits: Limits::default(),
            state: TargetState::Resolved,
            addresses: Vec::new(),
            addresses_left_out: 0,
        }
    }
}

impl Address {
    /// An address that was not probed yet.
    pub fn new(address: IpAddr, kind: ProbeKind) -> Self {
        Self {
            address,
            sent: 0,
            outcomes: Outcomes::default(),
            silent: 0,
            in_flight: 0,
            unanswered_consecutive: 0,
            unanswered_for: None,
            round_trips: RoundTrips::default(),
            burst_packets: BurstPackets::default(),
            burst_durations: BurstDurations::default(),
            gap_packets: GapPackets::default(),
            pattern: LossPattern::default(),
            duplicates: 0,
            reordered: 0,
            stale: 0,
            rotations: Rotations::default(),
            jitter: None,
            delay_variation: None,
            failures: Failures::new(kind),
            last_failure: None,
            syn_retransmits: 0,
            truncated: 0,
            phases: Vec::new(),
            details: Details::default(),
            route: None,
            route_changes: 0,
        }
    }

    /// The address family.
    pub const fn family(&self) -> Family {
        Family::of(self.address)
    }

    /// Lost probes out of those that could tell.
    pub const fn loss(&self) -> LossRatio {
        self.outcomes.loss()
    }
}

/// How the prober itself does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Prober {
    /// Probes per second that the targets ask for together.
    pub wanted_rate: f64,
    /// Probes per second that the budget lets through.
    pub effective_rate: f64,
    /// By how much the budget stretches all intervals; 1 if it does not.
    pub stretch: f64,
    /// The longest time by which a probe began late, in the last minute.
    #[serde(with = "nanoseconds")]
    pub schedule_lag: Duration,
    /// Probes that were due while one or more later ones were too, and were left out.
    pub skipped: u64,
    /// Times the prober found that it had not been running.
    pub stalls: u64,
    /// How long that was altogether.
    #[serde(with = "nanoseconds")]
    pub stalled: Duration,
    /// Times the host was suspended.
    pub suspends: u64,
    /// Answers that match no probe.
    pub strays: Strays,
    /// Answers that the kernel dropped because a socket's receive buffer was full (`SO_MEMINFO`).
    /// They were not lost on the way, though their probes are counted as lost.
    pub socket_overflows: u64,
    /// Whether round-trip times are taken from the kernel's time stamps, on sending and receiving.
    pub kernel_stamps: bool,
}

/// Answers that match no probe. Other programs' answers are normal on sockets that see all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Strays {
    /// The nonce is not ours.
    pub nonce: u64,
    /// Our nonce, from another address than the one that was probed.
    pub peer: u64,
    /// Our nonce and peer, and a sequence number that was not sent.
    pub sequence: u64,
    /// Our payload, and not the ICMP identifier that was sent.
    pub identifier: u64,
    /// A wrong checksum. The kernel drops such packets itself but on raw IPv4 sockets.
    pub checksum: u64,
    /// Ours otherwise, but shorter or longer than what was sent, or garbled.
    pub malformed: u64,
}
