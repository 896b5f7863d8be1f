//! The verdict on one window of time.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::sample::connections::Connections;
use crate::sample::probes::{LastFailure, LossPattern, LossRatio, ProbeKind, Route, TargetState};
use crate::serial::words;
use crate::{Cause, Domain, Event, Finding, Name, Source, Status, Timestamp};

/// The version of the report's JSON form.
pub const REPORT_SCHEMA: &str = "droplens.report/1";

/// What was found in one window of time: the answer to "where are packets being lost?".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`REPORT_SCHEMA`].
    pub schema: String,
    /// The version of droplens that wrote it.
    pub droplens: String,
    /// The host's name.
    pub host: String,
    /// When the window began.
    pub start: Timestamp,
    /// How long it was, in seconds.
    pub seconds: f64,
    /// The worst status of any domain.
    pub status: Status,
    /// One line: the verdict.
    pub headline: String,
    /// What was found: losses before pressure, then by packets.
    pub findings: Vec<Finding>,
    /// Every domain, in packet order.
    pub domains: Vec<DomainReport>,
    /// What part of the host was looked at.
    pub scope: Scope,
    /// What users of the host feel.
    pub symptoms: Symptoms,
    /// What each probe found, the worst first; empty without probes.
    #[serde(default)]
    pub probes: Vec<ProbeReport>,
    /// Probed addresses that are not in that list, since it is long.
    #[serde(default)]
    pub probes_left_out: u64,
    /// How each source could be read.
    pub sources: Vec<SourceReport>,
    /// Bursts in the window, newest last; empty without a running agent.
    #[serde(default)]
    pub events: Vec<Event>,
    /// The sockets, peers and processes that suffer; none if they were not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections: Option<Connections>,
}

/// How one domain stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DomainReport {
    /// The domain.
    pub domain: Domain,
    /// How it stands.
    pub status: Status,
    /// Packets lost there in the window, each counted once.
    pub packets: u64,
    /// The causes that could not be looked for.
    pub blind_causes: Vec<Cause>,
    /// Why, if there are any.
    pub why: Option<String>,
}

/// What part of the host was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// The network namespace: `self`, the one in which droplens runs.
    pub namespace: String,
    /// Other network namespaces with processes in them; their sockets, addresses and firewalls
    /// were not looked at.
    pub others_not_seen: u64,
}

/// How one source could be read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceReport {
    /// The source.
    pub source: Source,
    /// `ok`, `failed`, `unsupported`, `disabled` or `pending`.
    pub state: String,
    /// Age of the newest good reading at the window's end, in seconds.
    pub age_seconds: Option<f64>,
    /// Why there is none.
    pub error: Option<String>,
}

words! {
    /// How bad a share of lost packets is.
    Grade {
        /// None lost.
        None "none",
        /// Below 0.1 %: normal on most networks.
        Low "low",
        /// Below 1 %: TCP slows down on long paths.
        Moderate "moderate",
        /// Below 5 %: people notice.
        High "high",
        /// 5 % and more: hardly usable.
        Severe "severe",
    }
}

impl Grade {
    /// The grade of a share between 0 and 1.
    pub fn of(share: f64) -> Self {
        match share {
            share if share <= 0.0 => Self::None,
            share if share < 0.001 => Self::Low,
            share if share < 0.01 => Self::Moderate,
            share if share < 0.05 => Self::High,
            _ => Self::Severe,
        }
    }
}

/// What users of the host feel: not places, but what losses lead to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Symptoms {
    /// TCP segments sent, retransmissions not counted (`Tcp OutSegs`).
    pub tcp_segments_sent: Option<u64>,
    /// TCP segments sent again (`Tcp RetransSegs`).
    pub tcp_retransmits: Option<u64>,
    /// Of these: SYN and SYN-ACK segments (`TcpExt TCPSynRetrans`).
    pub tcp_syn_retransmits: Option<u64>,
    /// Of these: unnecessary, as the peer had got them (`TcpExt TCPDSACKRecv`).
    pub tcp_spurious_retransmits: Option<u64>,
    /// Retransmissions that were neither, as a share of the segments sent.
    pub tcp_retransmit_ratio: Option<f64>,
    /// The grade of that share.
    pub tcp_retransmit_grade: Option<Grade>,
    /// Times no acknowledgement came in time (`TcpExt TCPTimeouts`).
    pub tcp_timeouts: Option<u64>,
    /// Segments that came before ones sent earlier (`TcpExt TCPOFOQueue`).
    pub tcp_out_of_order: Option<u64>,
    /// Connection attempts that failed (`Tcp AttemptFails`).
    pub tcp_connect_failures: Option<u64>,
    /// Connections that the peer reset (`Tcp EstabResets`).
    pub tcp_resets_received: Option<u64>,
    /// Reset segments sent (`Tcp OutRsts`).
    pub tcp_resets_sent: Option<u64>,
    /// What probes lost, by what they send; empty without probes.
    pub probes: Vec<ProbeLoss>,
    /// Devices that lost packets, the worst first.
    pub devices: Vec<DeviceLoss>,
}

