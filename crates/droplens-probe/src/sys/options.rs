//! Options of sockets, for both address families alike.

use std::ffi::c_int;
use std::io;
use std::os::fd::AsFd;

use droplens_model::Family;

use super::value::{get, get_int, set_int};

/// Whether the packets of a socket may be cut into fragments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fragmentation {
    /// They may, by this host and by routers.
    Allowed,
    /// They may not; what is larger than the known path MTU is refused with `EMSGSIZE`.
    Forbidden,
    /// They may not, and only the device's MTU counts, not what was learned of the path.
    Probing,
}

/// Which time stamps the kernel is to take. They are of `CLOCK_REALTIME`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamps {
    /// When a packet is received.
    pub receive: bool,
    /// When a packet that asks for it ([`super::control::Control::stamp`]) is handed to the device. They
    /// are numbered from 0 and come through the error queue without the packet.
    pub transmit: bool,
}

/// Asks for time stamps. Transmissions are numbered anew when they are switched off and on.
pub fn stamp(socket: &impl AsFd, stamps: Stamps) -> io::Result<()> {
    let mut flags = libc::SOF_TIMESTAMPING_SOFTWARE;
    if stamps.receive {
        flags |= libc::SOF_TIMESTAMPING_RX_SOFTWARE;
    }
    if stamps.transmit {
        flags |= libc::SOF_TIMESTAMPING_OPT_ID | libc::SOF_TIMESTAMPING_OPT_TSONLY;
    }
    let flags = c_int::try_from(flags).unwrap_or_default();
    set_int(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPING, flags)
}

/// Asks for ICMP errors in the error queue.
pub fn report_errors(socket: &impl AsFd, family: Family) -> io::Result<()> {
    match family {
        Family::V4 => set_int(socket, libc::IPPROTO_IP, libc::IP_RECVERR, 1),
        Family::V6 => set_int(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVERR, 1),
    }
}

/// Asks for the time to live of received packets.
pub fn report_ttl(socket: &impl AsFd, family: Family) -> io::Result<()> {
    match family {
        Family::V4 => set_int(socket, libc::IPPROTO_IP, libc::IP_RECVTTL, 1),
        Family::V6 => set_int(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVHOPLIMIT, 1),
    }
}

/// Asks for the own address and device of received packets.
pub fn report_destination(socket: &impl AsFd, family: Family) -> io::Result<()> {
    match family {
        Family::V4 => set_int(socket, libc::IPPROTO_IP, libc::IP_PKTINFO, 1),
        Family::V6 => set_int(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1),
    }
}

/// Asks for the number of packets dropped before each received one (`SO_RXQ_OVFL`).
pub fn report_overflows(socket: &impl AsFd) -> io::Result<()> {
    set_int(socket, libc::SOL_SOCKET, libc::SO_RXQ_OVFL, 1)
}

/// Sets the time to live of what is sent from now on.
pub fn set_ttl(socket: &impl AsFd, family: Family, ttl: u8) -> io::Result<()> {
    let ttl = c_int::from(ttl);
    match family {
        Family::V4 => set_int(socket, libc::IPPROTO_IP, libc::IP_TTL, ttl),
        Family::V6 => set_int(socket, libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS, ttl),
    }
}

/// Sets whether what is sent from now on may be cut into fragments.
pub fn fragment(socket: &impl AsFd, family: Family, how: Fragmentation) -> io::Result<()> {
    match family {
        Family::V4 => {
            let value = match how {
                Fragmentation::Allowed => libc::IP_PMTUDISC_DONT,
                Fragmentation::Forbidden => libc::IP_PMTUDISC_DO,
                Fragmentation::Probing => libc::IP_PMTUDISC_PROBE,
            };
            set_int(socket, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, value)
        }
        Family::V6 => {
            let value = match how {
                // Without path MTU discovery everything would be cut to 1280 bytes.
                Fragmentation::Allowed => libc::IPV6_PMTUDISC_WANT,
                Fragmentation::Forbidden => libc::IPV6_PMTUDISC_DO,
                Fragmentation::Probing => libc::IPV6_PMTUDISC_PROBE,
            };
            let whole = c_int::from(how != Fragmentation::Allowed);
            set_int(socket, libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, value)?;
            set_int(socket, libc::IPPROTO_IPV6, libc::IPV6_DONTFRAG, whole)
        }
    }
}

/// Leaves the flow label of IPv6 packets 0. The kernel gives each connection another one, and routers
/// may choose the way by it.
pub fn without_flow_label(socket: &impl AsFd, family: Family) -> io::Result<()> {
    /// `IPV6_AUTOFLOWLABEL` of `linux/in6.h`.
    const IPV6_AUTOFLOWLABEL: c_int = 70;
    match family {
        Family::V4 => Ok(()),
        Family::V6 => set_int(socket, libc::IPPROTO_IPV6, IPV6_AUTOFLOWLABEL, 0),
    }
}

/// The MTU that is known of the path of a connected socket, in bytes.
pub fn path_mtu(socket: &impl AsFd, family: Family) -> io::Result<u32> {
    let mtu = match family {
        Family::V4 => get_int(socket, libc::IPPROTO_IP, libc::IP_MTU)?,
        Family::V6 => get_int(socket, libc::IPPROTO_IPV6, libc::IPV6_MTU)?,
    };
    u32::try_from(mtu).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))
}

/// Makes room for so many bytes of received packets, with all overhead, and returns how many there
/// is room for. Beyond `net.core.rmem_max` that takes `CAP_NET_ADMIN`.
pub fn make_room(socket: &impl AsFd, bytes: usize) -> io::Result<usize> {
    // The kernel doubles it.
    let half = c_int::try_from(bytes / 2).unwrap_or(c_int::MAX);
    if set_int(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, half).is_err() {
        set_int(socket, libc::SOL_SOCKET, libc::SO_RCVBUF, half)?;
    }
    let room = get_int(socket, libc::SOL_SOCKET, libc::SO_RCVBUF)?;
    Ok(usize::try_from(room).unwrap_or_default())
}

/// Makes room for so many bytes of packets that wait to be sent. Beyond `net.core.wmem_max` that takes
/// `CAP_NET_ADMIN`.
pub fn make_send_room(socket: &impl AsFd, bytes: usize) -> io::Result<()> {
    let half = c_int::try_from(bytes / 2).unwrap_or(c_int::MAX);
    set_int(socket, libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, half)
        .or_else(|_| set_int(socket, libc::SOL_SOCKET, libc::SO_SNDBUF, half))
}

/// Packets that the kernel dropped because the socket's receive buffer was full
/// (`SK_MEMINFO_DROPS`), modulo 2^32.
pub fn overflows(socket: &impl AsFd) -> io::Result<u32> {
    // SK_MEMINFO_VARS of the kernel is 9 by now; it writes no more than there is room for.
    let mut values = [0; 16 * size_of::<u32>()];
    let length = get(socket, libc::SOL_SOCKET, libc::SO_MEMINFO, &mut values)?;
    let (values, _) = values.get(..length).unwrap_or_default().as_chunks();
    let drops = usize::try_from(libc::SK_MEMINFO_DROPS).unwrap_or_default();
    let drops = values.get(drops).copied();
    drops
        .map(u32::from_ne_bytes)
        .ok_or_else(|| io::Error::from(io::ErrorKind::Unsupported))
}
