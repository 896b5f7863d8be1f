//! What probes prove about the path, what they do not, and what looks alike.

use std::time::Duration;

use droplens_model::sample::firewall::{Firewall, Ruleset};
use droplens_model::sample::probes::{
    FailureReason, LossPattern, Outcomes, PmtuDetails, ProbeKind, Target, TargetState,
};
use droplens_model::sample::qdiscs::Qdiscs;
use droplens_model::sample::softnet::{Softnet, SoftnetCpu};
use droplens_model::{
    Cause, CpuId, Finding, PathDirection, Pattern, Place, Severity, Snapshot, Source, Status,
};

use crate::counters as c;
use crate::probed::made_up::{
    begun, counts, fail, judge, judge_between, only, read, snapshot, target, times,
};
use crate::verdict::sight;
use crate::view::Edges;

const HOST: &str = "192.0.2.7";

fn icmp(answered: u64, lost: u64) -> Target {
    target(ProbeKind::Icmp, HOST, counts(answered, lost))
}

fn tcp(answered: u64, lost: u64) -> Target {
    target(ProbeKind::Tcp, HOST, counts(answered, lost))
}

fn causes(findings: &[Finding]) -> Vec<(Cause, Severity)> {
    findings
        .iter()
        .map(|finding| (finding.cause, finding.severity))
        .collect()
}

fn evidence(finding: &Finding, counter: &str) -> Option<f64> {
    let found = finding.evidence.iter().find(|one| one.counter == counter)?;
    found.value.or(found.delta.map(|delta| delta as f64))
}

#[test]
fn lost_probes_are_lost_on_the_path() {
    let mut lossy = icmp(90, 10);
    lossy.addresses[0].pattern = LossPattern::Burst { mean_packets: 5.0 };
    let finding = only(judge(&[], &[lossy]));
    assert_eq!(finding.cause, Cause::PathLoss);
    assert_eq!(finding.status, Status::Loss);
    assert_eq!(finding.severity, Severity::Warning);
    assert_eq!(finding.place, Place::Peer(HOST.into()));
    assert_eq!(finding.packets, 10);
    assert_eq!(finding.direction, Some(PathDirection::Unknown));
    assert_eq!(finding.pattern, Some(Pattern::Burst));
    assert_eq!(evidence(&finding, "share lost"), Some(0.1));
    let low = evidence(&finding, "share lost, at least").unwrap();
    let high = evidence(&finding, "share lost, at most").unwrap();
    assert!((0.055..0.056).contains(&low) && (0.174..0.175).contains(&high));
    assert!(
        finding.summary.contains("10 % (95 %: 5.5 % to 17 %)"),
        "{}",
        finding.summary
    );
}

#[test]
fn too_few_probes_prove_nothing() {
    for (answered, lost) in [(2, 2), (99, 1), (0, 0), (5_000, 2)] {
        let found = judge(&[], &[icmp(answered, lost)]);
        assert_eq!(found, [], "{lost} of {}", lost + answered);
    }
    assert_eq!(only(judge(&[], &[icmp(3, 2)])).cause, Cause::PathLoss);
}

#[test]
fn what_was_not_sent_or_not_waited_for_is_not_lost() {
    let busy = target(ProbeKind::Icmp, HOST, |address| {
        counts(50, 0)(address);
        address.sent = 150;
        address.outcomes.aborted = 60;
        address.outcomes.late = 20;
        address.outcomes.local_drop = 20;
    });
    assert_eq!(judge(&[], &[busy]), []);
}

#[test]
fn a_slow_probe_is_judged_over_a_longer_window() {
    let at = |second, answered, lost| snapshot(second, &[], &[icmp(answered, lost)]);
    let (early, from, to) = (at(1, 0, 0), at(291, 9, 2), at(301, 9, 3));
    assert_eq!(judge_between(&from, &to, Edges::default()), []);
    let edges = Edges {
        wide: Some(droplens_model::delta::Delta::new(&early, &to)),
        ..Edges::default()
    };
    let finding = only(judge_between(&from, &to, edges));
    assert_eq!((finding.cause, finding.packets), (Cause::PathLoss, 1));
    assert_eq!(evidence(&finding, "share lost"), Some(0.25));
    assert!(finding.summary.contains("25 % of the last 5 min"));
    // Nothing was lost in the window itself.
    let to = at(301, 10, 2);
    let edges = Edges {
        wide: Some(droplens_model::delta::Delta::new(&early, &to)),
        ..Edges::default()
    };
    assert_eq!(judge_between(&from, &to, edges), []);
}

