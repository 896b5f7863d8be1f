//! What the probes found: by target and by label.

use serde_json::json;

use super::dashboard::Dashboard;
use super::layout::Row;
use super::link::To;
use super::panel::Panel;
use super::promql::some_or;
use super::style::{self, BLIND};
use super::target::Target;
use super::variable::Variable;

mod queries;

use queries::{WHOLE, highest};
pub(super) use queries::{loss_ratio, worst_losses};

/// What the queries of this dashboard match besides job and instance.
const CHOSEN: &str = "probe=~\"$probe\",target=~\"$target\"";

/// Joins the labels of a target.
const JOIN: &str =
    "* on (job, instance, probe, target) group_left ($label) droplens_probe_target_info";

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        uid: "droplens-probes",
        title: "droplens / Probes",
        description: "What the probes of the nodes found on the way to their targets: loss and how it is spread, round-trip times, paths and certificates.",
        variables: vec![
            Variable::values(
                "probe",
                "Probe",
                "droplens_probe_target_info",
                "Names of probes in the configuration.",
            ),
            Variable::values(
                "target",
                "Target",
                "droplens_probe_target_info{probe=~\"$probe\"}",
                "What is probed.",
            ),
            Variable::label_names(
                "label",
                "Group by",
                "droplens_probe_target_info{probe=~\"$probe\"}",
                (
                    "kind",
                    "/^(?!__name__$|job$|instance$|probe$|target$)(.+)$/",
                ),
                "A label of the targets: those that the configuration gives them, or the kind of probe.",
            ),
        ],
        range: "1h",
        rows: vec![
            Row::new("Now", overview()),
            Row::new("By target and label", [targets(), by_target(), by_label()]),
            Row::new("Loss", loss()),
            Row::new("Round-trip times", times()),
            Row::new("Path, MTU and certificates", beyond()),
            Row::new("The prober itself", prober()),
        ],
    }
}

fn ratio(by: &str, function: &str, window: &str) -> String {
    loss_ratio(by, &format!("{CHOSEN},"), function, window, "")
}

/// Of these targets.
fn of(name: &str) -> String {
    format!("{name}{{{CHOSEN}}}")
}

fn rate(name: &str) -> String {
    format!("rate({}[$__rate_interval])", of(name))
}

const LOSS_COLOURS: &[(f64, &str)] = &[(0.001, "yellow"), (0.01, "orange"), (0.05, "red")];

fn overview() -> Vec<Panel> {
    let count = |series: &str| format!("count({series}) or vector(0)");
    vec![
        Panel::stat("Addresses probed", "short")
            .about("Addresses of targets that are probed, from all chosen nodes.")
            .query(&format!("count({})", of("droplens_probe_in_flight")), "")
            .otherwise("Nothing is probed"),
        Panel::stat("Probes lost", "percentunit")
            .about("Share of the probes that got no answer within the time range. Green below 0.1 %, red from 5 % on.")
            .query(&ratio("", "increase", "[$__range]"), "")
            .colours("green", LOSS_COLOURS)
            .otherwise("No probe ended"),
        Panel::stat("Addresses that do not answer", "short")
            .about("Addresses whose last five probes or more got no answer in time.")
            .query(&count(&format!("{} >= 5", of("droplens_probe_unanswered_consecutive"))), "")
            .colours("green", &[(1.0, "red")]),
        Panel::stat("Names that do not resolve", "short")
            .about("Targets whose name does not resolve now. Nothing is counted as lost for that.")
            .query(&count(&format!("{} == 0", of("droplens_target_resolved"))), "")
            .colours("green", &[(1.0, "red")]),
        Panel::stat("Silent targets", "short")
            .about("Targets that droplens found by itself and that never answered, such as gateways that ignore pings. Nothing is known of the path to them, and nothing is counted as lost.")
            .query(&count(&format!("{} > 0", of("droplens_probe_silent_total"))), "")
            .colours("green", &[(1.0, BLIND)]),
        Panel::stat("Path MTU black holes", "short")
            .about("Addresses on whose path large packets vanish without a message.")
            .query(&count(&format!("{} == 1", of("droplens_pmtu_blackhole"))), "")
            .colours("green", &[(1.0, "red")]),
    ]
}

