//! The socket: one request at a time, with a time limit.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use neli::consts::socket::{Msg, NlFamily};
use neli::socket::NlSocket;
use neli::utils::Groups;
use socket2::SockRef;

use super::attributes::{align, u16_at, u32_at};
use super::message::{HEADER, Request};
use crate::ReadError;
use crate::error::ParseError;

/// The kernel fills at most this much per answer of a dump; larger buffers do not make it send
/// more at once.
const BUFFER: usize = 32 << 10;

/// How often a dump is asked for again when the objects changed while they were listed.
const ATTEMPTS: u32 = 3;

/// `NLM_F_DUMP_INTR`: the objects changed while they were listed.
const DUMP_INTERRUPTED: u16 = 0x10;
/// `NLMSG_NOOP`.
const NOOP: u16 = 1;
/// `NLMSG_ERROR`.
const ERROR: u16 = 2;
/// `NLMSG_DONE`.
const DONE: u16 = 3;

/// Whether a list is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// Nothing changed while it was listed.
    Complete,
    /// Objects came or went at each attempt; some may be missing or there twice.
    Partial,
}

impl Completeness {
    /// Whether the list is whole.
    pub fn is_complete(self) -> bool {
        self == Self::Complete
    }
}

/// A netlink socket of the network namespace in which it was opened.
pub struct Netlink {
    socket: NlSocket,
    sequence: u32,
    buffer: Vec<u8>,
}

impl std::fmt::Debug for Netlink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Netlink")
            .field("fd", &self.socket.as_raw_fd())
            .finish_non_exhaustive()
    }
}

impl Netlink {
    /// Opens a socket; no answer within `timeout` is an error of every request.
    pub fn open(family: NlFamily, timeout: Duration) -> Result<Self, ReadError> {
        let name = match family {
            NlFamily::Route => "route",
            NlFamily::Netfilter => "netfilter",
            NlFamily::SockOrInetDiag => "sock_diag",
            NlFamily::Generic => "generic",
            _ => "other",
        };
        let open = || -> io::Result<Self> {
            let socket = NlSocket::connect(family, None, Groups::empty())?;
            let descriptor = borrow(&socket);
            SockRef::from(&descriptor).set_read_timeout(Some(timeout))?;
            Ok(Self {
                socket,
                sequence: 0,
                buffer: vec![0; BUFFER],
            })
        };
        open().map_err(|source| ReadError::NetlinkOpen {
            family: name,
            source,
        })
    }

    /// Sends a request and hands each message of the answer (type and payload) to `handle`.
    ///
    /// A dump that was interrupted is asked for again, up to three times in all; `restart` is
    /// called before each attempt, so that what was collected can be thrown away.
    pub fn request<T>(
        &mut self,
        request: &Request,
        state: &mut T,
        mut restart: impl FnMut(&mut T),
        mut handle: impl FnMut(&mut T, u16, &[u8]) -> Result<(), ParseError>,
    ) -> Result<Completeness, ReadError> {
        for _ in 0..ATTEMPTS {
            restart(state);
            if self.attempt(request, state, &mut handle)?.is_complete() {
                return Ok(Completeness::Complete);
            }
        }
        Ok(Completeness::Partial)
    }

