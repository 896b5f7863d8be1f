//! One message about a socket: `struct inet_diag_msg`, and the request for a list of them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use droplens_model::sample::sockets::TcpState;
use droplens_model::{Family, PerFamily};

use crate::error::ParseError;
use crate::netlink::{Attributes, Request, u16_at, u32_at, u64_at};

/// `SOCK_DIAG_BY_FAMILY`.
pub(crate) const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// `TCPDIAG_GETSOCK`: TCP sockets of all families. As old as `sock_diag`'s predecessor, and
/// answered by every kernel that answers [`SOCK_DIAG_BY_FAMILY`] for TCP.
const TCPDIAG_GETSOCK: u16 = 18;

/// Bytes of `struct inet_diag_req_v2`.
const REQUEST: usize = 56;
/// Bytes of `struct inet_diag_req`.
const REQUEST_OF_ALL: usize = 60;
/// Where `idiag_states` is in it.
const STATES_OF_ALL: usize = 52;
/// Bytes of `struct inet_diag_msg`.
const MESSAGE: usize = 72;

/// `INET_DIAG_INFO`.
pub(crate) const INET_DIAG_INFO: u16 = 2;
/// `INET_DIAG_CONG`.
pub(crate) const INET_DIAG_CONG: u16 = 4;
/// `INET_DIAG_SKMEMINFO`.
pub(crate) const INET_DIAG_SKMEMINFO: u16 = 7;
/// `INET_DIAG_CGROUP_ID`, told without being asked for; kernel 5.9 or newer.
pub(crate) const INET_DIAG_CGROUP_ID: u16 = 21;

/// `idiag_timer` of a socket that waits for an acknowledgement.
const TIMER_RETRANSMIT: u8 = 1;
/// `idiag_timer` of a connection that is over and waits for late segments.
const TIMER_TIME_WAIT: u8 = 3;
/// `idiag_timer` of a socket that probes a closed window.
const TIMER_ZERO_WINDOW: u8 = 4;

/// `AF_INET`.
const AF_INET: u8 = 2;
/// `AF_INET6`.
const AF_INET6: u8 = 10;

/// A transport protocol, with its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// `IPPROTO_TCP`.
    Tcp = 6,
    /// `IPPROTO_UDP`.
    Udp = 17,
}

/// What else the kernel is asked to tell about each socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extension {
    /// Its memory, and how many packets it dropped. It takes twice as long as asking for nothing.
    Memory,
    /// Its memory, `struct tcp_info` and the congestion control's name.
    Everything,
}

impl Extension {
    /// `idiag_ext`.
    const fn bits(self) -> u8 {
        const fn bit(attribute: u16) -> u8 {
            1 << (attribute - 1)
        }
        match self {
            Self::Memory => bit(INET_DIAG_SKMEMINFO),
            Self::Everything => {
                bit(INET_DIAG_SKMEMINFO) | bit(INET_DIAG_INFO) | bit(INET_DIAG_CONG)
            }
        }
    }
}

/// Requests for all sockets in one of the states, of which `states` has the bits.
pub(crate) fn requests(
    name: &'static str,
    protocol: Protocol,
    states: u32,
    extension: Extension,
) -> PerFamily<Request> {
    PerFamily {
        v4: request(name, Family::V4, protocol, states, extension),
        v6: request(name, Family::V6, protocol, states, extension),
    }
}

fn request(
    name: &'static str,
    family: Family,
    protocol: Protocol,
    states: u32,
    extension: Extension,
) -> Request {
    let mut body = [0; REQUEST];
    body[0] = match family {
        Family::V4 => AF_INET,
        Family::V6 => AF_INET6,
    };
    body[1] = protocol as u8;
    body[2] = extension.bits();
    let (_, rest) = body.split_at_mut(4);
    let (field, _) = rest.split_at_mut(4);
    field.copy_from_slice(&states.to_ne_bytes());
    Request::dump(name, SOCK_DIAG_BY_FAMILY).body(&body)
}

