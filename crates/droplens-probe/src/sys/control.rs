//! Control messages to be sent with a packet: they hold for this packet alone, so one socket serves
//! all targets.

use std::ffi::c_int;
use std::net::IpAddr;

use droplens_model::Family;

/// Room for one of each message that there is here, in bytes.
const ROOM: usize = 192;

/// The header of a control message: its length with the header, the level and the type.
pub(super) const HEADER: usize = align(size_of::<usize>() + 2 * size_of::<c_int>());

/// `SCM_TS_OPT_ID` of `asm-generic/socket.h`, since Linux 6.13.
const SCM_TS_OPT_ID: c_int = 81;

/// Messages begin and end at whole words.
pub(super) const fn align(length: usize) -> usize {
    length.next_multiple_of(size_of::<usize>())
}

/// Control messages of one packet.
#[derive(Clone, Copy, Debug)]
pub struct Control {
    bytes: [u8; ROOM],
    length: usize,
}

impl Default for Control {
    fn default() -> Self {
        Self {
            bytes: [0; ROOM],
            length: 0,
        }
    }
}

impl Control {
    /// Without messages.
    pub fn new() -> Self {
        Self::default()
    }

    /// The own address and the device that the packet leaves by; the kernel chooses what is not
    /// given. A source of the other family is left out.
    #[must_use]
    pub fn leave_by(self, family: Family, source: Option<IpAddr>, interface: u32) -> Self {
        match (family, source) {
            (Family::V4, source) => {
                let source = match source {
                    Some(IpAddr::V4(source)) => source.octets(),
                    _ => [0; 4],
                };
                // ipi_ifindex, ipi_spec_dst, ipi_addr
                let mut value = [0; 12];
                let (index, addresses) = value.split_at_mut(4);
                index.copy_from_slice(&interface.to_ne_bytes());
                if let Some(address) = addresses.first_chunk_mut() {
                    *address = source;
                }
                self.with(libc::IPPROTO_IP, libc::IP_PKTINFO, &value)
            }
            (Family::V6, source) => {
                let source = match source {
                    Some(IpAddr::V6(source)) => source.octets(),
                    _ => [0; 16],
                };
                // ipi6_addr, ipi6_ifindex
                let mut value = [0; 20];
                let (address, index) = value.split_at_mut(16);
                address.copy_from_slice(&source);
                index.copy_from_slice(&interface.to_ne_bytes());
                self.with(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &value)
            }
        }
    }

    /// The time to live, or hop limit, from 1 on.
    #[must_use]
    pub fn ttl(self, family: Family, ttl: u8) -> Self {
        let value = c_int::from(ttl).to_ne_bytes();
        match family {
            Family::V4 => self.with(libc::IPPROTO_IP, libc::IP_TTL, &value),
            Family::V6 => self.with(libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT, &value),
        }
    }

    /// The differentiated services code point, 0 to 63.
    #[must_use]
    pub fn dscp(self, family: Family, dscp: u8) -> Self {
        let value = c_int::from(dscp << 2).to_ne_bytes();
        match family {
            Family::V4 => self.with(libc::IPPROTO_IP, libc::IP_TOS, &value),
            Family::V6 => self.with(libc::IPPROTO_IPV6, libc::IPV6_TCLASS, &value),
        }
    }

    /// Asks for the time stamp of this packet's transmission.
    #[must_use]
    pub fn stamp(self) -> Self {
        let value = libc::SOF_TIMESTAMPING_TX_SOFTWARE.to_ne_bytes();
        self.with(libc::SOL_SOCKET, libc::SO_TIMESTAMPING, &value)
    }

    /// The number that the time stamp bears (Linux 6.13 or newer; older ones refuse it with
    /// `EINVAL`). Without it, packets whose time stamp was asked for are counted.
    #[must_use]
    pub fn stamp_number(self, number: u32) -> Self {
        self.with(libc::SOL_SOCKET, SCM_TS_OPT_ID, &number.to_ne_bytes())
    }

    /// The messages as the kernel reads them.
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Adds a message. There is room for each of the above once; what finds none is left out.
    fn with(mut self, level: c_int, kind: c_int, value: &[u8]) -> Self {
        let length = HEADER + value.len();
        let end = self.length + align(length);
        let Some(room) = self.bytes.get_mut(self.length..end) else {
            return self;
        };
        let header = length.to_ne_bytes().into_iter();
        let header = header.chain(level.to_ne_bytes()).chain(kind.to_ne_bytes());
        for (place, byte) in room.iter_mut().zip(header) {
            *place = byte;
        }
        for (place, byte) in room.iter_mut().skip(HEADER).zip(value) {
            *place = *byte;
        }
        self.length = end;
        self
    }
}
