//! Busy TCP.

use std::io::{Read, Write};
use std::time::Duration;

use crate::lab::transfer::{Reader, Transfer};
use crate::lab::{Namespace, load, veth, veth_offloading};
use crate::scenario::{Expect, Scenario, Seen, Watch};

const fn clean(name: &'static str, about: &'static str, run: fn() -> Seen) -> Scenario {
    Scenario {
        name,
        about,
        expect: Expect::Clean,
        alone: false,
        run,
    }
}

pub(super) const ALL: &[Scenario] = &[
    clean("bulk-send", "this host sends 64 MiB by TCP", || {
        bulk(veth, true)
    }),
    clean("bulk-receive", "this host receives 64 MiB by TCP", || {
        bulk(veth, false)
    }),
    clean(
        "bulk-send-offloads",
        "this host sends 64 MiB by TCP with TSO and GRO",
        || bulk(veth_offloading, true),
    ),
    clean(
        "bulk-receive-offloads",
        "this host receives 64 MiB by TCP with TSO and GRO",
        || bulk(veth_offloading, false),
    ),
    clean(
        "churn-client",
        "2 000 short connections from this host",
        || churn(true),
    ),
    clean(
        "churn-server",
        "2 000 short connections to this host",
        || churn(false),
    ),
    clean("slow-reader", "this host reads slowly, but reads", || {
        slow_reader(false)
    }),
    clean("slow-peer", "a peer reads slowly, but reads", || {
        slow_reader(true)
    }),
];

type Link = fn(&Namespace, &str, &Namespace, &str, u8);

fn bulk(link: Link, sender: bool) -> Seen {
    let (left, right) = (Namespace::new(), Namespace::new());
    link(&left, "v0", &right, "v1", 1);
    // Faster than this, a veth pair really overflows the backlog of a CPU that is busy otherwise.
    left.sysctl("net/ipv4/tcp_wmem", "4096 16384 262144");
    let watch = Watch::start(if sender { &left } else { &right });
    Transfer::of(64 << 20).run(&left, &right, "10.9.1.2:9000");
    watch.verdict(&Expect::Clean, None)
}

fn churn(client: bool) -> Seen {
    const CONNECTIONS: usize = 2_000;
    const PATIENCE: Duration = Duration::from_secs(5);
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    let listener = load::listen(&right, "10.9.1.2:9000", 128);
    let watch = Watch::start(if client { &left } else { &right });
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..CONNECTIONS {
                let (mut stream, _) = listener.accept().expect("a connection");
                let mut request = Vec::new();
                stream.read_to_end(&mut request).expect("a request");
                stream.write_all(&request).expect("an answer");
            }
        });
        left.enter(|| {
            for _ in 0..CONNECTIONS {
                let mut stream =
                    std::net::TcpStream::connect("10.9.1.2:9000").expect("a connection");
                stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
                stream.write_all(b"request").expect("a request");
                stream.shutdown(std::net::Shutdown::Write).expect("an end");
                let mut answer = Vec::new();
                stream.read_to_end(&mut answer).expect("an answer");
            }
        });
    });
    watch.verdict(&Expect::Clean, None)
}

fn slow_reader(sender: bool) -> Seen {
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    let watch = Watch::start(if sender { &left } else { &right });
    let transfer = Transfer {
        limit: Duration::from_secs(8),
        reader: Reader::Slow {
            bytes: 1 << 16,
            pause: Duration::from_millis(20),
        },
        ..Transfer::of(12 << 20)
    };
    transfer.run(&left, &right, "10.9.1.2:9000");
    watch.verdict(&Expect::Clean, None)
}
