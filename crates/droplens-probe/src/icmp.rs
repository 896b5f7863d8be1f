//! ICMP and ICMPv6 echo with our payload, and the errors that come back instead of answers.
//!
//! Formats: RFC 792 (ICMP), RFC 4443 (ICMPv6), RFC 1071 (checksum). What is read here starts with the
//! ICMP header: raw IPv4 sockets put the IP header before it, which [`skip_ipv4`] takes off.

mod checksum;
mod error;
mod steady;
#[cfg(test)]
mod tests;

use std::time::Duration;

use droplens_model::{Family, Moment};

pub(crate) use error::own_drop;

pub use checksum::{checksum, checksum_v6};
pub use error::{Quoted, Trouble, skip_ipv4};
pub use steady::steady;

/// The ICMP header of an echo.
pub const HEADER: usize = 8;

/// Our payload: magic, nonce, sequence, time.
pub const PAYLOAD: usize = 24;

/// What our payload begins with; the last byte is the version of the form.
pub(crate) const MAGIC: [u8; 4] = *b"drp\x01";

/// An echo request or reply of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echo {
    /// ICMP identifier; ping sockets have their own.
    pub identifier: u16,
    /// What tells our packets from others'.
    pub nonce: u64,
    /// The probe's number; the ICMP header has its lower 16 bits.
    pub sequence: u32,
    /// When it was sent, on the sender's monotonic clock.
    pub sent: Moment,
}

/// Which way an echo goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EchoKind {
    /// A request: ICMP type 8, ICMPv6 type 128.
    Request,
    /// A reply: ICMP type 0, ICMPv6 type 129.
    Reply,
}

/// Why a packet is none of ours. Sockets that see all packets see others' all the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOurs {
    /// It ends within a header or our payload.
    #[error("truncated")]
    Truncated,
    /// An ICMP type that is neither an echo nor an error.
    #[error("other ICMP type {0}")]
    OtherType(u8),
    /// An echo without our magic.
    #[error("not our payload")]
    OtherPayload,
    /// The checksum is wrong.
    #[error("wrong checksum")]
    Checksum,
    /// The ICMP sequence number is not that of the payload.
    #[error("sequence numbers of header and payload differ")]
    Sequence,
}

/// What was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// One of our echos.
    Echo(EchoKind, Echo),
    /// An error about one of our requests.
    Trouble(Trouble),
}

impl EchoKind {
    const fn type_of(self, family: Family) -> u8 {
        match (self, family) {
            (Self::Request, Family::V4) => 8,
            (Self::Reply, Family::V4) => 0,
            (Self::Request, Family::V6) => 128,
            (Self::Reply, Family::V6) => 129,
        }
    }
}

impl Echo {
    /// The packet from the ICMP header on, with a payload of `payload` bytes, but at least ours; the
    /// rest counts up, so that nothing compresses it away. The kernel fills in the checksum of
    /// ICMPv6, which contains addresses that only it knows.
    pub fn build(&self, kind: EchoKind, family: Family, payload: usize) -> Vec<u8> {
        let mut packet = Vec::with_capacity(HEADER + payload.max(PAYLOAD));
        self.write(kind, family, payload, &mut packet);
        packet
    }

    /// The same into a buffer that is used again and again.
    pub fn write(&self, kind: EchoKind, family: Family, payload: usize, packet: &mut Vec<u8>) {
        packet.clear();
        let [_, _, high, low] = self.sequence.to_be_bytes();
        packet.extend([kind.type_of(family), 0, 0, 0]);
        packet.extend(self.identifier.to_be_bytes());
        packet.extend([high, low]);
        packet.extend(MAGIC);
        packet.extend(self.nonce.to_be_bytes());
        packet.extend(self.sequence.to_be_bytes());
        let sent = u64::try_from(self.sent.0.as_nanos()).unwrap_or(u64::MAX);
        packet.extend(sent.to_be_bytes());
        packet.extend((0..=u8::MAX).cycle().take(payload.saturating_sub(PAYLOAD)));
        if family == Family::V4 {
            let [first, second] = checksum(packet).to_be_bytes();
            if let Some(field) = packet.get_mut(2..4) {
                field.copy_from_slice(&[first, second]);
            }
        }
    }

    /// Reads an echo from the ICMP header on, which may end after our payload. Checksums are not
    /// looked at.
    fn read(packet: &[u8]) -> Result<Self, NotOurs> {
        let (header, payload) = packet
            .split_first_chunk::<HEADER>()
            .ok_or(NotOurs::Truncated)?;
        let [_, _, _, _, identifier @ .., high, low] = *header;
        let (magic, rest) = payload.split_first_chunk().ok_or(NotOurs::Truncated)?;
        if *magic != MAGIC {
            return Err(NotOurs::OtherPayload);
        }
        let (nonce, rest) = rest.split_first_chunk().ok_or(NotOurs::Truncated)?;
        let (sequence, rest) = rest.split_first_chunk().ok_or(NotOurs::Truncated)?;
        let (sent, _) = rest.split_first_chunk().ok_or(NotOurs::Truncated)?;
        if !sequence.ends_with(&[high, low]) {
            return Err(NotOurs::Sequence);
        }
        Ok(Self {
            identifier: u16::from_be_bytes(identifier),
            nonce: u64::from_be_bytes(*nonce),
            sequence: u32::from_be_bytes(*sequence),
            sent: Moment(Duration::from_nanos(u64::from_be_bytes(*sent))),
        })
    }
}

/// Reads the echo request that an error is about, from the ICMP header on.
pub fn read_quoted(family: Family, request: &[u8]) -> Result<Quoted, NotOurs> {
    error::quoted(family, request)
}

/// Reads what a socket received, from the ICMP header on. The checksum of ICMP is verified; the
/// kernel has verified that of ICMPv6.
pub fn read(family: Family, packet: &[u8]) -> Result<Received, NotOurs> {
    let (&[kind, code], _) = packet.split_first_chunk().ok_or(NotOurs::Truncated)?;
    if family == Family::V4 && checksum(packet) != 0 {
        return Err(NotOurs::Checksum);
    }
    for direction in [EchoKind::Request, EchoKind::Reply] {
        if kind == direction.type_of(family) && code == 0 {
            return Ok(Received::Echo(direction, Echo::read(packet)?));
        }
    }
    error::read(family, packet).map(Received::Trouble)
}
