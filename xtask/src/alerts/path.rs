//! Alerts about the network beyond the host and the services at its other end.

use droplens_model::Cause;

use super::declaration::{Alert, bound};
use super::kinds::{found, ticket};
use super::proof::Shape::{Level, Rate};
use super::proof::{Proof, cases, input};

pub(super) fn alerts() -> Vec<Alert> {
    let mut alerts = vec![
        retransmits(),
        loss(
            "ProbeLossFast",
            ("1h", "5m"),
            ("fast", 14.4),
            "At this rate a month's budget of loss is gone in two days: users feel it now.",
        )
        .page(),
        loss(
            "ProbeLossSlow",
            ("6h", "30m"),
            ("slow", 6.0),
            "At this rate a month's budget of loss is gone in five days.",
        ),
        blackhole(),
        found(
            "PathLatency",
            Cause::PathLatency,
            "Round trips take longer than those to such a target should",
            "Slow, not lost; often a detour that somebody else's router takes.",
        ),
    ];
    alerts.extend(services());
    alerts
}

fn retransmits() -> Alert {
    const AGAIN: &str = "rate(droplens_netstat_tcp_retranssegs_total[15m])";
    const SENT: &str = "rate(droplens_netstat_tcp_outsegs_total[15m])";
    Alert {
        bounds: vec![
            bound("ratio", 0.01, "1 % of the segments sent"),
            bound("per_second", 1.0, "1 segment/s"),
        ],
        hold: "15m",
        summary: "TCP of {{ $labels.instance }} sends much again.".to_owned(),
        description: "{{ $labels.instance }} sends {{ $value | humanizePercentage }} of its TCP segments again: they, or their acknowledgements, are lost on the way.".to_owned(),
        ..ticket(
            "TcpRetransmits",
            Cause::PathLoss,
            "It may be one far client behind a bad radio link: nothing that somebody could mend at night.",
            format!("{AGAIN} / {SENT} > $ratio\nand\n{AGAIN} > $per_second"),
            cases(
                "2%",
                vec![
                    input("droplens_netstat_tcp_retranssegs_total", Rate(20.0), Rate(9.0), Rate(0.9)),
                    input("droplens_netstat_tcp_outsegs_total", Rate(1000.0), Rate(1000.0), Rate(0.0)),
                ],
            ),
        )
    }
}

/// A budget of lost probes burns too fast in both windows.
fn loss(
    name: &'static str,
    (long, short): (&'static str, &'static str),
    (speed, factor): (&str, f64),
    why: &'static str,
) -> Alert {
    const LOST: &str = "instance_target:droplens_probe_lost:rate";
    const ALL: &str = "instance_target:droplens_probe_packets:rate";
    let budget = 0.001;
    let series = |outcome| {
        format!(
            "droplens_probe_packets_total{{probe=\"icmp\",target=\"a\",address=\"192.0.2.1\",family=\"ipv4\",outcome=\"{outcome}\"}}"
        )
    };
    let proof = |told| -> Proof {
        let edge = factor * budget;
        // Ten probes a second, so that the shares count and not the floors.
        let rates = |share: f64| (Rate(10.0 * share), Rate(10.0 * (1.0 - share)));
        let ((lost, ok), (fewer, more)) = (rates(2.0 * edge), rates(0.9 * edge));
        cases(
            told,
            vec![
                input(series("ok"), ok, more, Rate(0.0)),
                input(series("lost"), lost, fewer, Rate(0.009)),
            ],
        )
        .labels(&[
            ("probe", "icmp"),
            ("target", "a"),
            ("address", "192.0.2.1"),
            ("family", "ipv4"),
        ])
    };
    let proof = match long {
        "1h" => proof("2.88%"),
        _ => proof("1.2%").fires_by(80),
    };
    Alert {
        bounds: vec![
            bound(
                "budget",
                factor * budget,
                format!(
                    "{factor} x the budget of {} % in {long} and {short}",
                    budget * 100.0
                ),
            ),
            bound("lost_per_second", 0.01, "3 lost probes in 5 minutes"),
            bound("probes_per_second", 0.02, "72 probes in an hour"),
        ],
        hold: "2m",
        summary: format!(
            "Probes of {{{{ $labels.target }}}} from {{{{ $labels.instance }}}} are lost ({speed} burn)."
        ),
        description: format!(
            "{{{{ $labels.instance }}}} lost {{{{ $value | humanizePercentage }}}} of its {{{{ $labels.probe }}}} probes of {{{{ $labels.target }}}} ({{{{ $labels.address }}}}) within {long}."
        ),
        ..ticket(
            name,
            Cause::PathLoss,
            why,
            format!(
                "{LOST}{long} / {ALL}{long} > $budget\nand\n{LOST}{short} / {ALL}{short} > $budget\n\
                 and\n{LOST}{short} > $lost_per_second\nand\n{ALL}{long} > $probes_per_second"
            ),
            proof,
        )
    }
}

