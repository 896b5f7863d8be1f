//! TCP probes against servers of all manners, in network namespaces.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic is the failure report"
)]

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use droplens_model::Cause;
use droplens_model::sample::probes::{FailureReason, IcmpError, Outcome, Phase, SendFailure};
use droplens_probe::errand::{Ending, Report};
use droplens_tests::asking::{self, run, waiting, with};
use droplens_tests::lab::{Namespace, veth};
use droplens_tests::needs_root;
use droplens_tests::servers::tcp::{FullListener, Manner, Seen, TcpServer};

/// Two hosts: `client` 10.9.1.1 and `server` 10.9.1.2.
fn pair() -> (Namespace, Namespace) {
    let (client, server) = (Namespace::new(), Namespace::new());
    veth(&client, "cl", &server, "se", 1);
    (client, server)
}

/// Both with IPv6 addresses, `fd00:9::1` and `fd00:9::2`, as well.
fn pair_v6() -> (Namespace, Namespace) {
    let (client, server) = pair();
    for (side, device, host) in [(&client, "cl", 1), (&server, "se", 2)] {
        side.sysctl(&format!("net/ipv6/conf/{device}/disable_ipv6"), "0");
        side.ip(&format!("addr add fd00:9::{host}/64 dev {device} nodad"));
    }
    (client, server)
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn failure(report: &Report) -> Option<FailureReason> {
    report.failure.as_ref().map(|(reason, _)| *reason)
}

fn is_answered(report: &Report) -> bool {
    matches!(report.ending, Ending::Answered(at) if at >= report.sent)
}

#[track_caller]
fn opened(report: &Report) {
    assert!(is_answered(report), "{report:?}");
    assert_eq!(report.failure, None);
    assert_eq!(report.phases.len(), 1);
    assert_eq!(report.phases[0].0, Phase::Connect);
    let tcp = report.details.tcp.unwrap();
    assert!(
        tcp.mss.unwrap() > 1_000 && tcp.round_trip.is_some(),
        "{tcp:?}"
    );
}

#[test]
fn a_connection_is_opened_and_the_server_reads_its_end_and_no_error() {
    needs_root!();
    let (client, server) = pair_v6();
    for at in ["10.9.1.2:0", "[fd00:9::2]:0"] {
        let port = TcpServer::start(&server, at, Manner::Takes);
        let report = run(&client, asking::tcp(port.address()));
        opened(&report);
        assert_eq!(report.syn_retransmits, 0);
        assert_eq!(port.seen(), Seen::End);
    }
}

#[test]
fn a_server_that_looks_late_reads_the_end_as_well() {
    needs_root!();
    let (client, server) = pair();
    let manner = Manner::Dawdles(Duration::from_millis(200));
    let port = TcpServer::start(&server, "10.9.1.2:0", manner);
    opened(&run(&client, asking::tcp(port.address())));
    assert_eq!(port.seen(), Seen::End);
}

#[test]
fn many_connections_leave_none_in_time_wait() {
    needs_root!();
    let (client, server) = pair();
    let port = TcpServer::start(&server, "10.9.1.2:0", Manner::Takes);
    for _ in 0..30 {
        opened(&run(&client, asking::tcp(port.address())));
        assert_eq!(port.seen(), Seen::End);
    }
    for side in [&client, &server] {
        let sockets = side.sh("ss -Htan");
        let sockets: Vec<&str> = sockets
            .lines()
            .filter(|line| !line.contains("LISTEN"))
            .collect();
        assert!(sockets.is_empty(), "{sockets:?}");
    }
}

#[test]
fn a_closed_port_refuses_which_is_an_answer() {
    needs_root!();
    let (client, _server) = pair_v6();
    for at in ["10.9.1.2:9", "[fd00:9::2]:9", "127.0.0.1:9"] {
        let report = run(&client, asking::tcp(address(at)));
        assert!(is_answered(&report), "{report:?}");
        assert_eq!(failure(&report), Some(FailureReason::ConnectRefused));
        assert!(report.phases.is_empty());
    }
}

#[test]
fn a_server_that_resets_at_once_was_open_or_reset() {
    needs_root!();
    let (client, server) = pair();
    let port = TcpServer::start(&server, "10.9.1.2:0", Manner::Resets);
    let report = run(&client, asking::tcp(port.address()));
    assert!(is_answered(&report), "{report:?}");
    assert!([None, Some(FailureReason::Reset)].contains(&failure(&report)));
}

#[test]
fn a_full_accept_queue_is_silence() {
    needs_root!();
    let (client, server) = pair();
    let port = FullListener::new(&server, "10.9.1.2:0");
    let task = waiting(asking::tcp(port.address()), Duration::from_millis(1_500));
    let report = run(&client, task);
    assert_eq!(report.ending, Ending::Silent);
    assert_eq!(failure(&report), Some(FailureReason::ConnectTimeout));
    assert_eq!(report.syn_retransmits, 1);
}

/// Drops the first `count` SYN segments to a port, which have 60 bytes each.
fn drop_first_syn(server: &Namespace, port: u16, count: u32) {
    let bytes = count * 60 + 1;
    server.nft(&format!(
        "add table inet t; add chain inet t in {{ type filter hook input priority 0; }}; \
         add rule inet t in tcp dport {port} tcp flags & (syn|ack) == syn quota until {bytes} bytes drop"
    ));
}

#[test]
fn a_lost_syn_is_counted_though_the_connection_opens() {
    needs_root!();
    let (client, server) = pair();
    let port = TcpServer::start(&server, "10.9.1.2:0", Manner::Takes);
    drop_first_syn(&server, port.address().port(), 1);
    let report = run(&client, asking::tcp(port.address()));
    opened(&report);
    assert_eq!(report.syn_retransmits, 1);
    assert_eq!(report.details.tcp.unwrap().syn_retransmits, 1);
}

#[test]
fn lost_syns_are_counted_of_a_connection_that_never_opens() {
    needs_root!();
    let (client, server) = pair();
    drop_first_syn(&server, 80, 1_000);
    let patience = Duration::from_millis(2_500);
    let report = run(
        &client,
        waiting(asking::tcp(address("10.9.1.2:80")), patience),
    );
    assert_eq!(report.ending, Ending::Silent);
    assert_eq!(failure(&report), Some(FailureReason::ConnectTimeout));
    // After 1 s, and after 2 or 3 s more or less, depending on the kernel's back-off.
    assert!([1, 2].contains(&report.syn_retransmits), "{report:?}");
    assert_eq!(report.details.tcp.unwrap().mss, None);
}

#[test]
fn without_a_route_this_host_does_not_send() {
    needs_root!();
    let (client, _server) = pair_v6();
    for at in ["192.0.2.1:80", "[2001:db8::1]:80"] {
        let report = run(&client, asking::tcp(address(at)));
        let unreachable = Outcome::SendError(SendFailure::Unreachable);
        assert_eq!(report.ending, Ending::Ended(unreachable), "{at}");
        assert_eq!(failure(&report), Some(FailureReason::NoRoute));
    }
}

#[test]
fn a_neighbour_that_does_not_answer_is_no_error_of_the_path() {
    needs_root!();
    let (client, _server) = pair_v6();
    client.sysctl("net/ipv4/neigh/cl/retrans_time_ms", "100");
    client.sysctl("net/ipv6/neigh/cl/retrans_time_ms", "100");
    for at in ["10.9.1.77:80", "[fd00:9::77]:80"] {
        let report = run(&client, asking::tcp(address(at)));
        let unreachable = Outcome::LocalDrop(Some(Cause::NeighbourUnresolved));
        assert_eq!(
            report.ending,
            Ending::Ended(unreachable),
            "{at}: {report:?}"
        );
        assert_eq!(failure(&report), Some(FailureReason::NoRoute));
    }
}

#[test]
fn a_router_that_has_no_route_says_so_by_icmp() {
    needs_root!();
    let (client, router) = pair_v6();
    router.sysctl("net/ipv4/ip_forward", "1");
    router.sysctl("net/ipv6/conf/all/forwarding", "1");
    client.ip("route add default via 10.9.1.2");
    client.ip("-6 route add default via fd00:9::2");
    for (at, kind, code) in [("192.0.2.1:80", 3, 0), ("[2001:db8::1]:80", 1, 0)] {
        let report = run(&client, asking::tcp(address(at)));
        let error = Outcome::IcmpError(IcmpError { kind, code });
        assert_eq!(report.ending, Ending::Ended(error), "{at}: {report:?}");
        assert_eq!(failure(&report), Some(FailureReason::Unreachable));
    }
}

#[test]
fn a_firewall_that_rejects_on_the_way_is_told_from_a_closed_port() {
    needs_root!();
    let (client, server) = pair();
    server.nft(
        "add table inet t; add chain inet t in { type filter hook input priority 0; }; \
         add rule inet t in tcp dport 80 reject with icmp type port-unreachable; \
         add rule inet t in tcp dport 81 reject with icmp type admin-prohibited",
    );
    for (at, code) in [("10.9.1.2:80", 3), ("10.9.1.2:81", 13)] {
        let report = run(&client, asking::tcp(address(at)));
        let error = Outcome::IcmpError(IcmpError { kind: 3, code });
        assert_eq!(report.ending, Ending::Ended(error), "{report:?}");
        assert_eq!(failure(&report), Some(FailureReason::Unreachable));
        let (_, text) = report.failure.unwrap();
        assert!(text.contains("from 10.9.1.2"), "{text}");
    }
}

#[test]
fn a_rule_of_this_host_that_rejects_is_this_hosts() {
    needs_root!();
    let (client, _server) = pair();
    client.nft(
        "add table inet t; add chain inet t out { type filter hook output priority 0; }; \
         add rule inet t out tcp dport 80 reject with icmp type admin-prohibited",
    );
    let report = run(&client, asking::tcp(address("10.9.1.2:80")));
    let rejected = Outcome::LocalDrop(Some(Cause::FirewallDrop));
    assert_eq!(report.ending, Ending::Ended(rejected), "{report:?}");
    assert_eq!(failure(&report), Some(FailureReason::NotPermitted));
}

/// `connect` does not tell, and neither does the time that passes: it looks like a silent path.
#[test]
fn a_rule_of_this_host_that_drops_is_this_hosts() {
    needs_root!();
    let (client, _server) = pair_v6();
    client.nft(
        "add table inet t; add chain inet t out { type filter hook output priority 0; }; \
         add rule inet t out tcp dport 80 drop",
    );
    for to in ["10.9.1.2:80", "[fd00:9::2]:80"] {
        let report = run(
            &client,
            waiting(asking::tcp(address(to)), Duration::from_secs(3)),
        );
        let dropped = Outcome::LocalDrop(None);
        assert_eq!(report.ending, Ending::Ended(dropped), "{report:?}");
        assert_eq!(failure(&report), Some(FailureReason::LocalDrop));
        assert_eq!(report.syn_retransmits, 0, "none left this host");
    }
}

#[test]
fn no_free_port_is_told_as_that() {
    needs_root!();
    let (client, server) = pair();
    client.sysctl("net/ipv4/ip_local_port_range", "50000 50000");
    let port = TcpServer::start(&server, "10.9.1.2:0", Manner::Takes);
    let to = port.address();
    let held = client.enter(|| std::net::TcpStream::connect(to).unwrap());
    let report = run(&client, asking::tcp(port.address()));
    let other = Outcome::SendError(SendFailure::Other);
    assert_eq!(report.ending, Ending::Ended(other), "{report:?}");
    let (reason, text) = report.failure.unwrap();
    assert_eq!(reason, FailureReason::Other);
    assert!(text.contains("ip_local_port_range"), "{text}");
    drop(held);
}

#[test]
fn a_source_that_is_not_there_is_told_as_that() {
    needs_root!();
    let (client, server) = pair();
    let port = TcpServer::start(&server, "10.9.1.2:0", Manner::Takes);
    for (source, device) in [
        (Some("192.0.2.1"), None),
        (None, Some("nowhere")),
        (Some("::1"), None),
    ] {
        let task = with(asking::tcp(port.address()), |request| {
            request.egress.source = source.map(|source| source.parse::<IpAddr>().unwrap());
            request.egress.interface = device.map(Into::into);
        });
        let report = run(&client, task);
        let gone = Outcome::SendError(SendFailure::NoDevice);
        assert_eq!(report.ending, Ending::Ended(gone), "{report:?}");
        assert_eq!(failure(&report), Some(FailureReason::NoDevice));
    }
}

#[test]
fn source_device_and_code_point_are_those_that_were_wished() {
    needs_root!();
    let (client, server) = pair_v6();
    veth(&client, "cl2", &server, "se2", 2);
    client.ip("addr add 10.9.1.100/24 dev cl");
    client.ip("addr add fd00:9::100/64 dev cl nodad");
    // The same address is reached by both links; that of the second is preferred.
    server.ip("addr add 192.0.2.80/32 dev lo");
    client.ip("route add 192.0.2.80 via 10.9.2.2 dev cl2 metric 1");
    client.ip("route add 192.0.2.80 via 10.9.1.2 dev cl metric 2");
    server.nft(
        "add table inet t; add counter inet t v4; add counter inet t v6; add counter inet t dev; \
         add chain inet t in { type filter hook input priority 0; }; \
         add rule inet t in ip saddr 10.9.1.100 ip dscp 46 tcp flags & (syn|ack) == syn counter name v4; \
         add rule inet t in ip6 saddr fd00:9::100 ip6 dscp 10 tcp flags & (syn|ack) == syn counter name v6; \
         add rule inet t in iifname se ip daddr 192.0.2.80 tcp flags & (syn|ack) == syn counter name dev",
    );
    for (at, source, dscp) in [
        ("10.9.1.2:0", "10.9.1.100", 46),
        ("[fd00:9::2]:0", "fd00:9::100", 10),
    ] {
        let port = TcpServer::start(&server, at, Manner::Takes);
        let task = with(asking::tcp(port.address()), |request| {
            request.egress.source = Some(source.parse().unwrap());
            request.egress.dscp = dscp;
        });
        opened(&run(&client, task));
    }
    let port = TcpServer::start(&server, "192.0.2.80:0", Manner::Takes);
    let task = with(asking::tcp(port.address()), |request| {
        request.egress.interface = Some("cl".into());
    });
    opened(&run(&client, task));
    // One by the preferred link, which must not count.
    opened(&run(&client, asking::tcp(port.address())));
    for counter in ["v4", "v6", "dev"] {
        let said = server.sh(&format!("nft list counter inet t {counter}"));
        assert!(said.contains("packets 1 "), "{said}");
    }
}
