//! Why a probe did not get what it asked for.

use serde::{Deserialize, Serialize};

use super::{Outcome, ProbeKind, SendFailure};
use crate::Cause;
use crate::serial::words;

words! {
    /// Why a probe failed. A probe can be answered and fail all the same: a refused connection is an
    /// answer, so no packet was lost, but no service either.
    FailureReason {
        /// No answer.
        Timeout "timeout",
        /// An ICMP error came instead of an answer.
        Unreachable "unreachable",
        /// A firewall rule on output, or no permission.
        NotPermitted "not_permitted",
        /// The kernel had no memory, or a queue was full.
        NoBuffers "no_buffers",
        /// Larger than the known MTU of the path.
        TooBig "too_big",
        /// This host has no route there, or the neighbour does not answer.
        NoRoute "no_route",
        /// The own address or device is gone.
        NoDevice "no_device",
        /// This host provably dropped the packet.
        LocalDrop "local_drop",
        /// Another error of this host.
        Other "other",
        /// The port is closed.
        ConnectRefused "connect_refused",
        /// No answer to the connection attempt.
        ConnectTimeout "connect_timeout",
        /// The peer closed the connection in the middle.
        Reset "reset",
        /// No answer from the name server.
        DnsTimeout "dns_timeout",
        /// An answer that is no DNS message, or not to this question.
        DnsMalformed "dns_malformed",
        /// The server says that it failed (`SERVFAIL`).
        DnsServerFailure "dns_server_failure",
        /// The name does not exist (`NXDOMAIN`).
        DnsNoName "dns_no_name",
        /// The server refuses to answer (`REFUSED`).
        DnsRefused "dns_refused",
        /// Any other response code but `NOERROR`.
        DnsOtherCode "dns_other_code",
        /// The name exists but has no record of the type.
        DnsNoAnswer "dns_no_answer",
        /// Not the answer that was expected.
        DnsUnexpected "dns_unexpected",
        /// The TLS handshake got no answer.
        TlsTimeout "tls_timeout",
        /// The TLS handshake failed: no common version or cipher, an alert, garbage.
        TlsHandshake "tls_handshake",
        /// The certificate has expired.
        TlsExpired "tls_expired",
        /// The certificate is not valid yet.
        TlsNotYetValid "tls_not_yet_valid",
        /// The certificate is for other names.
        TlsWrongName "tls_wrong_name",
        /// The certificate is self-signed or its issuer is not trusted.
        TlsUntrusted "tls_untrusted",
        /// No complete HTTP response in time.
        HttpTimeout "http_timeout",
        /// A response that is no HTTP.
        HttpMalformed "http_malformed",
        /// Not the status that was expected.
        HttpStatus "http_status",
        /// Not the body that was expected.
        HttpBody "http_body",
        /// Not the headers that were expected.
        HttpHeader "http_header",
        /// More redirects than allowed, in a loop, or to nowhere.
        HttpRedirects "http_redirects",
        /// A larger body than allowed.
        HttpTooLarge "http_too_large",
        /// Small packets arrive and large ones do not, and nobody says so.
        PmtuBlackhole "pmtu_blackhole",
        /// The path was not followed to its end.
        PathIncomplete "path_incomplete",
    }
}

