//! A station that is no Linux host: it sends whatever bytes a test wants, and never answers.

use super::Namespace;
use crate::wire::{Tap, hardware_address};

const STATION: [u8; 6] = [2, 0, 0, 0, 0, 7];

/// A station at the other end of a device of a namespace.
#[derive(Debug)]
pub struct Station {
    tap: Tap,
    neighbour: [u8; 6],
}

impl Station {
    /// The station's IPv4 address.
    pub const V4: [u8; 4] = [10, 93, 0, 1];
    /// The IPv4 address of the namespace's device.
    pub const NEIGHBOUR_V4: [u8; 4] = [10, 93, 0, 2];
    /// The station's IPv6 address, `fd93::1`.
    pub const V6: [u8; 16] = v6(1);
    /// The IPv6 address of the namespace's device, `fd93::2`.
    pub const NEIGHBOUR_V6: [u8; 16] = v6(2);

    /// Puts one at the other end of a new device, which knows it as a neighbour for good.
    ///
    /// # Panics
    ///
    /// When the device cannot be made.
    pub fn beside(namespace: &Namespace, device: &str) -> Self {
        namespace.sysctl("net/ipv6/conf/default/accept_dad", "0");
        namespace.sysctl("net/ipv6/conf/default/router_solicitations", "0");
        let tap = Tap::new(namespace, device);
        let address = hardware_address(namespace, device);
        let mut neighbour = [0; 6];
        for (byte, digits) in neighbour.iter_mut().zip(address.split(':')) {
            *byte = u8::from_str_radix(digits, 16).expect("a hardware address");
        }
        for (address, station) in [("10.93.0.2/24", "10.93.0.1"), ("fd93::2/64", "fd93::1")] {
            namespace.ip(&format!("addr add {address} dev {device}"));
            namespace.ip(&format!(
                "neigh add {station} lladdr 02:00:00:00:00:07 dev {device}"
            ));
        }
        Self { tap, neighbour }
    }

    /// Sends a packet of IPv4 or IPv6, whatever it says about itself. The kernel is through with it
    /// when this returns.
    ///
    /// # Panics
    ///
    /// When the device does not take it.
    pub fn send(&self, kind: Kind, packet: &[u8]) {
        let ethertype: u16 = match kind {
            Kind::V4 => 0x0800,
            Kind::V6 => 0x86dd,
        };
        let mut frame = Vec::with_capacity(14 + packet.len());
        frame.extend(self.neighbour);
        frame.extend(STATION);
        frame.extend(ethertype.to_be_bytes());
        frame.extend(packet);
        self.tap.write(&frame).expect("a frame that is taken");
    }
}

/// What a frame says that it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// An IPv4 packet with a UDP datagram, all its checksums right.
#[derive(Clone, Copy, Debug)]
pub struct V4 {
    /// The sender.
    pub from: [u8; 4],
    /// The receiver.
    pub to: [u8; 4],
    /// Its port.
    pub port: u16,
    /// Hops it may take.
    pub ttl: u8,
    /// `identification`.
    pub id: u16,
    /// The flags and the fragment's offset, as in the header.
    pub fragment: u16,
    /// Bytes of payload.
    pub size: usize,
}

/// Must not be fragmented.
pub const DONT_FRAGMENT: u16 = 0x4000;
/// More fragments follow.
pub const MORE_FRAGMENTS: u16 = 0x2000;

impl V4 {
    /// From the station to port 9000 of its neighbour.
    pub const fn new(size: usize) -> Self {
        Self {
            from: Station::V4,
            to: Station::NEIGHBOUR_V4,
            port: 9000,
            ttl: 64,
            id: 0,
            fragment: 0,
            size,
        }
    }

