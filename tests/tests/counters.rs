//! Faults move counters by a known amount, and /metrics tells exactly that.

use std::time::Duration;

use droplens_tests::agent::Options;
use droplens_tests::lab::{Namespace, load, veth};
use droplens_tests::{json, needs_root};

const EVERY_DEVICE: &str = "[devices]\nfold_kinds = []\n";

#[test]
fn drops_of_a_token_bucket() {
    needs_root!();
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    left.tc("qdisc add dev v0 root handle 7: tbf rate 64kbit burst 2000 limit 4000");
    let agent = Options::new().config(EVERY_DEVICE).start(&left);
    let labels = [
        ("device", "v0"),
        ("kind", "tbf"),
        ("handle", "7:"),
        ("parent", "root"),
    ];
    let name = "droplens_qdisc_dropped_packets_total";
    assert_eq!(agent.scrape().count(name, &labels), 0);

    let sender = load::udp(&left, "10.9.1.1:0");
    load::send(&sender, "10.9.1.2:9000", 200, 1000);
    let qdiscs = json::parse(&left.tc("-s -j qdisc show dev v0"));
    let dropped = json::number(&qdiscs, "/0/drops");
    assert!(
        dropped >= 190,
        "a bucket of 4 000 bytes dropped only {dropped} of 200 000 bytes"
    );
    agent.scrape_until_value(name, &labels, dropped);
    agent.stop();
}

#[test]
fn a_full_udp_receive_buffer() {
    needs_root!();
    let namespace = Namespace::new();
    let agent = Options::new().start(&namespace);
    let receiver = load::udp(&namespace, "127.0.0.1:9000");
    socket2::SockRef::from(&receiver)
        .set_recv_buffer_size(8192)
        .expect("a small receive buffer");
    let sender = load::udp(&namespace, "127.0.0.1:0");
    load::send(&sender, "127.0.0.1:9000", 100, 1000);
    let dropped = 100 - load::drain(&receiver) as u64;
    assert!(
        dropped > 50,
        "a buffer of 8 KiB dropped only {dropped} of 100 kB"
    );

    let name = "droplens_netstat_udp_rcvbuferrors_total";
    agent.scrape_until_value(name, &[], dropped);
    agent.scrape_until_value("droplens_netstat_udp_inerrors_total", &[], dropped);
    agent.stop();
}

#[test]
fn connections_fill_the_tracking_table() {
    needs_root!();
    let namespace = Namespace::new();
    namespace.nft("add table ip t; add chain ip t c { type filter hook output priority 0; }; add rule ip t c udp dport 9000-9099 ct state new counter");
    let agent = Options::new().start(&namespace);
    let count = || -> u64 {
        namespace
            .sh("conntrack -C")
            .trim()
            .parse()
            .expect("a count of entries")
    };
    let before = count();
    let sender = load::udp(&namespace, "127.0.0.1:0");
    for port in 9000..9040 {
        load::send(&sender, &format!("127.0.0.1:{port}"), 1, 10);
    }
    assert_eq!(count() - before, 40, "40 flows are 40 entries");
    let wanted = |metrics: &droplens_tests::exposition::Metrics| {
        let (shown, now) = (metrics.count("droplens_conntrack_entries", &[]), count());
        // The scrape's own connection comes and goes.
        (shown.abs_diff(now) <= 2 && shown >= before + 40)
            .then_some(())
            .ok_or(format!("it is {shown}, conntrack says {now}"))
    };
    let metrics = agent.scrape_until("the entries", wanted);
    let limit: u64 = namespace
        .enter(|| std::fs::read_to_string("/proc/sys/net/netfilter/nf_conntrack_max"))
        .expect("the limit")
        .trim()
        .parse()
        .expect("a number");
    assert_eq!(
        metrics.count("droplens_conntrack_entries_limit", &[]),
        limit
    );
    agent.stop();
}

#[test]
fn a_flapping_link() {
    needs_root!();
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    let agent = Options::new().config(EVERY_DEVICE).start(&left);
    let device = [("device", "v0")];
    let name = "droplens_link_carrier_changes_total";
    let before = agent.scrape().count(name, &device);
    for _ in 0..5 {
        right.ip("link set v1 down");
        right.ip("link set v1 up");
    }
    let metrics = agent.scrape_until_value(name, &device, before + 10);
    let down = metrics.count("droplens_link_carrier_down_total", &device);
    let up = metrics.count("droplens_link_carrier_up_total", &device);
    assert_eq!(down + up, before + 10);
    agent.stop();
}

#[test]
fn an_accept_queue_overflows() {
    needs_root!();
    let namespace = Namespace::new();
    let agent = Options::new().start(&namespace);
    let listener = load::listen(&namespace, "127.0.0.1:9001", 1);
    // Two fit into a backlog of one; the others wait for an answer that does not come.
    let clients: Vec<_> = (0..5)
        .map(|_| load::connect(&namespace, "127.0.0.1:9001", Duration::from_millis(300)))
        .collect();
    assert_eq!(clients.iter().filter(|client| client.is_ok()).count(), 2);

    let truth = || kernel_counter(&namespace, "TcpExtListenOverflows");
    assert!(truth() >= 3, "three refused at least once, not {}", truth());
    // The clients that were refused are gone, so the counter rests.
    let overflows = truth();
    agent.scrape_until_value(
        "droplens_netstat_tcpext_listenoverflows_total",
        &[],
        overflows,
    );
    assert_eq!(truth(), overflows);
    drop(listener);
    agent.stop();
}

/// A counter as `nstat` tells it.
fn kernel_counter(namespace: &Namespace, key: &str) -> u64 {
    let all = json::parse(&namespace.sh("nstat -a -z -s -j"));
    json::number(&all, &format!("/kernel/{key}"))
}

#[test]
fn udp_drops_are_told_by_port_and_outlive_the_socket() {
    needs_root!();
    let namespace = Namespace::new();
    let agent = Options::new().start(&namespace);
    let receiver = load::udp(&namespace, "127.0.0.1:9000");
    let roomy = load::udp(&namespace, "127.0.0.1:9001");
    socket2::SockRef::from(&receiver)
        .set_recv_buffer_size(8192)
        .expect("a small receive buffer");
    let sender = load::udp(&namespace, "127.0.0.1:0");
    load::send(&sender, "127.0.0.1:9000", 100, 1000);
    load::send(&sender, "127.0.0.1:9001", 3, 1000);
    let dropped = 100 - load::drain(&receiver) as u64;
    assert!(dropped > 50, "8 KiB dropped only {dropped} of 100 kB");

    let name = "droplens_udp_port_dropped_total";
    let port = [("family", "ipv4"), ("port", "9000")];
    let metrics = agent.scrape_until_value(name, &port, dropped);
    assert_eq!(
        metrics.sum(name, &[]),
        dropped,
        "no other port dropped anything"
    );

    drop((receiver, roomy));
    let readings = "droplens_source_readings_total";
    let source = [("source", "sockets")];
    let before = agent.scrape().count(readings, &source);
    let metrics = agent.scrape_until("a reading without the socket", |metrics| {
        let new = metrics.count(readings, &source) > before;
        new.then_some(()).ok_or_else(|| "none yet".to_owned())
    });
    assert_eq!(metrics.count(name, &port), dropped);
    assert_eq!(metrics.sum(name, &[]), dropped);
    agent.stop();
}