/// 1 % lost at 5 probes a second is one lost every 20 s: no short window can prove that.
#[test]
fn a_small_loss_is_judged_over_a_longer_window() {
    let at = |second, answered, lost, attempts| {
        let targets = [icmp(answered, lost), tcp(attempts, 0)];
        snapshot(second, &[], &targets)
    };
    let found = |attempts: u64| {
        let (early, from) = (at(1, 0, 0, 0), at(291, 1435, 14, attempts - 10));
        let to = at(301, 1484, 15, attempts);
        let edges = Edges {
            wide: Some(droplens_model::delta::Delta::new(&early, &to)),
            ..Edges::default()
        };
        only(judge_between(&from, &to, edges))
    };
    let finding = found(290);
    assert_eq!((finding.cause, finding.packets), (Cause::PathLoss, 1));
    // As many connection attempts of these 5 minutes would have met it.
    assert_eq!(found(300).cause, Cause::IcmpRateLimited);
}

#[test]
fn tcp_tells_the_direction() {
    let counters = [
        (c::TCP_OUT_SEGS, 4000),
        (c::TCP_RETRANS_SEGS, 80),
        (c::TCP_DSACK_RECV_SEGS, 0),
    ];
    let found = judge(&counters, &[icmp(90, 10)]);
    let directions: Vec<_> = found
        .iter()
        .map(|finding| (finding.cause, finding.place.to_string(), finding.direction))
        .collect();
    let forward = Some(PathDirection::Forward);
    assert_eq!(
        directions,
        [
            (Cause::PathLoss, "this host".to_owned(), forward),
            (Cause::PathLoss, HOST.to_owned(), forward),
        ]
    );
}

#[test]
fn a_lost_syn_is_a_loss_though_the_connection_was_made() {
    let mut lossy = tcp(40, 0);
    lossy.addresses[0].syn_retransmits = 6;
    let finding = only(judge(&[], &[lossy]));
    assert_eq!((finding.cause, finding.packets), (Cause::PathLoss, 6));
    assert!(finding.summary.starts_with("TCP probes"));
}

/// A window in which the backlog of a CPU dropped so many packets, too.
fn beside_softnet_drops(dropped: u64, targets: &[Target]) -> Vec<Finding> {
    let with = |second, dropped, targets: &[Target]| {
        let cpu = SoftnetCpu {
            cpu: CpuId(0),
            processed: 100_000 * second,
            dropped,
            time_squeezed: 0,
            received_rps: None,
            flow_limit: None,
            backlog: None,
        };
        Snapshot {
            softnet: read(second, Softnet { cpus: vec![cpu] }),
            ..snapshot(second, &[], targets)
        }
    };
    let from = with(1, 0, &begun(targets));
    judge_between(&from, &with(11, dropped, targets), Edges::default())
}

#[test]
fn losses_beside_own_drops_are_not_separable() {
    let of_path = |dropped| {
        let found = beside_softnet_drops(dropped, &[icmp(90, 10)]);
        let mut probed = found.into_iter();
        probed.find(|finding| finding.cause == Cause::PathLoss)
    };
    for dropped in [10, 500] {
        let finding = of_path(dropped).unwrap();
        assert_eq!(finding.severity, Severity::Info, "{dropped} dropped");
        assert!(finding.summary.contains("not separable"));
        let own = evidence(&finding, "packets that this host dropped meanwhile");
        assert_eq!(own, Some(dropped as f64));
        assert!(!finding.ruled_out.contains(&Cause::SoftnetBacklogOverflow));
    }
    // More were lost than this host dropped.
    assert_eq!(of_path(9).unwrap().severity, Severity::Warning);
}