fn targets() -> Panel {
    let median = format!(
        "histogram_quantile(0.5, sum by (job, instance, probe, target, address, le) (increase({}[$__range])))",
        of("droplens_probe_rtt_seconds_bucket")
    );
    Panel::table("Targets", "short")
        .about("Each address: share of lost probes and median round-trip time within the time range, and how many probes in a row got no answer by now.")
        .sized(24, 9)
        .query(&ratio("job, instance, probe, target, address", "increase", "[$__range]"), "")
        .query(&median, "")
        .query(&format!("max by (job, instance, probe, target, address) ({})", of("droplens_probe_unanswered_consecutive")), "")
        .option("sortBy", json!([{ "displayName": "lost", "desc": true }]))
        .transform("merge", &json!({}))
        .columns(
            &[
                ("instance", "node"),
                ("probe", "probe"),
                ("target", "target"),
                ("address", "address"),
                ("Value #A", "lost"),
                ("Value #B", "median RTT"),
                ("Value #C", "unanswered in a row"),
            ],
            &["job"],
        )
        .overriding(style::override_named("node", &[("links", json!([To::Node.of_row()]))]))
        .overriding(style::override_named(
            "lost",
            &[
                ("unit", json!("percentunit")),
                ("thresholds", style::thresholds("transparent", LOSS_COLOURS)),
                ("custom.cellOptions", json!({ "type": "color-background", "mode": "basic" })),
            ],
        ))
        .overriding(style::override_named("median RTT", &[("unit", json!("s"))]))
        .otherwise("Nothing is probed")
}

fn by_target() -> Panel {
    Panel::lines("Loss by target", "percentunit")
        .about("Share of the probes to a target that got no answer, from all chosen nodes: the ten worst of those that lost any within the time range, and all together.")
        .sized(12, 8)
        .query(&worst_losses("probe, target", &format!("{CHOSEN},")), "{{probe}} {{target}}")
        .query(&ratio("", "rate", "[$__rate_interval]"), "all targets")
        .reference("all targets")
        .zero_to(0.05)
        .otherwise("No probe ended")
}

fn by_label() -> Panel {
    let query = loss_ratio(
        "$label",
        &format!("{CHOSEN},"),
        "rate",
        "[$__rate_interval]",
        &format!(" {JOIN}"),
    );
    Panel::lines("Loss by ${label}", "percentunit")
        .about("The same by a label of the targets, chosen above: a site, a provider, a team.")
        .sized(12, 8)
        .query(&query, "{{$label}}")
        .zero_to(0.05)
        .otherwise("No probe ended, or no target has this label")
}

fn loss() -> Vec<Panel> {
    let buckets = |name: &str| format!("sum by (le) (increase({}[$__rate_interval]))", of(name));
    vec![
        Panel::bars("Outcomes", "ops")
            .about("How probes ended. Only lost, icmp_error and local_drop are losses; aborted ones could not be heard since the prober itself was stopped.")
            .query(&format!("sum by (outcome) ({}) > 0", rate("droplens_probe_packets_total")), "{{outcome}}")
            .coloured(&[
                ("ok", "green"),
                ("late", "yellow"),
                ("lost", "red"),
                ("icmp_error", "orange"),
                ("local_drop", "dark-red"),
                ("send_error", "blue"),
                ("aborted", BLIND),
            ])
            .otherwise("No probe ended"),
        Panel::heatmap("Lost in a row", "short")
            .about("How many probes in a row were lost (loss periods of RFC 3357). Runs of one are random loss, long ones are outages or full queues.")
            .sized(8, 8)
            .query(&buckets("droplens_probe_loss_burst_packets_bucket"), "")
            .otherwise("No run of lost probes ended"),
        Panel::bars("Failures by reason", "ops")
            .about("Probes that failed. An answered probe can fail too, as when a connection is refused.")
            .query(&format!("sum by (probe, reason) ({}) > 0", rate("droplens_probe_failures_total")), "{{probe}} {{reason}}")
            .otherwise("No probe failed"),
    ]
}

fn times() -> Vec<Panel> {
    const BY: &str = "probe, target";
    let tail = |function: &str, window: &str| {
        format!(
            "histogram_quantile(0.99, sum by ({BY}, le) ({function}({}{window})))",
            of("droplens_probe_rtt_seconds_bucket")
        )
    };
    let slowest = highest(
        &tail("rate", "[$__rate_interval]"),
        BY,
        5,
        &tail("increase", WHOLE),
    );
    let jitter = of("droplens_probe_jitter_seconds");
    let jittery = highest(
        &format!("max by ({BY}) ({jitter})"),
        BY,
        5,
        &format!("max by ({BY}) (max_over_time({jitter}{WHOLE}))"),
    );
    let median = format!(
        "histogram_quantile(0.5, sum by (le) ({}))",
        rate("droplens_probe_rtt_seconds_bucket")
    );
    vec![
        Panel::heatmap("Round-trip times", "s")
            .about("All chosen targets together; late answers are in it, lost probes are not.")
            .query(&format!("sum by (le) (increase({}[$__rate_interval]))", of("droplens_probe_rtt_seconds_bucket")), "")
            .otherwise("No probe was answered"),
        Panel::lines("99th percentile of the slowest targets", "s")
            .about("The five targets with the longest tail within the time range, and the median of all. The tail matters more than the median: a queue that fills shows there first.")
            .sized(12, 8)
            .query(&slowest, "{{probe}} {{target}}")
            .query(&median, "median of all")
            .reference("median of all")
            .otherwise("No probe was answered"),
        Panel::lines("Phases", "s")
            .about("Mean time of each step of probes that have steps: resolve, connect, tls, processing, transfer.")
            .query(
                &format!(
                    "sum by (probe, phase) ({}) / (sum by (probe, phase) ({}) > 0)",
                    rate("droplens_probe_phase_seconds_sum"),
                    rate("droplens_probe_phase_seconds_count")
                ),
                "{{probe}} {{phase}}",
            )
            .otherwise("No probe with steps ended"),
        Panel::lines("Jitter", "s")
            .about("Smoothed difference between successive round-trip times (RFC 3550), the highest of all nodes: the five targets with the most within the time range.")
            .query(&jittery, "{{probe}} {{target}}")
            .otherwise("No probe was answered"),
        Panel::bars("Reordered and duplicated answers, SYN sent again", "short")
            .about("How often answers came after a later one's or twice, and SYN segments of probes had to be sent again.")
            .query(&counted("droplens_probe_reordered_total"), "{{target}}: reordered")
            .query(&counted("droplens_probe_duplicates_total"), "{{target}}: duplicated")
            .query(&counted("droplens_probe_tcp_syn_retransmits_total"), "{{target}}: SYN again")
            .otherwise("No probe ended"),
    ]
}

