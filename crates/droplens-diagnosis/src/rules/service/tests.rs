//! What probes prove about services, what they do not, and what looks alike.

use std::time::Duration;

use droplens_model::sample::probes::{
    Certificate, FailureReason, LastFailure, Phase, ProbeKind, Target, TargetState, TlsDetails,
};
use droplens_model::{Cause, Finding, Moment, Severity, Status};

use crate::counters as c;
use crate::probed::made_up::{END, counts, fail, judge, only, phase, target, times};

const HOST: &str = "192.0.2.7";

fn causes(findings: &[Finding]) -> Vec<Cause> {
    findings.iter().map(|finding| finding.cause).collect()
}

/// A target whose probes were answered, of which some failed.
fn failing(kind: ProbeKind, reason: FailureReason, count: u64) -> Target {
    target(kind, HOST, |address| {
        counts(10, 0)(address);
        fail(address, reason, count);
    })
}

/// A target of which some probes failed without an answer.
fn silent(kind: ProbeKind, reason: FailureReason, lost: u64, answered: u64) -> Target {
    target(kind, HOST, |address| {
        counts(answered, lost)(address);
        address.unanswered_consecutive = lost;
        fail(address, reason, lost);
    })
}

#[test]
fn one_refusal_is_proof_and_no_loss_of_packets() {
    let mut refused = failing(ProbeKind::Tcp, FailureReason::ConnectRefused, 1);
    refused.target = "db.example:5432".into();
    refused.addresses[0].last_failure = Some(LastFailure {
        reason: FailureReason::ConnectRefused,
        message: "connection refused".into(),
        at: Moment::default(),
    });
    let finding = only(judge(&[], &[refused]));
    assert_eq!(finding.cause, Cause::ConnectRefused);
    assert_eq!((finding.status, finding.packets), (Status::Loss, 0));
    assert_eq!(
        finding.summary,
        "db.example:5432 (192.0.2.7) refuses connections: connection refused"
    );
    assert_eq!(
        judge(
            &[],
            &[failing(ProbeKind::Tcp, FailureReason::ConnectRefused, 0)]
        ),
        []
    );
}

#[test]
fn a_port_that_never_answers_is_a_timeout_and_no_lost_path() {
    let lost = |lost, answered| {
        silent(
            ProbeKind::Tcp,
            FailureReason::ConnectTimeout,
            lost,
            answered,
        )
    };
    let finding = only(judge(&[], &[lost(5, 0)]));
    assert_eq!(finding.cause, Cause::ConnectTimeout);
    assert_eq!(finding.severity, Severity::Warning);
    assert_eq!(judge(&[], &[lost(1, 0)]), [], "one may be chance");
    // Some are answered: the path loses.
    let mut some = lost(5, 40);
    some.addresses[0].unanswered_consecutive = 0;
    assert_eq!(causes(&judge(&[], &[some])), [Cause::PathLoss]);
}

/// While nothing is answered so many attempts wait that most others are left out, and those are sent
/// as far as counters say: the row is short however long the silence lasts.
#[test]
fn a_port_that_falls_silent_is_a_timeout_and_no_lost_path() {
    let port = |row, silent_for| {
        target(ProbeKind::Tcp, HOST, |address| {
            counts(40, 16)(address);
            address.sent = 230;
            address.outcomes.aborted = 158;
            address.in_flight = 16;
            address.syn_retransmits = 96;
            address.unanswered_consecutive = row;
            address.unanswered_for = Some(Duration::from_secs(silent_for));
            fail(address, FailureReason::ConnectTimeout, 16);
        })
    };
    let echo = |answered, row| {
        target(ProbeKind::Icmp, HOST, |address| {
            counts(answered, row)(address);
            address.unanswered_consecutive = row;
            address.unanswered_for = (row > 0).then_some(Duration::from_secs(14));
        })
    };
    let finding = only(judge(&[], &[port(32, 14), echo(100, 0)]));
    assert_eq!((finding.cause, finding.packets), (Cause::ConnectTimeout, 0));
    assert_eq!(
        causes(&judge(&[], &[port(32, 14)])),
        [Cause::ConnectTimeout]
    );
    // Attempts that were answered a moment ago are lost at random.
    for (row, silent_for) in [(0, 0), (2, 6), (9, 2)] {
        let found = judge(&[], &[port(row, silent_for), echo(100, 0)]);
        assert_eq!(causes(&found), [Cause::PathLoss], "{row} {silent_for}");
    }
    // With the port, the host.
    let found = judge(&[], &[port(32, 14), echo(40, 60)]);
    assert_eq!(causes(&found), [Cause::TargetUnreachable]);
}

