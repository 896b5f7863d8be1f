//! Opening the sockets to listen on.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

use crate::config::Address;

/// A socket that listens, bound but not yet given to the runtime.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: std::net::TcpListener,
    address: SocketAddr,
}

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}{}", hint(source, *address))]
pub(crate) struct ListenError {
    address: SocketAddr,
    source: io::Error,
}

fn hint(error: &io::Error, address: SocketAddr) -> String {
    let port = address.port();
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            ": port {port} is taken; `ss -ltnp 'sport = :{port}'` (as root) tells by whom, \
             --web.listen-address chooses another"
        ),
        io::ErrorKind::PermissionDenied => {
            format!(": port {port} needs root or CAP_NET_BIND_SERVICE")
        }
        io::ErrorKind::AddrNotAvailable => ": this host has no such address".to_owned(),
        _ => String::new(),
    }
}

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 128;

/// Opens a socket for each address.
pub(crate) fn listen(addresses: &[Address]) -> Result<Vec<Listener>, ListenError> {
    addresses.iter().map(|address| open(address.0)).collect()
}

fn open(address: SocketAddr) -> Result<Listener, ListenError> {
    let bound = match bind(address) {
        // A host without IPv6 (ipv6.disable=1) still has "every address": the IPv4 ones.
        Err(error) if address.ip().is_unspecified() && lacks_family(&error) => {
            bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port())))
        }
        result => result,
    };
    let failed = |source| ListenError { address, source };
    let socket = bound.map_err(failed)?;
    let address = socket.local_addr().map_err(failed)?;
    Ok(Listener { socket, address })
}

fn lacks_family(error: &io::Error) -> bool {
    use rustix::io::Errno;
    [Errno::AFNOSUPPORT, Errno::ADDRNOTAVAIL]
        .map(|errno| Some(errno.raw_os_error()))
        .contains(&error.raw_os_error())
}

fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        // [::] serves IPv4 as well, whatever net.ipv6.bindv6only says.
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

impl Listener {
    /// Where it listens; the port is the real one if 0 was asked for.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Hands the socket to the runtime.
    pub(crate) fn into_tokio(self) -> io::Result<TcpListener> {
        TcpListener::from_std(self.socket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_port_says_who_to_ask() {
        let first = open(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let error = open(first.address()).unwrap_err().to_string();
        let port = first.address().port();
        assert!(
            error.contains(&format!("ss -ltnp 'sport = :{port}'")),
            "{error}"
        );
    }
}
