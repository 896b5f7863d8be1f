//! Connections, peers, ports and processes that suffer: `sock_diag`, when a person asks.
//!
//! Every list holds the worst few only, worst first. `Option` means that this kernel does not
//! tell, or that the figure makes no sense for the socket (no round trip was measured yet).
//! Counters are those of one socket since it was made; where the kernel keeps 32 bits they can
//! have wrapped.

mod limit;
pub mod maths;
mod owner;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::sockets::TcpState;
use crate::{Family, Name};

pub use limit::{Limit, Stuck};
pub use owner::{OpenFiles, Owner, ProcessRef};

/// The worst sockets of this network namespace at one instant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connections {
    /// TCP sockets that were looked at, listening ones and those in `TIME-WAIT` not counted.
    pub sockets: u64,
    /// Connections that retransmit now, then those that retransmitted most.
    pub worst: Vec<Connection>,
    /// Connections whose reader, here or at the peer, does not read ([`Connection::stuck`]);
    /// those with the most bytes waiting first.
    pub stuck: Vec<Connection>,
    /// Remote addresses to which this host retransmitted, by retransmits.
    pub peers: Vec<Peer>,
    /// False if there were too many peers to count all of them: some connections of the listed
    /// ones may be missing from their figures.
    pub peers_exact: bool,
    /// Listening sockets that dropped something or whose accept queue is at least half full;
    /// full ones first, then by drops.
    pub listeners: Vec<ListenerDetail>,
    /// UDP sockets that dropped something or hold unread bytes, by drops.
    pub udp: Vec<UdpDetail>,
    /// False when a list kept changing while it was read.
    pub complete: bool,
}

/// One TCP connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// The socket's family; an IPv6 socket may carry IPv4.
    pub family: Family,
    /// The local end.
    pub local: SocketAddr,
    /// The remote end.
    pub remote: SocketAddr,
    /// The state.
    pub state: TcpState,
    /// The congestion control's name.
    pub congestion_control: Option<Name>,
    /// What was sent again.
    pub retransmission: Retransmission,
    /// What is known of the way to the peer.
    pub path: PathFigures,
    /// The sending side.
    pub sending: Sending,
    /// The receiving side.
    pub receiving: Receiving,
    /// Whose it is.
    pub owner: Owner,
}

/// What a connection had to send again (`struct tcp_info`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retransmission {
    /// Segments sent again (`tcpi_total_retrans`); for a connection not yet established, SYNs or
    /// SYN-ACKs.
    pub total: u64,
    /// How often the retransmission timer fired in vain, now (`idiag_retrans`); 0 if nothing is
    /// being retransmitted.
    pub attempts: u8,
    /// Segments in flight that are held for lost (`tcpi_lost`).
    pub lost: u64,
    /// Bytes of data sent, retransmitted ones included (`tcpi_bytes_sent`, kernel 4.19 or newer).
    pub bytes_sent: Option<u64>,
    /// Bytes of data sent again (`tcpi_bytes_retrans`, kernel 4.19 or newer).
    pub bytes_retrans: Option<u64>,
    /// Segments that the peer says it received twice (`tcpi_dsack_dups`, kernel 4.19 or newer):
    /// retransmitted without need.
    pub dsack_dups: Option<u64>,
    /// How often reordering was seen (`tcpi_reord_seen`, kernel 4.19 or newer).
    pub reordering_seen: Option<u64>,
}

/// What a connection knows of the way to its peer (`struct tcp_info`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathFigures {
    /// The smoothed round-trip time (`tcpi_rtt`).
    pub rtt: Option<Duration>,
    /// Its mean deviation (`tcpi_rttvar`).
    pub rtt_var: Option<Duration>,
    /// The shortest round-trip time of late (`tcpi_min_rtt`, kernel 4.6 or newer).
    pub min_rtt: Option<Duration>,
    /// The retransmission timeout now, backed off (`tcpi_rto`).
    pub rto: Option<Duration>,
    /// Bytes of data in a full segment (`tcpi_snd_mss`).
    pub mss: Option<u32>,
    /// The path MTU in bytes (`tcpi_pmtu`).
    pub pmtu: Option<u32>,
    /// Bytes per second that reached the peer of late (`tcpi_delivery_rate`, kernel 4.9 or newer).
    pub delivery_rate: Option<u64>,
}