/// How often something happened by target, and none while it did not.
fn counted(name: &str) -> String {
    happened(&of(name))
}

/// The same of any series.
fn happened(series: &str) -> String {
    let increase = format!("increase({series}[$__rate_interval])");
    some_or("none", "target", "", &increase)
}

fn healed() -> String {
    let name = "droplens_probe_identifier_rotations_total";
    happened(&format!("{name}{{outcome=\"healed\",{CHOSEN}}}"))
}

fn beyond() -> Vec<Panel> {
    vec![
        Panel::lines("Hops", "short")
            .about("Hops up to the target, or the last one that answered: the ten longest paths.")
            .query(&format!("topk(10, {})", of("droplens_path_hops")), "{{target}} · {{instance}}")
            .with_points()
            .zero_to(10.0)
            .otherwise("No path is looked at"),
        Panel::bars("Path changes", "short")
            .about("How often the path to a target became another one, how often the node began to send by another device or router, and how often another ICMP identifier ended an outage: then stale NAT or connection tracking on the way was the reason.")
            .query(&counted("droplens_path_changes_total"), "{{target}}: path")
            .query(&counted("droplens_probe_route_changes_total"), "{{target}}: own route")
            .query(&healed(), "{{target}}: healed by another identifier")
            .otherwise("No path is looked at"),
        Panel::lines("Path MTU", "bytes")
            .about("The largest packet that arrived, with its IP header: the ten smallest.")
            .query(&format!("bottomk(10, {})", of("droplens_pmtu_bytes")), "{{target}} · {{instance}}")
            .with_points()
            .otherwise("No path MTU is looked for"),
        Panel::table("Certificates", "s")
            .about("Time until the server's own certificate (leaf) and the first of its chain expire, the next first.")
            .sized(24, 7)
            .target(Target::instant(
                &format!("sort({} - time())", of("droplens_probe_tls_certificate_expiry_timestamp_seconds")),
                "",
            ))
            .columns(
                &[
                    ("instance", "node"),
                    ("probe", "probe"),
                    ("target", "target"),
                    ("address", "address"),
                    ("scope", "scope"),
                    ("Value", "expires in"),
                ],
                &["job", "family"],
            )
            .overriding(style::override_named(
                "expires in",
                &[
                    ("thresholds", style::thresholds("red", &[(604_800.0, "orange"), (1_814_400.0, "green")])),
                    ("custom.cellOptions", json!({ "type": "color-text" })),
                ],
            ))
            .otherwise("No certificate is looked at"),
    ]
}

fn prober() -> Vec<Panel> {
    vec![
        Panel::lines("Probes per second", "ops")
            .about("What the targets ask for, and what the budget of a node lets through.")
            .query("sum(droplens_prober_wanted_probes_per_second)", "wanted")
            .query("sum(droplens_prober_effective_probes_per_second)", "effective")
            .otherwise("No prober runs"),
        Panel::lines("Schedule lag", "s")
            .about("The longest time by which a probe began late, on the ten slowest nodes.")
            .query("topk(10, droplens_prober_schedule_lag_seconds)", "{{instance}}")
            .otherwise("No prober runs"),
        Panel::bars("Stalls and overflows", "short")
            .about("Times a prober was not running, and answers that the kernel dropped since its socket was full: neither is loss on the way.")
            .query("sum(increase(droplens_prober_stalls_total[$__rate_interval]))", "stalls")
            .query("sum(increase(droplens_prober_socket_overflows_total[$__rate_interval]))", "overflows")
            .query("sum(increase(droplens_prober_skipped_total[$__rate_interval]))", "skipped")
            .otherwise("No prober runs"),
    ]
}
