//! The hops to a target, on paths of which they are known.
#![expect(clippy::expect_used, reason = "a panic is the failure report")]

use std::net::IpAddr;
use std::process::Command;

use HopVerdict::{Answers, Loses, RateLimitSuspected, Silent, Unreached};
use PathProtocol::{Icmp, Tcp, Udp};
use droplens_model::sample::probes::{
    Details, FailureReason, HopVerdict, IcmpError, Outcome, PathDetails,
};
use droplens_probe::errand::{Ending, Report};
use droplens_probe::spec::{Ask, PathProtocol, PathSpec};
use droplens_tests::lab::{Chain, Namespace};
use droplens_tests::{errands, needs_root};

const NONCE: u64 = 0x0123_4567_89ab_cdef;

const HOPS_V4: [&str; 4] = ["10.93.1.2", "10.93.2.2", "10.93.3.2", Chain::TARGET_V4];
const HOPS_V6: [&str; 4] = ["fd93:1::2", "fd93:2::2", "fd93:3::2", Chain::TARGET_V6];

fn round(client: &Namespace, target: &str, protocol: PathProtocol, packets: u8) -> Report {
    flow(client, target, protocol, packets, NONCE)
}

fn flow(
    client: &Namespace,
    target: &str,
    protocol: PathProtocol,
    packets: u8,
    nonce: u64,
) -> Report {
    let spec = PathSpec {
        protocol,
        packets,
        ..PathSpec::default()
    };
    errands::ask(client, target, Ask::Path(spec), nonce)
}

fn path(report: Report) -> PathDetails {
    report.details.path.expect("a path")
}

fn addresses(path: &PathDetails) -> Vec<Vec<IpAddr>> {
    path.hops.iter().map(|hop| hop.addresses.clone()).collect()
}

fn expected(hops: &[&str]) -> Vec<Vec<IpAddr>> {
    let parse = |hop: &&str| vec![hop.parse().expect("an address")];
    hops.iter().map(parse).collect()
}

fn verdicts(path: &PathDetails) -> Vec<HopVerdict> {
    path.hops.iter().map(|hop| hop.verdict).collect()
}

#[test]
fn every_hop_is_found_whatever_is_sent() {
    needs_root!();
    let chain = Chain::new();
    let client = chain.client();
    for (protocol, root) in [(Icmp, false), (Udp, false), (Tcp, false), (Icmp, true)] {
        // Ping sockets for everybody, or raw ones for root alone.
        let range = if root { "1 0" } else { "0 0" };
        client.sysctl("net/ipv4/ping_group_range", range);
        for hops in [HOPS_V4, HOPS_V6] {
            let ask = Ask::Path(PathSpec {
                protocol,
                ..PathSpec::default()
            });
            let report = if root {
                errands::ask(client, hops[3], ask, NONCE)
            } else {
                errands::ask_unprivileged(client, hops[3], ask, NONCE)
            };
            assert!(matches!(report.ending, Ending::Answered(_)), "{report:?}");
            assert_eq!(report.failure, None);
            let path = path(report);
            assert_eq!(addresses(&path), expected(&hops), "{protocol:?}");
            assert_eq!(verdicts(&path), [Answers; 4], "{protocol:?} {path:?}");
            assert_eq!((path.target_ttl, path.reached), (Some(4), true));
            for hop in &path.hops {
                assert_eq!((hop.sent, hop.answered), (3, 3), "{protocol:?}");
                let (best, mean, worst) = (hop.best, hop.mean, hop.worst);
                assert!(best.is_some() && best <= mean && mean <= worst, "{hop:?}");
            }
        }
    }
    // What ping hears from each hop.
    for (ttl, hop) in (1..4).zip(HOPS_V4) {
        let ttl = format!("{ttl}");
        let mut ping = Command::new("ping");
        ping.args(["-n", "-c", "1", "-W", "1", "-t", &ttl, Chain::TARGET_V4]);
        let said = client.run(&mut ping).stdout;
        assert!(said.contains(&format!("From {hop}")), "{said}");
    }
}

