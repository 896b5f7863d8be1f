//! UDP.

use std::net::UdpSocket;

use droplens_model::Cause;

use crate::lab::{Namespace, Router, load, veth};
use crate::scenario::{Expect, Scenario, Seen, Watch, exactly};

const RECEIVE_BUFFER: Expect = exactly(Cause::UdpReceiveBufferFull).at("port 9000 (ipv4)");
const RECEIVE_BUFFER_V6: Expect = exactly(Cause::UdpReceiveBufferFull).at("port 9000 (ipv6)");
const SEND_BUFFER: Expect = exactly(Cause::UdpSendBufferFull);
const NO_PORT: Expect = Expect::Remark(Cause::UdpNoPort);

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "udp-receive-buffer",
        about: "a UDP socket that nobody reads",
        expect: RECEIVE_BUFFER,
        alone: false,
        run: receive_buffer,
    },
    Scenario {
        name: "udp-receive-buffer-v6",
        about: "the same with IPv6",
        expect: RECEIVE_BUFFER_V6,
        alone: false,
        run: receive_buffer_v6,
    },
    Scenario {
        name: "udp-send-buffer",
        about: "a UDP sender faster than its device, with a small buffer",
        expect: SEND_BUFFER,
        alone: false,
        run: send_buffer,
    },
    Scenario {
        name: "udp-no-port",
        about: "datagrams to a port where nobody listens",
        expect: NO_PORT,
        alone: false,
        run: no_port,
    },
];

fn receive_buffer() -> Seen {
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    let receiver = load::sink(&right, "10.9.1.2:9000", 8192);
    let watch = Watch::start(&right);
    let sender = load::udp(&left, "10.9.1.1:0");
    load::send(&sender, "10.9.1.2:9000", 500, 500);
    let truth = 500 - load::drain(&receiver) as u64;
    watch.verdict(&RECEIVE_BUFFER, Some(truth))
}

fn receive_buffer_v6() -> Seen {
    let three = Router::new();
    let receiver = load::sink(&three.server, "[fd90:2::2]:9000", 8192);
    let watch = Watch::start(&three.server);
    let sender = load::udp(&three.client, "[fd90:1::1]:0");
    load::send(&sender, "[fd90:2::2]:9000", 500, 500);
    let truth = 500 - load::drain(&receiver) as u64;
    watch.verdict(&RECEIVE_BUFFER_V6, Some(truth))
}

/// What waits in the queue is charged to the sender, which does not wait.
fn send_buffer() -> Seen {
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    left.tc("qdisc add dev v0 root tbf rate 1mbit burst 2000 limit 1000000");
    let _sink = load::sink(&right, "10.9.1.2:9000", 1 << 20);
    let sender = left
        .enter(|| UdpSocket::bind("10.9.1.1:0"))
        .expect("a socket");
    rustix::net::sockopt::set_socket_send_buffer_size(&sender, 8192).expect("a small buffer");
    sender.set_nonblocking(true).expect("non-blocking");
    let watch = Watch::start(&left);
    let refused = (0..500)
        .filter(|_| sender.send_to(&[0x64; 500], "10.9.1.2:9000").is_err())
        .count();
    watch.verdict(&SEND_BUFFER, Some(refused as u64))
}

fn no_port() -> Seen {
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    let watch = Watch::start(&right);
    let sender = load::udp(&left, "10.9.1.1:0");
    load::send(&sender, "10.9.1.2:9001", 500, 100);
    watch.verdict(&NO_PORT, None)
}
