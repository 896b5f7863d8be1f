//! Devices that look as if something were wrong with them.

use std::io::Read;

use socket2::{Domain, Protocol, Socket, Type};

use crate::json;
use crate::lab::{Namespace, load, veth, veth_many};
use crate::scenario::{Expect, Scenario, Seen, Watch};
use crate::wire::Tap;

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "empty-bridge",
        about: "a bridge without ports is up, so it has no carrier",
        expect: Expect::Clean,
        alone: false,
        run: empty_bridge,
    },
    Scenario {
        name: "unplugged",
        about: "a device is up whose other end never was",
        expect: Expect::Clean,
        alone: false,
        run: unplugged,
    },
    Scenario {
        name: "interface-churn",
        about: "50 pairs of veth devices come and go",
        expect: Expect::Clean,
        alone: false,
        run: churn,
    },
    Scenario {
        name: "shaping",
        about: "a token bucket delays UDP and drops nothing",
        expect: Expect::Clean,
        alone: false,
        run: shaping,
    },
    Scenario {
        name: "sniffer",
        about: "a packet socket reads what arrives",
        expect: Expect::Clean,
        alone: false,
        run: sniffer,
    },
    Scenario {
        name: "sniffer-not-reading",
        about: "a packet socket does not read what arrives",
        expect: Expect::Clean,
        alone: false,
        run: sniffer_not_reading,
    },
    Scenario {
        name: "lldp-frames",
        about: "frames of a protocol that nobody here speaks (rx_dropped rises)",
        expect: Expect::Clean,
        alone: false,
        run: lldp_frames,
    },
];

/// A host with a link that works, and the other end of it.
fn host() -> (Namespace, Namespace) {
    let (host, other) = (Namespace::new(), Namespace::new());
    veth(&host, "v0", &other, "v1", 1);
    (host, other)
}

/// Some datagrams that arrive and are read.
fn some_traffic(from: &Namespace, to: &Namespace, count: usize) {
    let receiver = load::deep_sink(to, "10.9.1.1:9000");
    let sender = load::udp(from, "10.9.1.2:0");
    load::send(&sender, "10.9.1.1:9000", count, 200);
    assert_eq!(load::drain(&receiver), count);
}

fn empty_bridge() -> Seen {
    let (host, other) = host();
    let watch = Watch::start(&host);
    host.ip("link add br0 type bridge");
    host.ip("addr add 10.9.2.1/24 dev br0");
    host.ip("link set br0 up");
    some_traffic(&other, &host, 100);
    watch.verdict(&Expect::Clean, None)
}

fn unplugged() -> Seen {
    let (host, other) = host();
    veth_many(&host, "u", 1);
    host.ip("addr add 10.9.2.1/24 dev u0a");
    host.ip("link set u0a up");
    let watch = Watch::start(&host);
    some_traffic(&other, &host, 100);
    watch.verdict(&Expect::Clean, None)
}

fn churn() -> Seen {
    use std::fmt::Write;
    const PAIRS: usize = 50;
    let (host, other) = host();
    let watch = Watch::start(&host);
    veth_many(&host, "c", PAIRS);
    let (mut up, mut gone) = (String::new(), String::new());
    for pair in 0..PAIRS {
        let _ = writeln!(up, "link set c{pair}a up\nlink set c{pair}b up");
        let _ = writeln!(gone, "link del c{pair}a");
    }
    host.ip_batch(&up);
    some_traffic(&other, &host, 100);
    host.ip_batch(&gone);
    watch.verdict(&Expect::Clean, None)
}

fn shaping() -> Seen {
    let (host, other) = host();
    host.tc("qdisc add dev v0 root tbf rate 8mbit burst 5000 limit 1000000");
    let receiver = load::deep_sink(&other, "10.9.1.2:9000");
    let watch = Watch::start(&host);
    let sender = load::udp(&host, "10.9.1.1:0");
    load::send(&sender, "10.9.1.2:9000", 300, 1000);
    let seen = watch.verdict(&Expect::Clean, None);
    assert_eq!(load::drain(&receiver), 300, "all of them came");
    seen
}

/// A socket that gets a copy of every frame of a namespace.
fn packet_socket(namespace: &Namespace) -> Socket {
    const ETH_P_ALL: u16 = 0x0003;
    let protocol = Protocol::from(i32::from(ETH_P_ALL.to_be()));
    namespace
        .enter(|| Socket::new(Domain::PACKET, Type::RAW, Some(protocol)))
        .expect("a packet socket")
}

fn sniffer() -> Seen {
    let (host, other) = host();
    let mut socket = packet_socket(&host);
    socket.set_nonblocking(true).expect("non-blocking");
    let watch = Watch::start(&host);
    some_traffic(&other, &host, 300);
    let mut frames = 0;
    while socket.read(&mut [0; 2048]).is_ok() {
        frames += 1;
    }
    assert!(frames >= 100, "{frames} frames");
    watch.verdict(&Expect::Clean, None)
}

fn sniffer_not_reading() -> Seen {
    let (host, other) = host();
    let socket = packet_socket(&host);
    socket.set_recv_buffer_size(8192).expect("a small buffer");
    let watch = Watch::start(&host);
    some_traffic(&other, &host, 300);
    watch.verdict(&Expect::Clean, None)
}

fn lldp_frames() -> Seen {
    const FRAMES: u64 = 100;
    let host = Namespace::new();
    let tap = Tap::with_queue(&host, "tap0", 500);
    let watch = Watch::start(&host);
    // To the nearest bridge, from nobody in particular; a minimal frame has 60 bytes.
    let mut frame = vec![0x01, 0x80, 0xc2, 0, 0, 0x0e, 2, 0, 0, 0, 0, 1, 0x88, 0xcc];
    frame.resize(60, 0);
    for _ in 0..FRAMES {
        tap.write(&frame).expect("writing a frame");
    }
    let links = json::parse(&host.ip("-s -j link show tap0"));
    let dropped = json::number(&links, "/0/stats64/rx/dropped");
    assert!(
        dropped >= FRAMES,
        "{dropped} of {FRAMES} frames were dropped"
    );
    watch.verdict(&Expect::Clean, None)
}