/// A request for the TCP sockets of both families in one of the states, without
/// extensions.
///
/// Listing a family takes a walk through all sockets: with 50 000 of IPv4, the kernel needs 9 ms
/// to find none of IPv6.
pub(crate) fn request_all_tcp(name: &'static str, states: u32) -> Request {
    let mut body = [0; REQUEST_OF_ALL];
    body[0] = AF_INET;
    let (_, rest) = body.split_at_mut(STATES_OF_ALL);
    let (field, _) = rest.split_at_mut(4);
    field.copy_from_slice(&states.to_ne_bytes());
    Request::dump(name, TCPDIAG_GETSOCK).body(&body)
}

/// Whether a message tells of a socket: it has the type of the request.
pub(crate) const fn is_socket(kind: u16) -> bool {
    matches!(kind, SOCK_DIAG_BY_FAMILY | TCPDIAG_GETSOCK)
}

/// What a message says about a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SocketMessage<'a> {
    /// `idiag_family`: that of the socket, also when it serves IPv4 as an IPv6 one.
    pub(crate) family: Family,
    /// `idiag_state`.
    pub(crate) state: u8,
    /// `idiag_timer`: what the socket waits for.
    pub(crate) timer: u8,
    /// `idiag_retrans`: how often that timer fired in vain.
    pub(crate) retransmits: u8,
    pub(crate) local_port: u16,
    pub(crate) remote_port: u16,
    local_address: &'a [u8],
    pub(crate) remote_address: &'a [u8],
    /// `idiag_cookie`, unique for ever.
    pub(crate) cookie: u64,
    /// `idiag_rqueue`: bytes to be read, or connections to be accepted.
    pub(crate) receive_queue: u32,
    /// `idiag_wqueue`: bytes not acknowledged, or the most connections that may wait.
    pub(crate) send_queue: u32,
    /// `idiag_uid`: the user that made the socket.
    pub(crate) uid: u32,
    /// `idiag_inode`, 0 for a connection that nobody accepted yet.
    pub(crate) inode: u32,
    attributes: &'a [u8],
}

/// What `INET_DIAG_SKMEMINFO` tells, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    /// `SK_MEMINFO_RMEM_ALLOC`.
    pub(crate) received: u32,
    /// `SK_MEMINFO_RCVBUF`.
    pub(crate) receive_buffer: u32,
    /// `SK_MEMINFO_DROPS`: packets; kernel 4.7 or newer.
    pub(crate) drops: u32,
}

impl Memory {
    /// Parses the attribute; what it does not contain is 0.
    pub(crate) fn parse(payload: &[u8]) -> Self {
        let word = |index: usize| u32_at(payload, index * 4).unwrap_or(0);
        Self {
            received: word(0),
            receive_buffer: word(1),
            drops: word(8),
        }
    }
}

impl<'a> SocketMessage<'a> {
    /// Parses the payload of a message about a socket.
    pub(crate) fn parse(payload: &'a [u8]) -> Result<Self, ParseError> {
        const SHORT: ParseError = ParseError::new("inet_diag_msg is too short");
        let (fixed, attributes) = payload.split_at_checked(MESSAGE).ok_or(SHORT)?;
        let port = |offset| u16_at(fixed, offset).map(u16::from_be).ok_or(SHORT);
        let byte = |offset: usize| fixed.get(offset).copied().ok_or(SHORT);
        let family = match byte(0)? {
            AF_INET => Family::V4,
            AF_INET6 => Family::V6,
            _ => return Err(ParseError::new("socket of neither IPv4 nor IPv6")),
        };
        Ok(Self {
            family,
            state: byte(1)?,
            timer: byte(2)?,
            retransmits: byte(3)?,
            local_port: port(4)?,
            remote_port: port(6)?,
            local_address: fixed.get(8..24).ok_or(SHORT)?,
            remote_address: fixed.get(24..40).ok_or(SHORT)?,
            cookie: u64_at(fixed, 44).ok_or(SHORT)?,
            receive_queue: u32_at(fixed, 56).ok_or(SHORT)?,
            send_queue: u32_at(fixed, 60).ok_or(SHORT)?,
            uid: u32_at(fixed, 64).ok_or(SHORT)?,
            inode: u32_at(fixed, 68).ok_or(SHORT)?,
            attributes,
        })
    }

