//! Opening sockets. Where packets leave from and how they are marked is applied here, once for all
//! kinds of probes and both address families.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::AsFd;

use droplens_model::Family;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::{filter, options};
use crate::spec::Egress;

/// ICMP types that answer an echo request: the reply, and errors about it.
pub const fn answers(family: Family) -> &'static [u8] {
    match family {
        Family::V4 => &[0, 3, 11, 12],
        Family::V6 => &[1, 2, 3, 4, 129],
    }
}

/// Which kind of socket sends echo requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EchoKind {
    /// A ping socket (`SOCK_DGRAM`): the kernel chooses the identifier and hands out only replies that
    /// have it, and errors through the error queue.
    Ping,
    /// A raw socket, which takes `CAP_NET_RAW`: replies to everybody and all errors come in as packets,
    /// those of IPv4 with their IP header.
    Raw,
}

/// A socket for echo requests.
#[derive(Debug)]
pub struct EchoSocket {
    /// The socket.
    pub socket: Socket,
    /// Its kind.
    pub kind: EchoKind,
    /// The ICMP identifier that its requests have to bear.
    pub identifier: u16,
}

/// A UDP socket that does not block, bound to the source if there is one.
pub fn open_udp(family: Family, egress: &Egress) -> io::Result<Socket> {
    open(family, Type::DGRAM, Protocol::UDP, egress)
}

/// The same with a port of its own; the error is `EADDRINUSE` if another socket has it.
pub fn open_udp_from(family: Family, egress: &Egress, port: u16) -> io::Result<Socket> {
    open_from(family, Type::DGRAM, Protocol::UDP, egress, port)
}

/// A TCP socket that does not block, not connected, with a port that another one may have had a
/// moment ago.
pub fn open_tcp_from(family: Family, egress: &Egress, port: u16) -> io::Result<Socket> {
    open_from(family, Type::STREAM, Protocol::TCP, egress, port)
}

/// A TCP socket that does not block, bound to the source if there is one and not connected.
pub fn open_tcp(family: Family, egress: &Egress) -> io::Result<Socket> {
    open(family, Type::STREAM, Protocol::TCP, egress)
}

/// A socket for echo requests that does not block: a ping socket if `net.ipv4.ping_group_range` lets
/// this process have one, otherwise a raw one, with `identifier`. Both report ICMP errors.
///
/// For IPv6 the raw one comes first: sending on a ping socket succeeds even if a firewall of this host drops
/// the packet or a queue is full (`icmpv6_push_pending_frames` hides it), which would look like loss on
/// the way.
pub fn open_echo(family: Family, egress: &Egress, identifier: u16) -> io::Result<EchoSocket> {
    let ping = || open_ping(family, egress);
    let raw = || open_raw(family, egress, identifier);
    match family {
        Family::V4 => ping().or_else(|_| raw()),
        Family::V6 => raw().or_else(|_| ping()),
    }
}

/// Whether an address is one of this host, so that packets may bear it.
pub fn is_own(source: IpAddr) -> bool {
    let family = match source.to_canonical() {
        IpAddr::V4(_) => Family::V4,
        IpAddr::V6(_) => Family::V6,
    };
    let egress = Egress {
        source: Some(source),
        ..Egress::default()
    };
    match open_udp(family, &egress) {
        Err(error) => error.kind() != io::ErrorKind::AddrNotAvailable,
        Ok(_) => true,
    }
}

/// A ping socket.
pub fn open_ping(family: Family, egress: &Egress) -> io::Result<EchoSocket> {
    let socket = open(family, Type::DGRAM, icmp(family), egress)?;
    options::report_errors(&socket, family)?;
    if egress.source.is_none() {
        // Binding makes the kernel choose the identifier now.
        socket.bind(&unspecified(family).into())?;
    }
    let address = socket.local_addr()?.as_socket();
    let identifier = address.map_or(0, |address| address.port());
    Ok(EchoSocket {
        socket,
        kind: EchoKind::Ping,
        identifier,
    })
}