#[test]
fn a_service_that_answers_is_the_target() {
    needs_root!();
    let chain = Chain::new();
    let listener = chain.server().enter(|| {
        let any = (std::net::Ipv4Addr::UNSPECIFIED, 33_434);
        std::net::TcpListener::bind(any).expect("a listener")
    });
    let report = round(chain.client(), Chain::TARGET_V4, Tcp, 3);
    let path = path(report);
    assert_eq!(addresses(&path), expected(&HOPS_V4));
    assert_eq!(verdicts(&path), [Answers; 4]);
    drop(listener);
}

#[test]
fn a_router_that_limits_its_answers_loses_nothing() {
    needs_root!();
    let chain = Chain::new();
    chain.middle().sysctl("net/ipv4/icmp_ratelimit", "1000");
    chain.middle().sysctl("net/ipv6/icmp/ratelimit", "1000");
    for target in [Chain::TARGET_V4, Chain::TARGET_V6] {
        let path = path(round(chain.client(), target, Icmp, 15));
        let limited = [Answers, RateLimitSuspected, Answers, Answers];
        assert_eq!(verdicts(&path), limited, "{path:?}");
        assert!(path.hops[1].answered > 0 && path.hops[1].answered < 15);
    }
}

#[test]
fn what_a_router_drops_is_lost_from_there_on() {
    needs_root!();
    let chain = Chain::new();
    // Every third packet that leaves the middle router towards the target.
    chain.middle().nft(
        "table inet lossy { chain forward { type filter hook forward priority 0;
            oifname \"a3\" meta l4proto { icmp, ipv6-icmp, udp, tcp } numgen inc mod 3 == 0 drop
        }
        }",
    );
    for (protocol, target) in [
        (Icmp, Chain::TARGET_V4),
        (Icmp, Chain::TARGET_V6),
        (Udp, Chain::TARGET_V4),
        (Tcp, Chain::TARGET_V4),
    ] {
        let mut known = Details::default();
        for _ in 0..2 {
            let packets = if protocol == Tcp { 4 } else { 9 };
            known.update(round(chain.client(), target, protocol, packets).details);
        }
        let path = known.path.expect("a path");
        let lost = [Answers, Answers, Loses, Loses];
        assert_eq!(verdicts(&path), lost, "{protocol:?} {path:?}");
        assert_eq!((path.hops.len(), path.changes), (4, 0));
    }
}

#[test]
fn a_silent_hop_is_stepped_over_and_one_that_turns_silent_is_no_change() {
    needs_root!();
    let chain = Chain::new();
    let mut known = Details::default();
    known.update(round(chain.client(), Chain::TARGET_V6, Icmp, 2).details);
    chain.middle().nft(
        "table inet mute { chain output { type filter hook output priority 0;
            icmp type time-exceeded drop;
            icmpv6 type time-exceeded drop
        }
        }",
    );
    for target in [Chain::TARGET_V4, Chain::TARGET_V6] {
        let report = round(chain.client(), target, Icmp, 2);
        let seen = report.details.path.as_ref().expect("a path");
        assert_eq!(verdicts(seen), [Answers, Silent, Answers, Answers]);
        if target == Chain::TARGET_V6 {
            known.update(report.details);
        }
    }
    let known = known.path.expect("a path");
    assert_eq!(known.changes, 0);
    assert_eq!(addresses(&known), expected(&HOPS_V6));
    let verdict = [Answers, RateLimitSuspected, Answers, Answers];
    assert_eq!(verdicts(&known), verdict);
}

