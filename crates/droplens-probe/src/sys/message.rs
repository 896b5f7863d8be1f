//! Control messages that the kernel sends with a packet. Pure: any bytes will do.

#[cfg(test)]
mod tests;

use std::ffi::{c_int, c_long};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::control::{HEADER, align};
use crate::flight::Stamp;

/// What a control message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// The software time stamp (`SCM_TIMESTAMPING`): of the reception, or in the error queue of the transmission
    /// that an [`Origin::Transmission`] names.
    Stamp(Stamp),
    /// An error, or the number of a transmission (`IP_RECVERR`, `IPV6_RECVERR`).
    Error(ExtendedError),
    /// Where the packet came in (`IP_PKTINFO`, `IPV6_PKTINFO`).
    Destination {
        /// The own address that it was for.
        address: IpAddr,
        /// The device's index.
        interface: u32,
    },
    /// Time to live or hop limit of the packet.
    Ttl(u8),
    /// Packets that the socket had no room for until now, modulo 2^32 (`SO_RXQ_OVFL`).
    Overflows(u32),
    /// Something else, or something that is too short.
    Other {
        /// The level.
        level: i32,
        /// The type at this level.
        kind: i32,
    },
}

/// What an entry of the error queue is about (`struct sock_extended_err`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtendedError {
    /// The error number.
    pub errno: u32,
    /// Where it comes from.
    pub origin: Origin,
    /// Who sent the ICMP error.
    pub offender: Option<IpAddr>,
}

/// Where an entry of the error queue comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// This host; with `EMSGSIZE`, the largest packet that would pass, in bytes.
    Local {
        /// The largest packet.
        mtu: u32,
    },
    /// An ICMP or ICMPv6 error.
    Icmp {
        /// Its type.
        kind: u8,
        /// Its code.
        code: u8,
        /// For "fragmentation needed" and "packet too big" the largest packet that would pass, in
        /// bytes; 0 if it does not say.
        info: u32,
    },
    /// No error: the time stamp of a transmission (`SCM_TSTAMP_SND`) is there, with its number.
    Transmission(u32),
    /// Something else.
    Other(u8),
}

/// Reads control messages one after the other.
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Messages<'a> {
    /// Those in `control`.
    pub const fn new(control: &'a [u8]) -> Self {
        Self { rest: control }
    }
}

impl Iterator for Messages<'_> {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        let (length, header) = self.rest.split_first_chunk()?;
        let (level, header) = header.split_first_chunk()?;
        let (kind, _) = header.split_first_chunk()?;
        let length = usize::from_ne_bytes(*length);
        let (level, kind) = (c_int::from_ne_bytes(*level), c_int::from_ne_bytes(*kind));
        // A message that ends before its value or beyond the others is none, and so is the rest.
        let Some(value) = self.rest.get(HEADER..length) else {
            self.rest = &[];
            return None;
        };
        self.rest = self.rest.get(align(length)..).unwrap_or_default();
        Some(read(level, kind, value).unwrap_or(Message::Other { level, kind }))
    }
}

fn read(level: c_int, kind: c_int, value: &[u8]) -> Option<Message> {
    match (level, kind) {
        (libc::SOL_SOCKET, libc::SCM_TIMESTAMPING) => stamp(value).map(Message::Stamp),
        (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => {
            let (count, _) = value.split_first_chunk()?;
            Some(Message::Overflows(u32::from_ne_bytes(*count)))
        }
        (libc::IPPROTO_IP, libc::IP_RECVERR) | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR) => {
            error(value).map(Message::Error)
        }
        (libc::IPPROTO_IP, libc::IP_TTL) | (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT) => {
            let (ttl, _) = value.split_first_chunk()?;
            let ttl = u8::try_from(c_int::from_ne_bytes(*ttl)).ok()?;
            Some(Message::Ttl(ttl))
        }
        (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
            // ipi_ifindex, ipi_spec_dst, ipi_addr
            let (interface, rest) = value.split_first_chunk()?;
            let (_, rest) = rest.split_first_chunk::<4>()?;
            let (address, _) = rest.split_first_chunk::<4>()?;
            Some(Message::Destination {
                address: Ipv4Addr::from(*address).into(),
                interface: u32::from_ne_bytes(*interface),
            })
        }
        (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
            let (address, rest) = value.split_first_chunk::<16>()?;
            let (interface, _) = rest.split_first_chunk()?;
            Some(Message::Destination {
                address: Ipv6Addr::from(*address).into(),
                interface: u32::from_ne_bytes(*interface),
            })
        }
        _ => None,
    }
}

/// The first of three times is that of the software; 0 if there is none.
fn stamp(value: &[u8]) -> Option<Stamp> {
    let (seconds, rest) = value.split_first_chunk()?;
    let (nanoseconds, _) = rest.split_first_chunk()?;
    let seconds = u64::try_from(c_long::from_ne_bytes(*seconds)).ok()?;
    let nanoseconds = u32::try_from(c_long::from_ne_bytes(*nanoseconds)).ok()?;
    let valid = nanoseconds < 1_000_000_000 && (seconds, nanoseconds) != (0, 0);
    valid.then(|| Stamp(Duration::new(seconds, nanoseconds)))
}

fn error(value: &[u8]) -> Option<ExtendedError> {
    let (errno, rest) = value.split_first_chunk()?;
    let (&[origin, kind, code, _], rest) = rest.split_first_chunk()?;
    let (info, rest) = rest.split_first_chunk()?;
    let (data, rest) = rest.split_first_chunk()?;
    let (errno, info) = (u32::from_ne_bytes(*errno), u32::from_ne_bytes(*info));
    let origin = match origin {
        libc::SO_EE_ORIGIN_LOCAL => Origin::Local { mtu: info },
        libc::SO_EE_ORIGIN_ICMP | libc::SO_EE_ORIGIN_ICMP6 => Origin::Icmp { kind, code, info },
        // The info of a time stamp says at which step it was taken; 0 is SCM_TSTAMP_SND.
        libc::SO_EE_ORIGIN_TIMESTAMPING if info == 0 => {
            Origin::Transmission(u32::from_ne_bytes(*data))
        }
        other => Origin::Other(other),
    };
    let offender = matches!(origin, Origin::Icmp { .. }).then(|| address(rest));
    Some(ExtendedError {
        errno,
        origin,
        offender: offender.flatten().map(|address| address.ip()),
    })
}

/// Reads a `struct sockaddr_in` or `struct sockaddr_in6`.
pub fn address(bytes: &[u8]) -> Option<SocketAddr> {
    let (family, rest) = bytes.split_first_chunk()?;
    let (port, rest) = rest.split_first_chunk()?;
    let port = u16::from_be_bytes(*port);
    match c_int::from(libc::sa_family_t::from_ne_bytes(*family)) {
        libc::AF_INET => {
            let (address, _) = rest.split_first_chunk::<4>()?;
            Some((Ipv4Addr::from(*address), port).into())
        }
        libc::AF_INET6 => {
            let (_flow, rest) = rest.split_first_chunk::<4>()?;
            let (address, _) = rest.split_first_chunk::<16>()?;
            Some((Ipv6Addr::from(*address), port).into())
        }
        _ => None,
    }
}
