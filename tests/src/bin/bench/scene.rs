//! The hosts on which costs are measured.

use std::any::Any;
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use droplens_tests::lab::{Namespace, veth_many};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Veth pairs of [`Scene::Devices`]; with the loopback device that makes 1 001 devices.
const PAIRS: usize = 500;

/// Connections of [`Scene::Sockets`]; both ends are here, so there are twice as many sockets.
const CONNECTIONS: usize = 25_000;

/// Connections that one process holds: its open files stay below 20 000.
const EACH: usize = 8_500;

/// The argument that makes this program [`hold`] connections.
pub(crate) const HOLD: &str = "hold";

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
    /// The argument that chooses it.
    pub(crate) const fn id(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Devices => "devices",
            Self::Sockets => "sockets",
        }
    }

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
                let holders = Holders::start(&namespace);
                (namespace, Box::new(holders))
            }
        }
    }
}

/// What a process that holds connections says once it has them all.
const READY: &str = "ready";

/// Processes that hold connections between themselves; they end when this is dropped.
struct Holders(Vec<Child>);

impl Holders {
    /// Starts as many as it takes, each within the limit of open files.
    fn start(namespace: &Namespace) -> Self {
        let mut holders = Self(Vec::new());
        for holder in 0..CONNECTIONS.div_ceil(EACH) {
            let count = EACH.min(CONNECTIONS - holder * EACH);
            let mut command = Command::new(std::env::current_exe().expect("this program"));
            command
                .args([HOLD, &holder.to_string(), &count.to_string()])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped());
            let mut child = namespace.enter(|| command.spawn()).expect("a holder");
            let mut said = String::new();
            let mut output = BufReader::new(child.stdout.take().expect("its output"));
            holders.0.push(child);
            output.read_line(&mut said).expect("its word");
            assert_eq!(said.trim(), READY, "a holder has its connections");
        }
        holders
    }
}

impl Drop for Holders {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // It ends when its standard input does; that closes here.
            drop(child.stdin.take());
            let _status = child.wait();
        }
    }
}

/// Holds connections over loopback, both ends, until standard input ends. Each holder has a port
/// and addresses of its own, as many as the ephemeral ports take.
pub(crate) fn hold(holder: &str, count: &str) {
    let holder: u8 = holder.parse().expect("the holder's number");
    let count: usize = count.parse().expect("a number of connections");
    let hard = getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit {
        current: hard,
        maximum: hard,
    };
    setrlimit(Resource::Nofile, limit).expect("as many open files as allowed");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 10_000 + u16::from(holder)));
    let listener = listener.expect("a listener");
    let server = listener.local_addr().expect("its address");
    let mut streams = Vec::with_capacity(2 * count);
    for _ in 0..count {
        streams.push(connect_from(2 + holder, server));
        streams.push(listener.accept().expect("the other end").0);
    }
    println!("{READY}");
    let _ended = std::io::stdin().read_to_end(&mut Vec::new());
}

fn connect_from(host: u8, server: SocketAddr) -> TcpStream {
    use socket2::{Domain, Socket, Type};
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let from = SocketAddr::from((Ipv4Addr::new(127, 0, 0, host), 0));
    socket.bind(&from.into()).expect("a free port");
    socket
        .connect(&server.into())
        .expect("a connection over loopback");
    socket.into()
}
