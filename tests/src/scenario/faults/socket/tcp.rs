//! Connections whose receiver does not read, or whose peer gives up.

use std::io::{ErrorKind, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use droplens_model::Cause;
use socket2::SockRef;

use super::counter;
use crate::lab::{Namespace, crowd, load, veth};
use crate::scenario::{Expect, Packets, Scenario, Seen, Watch, expected};
use crate::wire::{Impairment, Loss, Wire};

const ZERO_WINDOW: Expect = expected(Cause::ZeroWindow, Packets::None, &[]);
const RESETS: Expect = expected(Cause::TcpResets, Packets::None, &[]);
const PRUNED: Expect = expected(
    Cause::TcpReceiveQueueFull,
    Packets::Exact,
    &[Cause::ZeroWindow],
);

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "zero-window",
        about: "an application of this host does not read",
        expect: ZERO_WINDOW,
        alone: false,
        run: || does_not_read(false),
    },
    Scenario {
        name: "zero-window-peer",
        about: "a peer does not read what this host sends",
        expect: ZERO_WINDOW,
        alone: false,
        run: || does_not_read(true),
    },
    Scenario {
        name: "receive-queue",
        about: "a receive buffer becomes smaller than what is on its way",
        expect: PRUNED,
        alone: false,
        run: receive_queue,
    },
    Scenario {
        name: "resets",
        about: "a peer resets 400 connections",
        expect: RESETS,
        alone: false,
        run: resets,
    },
];

const PATIENCE: Duration = Duration::from_secs(5);

fn connect(client: &Namespace, listener: &TcpListener) -> (TcpStream, TcpStream) {
    let address = listener.local_addr().expect("an address").to_string();
    let client = load::connect(client, &address, PATIENCE).expect("a connection");
    let (server, _) = listener.accept().expect("a connection");
    (client, server)
}

/// Writes until nothing fits any more.
fn fill(stream: &mut TcpStream) {
    stream
        .set_write_timeout(Some(Duration::from_millis(500)))
        .expect("a timeout");
    let payload = vec![0x64; 1 << 16];
    loop {
        match stream.write(&payload) {
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return;
            }
            Err(error) => panic!("cannot write: {error}"),
        }
    }
}

fn does_not_read(sender: bool) -> Seen {
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    let listener = load::listen(&right, "10.9.1.2:9000", 1);
    let (mut client, _server) = connect(&left, &listener);
    let watch = Watch::start(if sender { &left } else { &right });
    fill(&mut client);
    watch.verdict(&ZERO_WINDOW, None)
}

/// The window that was promised is larger than the buffer that is left.
fn receive_queue() -> Seen {
    const CONNECTIONS: i32 = 20;
    let (left, right) = (Namespace::new(), Namespace::new());
    let wire = Wire::join(&left, "w0", &right, "w1", 1);
    for direction in [&wire.forward, &wire.backward] {
        direction.set(Impairment::delay(Duration::from_millis(10)));
    }
    let listener = load::listen(&right, "10.91.1.2:9000", CONNECTIONS);
    let mut pairs: Vec<_> = (0..CONNECTIONS)
        .map(|_| connect(&left, &listener))
        .collect();
    let payload = vec![0x64; 1 << 15];
    let watch = Watch::start(&right);
    for (client, server) in &mut pairs {
        rustix::net::sockopt::set_socket_recv_buffer_size(&server, 1).expect("a small buffer");
        client.write_all(&payload).expect("room to send");
    }
    let dropped = || -> u64 {
        let drops = [
            "TcpExtTCPRcvQDrop",
            "TcpExtTCPOFODrop",
            "TcpExtTCPZeroWindowDrop",
        ];
        drops.iter().map(|key| counter(&right, key)).sum()
    };
    crate::wait::until("segments are dropped", || match dropped() {
        few if few < 20 => Err(format!("{few} were")),
        _ => Ok(()),
    });
    // The sender would go on trying.
    wire.forward.set(Impairment::loss(Loss::Random(1.0)));
    wire.forward.settle(|_| true);
    let truth = dropped();
    watch.verdict(&PRUNED, Some(truth))
}

fn resets() -> Seen {
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    let listener = load::listen(&right, "10.9.1.2:9000", 512);
    let peer = crowd::connect(&left, "10.9.1.2:9000", 400, PATIENCE);
    assert_eq!(peer.connected.len(), 400, "connections");
    let _accepted: Vec<TcpStream> = (0..400)
        .map(|_| listener.accept().expect("a connection").0)
        .collect();
    let watch = Watch::start(&right);
    for stream in &peer.connected {
        SockRef::from(stream)
            .set_linger(Some(Duration::ZERO))
            .expect("no lingering");
    }
    drop(peer);
    watch.verdict(&RESETS, None)
}