    /// Its bytes.
    pub fn bytes(self) -> Vec<u8> {
        let datagram = datagram(self.port, self.size, &[&self.from, &self.to]);
        let mut packet = vec![0x45, 0];
        packet.extend(length(20 + datagram.len()));
        packet.extend(self.id.to_be_bytes());
        packet.extend(self.fragment.to_be_bytes());
        packet.extend([self.ttl, UDP, 0, 0]);
        packet.extend(self.from);
        packet.extend(self.to);
        packet.extend(datagram);
        seal(packet)
    }
}

/// Sets the checksum of an IPv4 header right after it was changed.
///
/// # Panics
///
/// When there is no header.
pub fn seal(mut packet: Vec<u8>) -> Vec<u8> {
    put(&mut packet, 10, 0);
    let (header, _) = packet.split_at(20);
    let sum = checksum(&[header]);
    put(&mut packet, 10, sum);
    packet
}

/// An IPv6 packet with a UDP datagram, its checksum right.
#[derive(Clone, Copy, Debug)]
pub struct V6 {
    /// The sender.
    pub from: [u8; 16],
    /// The receiver.
    pub to: [u8; 16],
    /// Its port.
    pub port: u16,
    /// Hops it may take.
    pub hop_limit: u8,
    /// If it is a fragment: identification, and the offset and flag as in the header.
    pub fragment: Option<(u32, u16)>,
    /// Bytes of payload.
    pub size: usize,
}

impl V6 {
    /// From the station to port 9000 of its neighbour.
    pub const fn new(size: usize) -> Self {
        Self {
            from: Station::V6,
            to: Station::NEIGHBOUR_V6,
            port: 9000,
            hop_limit: 64,
            fragment: None,
            size,
        }
    }

    /// Its bytes.
    pub fn bytes(self) -> Vec<u8> {
        let datagram = datagram(self.port, self.size, &[&self.from, &self.to]);
        let mut payload = Vec::new();
        if let Some((id, offset)) = self.fragment {
            payload.extend([UDP, 0]);
            payload.extend(offset.to_be_bytes());
            payload.extend(id.to_be_bytes());
        }
        payload.extend(datagram);
        let mut packet = vec![0x60, 0, 0, 0];
        packet.extend(length(payload.len()));
        packet.extend([self.fragment.map_or(UDP, |_| FRAGMENT), self.hop_limit]);
        packet.extend(self.from);
        packet.extend(self.to);
        packet.extend(payload);
        packet
    }
}

const UDP: u8 = 17;
const FRAGMENT: u8 = 44;

const fn v6(host: u8) -> [u8; 16] {
    [0xfd, 0x93, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host]
}

fn length(bytes: usize) -> [u8; 2] {
    u16::try_from(bytes).expect("a short packet").to_be_bytes()
}

/// A UDP header and its payload.
fn datagram(port: u16, size: usize, addresses: &[&[u8]]) -> Vec<u8> {
    let mut bytes = 4000_u16.to_be_bytes().to_vec();
    bytes.extend(port.to_be_bytes());
    bytes.extend(length(8 + size));
    bytes.extend([0, 0]);
    bytes.resize(8 + size, 0x64);
    let pseudo = [&[0, UDP], length(bytes.len()).as_slice()].concat();
    let parts: Vec<&[u8]> = addresses
        .iter()
        .copied()
        .chain([&*pseudo, &*bytes])
        .collect();
    let sum = checksum(&parts);
    put(&mut bytes, 6, sum);
    bytes
}

fn put(bytes: &mut Vec<u8>, at: usize, word: u16) {
    bytes.splice(at..at + 2, word.to_be_bytes());
}

/// The Internet checksum; only the last part may have an odd length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let mut sum: u32 = words
        .map(|word| match *word {
            [high, low] => u32::from(u16::from_be_bytes([high, low])),
            [high] => u32::from(high) << 8,
            _ => 0,
        })
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_rfc_1071() {
        let sum = checksum(&[&[0x00, 0x01, 0xf2, 0x03], &[0xf4, 0xf5, 0xf6, 0xf7]]);
        assert_eq!(sum, !0xddf2);
        assert_eq!(checksum(&[&[0x12]]), !0x1200);
    }
}
