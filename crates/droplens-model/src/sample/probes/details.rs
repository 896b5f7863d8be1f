//! What probes of each kind found out beyond the time it took. Always of the newest probe that got
//! so far; only counters are of all of them, and a path is put together from all its rounds.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::path::PathDetails;
use crate::Timestamp;
use crate::serial::maybe_nanoseconds;

/// What the newest probe found out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    /// The TCP connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp: Option<TcpDetails>,
    /// The DNS answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns: Option<DnsDetails>,
    /// The TLS session and its certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsDetails>,
    /// The HTTP response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpDetails>,
    /// The path MTU.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pmtu: Option<PmtuDetails>,
    /// The path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathDetails>,
}

impl Details {
    /// Takes over what a newer probe found out; what it did not get to stays.
    pub fn update(&mut self, newer: Self) {
        let Self {
            tcp,
            dns,
            tls,
            http,
            pmtu,
            path,
        } = newer;
        macro_rules! take {
            ($($part:ident),+) => { $( if $part.is_some() { self.$part = $part; } )+ };
        }
        take!(tcp, dns, tls, http, pmtu);
        if let Some(round) = path {
            match &mut self.path {
                Some(known) => known.merge(round),
                None => self.path = Some(round),
            }
        }
    }
}

/// A TCP connection, from `TCP_INFO`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TcpDetails {
    /// SYN segments that were sent again for the newest connection (`tcpi_total_retrans` when it was
    /// open, or when it was given up).
    pub syn_retransmits: u32,
    /// The largest segment that the peer takes, in bytes (`tcpi_snd_mss`).
    pub mss: Option<u32>,
    /// The first round trip as the kernel measured it.
    #[serde(with = "maybe_nanoseconds")]
    pub round_trip: Option<Duration>,
}

/// A DNS answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DnsDetails {
    /// The response code, such as `NOERROR`.
    pub code: String,
    /// The records of the answer, as in a zone file without name, class and TTL: `A 192.0.2.1`.
    pub answers: Vec<String>,
    /// The names that the name is an alias of, one after the other.
    pub aliases: Vec<String>,
    /// Whether the server answers with authority (AA).
    pub authoritative: bool,
    /// Whether the server says that it verified the answer with DNSSEC (AD).
    pub authenticated: bool,
    /// Whether the answer did not fit into a datagram, so that it was asked again over TCP.
    pub truncated: bool,
    /// The serial number of the zone, if an SOA record came.
    pub serial: Option<u32>,
    /// The shortest time to live of the answer's records, in seconds.
    pub ttl: Option<u32>,
    /// Size of the response in bytes.
    pub bytes: u32,
    /// How many records the response has.
    pub records: DnsRecords,
}

/// How many records a DNS response has in each section, that of EDNS not among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DnsRecords {
    /// In the answer.
    pub answer: u32,
    /// In the authority section.
    pub authority: u32,
    /// In the additional section.
    pub additional: u32,
}

/// A TLS session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TlsDetails {
    /// The version, such as `TLSv1.3`.
    pub version: Option<String>,
    /// The cipher suite.
    pub cipher: Option<String>,
    /// The protocol that was agreed on (ALPN), such as `h2`.
    pub protocol: Option<String>,
    /// The certificates that the server sent, its own first.
    pub chain: Vec<Certificate>,
    /// Why the chain is not trusted, in words; none if it is.
    pub distrust: Option<String>,
}

/// A certificate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// Whom it is for.
    pub subject: String,
    /// Who vouches for it.
    pub issuer: String,
    /// Names that it is for.
    pub names: Vec<String>,
    /// Valid from.
    pub not_before: Timestamp,
    /// Valid until.
    pub not_after: Timestamp,
    /// SHA-256 of the certificate as it was sent, in hexadecimal.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub fingerprint: String,
}

/// An HTTP response.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HttpDetails {
    /// The status code.
    pub status: Option<u16>,
    /// The version, such as `HTTP/1.1`.
    pub version: Option<String>,
    /// Bytes of the body that were received.
    pub body_bytes: u64,
    /// What the response's `content-length` says.
    pub content_length: Option<u64>,
    /// Redirects that were followed.
    pub redirects: u32,
    /// The address of the page in the end.
    pub url: Option<String>,
}

/// What is known of the largest packet that gets through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PmtuDetails {
    /// The largest packet that arrived, in bytes with the IP header.
    pub bytes: Option<u32>,
    /// The MTU of the own device on the way there.
    pub device_mtu: Option<u32>,
    /// Whether larger packets vanish without anybody saying so.
    pub blackhole: bool,
    /// Who said that packets were too big.
    pub reported_by: Option<IpAddr>,
    /// The MTU that was said.
    pub reported: Option<u32>,
    /// The MTU that the kernel remembered for this destination before (`IP_MTU`).
    pub cached: Option<u32>,
}
