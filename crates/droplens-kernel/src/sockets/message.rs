//! One message about a socket: `struct inet_diag_msg`, and the request for a list of them.

use droplens_model::Family;

use crate::error::ParseError;
use crate::netlink::{Attributes, Request, u16_at, u32_at, u64_at};

/// `SOCK_DIAG_BY_FAMILY`.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
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

/// `INET_DIAG_SKMEMINFO`.
const INET_DIAG_SKMEMINFO: u16 = 7;
/// Where `SK_MEMINFO_DROPS` is in `INET_DIAG_SKMEMINFO`; kernel 4.7 or newer.
const DROPS: usize = 32;

/// `AF_INET`.
const AF_INET: u8 = 2;
/// `AF_INET6`.
const AF_INET6: u8 = 10;

/// A transport protocol, with its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// `IPPROTO_TCP`.
    Tcp = 6,
    /// `IPPROTO_UDP`.
    Udp = 17,
}

/// A request for all sockets of a family in one of the states, of which `states` has the bits,
/// with their memory and how many packets they dropped. It takes twice as long as one without.
pub(super) fn request(
    name: &'static str,
    family: Family,
    protocol: Protocol,
    states: u32,
) -> Request {
    let mut body = [0; REQUEST];
    body[0] = match family {
        Family::V4 => AF_INET,
        Family::V6 => AF_INET6,
    };
    body[1] = protocol as u8;
    body[2] = 1 << (INET_DIAG_SKMEMINFO - 1);
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
pub(super) fn request_all_tcp(name: &'static str, states: u32) -> Request {
    let mut body = [0; REQUEST_OF_ALL];
    body[0] = AF_INET;
    let (_, rest) = body.split_at_mut(STATES_OF_ALL);
    let (field, _) = rest.split_at_mut(4);
    field.copy_from_slice(&states.to_ne_bytes());
    Request::dump(name, TCPDIAG_GETSOCK).body(&body)
}

/// Whether a message tells of a socket: it has the type of the request.
pub(super) const fn is_socket(kind: u16) -> bool {
    matches!(kind, SOCK_DIAG_BY_FAMILY | TCPDIAG_GETSOCK)
}

/// What a message says about a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SocketMessage<'a> {
    /// `idiag_family`: that of the socket, also when it serves IPv4 as an IPv6 one.
    pub(super) family: Family,
    /// `idiag_state`.
    pub(super) state: u8,
    /// `idiag_timer`: what the socket waits for.
    pub(super) timer: u8,
    /// `idiag_retrans`: how often that timer fired in vain.
    pub(super) retransmits: u8,
    pub(super) local_port: u16,
    pub(super) remote_port: u16,
    pub(super) remote_address: &'a [u8],
    /// `idiag_cookie`, unique for ever.
    pub(super) cookie: u64,
    /// `idiag_rqueue`: bytes to be read, or connections to be accepted.
    pub(super) receive_queue: u32,
    /// `idiag_wqueue`: bytes not acknowledged, or the most connections that may wait.
    pub(super) send_queue: u32,
    attributes: &'a [u8],
}

impl<'a> SocketMessage<'a> {
    /// Parses the payload of a message about a socket.
    pub(super) fn parse(payload: &'a [u8]) -> Result<Self, ParseError> {
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
            remote_address: fixed.get(24..40).ok_or(SHORT)?,
            cookie: u64_at(fixed, 44).ok_or(SHORT)?,
            receive_queue: u32_at(fixed, 56).ok_or(SHORT)?,
            send_queue: u32_at(fixed, 60).ok_or(SHORT)?,
            attributes,
        })
    }

    /// Packets the socket dropped, if that was asked for; 0 on kernels that do not tell.
    pub(super) fn drops(&self) -> Result<u32, ParseError> {
        let memory = Attributes::new(self.attributes).find(INET_DIAG_SKMEMINFO)?;
        Ok(memory
            .and_then(|memory| u32_at(memory.payload, DROPS))
            .unwrap_or(0))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::testing::{attribute, words};
    use proptest::prelude::*;

    /// A socket as a test describes it.
    #[derive(Clone, Copy, Debug, Default)]
    pub(in super::super) struct Described {
        pub(in super::super) state: u8,
        pub(in super::super) timer: u8,
        pub(in super::super) retransmits: u8,
        pub(in super::super) local_port: u16,
        pub(in super::super) remote_port: u16,
        pub(in super::super) remote_address: u8,
        pub(in super::super) cookie: u64,
        pub(in super::super) queues: (u32, u32),
        pub(in super::super) drops: u32,
    }

    impl Described {
        /// The message the kernel would send.
        pub(in super::super) fn bytes(self) -> Vec<u8> {
            let mut bytes = vec![AF_INET, self.state, self.timer, self.retransmits];
            bytes.extend(self.local_port.to_be_bytes());
            bytes.extend(self.remote_port.to_be_bytes());
            bytes.extend([0; 16]);
            bytes.extend([10, 0, 0, self.remote_address]);
            bytes.extend([0; 16]);
            bytes.extend(self.cookie.to_ne_bytes());
            bytes.extend(words(&[0, self.queues.0, self.queues.1, 0, 0]));
            let memory = [0, 0, 0, 0, 0, 0, 0, 0, self.drops];
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
        assert_eq!(socket.drops(), Ok(13));
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