    /// Whether a packet is being sent again, its first transmission unanswered.
    pub(crate) const fn is_retransmitting(&self) -> bool {
        self.timer == TIMER_RETRANSMIT && self.retransmits > 0
    }

    /// Whether it is a full socket, not what is left of one (time wait) nor a request for one.
    pub(crate) const fn is_in_use(&self) -> bool {
        let request =
            self.state == TcpState::SynRecv as u8 || self.state == TcpState::NewSynRecv as u8;
        self.timer != TIMER_TIME_WAIT && !request
    }

    /// Whether the peer's closed window is being probed.
    pub(crate) const fn is_probing_zero_window(&self) -> bool {
        self.timer == TIMER_ZERO_WINDOW
    }

    /// The local end; that of an IPv6 socket used for IPv4 is told as IPv4.
    pub(crate) fn local(&self, family: Family) -> SocketAddr {
        SocketAddr::new(address(family, self.local_address), self.local_port)
    }

    /// The remote end, likewise; unspecified if there is none.
    pub(crate) fn remote(&self, family: Family) -> SocketAddr {
        SocketAddr::new(address(family, self.remote_address), self.remote_port)
    }

    /// What the kernel told beyond the fixed structure.
    pub(crate) const fn attributes(&self) -> Attributes<'a> {
        Attributes::new(self.attributes)
    }

    /// The memory of the socket, if that was asked for.
    pub(crate) fn memory(&self) -> Result<Memory, ParseError> {
        let memory = self.attributes().find(INET_DIAG_SKMEMINFO)?;
        Ok(memory.map_or_else(Memory::default, |memory| Memory::parse(memory.payload)))
    }

    /// Packets the socket dropped, if that was asked for; 0 on kernels that do not tell.
    pub(crate) fn drops(&self) -> Result<u32, ParseError> {
        Ok(self.memory()?.drops)
    }
}

