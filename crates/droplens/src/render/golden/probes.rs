//! Probes of made-up hosts.

use std::time::Duration;

use droplens_model::sample::probes::{
    FailureReason, LastFailure, LossPattern, LossRatio, ProbeKind, Route, TargetState,
};
use droplens_model::{Grade, Moment, ProbeLoss, ProbeReport, ProbeTransport, Report};

use super::made_up;

/// Probes of all sorts, of which some lose or fail.
pub(super) fn some() -> Report {
    let mut report = made_up::clean();
    report.symptoms.probes = vec![
        loss(ProbeTransport::Icmp, 12, 310),
        loss(ProbeTransport::Tcp, 0, 60),
        loss(ProbeTransport::Dns, 1, 4),
    ];
    report.probes = vec![
        lossy(),
        bursts(),
        refused(),
        name_server(),
        api(),
        ProbeReport {
            pmtu_bytes: Some(1400),
            ..probe(ProbeKind::Pmtu, "192.0.2.7", 0, 0)
        },
        ProbeReport {
            address: None,
            state: TargetState::Unresolved,
            ..probe(ProbeKind::Tcp, "gone.example:22", 0, 0)
        },
        ProbeReport {
            state: TargetState::Silent,
            sent: 10,
            ..probe(ProbeKind::Icmp, "192.0.2.1", 0, 0)
        },
    ];
    report.probes_left_out = 1204;
    report
}

fn loss(transport: ProbeTransport, lost: u64, packets: u64) -> ProbeLoss {
    let ratio = lost as f64 / packets as f64;
    ProbeLoss {
        transport,
        packets,
        lost,
        ratio,
        grade: (packets > 4).then(|| Grade::of(ratio)),
        round_trip_median: Some(0.000_42),
        round_trip_p99: Some(0.0231),
    }
}

fn probe(kind: ProbeKind, target: &str, lost: u64, of: u64) -> ProbeReport {
    let ratio = LossRatio { lost, of };
    ProbeReport {
        probe: kind.id().into(),
        target: target.into(),
        kind,
        state: TargetState::Resolved,
        address: Some("192.0.2.7".parse().unwrap()),
        sent: of,
        loss: ratio,
        loss_interval: ratio.interval(),
        round_trip_median: (of > 0).then_some(0.000_42),
        round_trip_p99: (of > 0).then_some(0.0231),
        pattern: LossPattern::Unknown,
        failed: lost,
        last_failure: None,
        certificate_days: None,
        pmtu_bytes: None,
        route: None,
        route_changes: 0,
        identifier_healed: 0,
    }
}

fn failure(reason: FailureReason, message: &str) -> LastFailure {
    LastFailure {
        reason,
        message: message.into(),
        at: Moment::default(),
    }
}

fn lossy() -> ProbeReport {
    ProbeReport {
        pattern: LossPattern::Periodic {
            period: Duration::from_secs(3),
        },
        last_failure: Some(failure(FailureReason::Timeout, "")),
        route: Some(Route {
            device: "eth0".into(),
            gateway: Some("192.0.2.1".parse().unwrap()),
            source: None,
            mtu: None,
        }),
        route_changes: 1,
        identifier_healed: 1,
        ..probe(ProbeKind::Icmp, "192.0.2.7", 9, 200)
    }
}

fn bursts() -> ProbeReport {
    ProbeReport {
        address: Some("2001:db8::7".parse().unwrap()),
        pattern: LossPattern::Burst { mean_packets: 3.0 },
        ..probe(ProbeKind::Icmp, "gw.example", 3, 100)
    }
}

fn refused() -> ProbeReport {
    ProbeReport {
        failed: 4,
        last_failure: Some(failure(
            FailureReason::ConnectRefused,
            "connection refused \x1b[2J by 192.0.2.7:5432",
        )),
        ..probe(ProbeKind::Tcp, "db.example:5432", 0, 60)
    }
}

fn name_server() -> ProbeReport {
    ProbeReport {
        pattern: LossPattern::Random,
        ..probe(ProbeKind::Dns, "192.0.2.53:53", 1, 4)
    }
}

fn api() -> ProbeReport {
    ProbeReport {
        certificate_days: Some(6.4),
        ..probe(ProbeKind::Http, "https://api.example/health", 0, 20)
    }
}
