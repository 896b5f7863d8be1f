//! Alerts about droplens itself: who does not look sees nothing.

use super::declaration::{Alert, Severity, Subject, bound};
use super::kinds::changed;
use super::proof::Shape::{Level, Rate, Then};
use super::proof::{Proof, cases, input};

/// The jobs that scrape droplens: `droplens`, or something that ends in `/droplens` or
/// `-droplens`, as operators for Kubernetes name them.
pub(super) const JOB: &str = "job=~\"(.*[-_/])?droplens\"";

pub(super) fn alerts() -> Vec<Alert> {
    let mut alerts = reachable();
    alerts.extend(looking());
    alerts.push(watchdog());
    alerts
}

/// A ticket about droplens; `what` is its label `cause`.
fn ticket(
    name: &'static str,
    what: &'static str,
    (summary, description): (&str, &str),
    why: &'static str,
    expr: impl Into<String>,
    proof: Proof,
) -> Alert {
    Alert {
        name,
        subject: Subject::Agent(what),
        severity: Severity::Warning,
        expr: expr.into(),
        bounds: Vec::new(),
        hold: "5m",
        keep: "5m",
        summary: summary.to_owned(),
        description: description.to_owned(),
        why,
        proof,
    }
}

fn reachable() -> Vec<Alert> {
    let instances = super::recording::INSTANCE;
    let down = ticket(
        "DroplensDown",
        "agent_down",
        (
            "droplens on {{ $labels.instance }} does not answer.",
            "Prometheus cannot scrape {{ $labels.instance }}: the agent, the host or the network to it is down.",
        ),
        "The host's own monitoring calls somebody if it is the host; one agent less is no outage.",
        format!("up{{{JOB}}} == 0"),
        cases("", vec![input("up", Level(0.0), Level(1.0), Level(1.0))]),
    );
    let fleet = Alert {
        bounds: vec![
            bound("ratio", 0.05, "5 % of a job's agents"),
            bound("agents", 1.0, "1 agent"),
        ],
        ..ticket(
            "DroplensFleetDown",
            "fleet_down",
            (
                "Many agents of {{ $labels.job }} do not answer.",
                "{{ $value | humanizePercentage }} of the agents of {{ $labels.job }} do not answer.",
            ),
            "Many at once is no broken host: a network, a rollout or a certificate. DroplensDown is muted meanwhile.",
            format!(
                "count without ({instances}) (up{{{JOB}}} == 0)\n  / count without ({instances}) (up{{{JOB}}})\n> $ratio\nand\ncount without ({instances}) (up{{{JOB}}} == 0) > $agents"
            ),
            Proof::Own,
        )
    };
    let absent = ticket(
        "DroplensAbsent",
        "fleet_absent",
        (
            "Prometheus knows no agent at all.",
            "There is no target of a job named droplens: its service discovery or its configuration is broken.",
        ),
        "Nobody looks at any host, and no other alert of this file can fire.",
        format!("absent(up{{{JOB}}})"),
        Proof::Own,
    );
    let vanished = ticket(
        "DroplensVanished",
        "agent_vanished",
        (
            "{{ $labels.instance }} is no target any more.",
            "{{ $labels.instance }} was a target of {{ $labels.job }} an hour ago and is none now.",
        ),
        "Neither up nor absent() tells of one target that is gone. Fleets shrink on purpose, so it is a note.",
        format!("up{{{JOB}}} offset 1h\nunless on (job, instance)\n  up{{{JOB}}}"),
        Proof::Own,
    );
    let restarting = Alert {
        bounds: vec![bound("restarts", 2.0, "2 restarts in an hour")],
        keep: "15m",
        hold: "0s",
        ..ticket(
            "DroplensRestarting",
            "agent_restarting",
            (
                "droplens on {{ $labels.instance }} restarts again and again.",
                "droplens on {{ $labels.instance }} started {{ $value | humanize }} times within an hour.",
            ),
            "It looks in between. One restart is an update; the dashboards show it.",
            format!("changes(process_start_time_seconds{{{JOB}}}[1h]) > $restarts"),
            Proof::Own,
        )
    };
    vec![
        fleet.page(),
        // Discovery takes a while when Prometheus starts.
        absent.hold("10m").page(),
        down,
        vanished.hold("10m").remark(),
        restarting,
    ]
}