words! {
    /// What a probe sends.
    ProbeTransport {
        /// Echo requests.
        Icmp "icmp",
        /// Connection attempts.
        Tcp "tcp",
        /// DNS queries, as datagrams unless the site says otherwise.
        Dns "dns",
    }
}

impl ProbeTransport {
    /// What this kind of probe sends; none for those that lose packets on purpose.
    pub const fn of(kind: ProbeKind) -> Option<Self> {
        Some(match kind {
            ProbeKind::Icmp => Self::Icmp,
            ProbeKind::Tcp | ProbeKind::Tls | ProbeKind::Http => Self::Tcp,
            ProbeKind::Dns => Self::Dns,
            ProbeKind::Pmtu | ProbeKind::Path => return None,
        })
    }

    /// What people call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Icmp => "ICMP",
            Self::Tcp => "TCP",
            Self::Dns => "DNS",
        }
    }
}

/// What probes of one transport lost, all targets together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeLoss {
    /// What they send.
    pub transport: ProbeTransport,
    /// Packets that can tell: of connections, SYN segments.
    pub packets: u64,
    /// Of these lost.
    pub lost: u64,
    /// The share that was lost.
    pub ratio: f64,
    /// The grade of that share; none if there are too few to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<Grade>,
    /// The median of the round trips in seconds, an estimate.
    pub round_trip_median: Option<f64>,
    /// Their 99th percentile in seconds, an estimate.
    pub round_trip_p99: Option<f64>,
}

/// What the probes of one address found in the window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeReport {
    /// The probe.
    pub probe: Name,
    /// The target.
    pub target: Name,
    /// What it is asked.
    pub kind: ProbeKind,
    /// How the target stands.
    pub state: TargetState,
    /// The address; none if the target has none yet.
    pub address: Option<IpAddr>,
    /// Probes begun.
    pub sent: u64,
    /// Packets that were lost on the way, and out of how many that could tell.
    pub loss: LossRatio,
    /// The bounds between which the true share lies with 95 % confidence.
    pub loss_interval: (f64, f64),
    /// The median of the round trips in seconds, an estimate.
    pub round_trip_median: Option<f64>,
    /// Their 99th percentile in seconds, an estimate.
    pub round_trip_p99: Option<f64>,
    /// How the newest losses are spread.
    pub pattern: LossPattern,
    /// Probes that failed in the window, answered or not.
    pub failed: u64,
    /// The newest failure, if there was one in the window.
    pub last_failure: Option<LastFailure>,
    /// Days until the first certificate of the chain expires.
    pub certificate_days: Option<f64>,
    /// The largest packet that arrives, in bytes.
    pub pmtu_bytes: Option<u32>,
    /// How packets get there from this host.
    pub route: Option<Route>,
    /// How often that became another way in the window.
    pub route_changes: u64,
    /// Outages in the window that another ICMP identifier ended.
    #[serde(default)]
    pub identifier_healed: u64,
}

/// Packets that one device lost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceLoss {
    /// The device.
    pub device: Name,
    /// Packets it handled in the window, both ways.
    pub packets: u64,
    /// Packets lost there, by the ledger.
    pub lost: u64,
    /// Share of the packets that were lost.
    pub ratio: f64,
    /// The grade of that share.
    pub grade: Grade,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grades_begin_where_the_guides_say() {
        for (share, grade) in [
            (0.0, Grade::None),
            (0.000_5, Grade::Low),
            (0.001, Grade::Moderate),
            (0.01, Grade::High),
            (0.049_9, Grade::High),
            (0.05, Grade::Severe),
            (1.0, Grade::Severe),
        ] {
            assert_eq!(Grade::of(share), grade, "{share}");
        }
    }
}