#[test]
fn a_request_without_an_answer_is_no_lost_segment() {
    let hangs = |kind, reason| {
        target(kind, HOST, |address| {
            counts(40, 10)(address);
            fail(address, reason, 10);
        })
    };
    for (kind, reason, cause) in [
        (
            ProbeKind::Http,
            FailureReason::HttpTimeout,
            Cause::HttpFailure,
        ),
        (
            ProbeKind::Tls,
            FailureReason::TlsTimeout,
            Cause::HttpFailure,
        ),
        (
            ProbeKind::Http,
            FailureReason::ConnectTimeout,
            Cause::PathLoss,
        ),
    ] {
        let found = judge(&[], &[hangs(kind, reason)]);
        assert_eq!(causes(&found), [cause], "{reason}");
    }
}

#[test]
fn a_slow_probe_needs_no_second_timeout_in_one_window() {
    let mut slow = silent(ProbeKind::Tcp, FailureReason::ConnectTimeout, 1, 0);
    slow.addresses[0].unanswered_consecutive = 2;
    assert_eq!(causes(&judge(&[], &[slow])), [Cause::ConnectTimeout]);
}

#[test]
fn a_dead_host_is_told_once() {
    let dead = |kind, reason| silent(kind, reason, 5, 0);
    let found = judge(
        &[],
        &[
            dead(ProbeKind::Icmp, FailureReason::Timeout),
            dead(ProbeKind::Tcp, FailureReason::ConnectTimeout),
        ],
    );
    assert_eq!(causes(&found), [Cause::TargetUnreachable]);
}

#[test]
fn syn_segments_of_probes_are_not_told_twice() {
    let mut lost = silent(ProbeKind::Tcp, FailureReason::ConnectTimeout, 5, 0);
    lost.addresses[0].syn_retransmits = 10;
    let only_probes = judge(&[(c::TCP_SYN_RETRANS, 10)], &[lost.clone()]);
    assert_eq!(only_probes.len(), 1);
    let programs = judge(&[(c::TCP_SYN_RETRANS, 30)], &[lost]);
    let severities: Vec<_> = programs.iter().map(|finding| finding.severity).collect();
    assert_eq!(severities, [Severity::Warning, Severity::Info]);
}

#[test]
fn syn_segments_that_this_host_drops_itself_are_no_peers_matter() {
    let again = |failed| {
        judge(
            &[(c::TCP_SYN_RETRANS, 30), (c::TCP_RETRANS_FAIL, failed)],
            &[],
        )
    };
    assert_eq!(causes(&again(0)), [Cause::ConnectTimeout]);
    assert_eq!(again(30), []);
    // Probes say it of each attempt.
    let mut dropped = target(ProbeKind::Tcp, HOST, |address| {
        address.sent = 5;
        address.outcomes.local_drop = 5;
        address.unanswered_consecutive = 5;
        fail(address, FailureReason::LocalDrop, 5);
    });
    dropped.target = "192.0.2.7:80".into();
    let found = judge(
        &[(c::TCP_SYN_RETRANS, 15), (c::TCP_RETRANS_FAIL, 15)],
        &[dropped],
    );
    assert_eq!(found, [], "neither the path nor the service");
}

#[test]
fn a_name_server_that_says_it_failed_has_failed() {
    for reason in [
        FailureReason::DnsServerFailure,
        FailureReason::DnsNoName,
        FailureReason::DnsUnexpected,
    ] {
        let finding = only(judge(&[], &[failing(ProbeKind::Dns, reason, 1)]));
        assert_eq!(
            (finding.cause, finding.status),
            (Cause::DnsFailure, Status::Loss)
        );
    }
    let timeouts = |count| failing(ProbeKind::Dns, FailureReason::DnsTimeout, count);
    assert_eq!(judge(&[], &[timeouts(1)]), [], "one datagram may be lost");
    assert_eq!(causes(&judge(&[], &[timeouts(2)])), [Cause::DnsFailure]);
}

#[test]
fn a_resolver_that_nobody_asked_for_and_never_answered_is_no_failure() {
    let mut resolver = failing(ProbeKind::Dns, FailureReason::DnsTimeout, 5);
    resolver.asked_for = false;
    resolver.state = TargetState::Silent;
    assert_eq!(judge(&[], &[resolver]), []);
}

#[test]
fn a_name_that_does_not_resolve_is_told_and_loses_nothing() {
    let mut gone = target(ProbeKind::Icmp, HOST, counts(50, 0));
    gone.target = "gw.example".into();
    gone.state = TargetState::Unresolved;
    let finding = only(judge(&[], &[gone]));
    assert_eq!(finding.cause, Cause::DnsFailure);
    assert_eq!((finding.status, finding.packets), (Status::Pressure, 0));
    assert!(finding.summary.contains("probed on"), "{}", finding.summary);
}

