//! The loads and topologies that scenarios are made of do what they say.

use std::time::Duration;

use droplens_tests::lab::paced::{self, Pace};
use droplens_tests::lab::transfer::{Reader, Transfer};
use droplens_tests::lab::{Namespace, Router, crowd, load, veth};
use droplens_tests::wire::{Filter, Impairment, Loss, Protocol, Rate, Wire};
use droplens_tests::{json, needs_root, wait};

fn kernel_counter(namespace: &Namespace, key: &str) -> u64 {
    let all = json::parse(&namespace.sh("nstat -a -z -s -j"));
    json::number(&all, &format!("/kernel/{key}"))
}

#[test]
fn a_transfer_survives_loss_and_repeats_what_was_lost() {
    needs_root!();
    let (left, right) = (Namespace::new(), Namespace::new());
    let wire = Wire::join(&left, "w0", &right, "w1", 1);
    wire.forward.set(Impairment::loss(Loss::Every(100)));
    let moved = Transfer::of(3_000_000).run(&left, &right, "10.91.1.2:9000");
    assert_eq!((moved.sent, moved.received), (3_000_000, 3_000_000));
    let lost = wire.forward.counts().lost.tcp;
    assert!(lost >= 20, "3 MB are 2 000 segments, not {lost} hundreds");
    let repeated = kernel_counter(&left, "TcpRetransSegs");
    assert!(
        repeated + 2 >= lost,
        "{lost} lost, {repeated} sent again: only acknowledgements may be left out"
    );
    assert_eq!(kernel_counter(&right, "TcpRetransSegs"), 0);
}

#[test]
fn a_transfer_ends_when_its_time_is_over() {
    needs_root!();
    let (left, right) = (Namespace::new(), Namespace::new());
    let wire = Wire::join(&left, "w0", &right, "w1", 1);
    wire.forward.set(Impairment {
        rate: Some(Rate {
            bits_per_second: 1_000_000,
            queue: 20_000,
        }),
        ..Impairment::default()
    });
    let transfer = Transfer {
        limit: Duration::from_millis(500),
        ..Transfer::of(u64::MAX)
    };
    let moved = transfer.run(&left, &right, "[fd91:1::2]:9000");
    // At 125 bytes per millisecond; what is longer is the machine's fault.
    assert!(moved.received > 0 && moved.received < moved.sent);
    let counts = wire.forward.settle(|_| true);
    assert!(counts.overflowed.tcp > 0, "{counts:?}");
    let all = counts.forwarded.tcp + counts.overflowed.tcp;
    assert_eq!(counts.received.tcp, all);
}

#[test]
fn a_reader_that_does_not_read_closes_its_window() {
    needs_root!();
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    let slow = Reader::Slow {
        bytes: 4096,
        pause: Duration::from_millis(10),
    };
    for (reader, reads) in [(Reader::Never, false), (slow, true)] {
        let before = kernel_counter(&right, "TcpExtTCPToZeroWindowAdv");
        let transfer = Transfer {
            limit: Duration::from_secs(1),
            reader,
            receive_buffer: Some(65_536),
            ..Transfer::of(100_000_000)
        };
        let moved = transfer.run(&left, &right, "10.9.1.2:9000");
        assert_eq!(moved.received > 0, reads, "{moved:?}");
        assert!(moved.sent < 100_000_000, "{moved:?}");
        assert!(kernel_counter(&right, "TcpExtTCPToZeroWindowAdv") > before);
    }
}

#[test]
fn paced_datagrams_are_as_many_as_planned() {
    needs_root!();
    let namespace = Namespace::new();
    let receiver = load::udp(&namespace, "127.0.0.1:9000");
    let sender = load::udp(&namespace, "127.0.0.1:0");
    let pace = Pace {
        per_second: 1000,
        lasts: Duration::from_millis(100),
        size: 100,
    };
    assert_eq!(paced::send(&sender, "127.0.0.1:9000", pace), 100);
    let mut payload = [0; 200];
    for expected in 0..100_u64 {
        assert_eq!(receiver.recv(&mut payload).expect("a datagram"), 100);
        assert!(payload.starts_with(&expected.to_be_bytes()));
    }
}

#[test]
fn a_sink_overflows_and_says_so() {
    needs_root!();
    let namespace = Namespace::new();
    let sink = load::sink(&namespace, "127.0.0.1:9000", 4096);
    let sender = load::udp(&namespace, "127.0.0.1:0");
    load::send(&sender, "127.0.0.1:9000", 100, 1000);
    let dropped = kernel_counter(&namespace, "UdpRcvbufErrors");
    assert!(dropped > 50, "{dropped}");
    assert_eq!(load::drain(&sink) as u64, 100 - dropped);
}

#[test]
fn a_crowd_is_sorted_by_its_answers() {
    needs_root!();
    let (left, right) = (Namespace::new(), Namespace::new());
    let wire = Wire::join(&left, "w0", &right, "w1", 1);
    let patience = Duration::from_secs(5);
    let listener = load::listen(&right, "10.91.1.2:9001", 128);
    let all = crowd::connect(&left, "10.91.1.2:9001", 50, patience);
    assert_eq!(
        (all.connected.len(), all.refused, all.unanswered),
        (50, 0, 0)
    );
    // The last packets of the handshakes may still be on their way.
    wait::until("50 connections", || {
        match kernel_counter(&right, "TcpPassiveOpens") {
            50 => Ok(()),
            other => Err(format!("{other}")),
        }
    });
    drop((all, listener));

    let nobody = crowd::connect(&left, "10.91.1.2:9002", 20, patience);
    assert_eq!((nobody.connected.len(), nobody.refused), (0, 20));

    let silence = Impairment::loss(Loss::Every(1)).only(Filter::Port(Protocol::Tcp, 9003));
    wire.backward.set(silence);
    let patience = Duration::from_millis(100);
    let ignored = crowd::connect(&left, "10.91.1.2:9003", 10, patience);
    assert_eq!((ignored.refused, ignored.unanswered), (0, 10));
    // Some may have asked again.
    assert!(
        wire.backward
            .settle(|counts| counts.lost.tcp >= 10)
            .received
            .tcp
            >= 10
    );
}

#[test]
fn a_crowd_runs_out_of_ports() {
    needs_root!();
    let namespace = Namespace::new();
    namespace.sysctl("net/ipv4/ip_local_port_range", "40000 40009");
    let _listener = load::listen(&namespace, "127.0.0.1:9001", 128);
    let crowd = crowd::connect(&namespace, "127.0.0.1:9001", 15, Duration::from_secs(5));
    assert_eq!((crowd.connected.len(), crowd.no_port), (10, 5));
}

#[test]
fn a_router_forwards_both_families() {
    needs_root!();
    let three = Router::new();
    for (server, key) in [
        (Router::SERVER_V4, "IpForwDatagrams"),
        (Router::SERVER_V6, "Ip6OutForwDatagrams"),
    ] {
        three.client.sh(&format!("ping -c 3 -i 0.01 -W 2 {server}"));
        assert_eq!(kernel_counter(&three.router, key), 6, "{key}");
    }
    let to = format!("[{}]:9000", Router::SERVER_V6);
    let moved = Transfer::of(1_000_000).run(&three.client, &three.server, &to);
    assert_eq!(moved.received, 1_000_000);
    // Without offloads there is a packet for each segment.
    assert!(kernel_counter(&three.router, "Ip6OutForwDatagrams") > 690);
}
