//! The hosts on which costs are measured.

use std::any::Any;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use droplens_tests::lab::{Namespace, veth_many};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Veth pairs of [`Scene::Devices`]; with the loopback device that makes 1 001 devices.
const PAIRS: usize = 500;

/// Connections of [`Scene::Sockets`]; both ends are here, so there are twice as many sockets.
const CONNECTIONS: usize = 25_000;

/// A host on which costs are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scene {
    /// This machine as it is.
    Idle,
    /// 1 001 network devices.
    Devices,
    /// 50 000 TCP sockets.
    Sockets,
}

impl Scene {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle host",
            Self::Devices => "1 001 devices (500 veth pairs)",
            Self::Sockets => "50 000 TCP sockets",
        }
    }

    /// The collectors of `node_exporter` for the surfaces that droplens reads.
    pub(crate) const fn collectors(self) -> &'static [&'static str] {
        match self {
            Self::Idle | Self::Devices | Self::Sockets => &[
                "softnet",
                "netdev",
                "netclass",
                "netstat",
                "sockstat",
                "conntrack",
                "tcpstat",
                "udp_queues",
                "arp",
                "qdisc",
                "interrupts",
                "stat",
                "cpu",
                "pressure",
                "ethtool",
                "filefd",
            ],
        }
    }

    /// Sets the scene; it lasts as long as what is returned.
    pub(crate) fn set(self) -> (Namespace, Box<dyn Any>) {
        match self {
            Self::Idle => (Namespace::current(), Box::new(())),
            Self::Devices => {
                let namespace = Namespace::new();
                veth_many(&namespace, "v", PAIRS);
                (namespace, Box::new(()))
            }
            Self::Sockets => {
                let namespace = Namespace::new();
                let sockets = namespace.enter(connections);
                (namespace, Box::new(sockets))
            }
        }
    }
}

/// Established connections over loopback, from as many addresses as their ports take.
fn connections() -> (TcpListener, Vec<TcpStream>) {
    let hard = getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit {
        current: hard,
        maximum: hard,
    };
    setrlimit(Resource::Nofile, limit).expect("as many open files as allowed");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 9)).expect("a listener");
    let server = listener.local_addr().expect("its address");
    let mut streams = Vec::with_capacity(2 * CONNECTIONS);
    for number in 0..CONNECTIONS {
        streams.push(connect_from(number, server));
        streams.push(listener.accept().expect("the other end").0);
    }
    (listener, streams)
}

fn connect_from(number: usize, server: SocketAddr) -> TcpStream {
    use socket2::{Domain, Socket, Type};
    let host = u8::try_from(2 + number / 5_000).unwrap_or(u8::MAX);
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let from = SocketAddr::from((Ipv4Addr::new(127, 0, 0, host), 0));
    socket.bind(&from.into()).expect("a free port");
    socket
        .connect(&server.into())
        .expect("a connection over loopback");
    socket.into()
}