/// A probe is called lost when nobody waits for it any more, which is long after the drop.
#[test]
fn drops_before_the_window_may_have_been_probes() {
    let softnet = |second, dropped| {
        let cpu = SoftnetCpu {
            cpu: CpuId(0),
            processed: 100_000 * second,
            dropped,
            time_squeezed: 0,
            received_rps: None,
            flow_limit: None,
            backlog: None,
        };
        read(second, Softnet { cpus: vec![cpu] })
    };
    let lossy = [icmp(90, 10)];
    let at = |second, dropped, targets: &[Target]| Snapshot {
        softnet: softnet(second, dropped),
        ..snapshot(second, &[], targets)
    };
    let early = at(1, 0, &begun(&lossy));
    let (from, to) = (at(16, 500, &begun(&lossy)), at(26, 500, &lossy));
    let edges = Edges {
        eve: Some(droplens_model::delta::Delta::new(&early, &from)),
        ..Edges::default()
    };
    let severity = |edges| only(judge_between(&from, &to, edges)).severity;
    assert_eq!(severity(Edges::default()), Severity::Warning);
    assert_eq!(severity(edges), Severity::Info);
}

#[test]
fn only_echo_requests_that_are_lost_are_limited() {
    let found = judge(&[], &[icmp(50, 50), tcp(20, 0)]);
    let finding = only(found);
    assert_eq!(finding.cause, Cause::IcmpRateLimited);
    assert_eq!(finding.status, Status::Pressure);
    assert_eq!(
        evidence(&finding, "connection attempts without a loss"),
        Some(20.0)
    );
    // Nothing but echo requests unanswered: a firewall drops them.
    let found = judge(&[], &[icmp(0, 50), tcp(20, 0)]);
    assert_eq!(
        causes(&found),
        [(Cause::IcmpRateLimited, Severity::Warning)]
    );
}

#[test]
fn a_loss_that_tcp_shares_or_could_not_show_is_on_the_path() {
    let mut shared = tcp(20, 0);
    shared.addresses[0].syn_retransmits = 1;
    let elsewhere = target(ProbeKind::Tcp, "192.0.2.8", counts(20, 0));
    for (echo, other) in [
        (icmp(50, 50), shared),
        // At 2 % all of 20 attempts go well by chance.
        (icmp(98, 6), tcp(20, 0)),
        (icmp(50, 50), tcp(4, 0)),
        (icmp(50, 50), elsewhere),
    ] {
        let found = judge(&[], &[echo, other]);
        assert_eq!(causes(&found), [(Cause::PathLoss, Severity::Warning)]);
    }
}

fn dead(kind: ProbeKind, lost: u64, row: u64) -> Target {
    target(kind, HOST, |address| {
        counts(0, lost)(address);
        address.sent = lost + 2;
        address.unanswered_consecutive = row;
    })
}

#[test]
fn a_host_that_answers_nothing_is_unreachable() {
    let finding = only(judge(&[], &[dead(ProbeKind::Icmp, 8, 10)]));
    assert_eq!(finding.cause, Cause::TargetUnreachable);
    assert_eq!(finding.severity, Severity::Warning);
    assert_eq!((finding.packets, finding.pattern), (8, None));
    // Known before the first of them is called lost.
    let finding = only(judge(&[], &[dead(ProbeKind::Icmp, 0, 3)]));
    assert_eq!(finding.cause, Cause::TargetUnreachable);
    assert_eq!(judge(&[], &[dead(ProbeKind::Icmp, 0, 2)]), []);
}

#[test]
fn an_outage_that_began_in_the_window_is_told() {
    let half = |row, millis| {
        target(ProbeKind::Icmp, HOST, |address| {
            counts(20, 0)(address);
            address.sent = 50;
            address.unanswered_consecutive = row;
            address.unanswered_for = Some(Duration::from_millis(millis));
        })
    };
    for row in [3, 30] {
        let found = judge(&[], &[half(row, 5_000)]);
        assert_eq!(
            causes(&found),
            [(Cause::TargetUnreachable, Severity::Warning)]
        );
    }
    for (row, millis, why) in [
        (30, 4_999, "that may be a burst of losses"),
        (2, 60_000, "two may be chance"),
    ] {
        assert_eq!(judge(&[], &[half(row, millis)]), [], "{why}");
    }
}

