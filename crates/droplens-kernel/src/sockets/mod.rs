//! TCP and UDP sockets.

mod drops;
mod ephemeral;
#[cfg(test)]
mod live;
pub(crate) mod message;
mod ports;
mod tcp;
mod udp;

use droplens_model::sample::sockets::{Sockets, TcpState, TcpStates};
use droplens_model::{Family, PerFamily, Source};
use neli::consts::socket::NlFamily;

use self::drops::PortDrops;
use self::ephemeral::Ephemeral;
use self::message::{Extension, Protocol, SOCK_DIAG_BY_FAMILY, SocketMessage};
use self::ports::PortSet;
use self::tcp::{Connections, ListenSocket};
use self::udp::UdpSocket;
use crate::error::ParseError;
use crate::netlink::{LazyNetlink, Request};
use crate::{FileReader, ReadError, Reader, Root};

/// `TCPF_LISTEN`.
pub(crate) const LISTEN: u32 = 1 << TcpState::Listen as u32;
/// Every other state of a connection. Request sockets come with `SYN-RECV`.
pub(crate) const NOT_LISTEN: u32 = 0xffe & !LISTEN;
/// UDP sockets are connected or not.
pub(crate) const ANY: u32 = u32::MAX;

/// Reads the TCP and UDP sockets of this network namespace and sums them up.
#[derive(Debug)]
pub struct SocketsReader {
    netlink: LazyNetlink,
    range: FileReader,
    reserved: FileReader,
    listeners: PerFamily<Request>,
    connections: PerFamily<Request>,
    udp: PerFamily<Request>,
    collector: Collector,
}

impl SocketsReader {
    /// A reader; nothing is opened before the first reading.
    pub fn new(root: &Root) -> Self {
        let sysctl = |name| FileReader::new(root.proc("sys/net/ipv4").join(name));
        Self {
            netlink: LazyNetlink::new(NlFamily::SockOrInetDiag, Source::Sockets.spec().deadline),
            range: sysctl("ip_local_port_range"),
            reserved: sysctl("ip_local_reserved_ports"),
            listeners: message::requests(
                "sock_diag of TCP listeners",
                Protocol::Tcp,
                LISTEN,
                Extension::Memory,
            ),
            connections: message::requests(
                "sock_diag of TCP",
                Protocol::Tcp,
                NOT_LISTEN,
                Extension::None,
            ),
            udp: message::requests("sock_diag of UDP", Protocol::Udp, ANY, Extension::Memory),
            collector: Collector::default(),
        }
    }

    /// The ports the kernel may take; none if it does not say.
    fn available(&mut self) -> PortSet {
        let Ok(mut range) = self.range.parse(PortSet::parse_range) else {
            return PortSet::default();
        };
        // Without this file, nothing is reserved.
        let _ = self.reserved.parse(|bytes| range.remove_list(bytes));
        range
    }
}

impl Reader for SocketsReader {
    type Sample = Sockets;

    fn read(&mut self) -> Result<Sockets, ReadError> {
        let available = self.available();
        self.collector.ephemeral.begin(available);
        let lists: [(&PerFamily<Request>, List); 3] = [
            // Who listens must be known before it can be told who called whom.
            (&self.listeners, LISTENERS),
            (&self.connections, CONNECTIONS),
            (&self.udp, UDP),
        ];
        let mut complete = true;
        for (requests, list) in lists {
            for (family, request) in requests.iter() {
                self.collector.ephemeral.begin_list();
                complete &= self
                    .netlink
                    .request(
                        request,
                        &mut self.collector,
                        |collector| (list.restart)(collector, family),
                        |collector, kind, payload| {
                            if kind == SOCK_DIAG_BY_FAMILY {
                                let socket = SocketMessage::parse(payload)?;
                                (list.take)(collector, family, &socket)?;
                            }
                            Ok(())
                        },
                    )?
                    .is_complete();
            }
        }
        Ok(self.collector.finish(complete))
    }
}

/// One kind of list: what to do when it is read anew, and with each socket.
#[derive(Clone, Copy)]
struct List {
    restart: fn(&mut Collector, Family),
    take: fn(&mut Collector, Family, &SocketMessage<'_>) -> Result<(), ParseError>,
}

const LISTENERS: List = List {
    restart: |collector, family| collector.listeners.get_mut(family).clear(),
    take: |collector, family, socket| {
        let listener = ListenSocket::new(socket);
        collector.ephemeral.listening(listener.port());
        collector.listeners.get_mut(family).push(listener);
        let port = (family, socket.local_port);
        collector
            .listener_drops
            .observe(port, socket.cookie, socket.drops()?);
        Ok(())
    },
};

const CONNECTIONS: List = List {
    restart: |collector, family| {
        *collector.connections.get_mut(family) = Connections::default();
        collector.ephemeral.restart_list();
    },
    take: |collector, family, socket| {
        collector.connections.get_mut(family).count(socket);
        collector.ephemeral.count(family, socket);
        Ok(())
    },
};

const UDP: List = List {
    restart: |collector, family| collector.udp.get_mut(family).clear(),
    take: |collector, family, socket| {
        collector.udp.get_mut(family).push(UdpSocket::new(socket));
        let port = (family, socket.local_port);
        collector
            .udp_drops
            .observe(port, socket.cookie, socket.drops()?);
        Ok(())
    },
};

/// What is collected while messages come in, and what is kept from reading to reading.
#[derive(Debug, Default)]
struct Collector {
    listeners: PerFamily<Vec<ListenSocket>>,
    listener_drops: PortDrops,
    connections: PerFamily<Connections>,
    udp: PerFamily<Vec<UdpSocket>>,
    udp_drops: PortDrops,
    ephemeral: Ephemeral,
}

impl Collector {
    fn finish(&mut self, complete: bool) -> Sockets {
        // A list that may have missed sockets does not tell which are gone.
        if complete {
            self.listener_drops.finish();
            self.udp_drops.finish();
        }
        let mut sample = Sockets {
            complete,
            ephemeral: self.ephemeral.finish(),
            ..Sockets::default()
        };
        for family in Family::ALL {
            let listeners = self.listeners.get_mut(family);
            let connections = self.connections.get(family);
            *sample.tcp.get_mut(family) = with_listeners(connections.states, listeners.len());
            *sample.retransmitting.get_mut(family) = connections.retransmitting;
            *sample.zero_window_probing.get_mut(family) = connections.zero_window_probing;
            sample
                .listeners
                .extend(tcp::listeners(family, listeners, &self.listener_drops));
            sample.udp.extend(udp::ports(
                family,
                self.udp.get_mut(family),
                &self.udp_drops,
                |port| self.ephemeral.is_available(port),
            ));
        }
        sample
    }
}

/// The states of connections and of this many listeners.
fn with_listeners(mut states: TcpStates, listeners: usize) -> TcpStates {
    for _ in 0..listeners {
        states.count(TcpState::Listen as u8);
    }
    states
}
