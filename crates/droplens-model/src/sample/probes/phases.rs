//! Where the time of a probe with several steps goes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::PhaseTimes;
use crate::serial::{maybe_nanoseconds, nanoseconds, words};

words! {
    /// A step of a probe, in order.
    Phase {
        /// The name is resolved.
        Resolve "resolve",
        /// The TCP connection is opened.
        Connect "connect",
        /// The TLS handshake.
        Tls "tls",
        /// From the request to the first byte of the response.
        Processing "processing",
        /// From the first byte of the response to its last.
        Transfer "transfer",
    }
}

/// The times that a step took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseSummary {
    /// The step.
    pub phase: Phase,
    /// All of them.
    pub times: PhaseTimes,
    /// The newest one.
    #[serde(with = "nanoseconds")]
    pub last: Duration,
}

/// From which time on something is slow at a target, where the site or the target's class says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// The round trip.
    #[serde(with = "maybe_nanoseconds")]
    pub round_trip: Option<Duration>,
    /// The resolution of the name, or a DNS query.
    #[serde(with = "maybe_nanoseconds")]
    pub resolve: Option<Duration>,
    /// The connection.
    #[serde(with = "maybe_nanoseconds")]
    pub connect: Option<Duration>,
    /// The TLS handshake.
    #[serde(with = "maybe_nanoseconds")]
    pub tls: Option<Duration>,
    /// The first byte of a response.
    #[serde(with = "maybe_nanoseconds")]
    pub first_byte: Option<Duration>,
}