    fn attempt<T>(
        &mut self,
        request: &Request,
        state: &mut T,
        handle: &mut impl FnMut(&mut T, u16, &[u8]) -> Result<(), ParseError>,
    ) -> Result<Completeness, ReadError> {
        self.sequence = self.sequence.wrapping_add(1);
        let failed = |source| ReadError::Netlink {
            request: request.name,
            source,
        };
        let garbled = |source| ReadError::NetlinkParse {
            request: request.name,
            source,
        };
        self.socket
            .send(request.encode(self.sequence), Msg::empty())
            .map_err(failed)?;
        let mut completeness = Completeness::Complete;
        // A message that cannot be parsed does not end the reading: the rest of the answer must
        // be taken off the socket before the next request.
        let mut bad = None;
        loop {
            let (length, _) = match self.socket.recv(&mut self.buffer, Msg::TRUNC) {
                Ok(received) => received,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(failed(error)),
            };
            let Some(mut bytes) = self.buffer.get(..length) else {
                // MSG_TRUNC tells the full length of a datagram that did not fit.
                self.buffer.resize(length, 0);
                return Err(garbled(ParseError::new("answer larger than the buffer")));
            };
            while let Some(message) = Message::split(&mut bytes).map_err(garbled)? {
                if message.sequence != self.sequence {
                    continue; // left over from a request that timed out
                }
                if message.flags & DUMP_INTERRUPTED != 0 {
                    completeness = Completeness::Partial;
                }
                match message.kind {
                    NOOP => {}
                    DONE | ERROR => {
                        if let Some(errno) = message.errno() {
                            return Err(failed(io::Error::from_raw_os_error(errno)));
                        }
                        return bad.map_or(Ok(completeness), |error| Err(garbled(error)));
                    }
                    kind => {
                        if let Err(error) = handle(state, kind, message.payload) {
                            bad.get_or_insert(error);
                        }
                    }
                }
            }
        }
    }
}

fn borrow(socket: &NlSocket) -> BorrowedFd<'_> {
    borrowed(socket.as_raw_fd(), socket)
}

/// The descriptor of an open socket, for as long as the socket is borrowed.
#[expect(unsafe_code, reason = "neli offers only the raw descriptor")]
const fn borrowed<T>(descriptor: i32, _owner: &T) -> BorrowedFd<'_> {
    // SAFETY: the descriptor belongs to `_owner`, which keeps it open, and the result cannot
    // outlive the borrow of `_owner`.
    unsafe { BorrowedFd::borrow_raw(descriptor) }
}

struct Message<'a> {
    kind: u16,
    flags: u16,
    sequence: u32,
    payload: &'a [u8],
}

impl<'a> Message<'a> {
    /// Takes the first message off `bytes`.
    fn split(bytes: &mut &'a [u8]) -> Result<Option<Self>, ParseError> {
        if bytes.len() < HEADER {
            return Ok(None);
        }
        let header = (
            u32_at(bytes, 0),
            u16_at(bytes, 4),
            u16_at(bytes, 6),
            u32_at(bytes, 8),
        );
        let (Some(length), Some(kind), Some(flags), Some(sequence)) = header else {
            return Ok(None);
        };
        let length = length as usize;
        let payload = bytes
            .get(HEADER..length)
            .ok_or(ParseError::new("message is longer than its datagram"))?;
        *bytes = bytes.get(align(length)..).unwrap_or_default();
        Ok(Some(Self {
            kind,
            flags,
            sequence,
            payload,
        }))
    }

    /// The error number in an `NLMSG_ERROR` or `NLMSG_DONE`, if it tells of an error.
    fn errno(&self) -> Option<i32> {
        let code = u32_at(self.payload, 0)?.cast_signed();
        (code < 0).then(|| code.saturating_neg())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_message_says_its_error() {
        let mut bytes = Vec::new();
        bytes.extend(20_u32.to_ne_bytes());
        bytes.extend(ERROR.to_ne_bytes());
        bytes.extend(0_u16.to_ne_bytes());
        bytes.extend(9_u32.to_ne_bytes());
        bytes.extend(0_u32.to_ne_bytes());
        bytes.extend((-95_i32).to_ne_bytes());
        let mut rest = bytes.as_slice();
        let message = Message::split(&mut rest).unwrap().unwrap();
        assert_eq!(
            (message.kind, message.sequence, message.errno()),
            (ERROR, 9, Some(95))
        );
        assert!(rest.is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes_are_split_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut rest = bytes.as_slice();
            while let Ok(Some(_)) = Message::split(&mut rest) {}
        }
    }
}
