//! Against the running kernel, compared with what `ss` and /proc say.

use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use droplens_model::Family;
use droplens_model::sample::sockets::{EphemeralPorts, Sockets, TcpState};
use socket2::{Domain, Socket, Type};

use super::SocketsReader;
use crate::testing::{command, in_namespace};
use crate::{Reader, Root};

fn read(reader: &mut SocketsReader) -> Sockets {
    let sample = reader.read().unwrap();
    assert!(sample.complete);
    sample
}

fn reader() -> SocketsReader {
    SocketsReader::new(&Root::default())
}

/// Sockets that `ss` lists in a state.
fn listed(state: &str) -> u64 {
    let text = command("ss", &format!("-4 -Hant state {state}"));
    text.lines().count() as u64
}

#[test]
fn a_reading_works_without_privilege() {
    let listener = TcpListener::bind("[::1]:0").or_else(|_| TcpListener::bind("127.0.0.1:0"));
    let port = listener.as_ref().unwrap().local_addr().unwrap().port();
    let sample = read(&mut reader());
    assert!(
        sample
            .listeners
            .iter()
            .any(|listener| listener.port == port)
    );
    assert!(sample.ephemeral.available > 0);
}

#[test]
fn an_accept_queue_overflows() {
    in_namespace(|| {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let address: SocketAddr = "127.0.0.1:9000".parse().unwrap();
        listener.bind(&address.into()).unwrap();
        listener.listen(1).unwrap();
        let clients: Vec<_> = (0..3)
            .map(|_| {
                let client = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
                client.set_nonblocking(true).unwrap();
                let _ = client.connect(&address.into());
                client
            })
            .collect();
        let sample = read(&mut reader());
        let [listener] = &sample.listeners[..] else {
            panic!("{sample:?}");
        };
        assert_eq!((listener.port, listener.sockets), (9000, 1));
        // A queue of one holds two; the third connection is not answered.
        assert_eq!((listener.accept_queue, listener.accept_queue_limit), (2, 1));
        assert_eq!(listener.fullest, (2, 1));
        assert_eq!(listener.drops, 1);
        for (state, name) in [
            (TcpState::Established, "established"),
            (TcpState::SynSent, "syn-sent"),
            (TcpState::SynRecv, "syn-recv"),
            (TcpState::Listen, "listening"),
        ] {
            assert_eq!(sample.tcp.v4.get(state), listed(name), "{name}");
        }
        assert_eq!(sample.tcp.v4.get(TcpState::SynSent), 1);
        assert_eq!(sample.tcp.v4.get(TcpState::Established), 4);
        drop(clients);
    });
}

#[test]
fn ports_are_used_up_even_by_time_wait() {
    in_namespace(|| {
        let sysctl = |name: &str, value: &str| {
            std::fs::write(format!("/proc/sys/net/ipv4/{name}"), value).unwrap();
        };
        sysctl("ip_local_port_range", "40000 40009");
        sysctl("ip_local_reserved_ports", "40003,40008-40009");
        let listener = TcpListener::bind("127.0.0.1:9000").unwrap();
        let other = TcpListener::bind("127.0.0.1:9001").unwrap();
        let connect = |listener: &TcpListener| {
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            (client, listener.accept().unwrap().0)
        };
        let kept: Vec<_> = (0..2).map(|_| connect(&listener)).collect();
        let elsewhere = connect(&other);
        let (client, server) = connect(&listener);
        drop(client);
        drop(server);
        let sample = read(&mut reader());
        assert_eq!(sample.tcp.v4.get(TcpState::TimeWait), listed("time-wait"));
        assert_eq!(sample.tcp.v4.get(TcpState::TimeWait), 1);
        let EphemeralPorts {
            available,
            used,
            used_by_busiest_destination,
        } = sample.ephemeral;
        assert_eq!((available, used_by_busiest_destination), (7, 3));
        assert!(
            (3..=4).contains(&used),
            "a port may serve two destinations: {used}"
        );
        drop((kept, elsewhere));
    });
}

