//! TCP and UDP sockets: `sock_diag`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::serial::nanoseconds;
use crate::{Family, PerFamily};

/// The sockets of this network namespace, already summed up: a host may have a million of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sockets {
    /// TCP sockets by state.
    pub tcp: PerFamily<TcpStates>,
    /// TCP sockets that wait for an acknowledgement after at least one retransmission now.
    pub retransmitting: PerFamily<u64>,
    /// TCP sockets probing a closed window now.
    pub zero_window_probing: PerFamily<u64>,
    /// Listening TCP sockets, by port: several sockets may share one (`SO_REUSEPORT`). Port 0,
    /// without sockets, has the drops of the ports beyond the first 1 024 with drops.
    pub listeners: Vec<Listener>,
    /// UDP sockets, by local port; at most 2 048 of each family. Listed are ports with drops (a
    /// port that was not listed before had none) or bytes waiting and those outside the ephemeral
    /// range. The rest together is port 0, so that sums over the list are whole.
    pub udp: Vec<UdpPort>,
    /// Local ports that connections of this host use.
    pub ephemeral: EphemeralPorts,
    /// How long ago all connections were last listed. Where they are so many that this costs much,
    /// it is not done at each reading: until then retransmitting and zero-window-probing sockets and
    /// ephemeral ports are as they were, and the established ones are counted by
    /// `/proc/net/sockstat`.
    #[serde(with = "nanoseconds")]
    pub connections_age: Duration,
    /// False when the list kept changing while it was read.
    pub complete: bool,
}

/// TCP states, with the kernel's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TcpState {
    /// `ESTABLISHED`.
    Established = 1,
    /// `SYN-SENT`.
    SynSent = 2,
    /// `SYN-RECV`.
    SynRecv = 3,
    /// `FIN-WAIT-1`.
    FinWait1 = 4,
    /// `FIN-WAIT-2`.
    FinWait2 = 5,
    /// `TIME-WAIT`.
    TimeWait = 6,
    /// `CLOSE`.
    Close = 7,
    /// `CLOSE-WAIT`.
    CloseWait = 8,
    /// `LAST-ACK`.
    LastAck = 9,
    /// `LISTEN`.
    Listen = 10,
    /// `CLOSING`.
    Closing = 11,
    /// Request sockets: half-open connections before the kernel makes a full socket of them.
    /// Told as `SYN-RECV`.
    #[serde(rename = "syn_recv", skip_deserializing)]
    NewSynRecv = 12,
}

impl TcpState {
    /// The states that are told apart in metrics; request sockets count as `SYN-RECV`.
    pub const ALL: [Self; 11] = [
        Self::Established,
        Self::SynSent,
        Self::SynRecv,
        Self::FinWait1,
        Self::FinWait2,
        Self::TimeWait,
        Self::Close,
        Self::CloseWait,
        Self::LastAck,
        Self::Listen,
        Self::Closing,
    ];

    /// The state with this kernel number, if this version knows it; request sockets are `SYN-RECV`.
    pub fn from_number(number: u8) -> Option<Self> {
        if number == Self::NewSynRecv as u8 {
            return Some(Self::SynRecv);
        }
        Self::ALL.into_iter().find(|state| *state as u8 == number)
    }

    /// The label value.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Established => "established",
            Self::SynSent => "syn_sent",
            Self::SynRecv | Self::NewSynRecv => "syn_recv",
            Self::FinWait1 => "fin_wait1",
            Self::FinWait2 => "fin_wait2",
            Self::TimeWait => "time_wait",
            Self::Close => "close",
            Self::CloseWait => "close_wait",
            Self::LastAck => "last_ack",
            Self::Listen => "listen",
            Self::Closing => "closing",
        }
    }
}

/// Sockets in each TCP state. Written as a map from the state's id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "BTreeMap<String, u64>", from = "BTreeMap<String, u64>")]
pub struct TcpStates {
    counts: [u64; 13],
}

impl TcpStates {
    /// Counts one socket in the state with this kernel number; numbers unknown to this version
    /// are ignored.
    pub fn count(&mut self, state: u8) {
        let state = if state == TcpState::NewSynRecv as u8 {
            TcpState::SynRecv as u8
        } else {
            state
        };
        if let Some(count) = self.counts.get_mut(usize::from(state)) {
            *count += 1;
        }
    }

    /// Sets how many sockets are in a state.
    pub fn set(&mut self, state: TcpState, sockets: u64) {
        if let Some(count) = self.counts.get_mut(state as usize) {
            *count = sockets;
        }
    }

    /// Sockets in one state.
    pub fn get(&self, state: TcpState) -> u64 {
        self.counts.get(state as usize).copied().unwrap_or(0)
    }
}

impl From<TcpStates> for BTreeMap<String, u64> {
    fn from(states: TcpStates) -> Self {
        let count = |state: TcpState| (state.id().to_owned(), states.get(state));
        TcpState::ALL.into_iter().map(count).collect()
    }
}

impl From<BTreeMap<String, u64>> for TcpStates {
    /// States unknown to this version are ignored.
    fn from(written: BTreeMap<String, u64>) -> Self {
        let mut states = Self::default();
        for state in TcpState::ALL {
            if let Some(&written) = written.get(state.id()) {
                states.set(state, written);
            }
        }
        states
    }
}

/// The listening sockets of one port and family.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// Address family of the sockets; an IPv6 socket may accept IPv4 too.
    pub family: Family,
    /// The port.
    pub port: u16,
    /// How many sockets share the port.
    pub sockets: u32,
    /// Connections waiting to be accepted, in all of them (`idiag_rqueue`).
    pub accept_queue: u64,
    /// The most that may wait, in all of them (`idiag_wqueue`).
    pub accept_queue_limit: u64,
    /// Connections waiting in the fullest of them, relative to its limit: a queue can be full
    /// while the others are empty.
    pub fullest: (u64, u64),
    /// Packets the sockets dropped (`SK_MEMINFO_DROPS`), monotonic while sockets come and go.
    pub drops: u64,
}

/// The UDP sockets of one local port and family.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UdpPort {
    /// Address family of the sockets.
    pub family: Family,
    /// The local port; 0 for those that are not listed.
    pub port: u16,
    /// How many sockets share the port; 0 if they are gone and only their drops are remembered.
    pub sockets: u32,
    /// Bytes waiting to be read, in all of them (`idiag_rqueue`).
    pub receive_queue_bytes: u64,
    /// Packets the sockets dropped (`SK_MEMINFO_DROPS`), monotonic while sockets come and go.
    pub drops: u64,
}

/// Local ports used by outgoing connections, against the range they are taken from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EphemeralPorts {
    /// Ports in `ip_local_port_range`, without those in `ip_local_reserved_ports`; 0 if the range
    /// could not be read.
    pub available: u32,
    /// Different ports of the range in use by TCP connections of any state, listeners not
    /// counted, nor sockets that are bound and not connected yet.
    pub used: u32,
    /// Ports of the range in use towards the one destination (address and port) with the most:
    /// each destination has the whole range to itself.
    pub used_by_busiest_destination: u32,
}
