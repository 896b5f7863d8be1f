//! Sending one packet and receiving many, with control messages.

use std::ffi::c_void;
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::ptr::null_mut;

use socket2::SockAddr;

use super::control::Control;
use super::message::{self, Messages};

/// More packets than this are not received in one call.
const MOST: usize = 32;

/// Room for control messages of a received packet, in bytes.
const CONTROL: usize = 512;

/// Room for an address, in bytes.
const ADDRESS: usize = size_of::<libc::sockaddr_in6>();

/// Which queue of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// Packets.
    Packets,
    /// Errors and time stamps of transmissions (`MSG_ERRQUEUE`).
    Errors,
}

/// Sends one packet without waiting.
///
/// On a socket with [`super::options::report_errors`] the error can be one of an earlier packet; then
/// nothing was sent.
#[expect(unsafe_code, reason = "no safe wrapper sends these control messages")]
pub fn send(
    socket: &impl AsFd,
    to: SocketAddr,
    payload: &[u8],
    control: &Control,
) -> io::Result<usize> {
    let to = SockAddr::from(to);
    let mut part = libc::iovec {
        iov_base: payload.as_ptr().cast_mut().cast::<c_void>(),
        iov_len: payload.len(),
    };
    // SAFETY: all-zero bytes are a valid value of this structure of numbers and pointers.
    let mut header: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    header.msg_name = to.as_ptr().cast_mut().cast::<c_void>();
    header.msg_namelen = to.len();
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    let control = control.bytes();
    if !control.is_empty() {
        header.msg_control = control.as_ptr().cast_mut().cast::<c_void>();
        header.msg_controllen = length(control.len());
    }
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: the descriptor is borrowed, so it is open. Each pointer of `header` is to memory of the
    // stated length that lives until the call returns; the kernel only reads it and keeps no
    // pointer.
    let sent = unsafe { libc::sendmsg(socket.as_fd().as_raw_fd(), &raw const header, flags) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// Room for received packets, used again and again.
#[derive(Debug)]
pub struct Batch {
    slots: Vec<Slot>,
    filled: usize,
}

#[derive(Debug)]
struct Slot {
    payload: Vec<u8>,
    control: [u8; CONTROL],
    address: [u8; ADDRESS],
    /// What the kernel filled in.
    received: Received,
}

#[derive(Clone, Copy, Debug, Default)]
struct Received {
    payload: usize,
    control: usize,
    address: usize,
    truncated: bool,
}

/// A received packet.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Whom it comes from; in the error queue, where the packet in error was going.
    pub peer: Option<SocketAddr>,
    /// Its bytes, as many as there is room for; in the error queue, those of the packet in error as far as
    /// they are known.
    pub payload: &'a [u8],
    /// Whether there was no room for all of it.
    pub truncated: bool,
    control: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Its control messages.
    pub const fn messages(&self) -> Messages<'a> {
        Messages::new(self.control)
    }
}

impl Batch {
    /// Room for `packets` packets, at most 32 of them, of `payload` bytes each.
    pub fn new(packets: usize, payload: usize) -> Self {
        let slot = |_| Slot {
            payload: vec![0; payload],
            control: [0; CONTROL],
            address: [0; ADDRESS],
            received: Received::default(),
        };
        Self {
            slots: (0..packets.clamp(1, MOST)).map(slot).collect(),
            filled: 0,
        }
    }

    /// How many packets there is room for.
    pub fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// Bytes that there is room for in each.
    pub fn payload(&self) -> usize {
        self.slots.first().map_or(0, |slot| slot.payload.len())
    }

    /// Receives what waits, without waiting, and returns how many packets that were. Fewer than
    /// [`Self::capacity`] means that none is left.
    #[expect(
        unsafe_code,
        reason = "no safe wrapper receives these control messages"
    )]
    pub fn receive(&mut self, socket: &impl AsFd, queue: Queue) -> io::Result<usize> {
        self.filled = 0;
        // SAFETY: all-zero bytes are valid values of these structures of numbers and pointers.
        let (mut headers, mut parts): ([libc::mmsghdr; MOST], [libc::iovec; MOST]) =
            unsafe { MaybeUninit::zeroed().assume_init() };
        for ((slot, header), part) in self.slots.iter_mut().zip(&mut headers).zip(&mut parts) {
            part.iov_base = slot.payload.as_mut_ptr().cast::<c_void>();
            part.iov_len = slot.payload.len();
            let header = &mut header.msg_hdr;
            header.msg_name = slot.address.as_mut_ptr().cast::<c_void>();
            header.msg_namelen = length(slot.address.len());
            header.msg_iov = part;
            header.msg_iovlen = 1;
            header.msg_control = slot.control.as_mut_ptr().cast::<c_void>();
            header.msg_controllen = length(slot.control.len());
        }
        let count = length(self.slots.len());
        let flags = match queue {
            Queue::Packets => libc::MSG_DONTWAIT,
            Queue::Errors => libc::MSG_DONTWAIT | libc::MSG_ERRQUEUE,
        };
        // SAFETY: the descriptor is borrowed, so it is open. `headers` has room for at least `count`
        // entries, and the first `count` of them point to memory of `slots` and `parts` of the
        // stated length, which may be written and lives until the call returns. No pointer is kept.
        let received = unsafe {
            libc::recvmmsg(
                socket.as_fd().as_raw_fd(),
                headers.as_mut_ptr(),
                count,
                flags,
                null_mut(),
            )
        };
        let Ok(filled) = usize::try_from(received) else {
            return match io::Error::last_os_error() {
                none if none.kind() == io::ErrorKind::WouldBlock => Ok(0),
                error => Err(error),
            };
        };
        for (slot, header) in self.slots.iter_mut().zip(&headers).take(filled) {
            slot.received = Received {
                payload: size(header.msg_len),
                control: size(header.msg_hdr.msg_controllen),
                address: size(header.msg_hdr.msg_namelen),
                truncated: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
            };
        }
        self.filled = filled;
        Ok(filled)
    }
}

impl Batch {
    /// What was received last.
    pub fn packets(&self) -> impl Iterator<Item = Packet<'_>> {
        self.slots.iter().take(self.filled).map(Slot::packet)
    }
}

impl Slot {
    fn packet(&self) -> Packet<'_> {
        let received = self.received;
        let address = self.address.get(..received.address).unwrap_or_default();
        Packet {
            peer: message::address(address),
            payload: self.payload.get(..received.payload).unwrap_or_default(),
            truncated: received.truncated,
            control: self.control.get(..received.control).unwrap_or_default(),
        }
    }
}

/// A length in the type that the C library has for it, which differs between them. All are small.
fn length<T: TryFrom<usize> + Default>(length: usize) -> T {
    T::try_from(length).unwrap_or_default()
}

/// And back.
fn size(length: impl TryInto<usize>) -> usize {
    length.try_into().unwrap_or_default()
}