fn blackhole() -> Alert {
    Alert {
        hold: "15m",
        summary: "Large packets from {{ $labels.instance }} to {{ $labels.target }} vanish.".to_owned(),
        description: "Small packets from {{ $labels.instance }} to {{ $labels.target }} ({{ $labels.address }}) arrive, large ones do not, and no router says why.".to_owned(),
        ..ticket(
            "PathMtuBlackhole",
            Cause::PathMtuBlackhole,
            "Transfers hang while everything seems reachable. Somebody else's router has to be set right.",
            "droplens_pmtu_blackhole == 1",
            cases(
                "",
                vec![input(
                    "droplens_pmtu_blackhole{probe=\"pmtu\",target=\"a\",address=\"192.0.2.1\",family=\"ipv4\"}",
                    Level(1.0),
                    Level(0.0),
                    Level(0.0),
                )],
            )
            .labels(&[
                ("probe", "pmtu"),
                ("target", "a"),
                ("address", "192.0.2.1"),
                ("family", "ipv4"),
            ]),
        )
    }
}

fn services() -> Vec<Alert> {
    vec![
        found(
            "ConnectRefused",
            Cause::ConnectRefused,
            "A service that is probed refuses connections",
            "The service has its own monitoring; this says that the network is not to blame.",
        ),
        found(
            "ConnectTimeout",
            Cause::ConnectTimeout,
            "A service that is probed does not answer",
            "As ConnectRefused; whether the path loses more than this is ProbeLossFast.",
        ),
        unanswered().remark(),
        found(
            "DnsFailure",
            Cause::DnsFailure,
            "Names cannot be resolved",
            "One resolver of several, or one name; if all fail, everything else alerts.",
        ),
        found(
            "DnsSlow",
            Cause::DnsSlow,
            "Name resolution is slow",
            "Everything is slow, nothing fails.",
        ),
        certificate(),
        found(
            "HttpFailure",
            Cause::HttpFailure,
            "A service that is probed fails",
            "As ConnectRefused.",
        ),
        found(
            "ServiceSlow",
            Cause::ServiceSlow,
            "A service that is probed is slow",
            "Slow, not lost.",
        ),
    ]
}

fn unanswered() -> Alert {
    Alert {
        bounds: vec![bound("sockets", 200.0, "200 sockets")],
        hold: "15m",
        summary: "Many connections that {{ $labels.instance }} asks for get no answer.".to_owned(),
        description: "{{ $labels.instance }} waits for the answer to {{ $value | humanize }} connection attempts (syn_sent).".to_owned(),
        ..ticket(
            "TcpUnansweredMany",
            Cause::ConnectTimeout,
            "The peer is dead or drops: its matter. A crawler has many at any time.",
            "sum without (family, state) (droplens_tcp_sockets{state=\"syn_sent\"}) > $sockets",
            cases(
                "300",
                vec![input(
                    "droplens_tcp_sockets{family=\"ipv4\",state=\"syn_sent\"}",
                    Level(300.0),
                    Level(200.0),
                    Level(0.0),
                )],
            ),
        )
    }
}

fn certificate() -> Alert {
    const DAY: f64 = 86_400.0;
    Alert {
        bounds: vec![bound("seconds", 21.0 * DAY, "21 days")],
        hold: "1h",
        summary: "A certificate of {{ $labels.target }} expires soon.".to_owned(),
        description: "A certificate ({{ $labels.scope }}) of {{ $labels.target }}, seen from {{ $labels.instance }}, expires in {{ $value | humanizeDuration }}.".to_owned(),
        ..ticket(
            "TlsCertificateExpiring",
            Cause::TlsCertificateExpiring,
            "There are weeks left, and what renews it should have done so.",
            "droplens_probe_tls_certificate_expiry_timestamp_seconds - time() < $seconds",
            cases(
                // In the test's time, which begins at 0.
                "9d 22h 40m 0s",
                vec![input(
                    "droplens_probe_tls_certificate_expiry_timestamp_seconds{probe=\"https\",target=\"a\",address=\"192.0.2.1\",family=\"ipv4\",scope=\"leaf\"}",
                    Level(10.0 * DAY),
                    Level(30.0 * DAY),
                    Level(30.0 * DAY),
                )],
            )
            .labels(&[
                ("probe", "https"),
                ("target", "a"),
                ("address", "192.0.2.1"),
                ("family", "ipv4"),
                ("scope", "leaf"),
            ])
            .told_later("9d 21h 20m 0s")
            .fires_by(80),
        )
    }
}
