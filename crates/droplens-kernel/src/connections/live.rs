//! Against the running kernel, in a network namespace with loopback only.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use droplens_model::Family;
use droplens_model::sample::connections::{
    Connections, Limit, Owner, Peer, ProcessRef, Retransmission, Stuck,
};
use droplens_model::sample::sockets::TcpState;
use rustix::process::{Pid, Signal, kill_process};
use socket2::{Domain, Socket, Type};

use super::{ConnectionsReader, TOP, cgroups};
use crate::Root;
use crate::testing::{command, in_namespace, skip};

fn read() -> Connections {
    let sample = ConnectionsReader::new(&Root::default()).read(TOP).unwrap();
    assert!(sample.complete && sample.peers_exact);
    sample
}

/// Reads until the kernel's timers have brought about what is waited for.
fn read_until(wanted: impl Fn(&Connections) -> bool) -> Connections {
    let given_up = Instant::now() + Duration::from_secs(60);
    loop {
        let sample = read();
        if wanted(&sample) {
            return sample;
        }
        assert!(Instant::now() < given_up, "{sample:#?}");
        std::thread::yield_now();
    }
}

#[track_caller]
fn assert_this_process(owner: &Owner) {
    let process = owner.process.as_ref().unwrap();
    assert_eq!(process.pid, std::process::id());
    assert!(process.threads >= 1);
    assert_eq!(owner.uid, rustix::process::geteuid().as_raw());
}

fn unanswering(address: SocketAddr) -> Socket {
    let client = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
    client.set_nonblocking(true).unwrap();
    let _ = client.connect(&address.into());
    client
}

#[test]
fn a_reading_works_without_privilege() {
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = receiver.local_addr().unwrap();
    receiver.send_to(&[0; 100], address).unwrap();
    let mut reader = ConnectionsReader::new(&Root::default());
    let sample = reader.read(usize::MAX).unwrap();
    let udp = sample.udp.iter().find(|udp| udp.local == address).unwrap();
    assert_this_process(&udp.owner);
    assert!(reader.read(0).unwrap().udp.is_empty());
}

#[test]
fn a_full_accept_queue_is_told_with_its_owner() {
    for address in ["127.0.0.1:9000", "[::1]:9000"] {
        in_namespace(|| {
            let address: SocketAddr = address.parse().unwrap();
            let listener = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
            if listener.bind(&address.into()).is_err() {
                return; // without IPv6
            }
            listener.listen(1).unwrap();
            let idle = TcpListener::bind("127.0.0.1:9001").unwrap();
            let clients: Vec<_> = (0..3).map(|_| unanswering(address)).collect();

            // The third connection is not answered, and asks again after a second.
            let sample = read_until(|sample| !sample.worst.is_empty());
            let [listener] = &sample.listeners[..] else {
                panic!("{sample:#?}");
            };
            assert_eq!(listener.local, address);
            assert_eq!((listener.queue, listener.limit), (2, 1));
            assert!(listener.is_full() && listener.drops >= 1);
            assert_this_process(&listener.owner);
            let files = listener.open_files.unwrap();
            assert!(files.open > 4 && !files.is_exhausted(), "{files:?}");

            assert_eq!(sample.sockets, 5);
            let [worst] = &sample.worst[..] else {
                panic!("{sample:#?}");
            };
            assert_eq!((worst.state, worst.remote), (TcpState::SynSent, address));
            assert!(worst.is_retransmitting() && worst.retransmission.total >= 1);
            assert_this_process(&worst.owner);
            let [peer] = &sample.peers[..] else {
                panic!("{sample:#?}");
            };
            assert_eq!((peer.address, peer.connections), (address.ip(), 5));
            assert_eq!(
                (peer.retransmitting, peer.retransmits),
                (1, worst.retransmission.total)
            );
            drop((clients, idle));
        });
    }
}

#[test]
fn a_connection_that_loses_is_told_first() {
    in_namespace(|| {
        let listener = TcpListener::bind("127.0.0.1:9000").unwrap();
        let pair = || {
            let client = TcpStream::connect("127.0.0.1:9000").unwrap();
            (client, listener.accept().unwrap().0)
        };
        let healthy = pair();
        let (mut client, server) = pair();
        let port = client.local_addr().unwrap().port();
        command("nft", "add table inet t");
        command(
            "nft",
            "add chain inet t c { type filter hook input priority 0 ; }",
        );
        command("nft", &format!("add rule inet t c tcp sport {port} drop"));
        client.write_all(&[0; 1_000]).unwrap();

        let sample = read_until(|sample| {
            let total = sample.worst.iter().map(|worst| worst.retransmission.total);
            total.sum::<u64>() >= 2
        });
        let [worst] = &sample.worst[..] else {
            panic!("{sample:#?}");
        };
        assert_eq!(Some(worst.local), client.local_addr().ok());
        assert_eq!(worst.state, TcpState::Established);
        assert!(worst.is_retransmitting() && worst.path.rto > worst.path.rtt);
        let Retransmission {
            total,
            bytes_sent,
            bytes_retrans,
            ..
        } = worst.retransmission;
        assert_eq!(bytes_retrans, Some(total * 1_000));
        assert_eq!(bytes_sent, Some((total + 1) * 1_000));
        assert_eq!(worst.sending.queue, 1_000);
        assert_this_process(&worst.owner);
        let expected = Peer {
            address: Ipv4Addr::LOCALHOST.into(),
            connections: 4,
            retransmitting: 1,
            retransmits: total,
            bytes_sent: (total + 1) * 1_000,
            bytes_retrans: total * 1_000,
        };
        assert_eq!(sample.peers, [expected]);
        drop((healthy, server));
    });
}