#[test]
fn another_way_is_one_change_and_a_shared_one_is_none() {
    needs_root!();
    let chain = Chain::new();
    let _detour = chain.detour();
    let client = chain.client();
    let mut known = Details::default();
    let mut go = |times: usize| {
        for _ in 0..times {
            known.update(round(client, Chain::TARGET_V4, Udp, 2).details);
        }
        known.path.clone().expect("a path")
    };
    let before = go(2);
    assert_eq!((before.changes, before.hops[1].sent), (0, 4));
    chain.first().ip("route replace default via 10.93.8.2");
    let after = go(2);
    assert_eq!((after.changes, after.hops[1].sent), (1, 4));
    assert_ne!(after.hash, before.hash);
    let detour = [HOPS_V4[0], "10.93.8.2", "10.93.9.2", HOPS_V4[3]];
    let hop_two = &addresses(&after)[1];
    assert_eq!(*hop_two, expected(&detour)[1]);
    // Both ways at once, chosen by addresses, protocol and ports (the policy that looks at the packet
    // alone; the others take a veth device's word for the flow): a flow always goes one of them.
    for (key, value) in [("policy", "3"), ("fields", "55")] {
        let key = format!("net/ipv4/fib_multipath_hash_{key}");
        chain.first().sysctl(&key, value);
    }
    chain
        .first()
        .ip("route replace default nexthop via 10.93.2.2 nexthop via 10.93.8.2");
    let (mut seen, mut rounds) = (Vec::new(), Details::default());
    for nonce in 0..24 {
        for _ in 0..2 {
            let report = flow(client, Chain::TARGET_V4, Udp, 1, NONCE + nonce * 977);
            if nonce == 0 {
                rounds.update(report.details.clone());
            }
            seen.push((nonce, addresses(&path(report))[1].clone()));
        }
    }
    for pair in seen.chunks(2) {
        assert_eq!(pair[0], pair[1], "two rounds of one flow");
    }
    for way in [HOPS_V4[1], "10.93.8.2"] {
        assert!(seen.iter().any(|(_, hop)| *hop == expected(&[way])[0]));
    }
    assert_eq!(rounds.path.expect("a path").changes, 0);
}

#[test]
fn where_the_way_ends_is_told() {
    needs_root!();
    let chain = Chain::new();
    let client = chain.client();
    // The target is there and says nothing.
    chain.server().nft(
        "table inet deaf { chain input { type filter hook input priority 0;
            meta l4proto { icmp, udp, tcp } drop
        }
        }",
    );
    for protocol in [Icmp, Udp, Tcp] {
        let report = round(client, Chain::TARGET_V4, protocol, 1);
        assert_eq!(report.ending, Ending::Silent);
        let (reason, message) = report.failure.clone().expect("why");
        assert_eq!(reason, FailureReason::PathIncomplete);
        assert_eq!(message, "nothing answers behind hop 3 (10.93.3.2)");
        let path = path(report);
        assert_eq!(addresses(&path)[..3], expected(&HOPS_V4[..3]));
        assert_eq!(verdicts(&path)[..4], [Answers, Answers, Answers, Unreached]);
        assert!(!path.reached);
    }
    // A router refuses.
    chain.middle().ip("route add prohibit 10.93.4.2/32");
    chain.middle().ip("-6 route add prohibit fd93:4::2/128");
    let (v4, v6) = (
        IcmpError { kind: 3, code: 13 },
        IcmpError { kind: 1, code: 1 },
    );
    for (hops, error) in [(HOPS_V4, v4), (HOPS_V6, v6)] {
        for protocol in [Icmp, Udp, Tcp] {
            // A host refuses only five times at once, one time a second (`ip_rt_error_burst`).
            let report = round(client, hops[3], protocol, 1);
            let outcome = Outcome::IcmpError(error);
            assert_eq!(report.ending, Ending::Ended(outcome), "{report:?}");
            let (reason, message) = report.failure.clone().expect("why");
            assert_eq!(reason, FailureReason::Unreachable);
            assert!(
                message.starts_with(&format!("hop 2 ({}) says", hops[1])),
                "{message}"
            );
            let path = path(report);
            assert_eq!(addresses(&path), expected(&hops[..2]), "{protocol:?}");
        }
    }
}
