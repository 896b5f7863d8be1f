//! Whether this host can send to an address at all, which it finds out without sending anything.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use droplens_probe::spec::Egress;
use socket2::{Domain, Socket, Type};

use super::evidence::Way;

/// Any port: nothing is sent.
const DISCARD: u16 = 9;

/// How packets leave for this address.
pub(super) fn find(address: IpAddr, egress: &Egress) -> Way {
    let socket = match open(address, egress) {
        Ok(socket) => socket,
        Err(error) => {
            return Way::Unusable {
                message: unusable(egress, &error),
            };
        }
    };
    // Connecting a datagram socket looks the route up and does nothing else.
    let to = SocketAddr::new(address, DISCARD);
    let found = socket.connect(&to.into());
    let own = found.and_then(|()| socket.local_addr());
    match own {
        Ok(own) => Way::Known {
            source: own
                .as_socket()
                .map_or(Ipv4Addr::UNSPECIFIED.into(), |own| own.ip()),
        },
        Err(error) => Way::NoRoute {
            message: format!("this host has no route to {address}: {error}"),
        },
    }
}

fn open(address: IpAddr, egress: &Egress) -> io::Result<Socket> {
    let (domain, any) = match address {
        IpAddr::V4(_) => (Domain::IPV4, IpAddr::from(Ipv4Addr::UNSPECIFIED)),
        IpAddr::V6(_) => (Domain::IPV6, IpAddr::from(Ipv6Addr::UNSPECIFIED)),
    };
    let socket = Socket::new(domain, Type::DGRAM, None)?;
    if let Some(interface) = &egress.interface {
        socket.bind_device(Some(interface.as_bytes()))?;
    }
    let source = SocketAddr::new(egress.source.unwrap_or(any), 0);
    socket.bind(&source.into())?;
    Ok(socket)
}

fn unusable(egress: &Egress, error: &io::Error) -> String {
    let source = egress.source.map(|source| format!("from {source}"));
    let device = egress.interface.as_ref();
    let device = device.map(|device| format!("through device {device}"));
    let how: Vec<String> = source.into_iter().chain(device).collect();
    format!("this host cannot send {}: {error}", how.join(" "))
}
