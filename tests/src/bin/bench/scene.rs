//! The hosts on which costs are measured.

use std::any::Any;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use droplens_tests::lab::{Namespace, veth_many};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Veth pairs of [`Scene::Devices`]; with the loopback device that makes 1 001 devices.
const PAIRS: usize = 500;

/// Connections of [`Scene::Sockets`]; both ends are here, so there are twice as many sockets.
const CONNECTIONS: usize = 25_000;

/// Files that the bench has open besides the sockets, with room to spare.
const SPARE_FILES: u64 = 100;

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

    /// Sets the scene, which lasts as long as what is returned, or tells why it cannot.
    pub(crate) fn set(self) -> Result<(Namespace, Box<dyn Any>), String> {
        Ok(match self {
            Self::Idle => (Namespace::current(), Box::new(())),
            Self::Devices => {
                let namespace = Namespace::new();
                veth_many(&namespace, "v", PAIRS);
                (namespace, Box::new(()))
            }
            Self::Sockets => {
                allow_open_files(2 * CONNECTIONS as u64 + SPARE_FILES)?;
                let namespace = Namespace::new();
                let sockets = namespace.enter(connections);
                (namespace, Box::new(sockets))
            }
        })
    }
}

/// Lets this process open so many files, which takes a privilege if the hard limit is lower.
fn allow_open_files(wanted: u64) -> Result<(), String> {
    let hard = getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit {
        current: Some(wanted),
        // No limit is `None`, and stays.
        maximum: hard.map(|hard| hard.max(wanted)),
    };
    setrlimit(Resource::Nofile, limit).map_err(|error| {
        let hard = hard.map_or("unlimited".to_owned(), |hard| hard.to_string());
        format!("it takes {wanted} open files, the hard limit is {hard} (ulimit -Hn) and cannot be raised (limit: /proc/sys/fs/nr_open): {error}")
    })
}

/// Established connections over loopback, from as many addresses as their ports take.
fn connections() -> (TcpListener, Vec<TcpStream>) {
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
