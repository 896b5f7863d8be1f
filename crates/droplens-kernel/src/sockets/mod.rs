//! TCP and UDP sockets.

mod drops;
mod ephemeral;
#[cfg(test)]
mod live;
pub(crate) mod message;
mod ports;
mod tcp;
mod thrift;
mod udp;

use std::time::Instant;

use droplens_model::sample::sockets::{EphemeralPorts, Sockets, TcpState, TcpStates};
use droplens_model::{Family, PerFamily, Source};
use neli::consts::socket::NlFamily;

use self::drops::PortDrops;
use self::ephemeral::Ephemeral;
use self::message::{Extension, Protocol, SocketMessage};
use self::ports::PortSet;
use self::tcp::{Connections, ListenSocket};
use self::thrift::Thrift;
use self::udp::UdpSocket;
use crate::clock::thread_cpu;
use crate::error::ParseError;
use crate::netlink::{LazyNetlink, Request};
use crate::sockstat::SockstatReader;
use crate::{FileReader, ReadError, Reader, Root};

/// `TCPF_LISTEN`.
pub(crate) const LISTEN: u32 = 1 << TcpState::Listen as u32;
/// Every other state of a connection. Request sockets come with `SYN-RECV`.
pub(crate) const NOT_LISTEN: u32 = 0xffe & !LISTEN;
/// The same without `TCPF_ESTABLISHED`.
const NOT_ESTABLISHED: u32 = NOT_LISTEN & !(1 << TcpState::Established as u32);
/// UDP sockets are connected or not.
pub(crate) const ANY: u32 = u32::MAX;

/// Reads the TCP and UDP sockets of this network namespace and sums them up.
#[derive(Debug)]
pub struct SocketsReader {
    netlink: LazyNetlink,
    range: FileReader,
    reserved: FileReader,
    listeners: PerFamily<Request>,
    connections: Request,
    not_established: Request,
    sockstat: SockstatReader,
    thrift: Thrift,
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
            connections: message::request_all_tcp("sock_diag of TCP", NOT_LISTEN),
            not_established: message::request_all_tcp("sock_diag of TCP", NOT_ESTABLISHED),
            sockstat: SockstatReader::new(root),
            thrift: Thrift::default(),
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

    /// Lists the connections: all, if that is affordable now, else all but the established ones,
    /// which are then counted only.
    fn connections(&mut self) -> Result<bool, ReadError> {
        let (started, cpu) = (Instant::now(), thread_cpu());
        let all = self.thrift.affords(started);
        let (request, take): (_, Take) = if all {
            (&self.connections, Collector::connection)
        } else {
            (&self.not_established, Collector::state)
        };
        let complete = list(
            &mut self.netlink,
            request,
            &mut self.collector,
            Collector::restart_connections,
            take,
        )?;
        if all {
            self.collector.remember();
            let cost = thread_cpu().saturating_sub(cpu);
            let ports = self.collector.listed.ephemeral;
            self.thrift.spent(started, cost, ports);
        } else {
            let in_use = thrift::in_use(&self.sockstat.read()?);
            self.collector.established(&in_use);
        }
        Ok(complete)
    }
}

impl Reader for SocketsReader {
    type Sample = Sockets;

    fn read(&mut self) -> Result<Sockets, ReadError> {
        let available = self.available();
        self.collector.ephemeral.begin(available);
        let mut complete = true;
        // Who listens must be known before it can be told who called whom.
        for (family, request) in self.listeners.iter() {
            let restart = |collector: &mut Collector| collector.listeners.get_mut(family).clear();
            let take = Collector::listener;
            complete &= list(
                &mut self.netlink,
                request,
                &mut self.collector,
                restart,
                take,
            )?;
        }
        complete &= self.connections()?;
        for (family, request) in self.udp.iter() {
            let restart = |collector: &mut Collector| collector.udp.get_mut(family).clear();
            let take = Collector::udp;
            complete &= list(
                &mut self.netlink,
                request,
                &mut self.collector,
                restart,
                take,
            )?;
        }
        let mut sample = self.collector.finish(complete);
        sample.connections_age = self.thrift.age(Instant::now());
        Ok(sample)
    }
}

