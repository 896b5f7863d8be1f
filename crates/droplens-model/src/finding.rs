//! What diagnosis concludes: findings with their evidence, and bursts with their time.

use serde::{Deserialize, Serialize};

use crate::serial::words;
use crate::{Cause, Domain, Place, Source, Timestamp};

words! {
    /// How a domain, or the whole host, stands. The better comes first.
    Status {
        /// Looked at, and nothing is wrong.
        Clean "clean",
        /// Nothing could be looked at.
        Blind "blind",
        /// Nothing is lost, but something is at its limit or unusual.
        Pressure "pressure",
        /// Packets are being lost.
        Loss "loss",
    }
}

words! {
    /// How much a finding matters.
    Severity {
        /// Background noise: shown, but it sets no status and no exit code.
        Info "info",
        /// Somebody should look at it.
        Warning "warning",
        /// Somebody should look at it now.
        Critical "critical",
    }
}

words! {
    /// Which way packets are lost on the path.
    PathDirection {
        /// From this host to the others.
        Forward "forward",
        /// From the others to this host.
        Return "return",
        /// It cannot be told.
        Unknown "unknown",
    }
}

words! {
    /// How losses are spread over time.
    Pattern {
        /// Each packet is as likely to be lost as any other.
        Random "random",
        /// Many in a row, at irregular times.
        Burst "burst",
        /// Many in a row, at regular times.
        Periodic "periodic",
        /// Too few losses, or too short a time, to tell.
        Unknown "unknown",
    }
}

/// A cause that the deltas of one window prove.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The cause's domain.
    pub domain: Domain,
    /// What happened.
    pub cause: Cause,
    /// [`Status::Loss`] or [`Status::Pressure`].
    pub status: Status,
    /// How much it matters.
    pub severity: Severity,
    /// Where.
    #[serde(rename = "where")]
    pub place: Place,
    /// Packets lost in the window; 0 for pressure.
    pub packets: u64,
    /// Packets lost per second, over the window.
    pub rate: f64,
    /// When it began, if that was seen.
    pub since: Option<Timestamp>,
    /// What happened and where in a few words, without numbers of packets.
    pub summary: String,
    /// The counters that prove it.
    pub evidence: Vec<Evidence>,
    /// Causes that move some of the same counters and were excluded.
    pub ruled_out: Vec<Cause>,
    /// Which way packets are lost; only for losses on the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<PathDirection>,
    /// How the losses are spread over time; only for losses on the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<Pattern>,
    /// One sentence: what to do now.
    pub next: String,
    /// The cause's page of the runbook.
    pub runbook: String,
}

impl Finding {
    /// Where in the report it stands: losses before pressure, noise last, then by packets.
    pub fn order(&self) -> impl Ord + use<> {
        use std::cmp::Reverse;
        (
            Reverse(self.severity != Severity::Info),
            Reverse(self.status),
            Reverse(self.packets),
            Reverse(self.severity),
            self.cause,
        )
    }
}

/// One reading that supports a finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Where it was read.
    pub source: Source,
    /// The counter or gauge, in droplens' words.
    pub counter: String,
    /// How far the counter moved in the window; none for a gauge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta: Option<u64>,
    /// The gauge's value at the end of the window; none for a counter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// The kernel's name for it.
    pub kernel: String,
}

/// A burst of losses: packets of one cause in one place, with no pause of more than a second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Counts the events since the agent started, from 1.
    pub id: u64,
    /// The cause's domain.
    pub domain: Domain,
    /// What happened.
    pub cause: Cause,
    /// Where.
    #[serde(rename = "where")]
    pub place: Place,
    /// When the first packet was lost, within one sampling interval.
    pub start: Timestamp,
    /// From the first lost packet to the last one, in seconds.
    pub seconds: f64,
    /// Packets lost.
    pub packets: u64,
    /// The highest rate between two samples, in packets per second.
    pub peak_rate: f64,
    /// Whether it is still going on.
    pub ongoing: bool,
}