#[test]
fn a_router_that_says_unreachable_is_believed() {
    let told = target(ProbeKind::Tcp, HOST, |address| {
        address.sent = 1;
        address.outcomes.icmp_error = 1;
        fail(address, FailureReason::Unreachable, 1);
    });
    let finding = only(judge(&[], &[told]));
    assert_eq!(finding.cause, Cause::TargetUnreachable);
    assert_eq!(evidence(&finding, "ICMP errors"), Some(1.0));
}

#[test]
fn a_host_that_answers_anything_is_not_unreachable() {
    let found = judge(&[], &[dead(ProbeKind::Tcp, 8, 10), icmp(10, 0)]);
    assert!(
        (found.iter()).all(|finding| finding.cause != Cause::TargetUnreachable),
        "{found:?}"
    );
}

#[test]
fn nobody_asked_for_the_gateway() {
    let mut gateway = dead(ProbeKind::Icmp, 8, 10);
    gateway.asked_for = false;
    let found = judge(&[], &[gateway.clone()]);
    assert_eq!(causes(&found), [(Cause::TargetUnreachable, Severity::Info)]);
    // Never answered: not even that.
    gateway.state = TargetState::Silent;
    gateway.addresses[0].outcomes = Outcomes::default();
    gateway.addresses[0].silent = 8;
    assert_eq!(judge(&[], &[gateway]), []);
}

#[test]
fn a_black_hole_is_where_large_packets_vanish() {
    let hole = |blackhole| {
        target(ProbeKind::Pmtu, HOST, |address| {
            counts(20, 30)(address);
            address.details.pmtu = Some(PmtuDetails {
                bytes: Some(1400),
                device_mtu: Some(1500),
                blackhole,
                ..PmtuDetails::default()
            });
        })
    };
    let finding = only(judge(&[], &[hole(true)]));
    assert_eq!(finding.cause, Cause::PathMtuBlackhole);
    assert_eq!(finding.place, Place::Peer(HOST.into()));
    assert_eq!(
        evidence(&finding, "largest packet that arrives"),
        Some(1400.0)
    );
    // A path that is narrow and says so, and large packets that are lost on purpose.
    assert_eq!(judge(&[], &[hole(false)]), []);
}

#[test]
fn latency_is_measured_by_the_class_of_the_target() {
    let far = |milliseconds: &[u64], limit: Option<u64>| {
        let mut far = target(ProbeKind::Icmp, HOST, |address| {
            counts(0, 0)(address);
            for time in milliseconds {
                times(address, 1, Duration::from_millis(*time));
            }
        });
        far.limits.round_trip = limit.map(Duration::from_millis);
        far
    };
    let finding = only(judge(&[], &[far(&[30, 40, 45], Some(10))]));
    assert_eq!(
        (finding.cause, finding.status),
        (Cause::PathLatency, Status::Pressure)
    );
    for usual in [
        far(&[30, 40, 45], Some(100)),
        far(&[30, 40, 45], None),
        far(&[4, 4, 400], Some(10)),
        far(&[400, 400], Some(10)),
    ] {
        assert_eq!(judge(&[], &[usual]), []);
    }
}