/// Takes in one socket of a list.
type Take = fn(&mut Collector, &SocketMessage<'_>) -> Result<(), ParseError>;

/// Reads one list of sockets; tells whether it is whole.
fn list(
    netlink: &mut LazyNetlink,
    request: &Request,
    collector: &mut Collector,
    restart: impl FnMut(&mut Collector),
    take: Take,
) -> Result<bool, ReadError> {
    let completeness =
        netlink.request(request, collector, restart, |collector, kind, payload| {
            if message::is_socket(kind) {
                take(collector, &SocketMessage::parse(payload)?)?;
            }
            Ok(())
        })?;
    Ok(completeness.is_complete())
}

/// What is collected while messages come in, and what is kept from reading to reading.
#[derive(Debug, Default)]
struct Collector {
    listeners: PerFamily<Vec<ListenSocket>>,
    listener_drops: PortDrops,
    connections: PerFamily<Connections>,
    udp: PerFamily<Vec<UdpSocket>>,
    udp_drops: PortDrops,
    ephemeral: Ephemeral,
    /// What the last list of all connections said.
    listed: Listed,
}

/// What only a list of all connections tells.
#[derive(Clone, Copy, Debug, Default)]
struct Listed {
    retransmitting: PerFamily<u64>,
    zero_window_probing: PerFamily<u64>,
    ephemeral: EphemeralPorts,
}

impl Collector {
    fn listener(&mut self, socket: &SocketMessage<'_>) -> Result<(), ParseError> {
        self.ephemeral.listening(socket.local_port);
        let listeners = self.listeners.get_mut(socket.family);
        listeners.push(ListenSocket::new(socket));
        let port = (socket.family, socket.local_port);
        self.listener_drops
            .observe(port, socket.cookie, socket.drops()?);
        Ok(())
    }

    fn restart_connections(&mut self) {
        self.connections = PerFamily::default();
        self.ephemeral.restart();
    }

    #[expect(clippy::unnecessary_wraps, reason = "as for the other lists")]
    fn connection(&mut self, socket: &SocketMessage<'_>) -> Result<(), ParseError> {
        self.connections.get_mut(socket.family).count(socket);
        self.ephemeral.count(socket);
        Ok(())
    }

    #[expect(clippy::unnecessary_wraps, reason = "as for the other lists")]
    fn state(&mut self, socket: &SocketMessage<'_>) -> Result<(), ParseError> {
        self.connections.get_mut(socket.family).count(socket);
        Ok(())
    }

    /// Takes in that all connections have been listed.
    fn remember(&mut self) {
        for (family, connections) in self.connections.iter() {
            *self.listed.retransmitting.get_mut(family) = connections.retransmitting;
            *self.listed.zero_window_probing.get_mut(family) = connections.zero_window_probing;
        }
        self.listed.ephemeral = self.ephemeral.finish();
    }

    /// Counts the established connections that were not listed: those in use and in no other state.
    fn established(&mut self, in_use: &PerFamily<u64>) {
        for family in Family::ALL {
            let listeners = self.listeners.get(family).len() as u64;
            let connections = self.connections.get_mut(family);
            let others = listeners + connections.in_use;
            let established = in_use.get(family).saturating_sub(others);
            connections.states.set(TcpState::Established, established);
        }
    }

    fn udp(&mut self, socket: &SocketMessage<'_>) -> Result<(), ParseError> {
        self.udp.get_mut(socket.family).push(UdpSocket::new(socket));
        let port = (socket.family, socket.local_port);
        self.udp_drops.observe(port, socket.cookie, socket.drops()?);
        Ok(())
    }

    fn finish(&mut self, complete: bool) -> Sockets {
        // A list that may have missed sockets does not tell which are gone.
        if complete {
            self.listener_drops.finish();
            self.udp_drops.finish();
        }
        let mut sample = Sockets {
            complete,
            ephemeral: self.listed.ephemeral,
            retransmitting: self.listed.retransmitting,
            zero_window_probing: self.listed.zero_window_probing,
            ..Sockets::default()
        };
        for family in Family::ALL {
            let listeners = self.listeners.get_mut(family);
            let connections = self.connections.get(family);
            *sample.tcp.get_mut(family) = with_listeners(connections.states, listeners.len());
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