fn looking() -> Vec<Alert> {
    let failed = ticket(
        "DroplensSourceFailed",
        "source_failed",
        (
            "droplens on {{ $labels.instance }} cannot read {{ $labels.source }} any more.",
            "{{ $labels.instance }} could read {{ $labels.source }} and now fails; droplens_source_info has the reason.",
        ),
        "What it tells is missing. A source that never worked is a matter of configuration, and no alert.",
        changed(
            "DroplensSourceFailed",
            ("droplens_source_up", 0, 1),
            "source",
        ),
        cases(
            "",
            vec![input(
                "droplens_source_up{source=\"links\"}",
                Then(1.0, 0.0),
                Level(1.0),
                Level(0.0),
            )],
        )
        .labels(&[("source", "links")]),
    );
    let blind = Alert {
        subject: Subject::Blind,
        ..ticket(
            "DroplensBlind",
            "",
            (
                "droplens on {{ $labels.instance }} became blind for {{ $labels.domain }}.",
                "{{ $labels.instance }} could look for losses of the domain {{ $labels.domain }} and no longer can.",
            ),
            "Its silence means nothing from now on. A domain that it never saw is a matter of configuration.",
            changed("DroplensBlind", ("droplens_domain_blind", 1, 0), "domain"),
            cases(
                "",
                vec![input(
                    "droplens_domain_blind{domain=\"nic\"}",
                    Then(0.0, 1.0),
                    Level(0.0),
                    Level(1.0),
                )],
            )
            .labels(&[("domain", "nic")]),
        )
    };
    let cut = Alert {
        bounds: vec![bound("series", 0.0, "any")],
        hold: "0s",
        keep: "15m",
        ..ticket(
            "DroplensSeriesCut",
            "series_cut",
            (
                "Scrapes of {{ $labels.instance }} are incomplete.",
                "{{ $value | humanize }} series of {{ $labels.instance }} were left out of scrapes within 15 minutes: raise [metrics] series_limit or fold more devices.",
            ),
            "Series are missing, and nobody can tell which an alert would have needed.",
            "increase(droplens_series_cut_total[15m]) > $series",
            cases(
                "900",
                vec![input(
                    "droplens_series_cut_total",
                    Rate(1.0),
                    Rate(0.0),
                    Rate(0.0),
                )],
            ),
        )
    };
    let rejected = Alert {
        bounds: vec![bound("reloads", 0.0, "any")],
        hold: "0s",
        keep: "15m",
        ..ticket(
            "DroplensConfigRejected",
            "config_rejected",
            (
                "droplens on {{ $labels.instance }} refused its new configuration.",
                "{{ $labels.instance }} refused {{ $value | humanize }} reloads within 15 minutes and goes on with the old configuration; its log says what is wrong.",
            ),
            "It works on, but not as somebody just meant it to.",
            "increase(droplens_config_reload_failures_total[15m]) > $reloads",
            cases(
                "15",
                vec![input(
                    "droplens_config_reload_failures_total",
                    Rate(1.0 / 60.0),
                    Rate(0.0),
                    Rate(0.0),
                )],
            ),
        )
    };
    vec![failed.hold("10m"), blind.hold("15m"), cut, rejected]
}

fn watchdog() -> Alert {
    ticket(
        "Watchdog",
        "watchdog",
        (
            "Alerting works.",
            "This alert always fires. When it stops coming, Prometheus, Alertmanager or the way to its receiver is broken.",
        ),
        "A receiver that expects it (a dead man's switch) tells when alerting itself is broken.",
        "vector(1)",
        Proof::Own,
    )
    .hold("0s")
    .keep("0s")
    .remark()
}