/// The same with this identifier; the error is `EADDRINUSE` if another socket has it.
pub fn open_ping_as(family: Family, egress: &Egress, identifier: u16) -> io::Result<EchoSocket> {
    let socket = open_from(family, Type::DGRAM, icmp(family), egress, identifier)?;
    options::report_errors(&socket, family)?;
    Ok(EchoSocket {
        socket,
        kind: EchoKind::Ping,
        identifier,
    })
}

/// A raw socket, which receives the replies to everybody's requests.
pub fn open_raw(family: Family, egress: &Egress, identifier: u16) -> io::Result<EchoSocket> {
    let socket = open(family, Type::RAW, icmp(family), egress)?;
    filter::pass_types(&socket, family, answers(family))?;
    Ok(EchoSocket {
        socket,
        kind: EchoKind::Raw,
        identifier,
    })
}

/// The index of a device.
pub fn interface_index(socket: &impl AsFd, name: &str) -> io::Result<u32> {
    Ok(rustix::net::netdevice::name_to_index(socket, name)?)
}

fn icmp(family: Family) -> Protocol {
    match family {
        Family::V4 => Protocol::ICMPV4,
        Family::V6 => Protocol::ICMPV6,
    }
}

fn open(family: Family, kind: Type, protocol: Protocol, egress: &Egress) -> io::Result<Socket> {
    let socket = open_unbound(family, kind, protocol, egress)?;
    if let Some(source) = egress.source {
        socket.bind(&source_address(&socket, family, source, egress, 0)?)?;
    }
    Ok(socket)
}

/// Bound to a port, or to an identifier.
fn open_from(
    family: Family,
    kind: Type,
    protocol: Protocol,
    egress: &Egress,
    port: u16,
) -> io::Result<Socket> {
    let socket = open_unbound(family, kind, protocol, egress)?;
    if kind == Type::STREAM {
        socket.set_reuse_address(true)?;
    }
    let source = egress.source.unwrap_or(unspecified(family).ip());
    socket.bind(&source_address(&socket, family, source, egress, port)?)?;
    Ok(socket)
}

fn open_unbound(
    family: Family,
    kind: Type,
    protocol: Protocol,
    egress: &Egress,
) -> io::Result<Socket> {
    let domain = match family {
        Family::V4 => Domain::IPV4,
        Family::V6 => Domain::IPV6,
    };
    let socket = Socket::new(domain, kind, Some(protocol))?;
    socket.set_nonblocking(true)?;
    if let Some(interface) = &egress.interface {
        socket.bind_device(Some(interface.as_bytes()))?;
    }
    if egress.dscp != 0 {
        let class = u32::from(egress.dscp) << 2;
        match family {
            Family::V4 => socket.set_tos_v4(class)?,
            Family::V6 => socket.set_tclass_v6(class)?,
        }
    }
    Ok(socket)
}

fn source_address(
    socket: &Socket,
    family: Family,
    source: IpAddr,
    egress: &Egress,
    port: u16,
) -> io::Result<SockAddr> {
    match (family, source.to_canonical()) {
        (Family::V4, IpAddr::V4(source)) => Ok(SocketAddr::from((source, port)).into()),
        (Family::V6, IpAddr::V6(source)) => {
            // A link-local address is only one together with its link.
            let scope = match &egress.interface {
                Some(interface) if source.is_unicast_link_local() => {
                    interface_index(socket, interface)?
                }
                _ => 0,
            };
            Ok(SocketAddrV6::new(source, port, 0, scope).into())
        }
        _ => Err(io::Error::new(
            io::ErrorKind::AddrNotAvailable,
            "the source address is of the other address family than the target",
        )),
    }
}

fn unspecified(family: Family) -> SocketAddr {
    match family {
        Family::V4 => (Ipv4Addr::UNSPECIFIED, 0).into(),
        Family::V6 => (Ipv6Addr::UNSPECIFIED, 0).into(),
    }
}