/// The sending side of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sending {
    /// Bytes that the application wrote and the peer did not acknowledge (`idiag_wqueue`).
    pub queue: u64,
    /// Segments in flight (`tcpi_unacked`).
    pub unacked: u64,
    /// The congestion window in segments (`tcpi_snd_cwnd`).
    pub cwnd: u64,
    /// The slow start threshold in segments (`tcpi_snd_ssthresh`); none if there was no loss yet.
    pub ssthresh: Option<u64>,
    /// The window the peer advertised, in bytes (`tcpi_snd_wnd`, kernel 5.4 or newer).
    pub peer_window: Option<u64>,
    /// Whether it probes the peer's closed window now (the persist timer runs).
    pub probing_zero_window: bool,
    /// Whether the application gave too little to fill the window when the delivery rate was
    /// measured (`tcpi_delivery_rate_app_limited`).
    pub application_limited: bool,
    /// What it waited for; kernel 4.10 or newer.
    pub times: Option<SendTimes>,
}

/// For how long there was something to send, and what kept it from being sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendTimes {
    /// Data was unsent or not acknowledged (`tcpi_busy_time`); contains the other two.
    pub busy: Duration,
    /// The peer's window was too small (`tcpi_rwnd_limited`).
    pub rwnd_limited: Duration,
    /// The send buffer was too small (`tcpi_sndbuf_limited`).
    pub sndbuf_limited: Duration,
}

/// The receiving side of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receiving {
    /// Bytes that the application did not read yet (`idiag_rqueue`).
    pub queue: u64,
    /// Memory that the receive queue takes, in bytes (`SK_MEMINFO_RMEM_ALLOC`).
    pub memory: u64,
    /// The most it may take (`SK_MEMINFO_RCVBUF`).
    pub buffer: u64,
    /// How long ago data arrived last (`tcpi_last_data_recv`).
    pub last_data: Option<Duration>,
    /// Packets the socket dropped (`SK_MEMINFO_DROPS`).
    pub drops: u64,
}

/// All connections with one remote address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// The address; one carried by an IPv6 socket for IPv4 is told as IPv4.
    pub address: IpAddr,
    /// Connections.
    pub connections: u64,
    /// Those of them that retransmit now.
    pub retransmitting: u64,
    /// Segments sent again ([`Retransmission::total`]).
    pub retransmits: u64,
    /// Bytes of data sent, retransmitted ones included; 0 on kernels before 4.19.
    pub bytes_sent: u64,
    /// Bytes of data sent again; 0 on kernels before 4.19.
    pub bytes_retrans: u64,
}

impl Peer {
    /// Bytes sent again per byte sent.
    pub fn retransmit_ratio(&self) -> Option<f64> {
        maths::ratio(self.bytes_retrans, self.bytes_sent)
    }
}

/// One listening TCP socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerDetail {
    /// The socket's family; an IPv6 socket may accept IPv4 too.
    pub family: Family,
    /// Where it listens.
    pub local: SocketAddr,
    /// Connections waiting to be accepted (`idiag_rqueue`).
    pub queue: u64,
    /// The most that may wait; one more fits (`idiag_wqueue`).
    pub limit: u64,
    /// Packets it dropped (`SK_MEMINFO_DROPS`): connections refused for a full queue, and more.
    pub drops: u64,
    /// Whose it is.
    pub owner: Owner,
    /// The owning process's open files: at its limit it cannot accept. None if it is not known.
    pub open_files: Option<OpenFiles>,
}

impl ListenerDetail {
    /// Whether no further connection fits (`sk_acceptq_is_full`).
    pub const fn is_full(&self) -> bool {
        self.queue > self.limit
    }
}

/// One UDP socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UdpDetail {
    /// The socket's family; an IPv6 socket may carry IPv4 too.
    pub family: Family,
    /// The local end.
    pub local: SocketAddr,
    /// The remote end, if the socket is connected.
    pub remote: Option<SocketAddr>,
    /// Bytes of memory that unread datagrams take (`idiag_rqueue`).
    pub queue: u64,
    /// The most they may take (`SK_MEMINFO_RCVBUF`).
    pub buffer: u64,
    /// Packets the socket dropped (`SK_MEMINFO_DROPS`).
    pub drops: u64,
    /// Whose it is.
    pub owner: Owner,
}