#[test]
fn without_probes_their_causes_are_blind() {
    let blind = |snapshot: &Snapshot, cause| sight(cause, snapshot).unwrap_err();
    let mut snapshot = snapshot(1, &[], &begun(&[icmp(1, 0)]));
    assert_eq!(sight(Cause::TargetUnreachable, &snapshot), Ok(()));
    assert_eq!(sight(Cause::PathLoss, &snapshot), Ok(()));
    let why = blind(&snapshot, Cause::PathMtuBlackhole);
    assert!(why.contains("kind pmtu"), "{why}");
    let why = blind(&snapshot, Cause::DnsFailure);
    assert!(why.contains("of names"), "{why}");
    snapshot.probes = droplens_model::Reading::Disabled;
    assert_eq!(sight(Cause::PathLoss, &snapshot), Ok(()), "TCP tells");
    for cause in [Cause::TargetUnreachable, Cause::HttpFailure] {
        assert_eq!(blind(&snapshot, cause), "no probes are configured");
    }
    assert!(snapshot.state(Source::Probes).failure().is_none());
}

#[test]
fn what_this_host_refused_to_send_is_its_own_matter() {
    let refused = |reason| {
        target(ProbeKind::Icmp, HOST, |address| {
            address.sent = 7;
            address.outcomes.send_error = 7;
            fail(address, reason, 7);
        })
    };
    let finding = only(judge(&[], &[refused(FailureReason::NoRoute)]));
    assert_eq!((finding.cause, finding.packets), (Cause::NoRoute, 7));
    assert!(finding.ruled_out.contains(&Cause::PathLoss));
    // Counted by the kernel, too: then probes are only evidence.
    let counted = [(c::OUT_NO_ROUTES.v4, 9)];
    let finding = only(judge(&counted, &[refused(FailureReason::NoRoute)]));
    assert_eq!((finding.cause, finding.packets), (Cause::NoRoute, 9));
    assert_eq!(
        evidence(&finding, "probes that the kernel refused to send"),
        Some(7.0)
    );
    assert_eq!(judge(&[], &[refused(FailureReason::TooBig)]), []);
}

/// Nothing is answered, but nothing was asked either.
#[test]
fn a_target_of_probes_that_never_left_is_not_unreachable() {
    let kept = |send_error, local_drop, lost| {
        target(ProbeKind::Icmp, HOST, |address| {
            let row = send_error + local_drop + lost;
            counts(0, lost)(address);
            address.sent = row;
            address.outcomes.send_error = send_error;
            address.outcomes.local_drop = local_drop;
            address.unanswered_consecutive = row;
            address.unanswered_for = Some(Duration::from_secs(9));
            fail(address, FailureReason::NotPermitted, send_error);
            fail(address, FailureReason::LocalDrop, local_drop);
        })
    };
    for (send_error, local_drop, lost) in [(9, 0, 0), (0, 9, 0), (4, 5, 0), (6, 0, 3)] {
        let found = judge(&[], &[kept(send_error, local_drop, lost)]);
        assert_eq!(found, [], "{send_error} {local_drop} {lost}");
    }
    // Most did leave.
    for (send_error, local_drop, lost) in [(0, 0, 9), (4, 0, 5), (0, 3, 6)] {
        let finding = only(judge(&[], &[kept(send_error, local_drop, lost)]));
        assert_eq!(finding.cause, Cause::TargetUnreachable);
        assert_eq!(finding.packets, lost);
    }
}

/// A firewall rule without a counter shows by nothing else.
#[test]
fn a_probe_that_a_firewall_refuses_is_the_firewalls() {
    let refused = target(ProbeKind::Icmp, HOST, |address| {
        address.sent = 7;
        address.outcomes.send_error = 7;
        fail(address, FailureReason::NotPermitted, 4);
        fail(address, FailureReason::NoBuffers, 3);
    });
    let with = |second, targets: &[Target]| Snapshot {
        firewall: read(
            second,
            Firewall {
                nftables: Ok(Ruleset::default()),
                legacy: Ok(Ruleset::default()),
                complete: true,
            },
        ),
        qdiscs: read(second, Qdiscs::default()),
        ..snapshot(second, &[], targets)
    };
    let from = with(1, &begun(std::slice::from_ref(&refused)));
    let found = judge_between(&from, &with(11, &[refused]), Edges::default());
    let told: Vec<_> = (found.iter())
        .map(|finding| (finding.cause, finding.packets))
        .collect();
    assert_eq!(told, [(Cause::FirewallDrop, 4), (Cause::QdiscOverflow, 3)]);
}