/// The address in a field of 16 bytes, of which IPv4 uses the first four.
fn address(family: Family, field: &[u8]) -> IpAddr {
    let v4 = || Some(Ipv4Addr::from(<[u8; 4]>::try_from(field.get(..4)?).ok()?));
    let v6 = || Some(Ipv6Addr::from(<[u8; 16]>::try_from(field).ok()?));
    match family {
        Family::V4 => v4().unwrap_or(Ipv4Addr::UNSPECIFIED).into(),
        Family::V6 => IpAddr::from(v6().unwrap_or(Ipv6Addr::UNSPECIFIED)).to_canonical(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::testing::{attribute, words};
    use proptest::prelude::*;

    /// The memory of every described socket; its drops are described.
    pub(crate) const MEMORY: Memory = Memory {
        received: 600,
        receive_buffer: 1_000,
        drops: 0,
    };

    /// A socket as a test describes it.
    #[derive(Clone, Copy, Debug, Default)]
    pub(crate) struct Described {
        pub(crate) state: u8,
        pub(crate) timer: u8,
        pub(crate) retransmits: u8,
        pub(crate) local_port: u16,
        pub(crate) remote_port: u16,
        pub(crate) remote_address: u8,
        pub(crate) cookie: u64,
        pub(crate) queues: (u32, u32),
        pub(crate) inode: u32,
        pub(crate) drops: u32,
    }

    impl Described {
        /// The message the kernel would send.
        pub(crate) fn bytes(self) -> Vec<u8> {
            let mut bytes = vec![AF_INET, self.state, self.timer, self.retransmits];
            bytes.extend(self.local_port.to_be_bytes());
            bytes.extend(self.remote_port.to_be_bytes());
            bytes.extend([10, 0, 0, 1]);
            bytes.extend([0; 12]);
            bytes.extend([10, 0, 0, self.remote_address]);
            bytes.extend([0; 16]);
            bytes.extend(self.cookie.to_ne_bytes());
            bytes.extend(words(&[0, self.queues.0, self.queues.1, 1_000, self.inode]));
            let memory = [
                MEMORY.received,
                MEMORY.receive_buffer,
                0,
                0,
                0,
                0,
                0,
                0,
                self.drops,
            ];
            bytes.extend(attribute(INET_DIAG_SKMEMINFO, &words(&memory)));
            bytes
        }
    }

    #[test]
    fn every_field_is_found() {
        let bytes = Described {
            state: 1,
            timer: 4,
            retransmits: 3,
            local_port: 443,
            remote_port: 50_000,
            remote_address: 7,
            cookie: 0x0102_0304_0506_0708,
            queues: (11, 12),
            inode: 14,
            drops: 13,
        }
        .bytes();
        let socket = SocketMessage::parse(&bytes).unwrap();
        assert_eq!(socket.family, Family::V4);
        assert_eq!((socket.state, socket.timer, socket.retransmits), (1, 4, 3));
        assert_eq!((socket.local_port, socket.remote_port), (443, 50_000));
        assert_eq!(socket.remote_address[..4], [10, 0, 0, 7]);
        assert_eq!(socket.cookie, 0x0102_0304_0506_0708);
        assert_eq!((socket.receive_queue, socket.send_queue), (11, 12));
        assert_eq!((socket.uid, socket.inode), (1_000, 14));
        assert_eq!(socket.drops(), Ok(13));
        assert_eq!(
            socket.memory(),
            Ok(Memory {
                drops: 13,
                ..MEMORY
            })
        );
        assert_eq!(socket.local(Family::V4), "10.0.0.1:443".parse().unwrap());
        assert_eq!(socket.remote(Family::V4), "10.0.0.7:50000".parse().unwrap());
        assert!(!socket.is_retransmitting() && socket.is_probing_zero_window());
    }

    #[test]
    fn an_ipv4_address_in_an_ipv6_socket_is_told_as_ipv4() {
        let mut field = [0; 16];
        assert_eq!(address(Family::V6, &field), Ipv6Addr::UNSPECIFIED);
        field[15] = 1;
        assert_eq!(address(Family::V6, &field), Ipv6Addr::LOCALHOST);
        field[10..].copy_from_slice(&[0xff, 0xff, 192, 0, 2, 1]);
        assert_eq!(address(Family::V6, &field), Ipv4Addr::new(192, 0, 2, 1));
    }

    #[test]
    fn the_family_is_that_of_the_socket() {
        let mut bytes = Described::default().bytes();
        bytes[0] = AF_INET6;
        assert_eq!(SocketMessage::parse(&bytes).unwrap().family, Family::V6);
        bytes[0] = 1;
        assert!(SocketMessage::parse(&bytes).is_err());
    }

    #[test]
    fn an_older_kernel_tells_no_drops() {
        let mut bytes = Described::default().bytes();
        bytes.truncate(MESSAGE);
        assert_eq!(SocketMessage::parse(&bytes).unwrap().drops(), Ok(0));
        bytes.extend(attribute(INET_DIAG_SKMEMINFO, &words(&[9; 8])));
        assert_eq!(SocketMessage::parse(&bytes).unwrap().drops(), Ok(0));
        assert!(SocketMessage::parse(&bytes[..MESSAGE - 1]).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(socket) = SocketMessage::parse(&bytes) {
                let _ = socket.drops();
            }
        }
    }
}