#[test]
fn a_reader_that_does_not_read_is_told_at_both_ends() {
    in_namespace(|| {
        let listener = TcpListener::bind("127.0.0.1:9000").unwrap();
        let mut client = TcpStream::connect("127.0.0.1:9000").unwrap();
        let (server, _) = listener.accept().unwrap();
        client.set_nonblocking(true).unwrap();
        while client.write(&[0; 4_096]).is_ok() {}

        let [there, here] = [&client, &server].map(|end| end.local_addr().unwrap());
        let find = |sample: &Connections, local| {
            let mut stuck = sample.stuck.iter();
            stuck.find(|stuck| stuck.local == local).cloned()
        };
        let sample = read_until(|sample| sample.stuck.len() == 2);
        let [peer, here] = [there, here].map(|local| find(&sample, local).unwrap());
        assert_eq!(here.stuck(), Some(Stuck::Here));
        assert!(here.receiving.queue > 0 && here.receiving.memory >= here.receiving.queue);
        assert!(here.receiving.last_data.is_some());
        assert_this_process(&here.owner);

        assert_eq!(
            (peer.family, peer.state),
            (Family::V4, TcpState::Established)
        );
        assert_eq!(peer.remote, here.local);
        assert_eq!(peer.stuck(), Some(Stuck::Peer));
        assert_eq!(peer.limit(), Some(Limit::Receiver));
        assert!(peer.sending.queue > 0 && peer.path.rtt.is_some() && peer.path.mss.is_some());
        assert!(peer.retransmission.bytes_sent >= Some(here.receiving.queue));
        assert!(peer.congestion_control.is_some());
        assert_this_process(&peer.owner);
    });
}

#[test]
fn connections_that_do_well_are_not_told() {
    in_namespace(|| {
        let listener = TcpListener::bind("127.0.0.1:9000").unwrap();
        let client = TcpStream::connect("127.0.0.1:9000").unwrap();
        let server = listener.accept().unwrap();
        let expected = Connections {
            sockets: 2,
            peers_exact: true,
            complete: true,
            ..Connections::default()
        };
        assert_eq!(read(), expected);
        drop((client, server));
    });
}

#[test]
fn a_udp_socket_with_unread_bytes_is_told() {
    in_namespace(|| {
        let receiver = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
        receiver.set_recv_buffer_size(2_304).unwrap();
        let address: SocketAddr = (Ipv4Addr::LOCALHOST, 9000).into();
        receiver.bind(&address.into()).unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        sender.send_to(&[0; 500], address).unwrap();
        let sample = read();
        let [udp] = &sample.udp[..] else {
            panic!("{sample:#?}");
        };
        assert_eq!((udp.local, udp.remote, udp.drops), (address, None, 0));
        assert!(udp.queue >= 500 && udp.buffer >= 2_304, "{udp:?}");
        assert_this_process(&udp.owner);

        for _ in 0..100 {
            sender.send_to(&[0; 500], address).unwrap();
        }
        let drops = read().udp[0].drops;
        let mut taken = 0;
        receiver.set_nonblocking(true).unwrap();
        let receiver = UdpSocket::from(receiver);
        while receiver.recv(&mut [0; 500]).is_ok() {
            taken += 1;
        }
        assert_eq!(drops + taken, 101);
    });
}

/// A process in a control group of its own. Both are gone at the end.
struct Service {
    group: PathBuf,
    child: Child,
}

impl Service {
    /// Starts a shell that sends a datagram to port 9000 from a socket it keeps open.
    fn start(name: &str) -> Option<Self> {
        let Some(hierarchy) = cgroups::unified(&Root::default()) else {
            skip("no unified hierarchy of control groups");
            return None;
        };
        let group = hierarchy.join(name);
        if let Err(error) = std::fs::create_dir(&group) {
            skip(&format!("no control group of its own: {error}"));
            return None;
        }
        let script = "echo $$ > $0/cgroup.procs && exec 3<>/dev/udp/127.0.0.1/9000 && \
            echo hello >&3 && read -r _";
        let child = Command::new("bash")
            .args(["-c", script])
            .arg(&group)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        Some(Self { group, child })
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
        let _gone = std::fs::remove_dir(&self.group);
    }
}

#[test]
fn the_unit_and_the_stopped_process_of_a_socket_are_told() {
    in_namespace(|| {
        let name = format!("droplens-test-{}.service", std::process::id());
        let here = UdpSocket::bind("127.0.0.1:9000").unwrap();
        here.set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        let Some(service) = Service::start(&name) else {
            return;
        };
        let (_, there) = here.recv_from(&mut [0; 10]).unwrap();
        here.send_to(b"unread", there).unwrap();

        let sample = read();
        let [udp] = &sample.udp[..] else {
            panic!("{sample:#?}");
        };
        assert_eq!((udp.local, udp.remote), (there, here.local_addr().ok()));
        assert_eq!(udp.owner.unit.as_deref(), Some(name.as_str()));
        let process = udp.owner.process.as_ref().unwrap();
        assert_eq!((process.pid, &*process.comm), (service.child.id(), "bash"));
        assert!(!process.is_stopped());

        service.signal(Signal::STOP);
        read_until(|sample| {
            let process = sample
                .udp
                .first()
                .and_then(|udp| udp.owner.process.as_ref());
            process.is_some_and(ProcessRef::is_stopped)
        });
    });
}