#[test]
fn queries_above_a_second_are_slow() {
    let query = |milliseconds, limit: Option<u64>| {
        let mut server = target(ProbeKind::Dns, HOST, |address| {
            times(address, 3, Duration::from_millis(milliseconds));
        });
        server.limits.resolve = limit.map(Duration::from_millis);
        server
    };
    assert_eq!(causes(&judge(&[], &[query(1_200, None)])), [Cause::DnsSlow]);
    assert_eq!(judge(&[], &[query(900, None)]), []);
    assert_eq!(
        causes(&judge(&[], &[query(30, Some(20))])),
        [Cause::DnsSlow]
    );
    assert_eq!(judge(&[], &[query(1_200, Some(2_000))]), []);
}

#[test]
fn each_step_has_its_limit() {
    for (step, below, above, cause) in [
        (Phase::Resolve, 50, 51, Cause::DnsSlow),
        (Phase::Connect, 100, 101, Cause::ServiceSlow),
        (Phase::Tls, 200, 201, Cause::ServiceSlow),
        (Phase::Processing, 500, 501, Cause::ServiceSlow),
    ] {
        let service = |milliseconds| {
            target(ProbeKind::Http, HOST, |address| {
                phase(address, step, 3, Duration::from_millis(milliseconds));
            })
        };
        assert_eq!(judge(&[], &[service(below)]), [], "{step}");
        let finding = only(judge(&[], &[service(above)]));
        assert_eq!(
            (finding.cause, finding.status),
            (cause, Status::Pressure),
            "{step}"
        );
    }
}

#[test]
fn a_far_service_is_not_slow_for_that() {
    let mut far = target(ProbeKind::Http, HOST, |address| {
        phase(address, Phase::Connect, 3, Duration::from_millis(160));
        phase(address, Phase::Tls, 3, Duration::from_millis(320));
    });
    assert_eq!(causes(&judge(&[], &[far.clone()])), [Cause::ServiceSlow]);
    far.limits.round_trip = Some(Duration::from_millis(200));
    assert_eq!(judge(&[], &[far.clone()]), []);
    far.limits.connect = Some(Duration::from_millis(10));
    assert_eq!(causes(&judge(&[], &[far])), [Cause::ServiceSlow]);
}

#[test]
fn a_bad_answer_is_the_services_fault() {
    for (kind, reason) in [
        (ProbeKind::Http, FailureReason::HttpStatus),
        (ProbeKind::Http, FailureReason::Reset),
        (ProbeKind::Tls, FailureReason::TlsExpired),
    ] {
        let finding = only(judge(&[], &[failing(kind, reason, 1)]));
        assert_eq!((finding.cause, finding.packets), (Cause::HttpFailure, 0));
    }
    let slow = |count| failing(ProbeKind::Http, FailureReason::HttpTimeout, count);
    assert_eq!(judge(&[], &[slow(1)]), []);
    assert_eq!(causes(&judge(&[], &[slow(2)])), [Cause::HttpFailure]);
}

/// A target whose certificates, its own first, are valid for so many days.
fn certified(days: &[f64]) -> Target {
    let until = |days: &f64| Certificate {
        subject: "CN=api.example".into(),
        issuer: String::new(),
        names: Vec::new(),
        not_before: END.before(Duration::from_secs(86_400)),
        not_after: if *days < 0.0 {
            END.before(Duration::from_secs_f64(-days * 86_400.0))
        } else {
            END.after(Duration::from_secs_f64(days * 86_400.0))
        },
        fingerprint: String::new(),
    };
    target(ProbeKind::Tls, HOST, |address| {
        counts(10, 0)(address);
        address.details.tls = Some(TlsDetails {
            chain: days.iter().map(until).collect(),
            ..TlsDetails::default()
        });
    })
}

#[test]
fn a_certificate_is_told_three_weeks_before_it_expires() {
    for (days, severity) in [
        (&[20.9, 400.0], Severity::Warning),
        (&[7.1, 400.0], Severity::Warning),
        (&[6.9, 400.0], Severity::Critical),
        (&[80.0, 6.0], Severity::Critical),
    ] {
        let finding = only(judge(&[], &[certified(days)]));
        assert_eq!(finding.cause, Cause::TlsCertificateExpiring);
        assert_eq!(finding.status, Status::Pressure);
        assert_eq!(finding.severity, severity, "{days:?}");
        let chain = finding.summary.contains("in the chain");
        assert_eq!(chain, days[1] < days[0], "{}", finding.summary);
    }
    assert_eq!(judge(&[], &[certified(&[21.1, 400.0])]), []);
    // It has expired: clients fail, and that is told as a failure.
    assert_eq!(judge(&[], &[certified(&[-1.0, 400.0])]), []);
}