impl FailureReason {
    /// The reasons of every kind of probe.
    const COMMON: &'static [Self] = &[
        Self::Timeout,
        Self::Unreachable,
        Self::NotPermitted,
        Self::NoBuffers,
        Self::TooBig,
        Self::NoRoute,
        Self::NoDevice,
        Self::LocalDrop,
        Self::Other,
    ];
    const CONNECT: &'static [Self] = &[Self::ConnectRefused, Self::ConnectTimeout, Self::Reset];
    const DNS: &'static [Self] = &[
        Self::DnsTimeout,
        Self::DnsMalformed,
        Self::DnsServerFailure,
        Self::DnsNoName,
        Self::DnsRefused,
        Self::DnsOtherCode,
        Self::DnsNoAnswer,
        Self::DnsUnexpected,
    ];
    const TLS: &'static [Self] = &[
        Self::TlsTimeout,
        Self::TlsHandshake,
        Self::TlsExpired,
        Self::TlsNotYetValid,
        Self::TlsWrongName,
        Self::TlsUntrusted,
    ];
    const HTTP: &'static [Self] = &[
        Self::HttpTimeout,
        Self::HttpMalformed,
        Self::HttpStatus,
        Self::HttpBody,
        Self::HttpHeader,
        Self::HttpRedirects,
        Self::HttpTooLarge,
    ];

    /// The reasons that a kind of probe can have.
    pub fn of(kind: ProbeKind) -> impl Iterator<Item = Self> {
        let own: [&[Self]; 3] = match kind {
            ProbeKind::Icmp => [&[], &[], &[]],
            ProbeKind::Tcp => [Self::CONNECT, &[], &[]],
            ProbeKind::Dns => [Self::CONNECT, Self::DNS, &[]],
            ProbeKind::Tls => [Self::CONNECT, Self::TLS, &[]],
            ProbeKind::Http => [Self::CONNECT, Self::TLS, Self::HTTP],
            ProbeKind::Pmtu => [&[Self::PmtuBlackhole], &[], &[]],
            ProbeKind::Path => [&[Self::PathIncomplete], &[], &[]],
        };
        Self::COMMON
            .iter()
            .chain(own.into_iter().flatten())
            .copied()
    }

    /// Why a probe failed that ended so and told no more; none if it did not.
    pub const fn of_outcome(outcome: Outcome) -> Option<Self> {
        Some(match outcome {
            Outcome::Ok | Outcome::Late | Outcome::Aborted => return None,
            Outcome::Lost => Self::Timeout,
            Outcome::IcmpError(_) => Self::Unreachable,
            // As if it had refused to send: which of the two it is does not matter to whoever mends it.
            Outcome::LocalDrop(Some(Cause::FirewallDrop)) => Self::NotPermitted,
            Outcome::LocalDrop(Some(Cause::NeighbourUnresolved)) => Self::NoRoute,
            Outcome::LocalDrop(_) => Self::LocalDrop,
            Outcome::SendError(failure) => match failure {
                SendFailure::NotPermitted => Self::NotPermitted,
                SendFailure::NoBuffers => Self::NoBuffers,
                SendFailure::TooBig => Self::TooBig,
                SendFailure::Unreachable => Self::NoRoute,
                SendFailure::NoDevice => Self::NoDevice,
                SendFailure::Other => Self::Other,
            },
        })
    }
}

/// Probes that failed for a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureCount {
    /// Why.
    pub reason: FailureReason,
    /// How many.
    pub count: u64,
}

/// Failed probes by reason: all reasons that the kind can have, from the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Failures(pub Vec<FailureCount>);

impl Failures {
    /// None yet.
    pub fn new(kind: ProbeKind) -> Self {
        let reasons = FailureReason::of(kind);
        Self(
            reasons
                .map(|reason| FailureCount { reason, count: 0 })
                .collect(),
        )
    }

    /// Counts one more.
    pub fn add(&mut self, reason: FailureReason) {
        match self.0.iter_mut().find(|counted| counted.reason == reason) {
            Some(counted) => counted.count += 1,
            None => self.0.push(FailureCount { reason, count: 1 }),
        }
    }

    /// How many failed for this reason.
    pub fn get(&self, reason: FailureReason) -> u64 {
        let found = self.0.iter().find(|counted| counted.reason == reason);
        found.map_or(0, |counted| counted.count)
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.0.iter().map(|counted| counted.count).sum()
    }
}

/// The newest failure, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastFailure {
    /// Why.
    pub reason: FailureReason,
    /// What happened, for people.
    pub message: String,
    /// When the probe was sent.
    pub at: crate::Moment,
}
