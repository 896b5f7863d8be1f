//! Recording rules: what alerts and dashboards of a fleet would otherwise work out each time.

use super::agent::JOB;

/// The labels that tell targets of one job apart. Sites whose targets have others add them.
pub(super) const INSTANCE: &str = "instance, pod, node";

/// A group of recording rules.
pub(super) struct Group {
    pub(super) name: &'static str,
    pub(super) interval: &'static str,
    pub(super) about: &'static str,
    pub(super) records: Vec<Record>,
}

/// One recording rule.
pub(super) struct Record {
    pub(super) name: &'static str,
    pub(super) expr: String,
    /// How many series it makes.
    pub(super) series: &'static str,
}

fn record(name: &'static str, series: &'static str, expr: impl Into<String>) -> Record {
    Record {
        name,
        expr: expr.into(),
        series,
    }
}

/// Every group, each before those that read it.
pub(super) fn groups() -> Vec<Group> {
    vec![
        Group {
            name: "droplens-instances",
            interval: "30s",
            about: "Per instance. Only what is being lost is kept: a healthy host costs one series.",
            records: instances(),
        },
        Group {
            name: "droplens-probes",
            interval: "30s",
            about: "Per target that is probed. Late answers did arrive; what this host could not send or see is no loss of the path.",
            records: probes(),
        },
        Group {
            name: "droplens-probes-slow",
            interval: "5m",
            about: "Long windows are made of short ones side by side, which is far cheaper and as exact.",
            records: slow_probes(),
        },
        Group {
            name: "droplens-fleet",
            interval: "1m",
            about: "Per job: what to federate or to keep for years.",
            records: fleet(),
        },
    ]
}

fn instances() -> Vec<Record> {
    vec![
        record(
            "instance_cause:droplens_drops:rate5m",
            "causes that lose packets now",
            "rate(droplens_drops_total[5m]) > 0",
        ),
        record(
            "instance_domain:droplens_drops:rate5m",
            "domains that lose packets now",
            "sum without (cause) (instance_cause:droplens_drops:rate5m)",
        ),
        record(
            "instance:droplens_drops:rate5m",
            "1 if it loses packets now",
            "sum without (domain) (instance_domain:droplens_drops:rate5m)",
        ),
        record(
            "instance:droplens_softnet_processed:rate5m",
            "1",
            "sum without (cpu) (rate(droplens_softnet_processed_total[5m]))",
        ),
    ]
}

const ANSWERABLE: &str = "outcome=~\"ok|late|lost|icmp_error\"";
const LOST: &str = "outcome=~\"lost|icmp_error\"";

fn of_probes(outcomes: &str, window: &str) -> String {
    format!("sum without (outcome) (rate(droplens_probe_packets_total{{{outcomes}}}[{window}]))")
}

fn probes() -> Vec<Record> {
    vec![
        record(
            "instance_target:droplens_probe_packets:rate5m",
            "addresses of its targets",
            of_probes(ANSWERABLE, "5m"),
        ),
        record(
            "instance_target:droplens_probe_lost:rate5m",
            "addresses of its targets",
            of_probes(LOST, "5m"),
        ),
        record(
            "instance_target:droplens_probe_packets:rate1h",
            "addresses of its targets",
            "avg_over_time(instance_target:droplens_probe_packets:rate5m[1h:5m])",
        ),
        record(
            "instance_target:droplens_probe_lost:rate1h",
            "addresses of its targets",
            "avg_over_time(instance_target:droplens_probe_lost:rate5m[1h:5m])",
        ),
    ]
}

fn slow_probes() -> Vec<Record> {
    vec![
        record(
            "instance_target:droplens_probe_packets:rate30m",
            "addresses of its targets",
            of_probes(ANSWERABLE, "30m"),
        ),
        record(
            "instance_target:droplens_probe_lost:rate30m",
            "addresses of its targets",
            of_probes(LOST, "30m"),
        ),
        record(
            "instance_target:droplens_probe_packets:rate6h",
            "addresses of its targets",
            "avg_over_time(instance_target:droplens_probe_packets:rate30m[6h:30m])",
        ),
        record(
            "instance_target:droplens_probe_lost:rate6h",
            "addresses of its targets",
            "avg_over_time(instance_target:droplens_probe_lost:rate30m[6h:30m])",
        ),
    ]
}

fn fleet() -> Vec<Record> {
    let without =
        |operation: &str, what: &str| format!("{operation} without ({INSTANCE}) ({what})");
    vec![
        record(
            "job_cause:droplens_drops:rate5m",
            "causes that lose packets now",
            without("sum", "instance_cause:droplens_drops:rate5m"),
        ),
        record(
            "job_cause:droplens_losing_instances:count",
            "causes that lose packets now",
            without("count", "instance_cause:droplens_drops:rate5m"),
        ),
        record(
            "job_domain:droplens_drops:rate5m",
            "domains that lose packets now",
            without("sum", "instance_domain:droplens_drops:rate5m"),
        ),
        record(
            "job_cause:droplens_finding_active:sum",
            "causes",
            without("sum", "droplens_finding_active"),
        ),
        record(
            "job_cause:droplens_cause_observable:sum",
            "causes",
            without("sum", "droplens_cause_observable"),
        ),
        record(
            "job_domain:droplens_domain_blind:sum",
            "domains",
            without("sum", "droplens_domain_blind"),
        ),
        record(
            "job:droplens_up:sum",
            "1",
            without("sum", &format!("up{{{JOB}}}")),
        ),
        record(
            "job:droplens_up:count",
            "1",
            without("count", &format!("up{{{JOB}}}")),
        ),
        record(
            "job_version:droplens_build:count",
            "versions",
            format!("count without ({INSTANCE}, revision) (droplens_build_info)"),
        ),
        record(
            "job_target:droplens_probe_packets:rate5m",
            "addresses of targets",
            without("sum", "instance_target:droplens_probe_packets:rate5m"),
        ),
        record(
            "job_target:droplens_probe_lost:rate5m",
            "addresses of targets",
            without("sum", "instance_target:droplens_probe_lost:rate5m"),
        ),
    ]
}