#[test]
fn a_udp_socket_that_is_not_read_drops() {
    in_namespace(|| {
        let receiver = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
        receiver.set_recv_buffer_size(2_304).unwrap();
        let address: SocketAddr = "127.0.0.1:9000".parse().unwrap();
        receiver.bind(&address.into()).unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..100 {
            sender.send_to(&[0; 500], address).unwrap();
        }
        let mut reader = reader();
        let find = |sample: &Sockets| {
            let port = sample.udp.iter().find(|port| port.port == 9000);
            port.unwrap().clone()
        };
        let port = find(&read(&mut reader));
        let file = std::fs::read_to_string(Root::default().net("udp")).unwrap();
        let line = file.lines().find(|line| line.contains(":2328 ")).unwrap();
        let drops: u64 = line.split_whitespace().last().unwrap().parse().unwrap();
        assert!(drops > 0);
        assert_eq!(
            (port.family, port.sockets, port.drops),
            (Family::V4, 1, drops)
        );
        assert!(port.receive_queue_bytes > 0);
        drop(receiver);
        // A child that another test has forked holds a copy until it executes its program.
        let gone = (0..100_000)
            .map(|_| find(&read(&mut reader)))
            .find(|port| port.sockets == 0);
        assert_eq!(
            gone.map(|port| (port.receive_queue_bytes, port.drops)),
            Some((0, drops))
        );
    });
}

#[test]
fn connections_of_both_families_are_told_apart() {
    in_namespace(|| {
        let mut kept = Vec::new();
        for (address, connections) in [("127.0.0.1:0", 2), ("[::1]:0", 3)] {
            let listener = TcpListener::bind(address).unwrap();
            for _ in 0..connections {
                let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
                kept.push((client, listener.accept().unwrap().0));
            }
        }
        let sample = read(&mut reader());
        let established = |family| sample.tcp.get(family).get(TcpState::Established);
        assert_eq!((established(Family::V4), established(Family::V6)), (4, 6));
        assert_eq!(sample.ephemeral.used_by_busiest_destination, 3);
        drop(kept);
    });
}

#[test]
fn established_connections_are_counted_where_they_are_not_listed() {
    in_namespace(|| {
        let v4 = TcpListener::bind("127.0.0.1:0").unwrap();
        let v6 = TcpListener::bind("[::1]:0").unwrap();
        let connect = |listener: &TcpListener| {
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            (client, listener.accept().unwrap().0)
        };
        let mut open: Vec<_> = (0..7).map(|_| connect(&v4)).collect();
        let six: Vec<_> = (0..3).map(|_| connect(&v6)).collect();
        // One in time wait, one in FIN-WAIT-2 and CLOSE-WAIT.
        drop(open.pop());
        let (client, _server) = open.pop().unwrap();
        drop(client);
        // The FINs are acknowledged a moment later.
        while (listed("time-wait"), listed("fin-wait-2")) != (1, 1) {
            thread::sleep(Duration::from_millis(5));
        }

        let mut reader = reader();
        let listed = read(&mut reader);
        // As if that had taken long.
        reader
            .thrift
            .spent(Instant::now(), Duration::from_millis(20), listed.ephemeral);
        let counted = read(&mut reader);
        assert_eq!(listed.tcp, counted.tcp);
        assert_eq!(counted.tcp.v4.get(TcpState::Established), 10);
        assert_eq!(counted.tcp.v6.get(TcpState::Established), 6);
        assert_eq!(counted.tcp.v4.get(TcpState::CloseWait), 1);
        assert_eq!(listed.ephemeral, counted.ephemeral);
        assert!(counted.connections_age > Duration::ZERO);
        assert_eq!(listed.connections_age, Duration::ZERO);
        drop(six);
    });
}
