//! The whole fleet: where are packets being lost?

use droplens_model::Domain;
use serde_json::{Value, json};

use super::dashboard::Dashboard;
use super::layout::Row;
use super::link::To;
use super::panel::Panel;
use super::style::{self, BLIND};

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        uid: "droplens-fleet",
        title: "droplens / Fleet",
        description: "Where are packets being lost: which nodes, in which domain of the packet path, by which cause.",
        variables: Vec::new(),
        // What it costs grows with nodes and time: this is enough for now, at a thousand nodes.
        range: "30m",
        rows: vec![
            Row::new("Now", overview()),
            Row::new("Where packets are being lost", [matrix(), top_nodes()]),
            Row::new(
                "What loses them",
                [causes(), bursts(), findings(), devices()],
            ),
            Row::new(
                "Alerts, and what cannot be seen",
                [alerts(), blind_domains(), blind_causes(), blind_nodes()],
            ),
        ],
    }
}

fn overview() -> Vec<Panel> {
    let bad = |color| [(1.0, color)];
    vec![
        Panel::stat("Nodes that answer", "short")
            .about("Agents that the last scrape reached.")
            .query("sum(up)", "")
            .otherwise("None"),
        Panel::stat("Nodes that do not", "short")
            .about("Targets of the job whose last scrape failed: nothing is known of them, which is not the same as no loss.")
            .query("sum(1 - up)", "")
            .colours("green", &bad("red"))
            .otherwise("None"),
        Panel::stat("Nodes with a finding", "short")
            .about("Nodes that lose packets, or come under pressure, or did so in the last minute (droplens_finding_active).")
            .query("count(max by (job, instance) (droplens_finding_active) == 1) or vector(0)", "")
            .colours("green", &bad("orange")),
        Panel::stat("Packets lost", style::PACKETS)
            .about("Packets that all chosen nodes lose now, each counted once.")
            .query("sum(rate(droplens_drops_total[$__rate_interval]))", "")
            .colours("green", &[(1.0, "orange"), (100.0, "red")])
            .otherwise("No node can tell"),
        Panel::stat("Alerts firing", "short")
            .about("Alerts of droplens that fire now, those for information only, such as the Watchdog, left out.")
            .query("count(ALERTS{alertstate=\"firing\",domain!=\"\",severity=~\"critical|warning\"}) or vector(0)", "")
            .colours("green", &bad("red")),
        Panel::stat("Nodes with a blind domain", "short")
            .about("Nodes that cannot look at a whole domain of the packet path. What they show is not the whole truth.")
            .query("count(max by (job, instance) (droplens_domain_blind) == 1) or vector(0)", "")
            .colours("green", &bad(BLIND)),
    ]
}

/// Nodes by domains in packet order, those that lose most first. Blind is less than 0, so that it cannot be
/// taken for 0, and by so little that it does not matter in the total.
fn matrix() -> Panel {
    const NODES: &str = "instance\\domain";
    const TOTAL: &str = "total";
    let order: serde_json::Map<String, Value> = [NODES, TOTAL]
        .into_iter()
        .chain(Domain::ALL.iter().map(|domain| domain.id()))
        .enumerate()
        .map(|(place, name)| (name.to_owned(), json!(place)))
        .collect();
    Panel::table("Packets lost by node and domain", "short")
        .about("Packets lost within the time range, each counted in one cause only. The domains are in packet order. “blind” means that nothing of the domain can be looked for there. A node's name leads to it.")
        .sized(18, 10)
        .query(
            "sum by (instance, domain) (increase(droplens_drops_total[$__range])) or -0.001 * (max by (instance, domain) (droplens_domain_blind) == 1)",
            "",
        )
        .transform(
            "groupingToMatrix",
            &json!({ "rowField": "instance", "columnField": "domain", "valueField": "Value", "emptyValue": "null" }),
        )
        .transform(
            "calculateField",
            &json!({ "mode": "reduceRow", "reduce": { "reducer": "sum" }, "alias": TOTAL, "timeSeries": false, "replaceFields": false }),
        )
        .transform("organize", &json!({ "indexByName": order, "excludeByName": {}, "renameByName": {} }))
        .option("sortBy", json!([{ "displayName": TOTAL, "desc": true }]))
        .default("decimals", 0)
        // All domains side by side, without scrolling.
        .custom("minWidth", 60)
        .custom("cellOptions", json!({ "type": "color-background", "mode": "basic" }))
        .colours("transparent", &[(1.0, "semi-dark-orange"), (1000.0, "semi-dark-red")])
        .default("mappings", style::below_zero("blind", BLIND))
        .overriding(style::override_named(
            TOTAL,
            &[
                ("custom.cellOptions", json!({ "type": "auto" })),
                ("mappings", style::below_zero("none seen", "text")),
            ],
        ))
        .overriding(style::override_named(
            NODES,
            &[
                ("displayName", json!("node")),
                ("custom.cellOptions", json!({ "type": "auto" })),
                ("custom.width", json!(180)),
                ("links", json!([To::Node.of_first_column(), To::Agent.of_first_column()])),
            ],
        ))
        .otherwise("No node answered within the time range")
}

fn top_nodes() -> Panel {
    Panel::bar_gauge("Nodes that lose most now", style::PACKETS)
        .about("The ten nodes with the most packets lost per second.")
        .sized(6, 10)
        .query(
            "topk(10, sum by (job, instance) (rate(droplens_drops_total[$__rate_interval])) > 0)",
            "{{instance}}",
        )
        .colours("orange", &[(100.0, "red")])
        .links(&[To::Node.of_series()])
        .otherwise("No node loses packets now")
}

fn causes() -> Panel {
    Panel::bars("Packets lost by cause", style::PACKETS)
        .about(
            "All chosen nodes together. What each cause means and what to do is in docs/runbook.",
        )
        .sized(12, 9)
        .query(
            "sum by (domain, cause) (rate(droplens_drops_total[$__rate_interval])) > 0",
            "{{domain}}: {{cause}}",
        )
        .few_points()
        .otherwise("No packet was lost")
}

fn bursts() -> Panel {
    Panel::bars("Bursts of loss that ended", "short")
        .about("A burst is loss by one cause without a second's pause (droplens_loss_events_total). Many short bursts and few long ones have different reasons.")
        .sized(12, 9)
        .query(
            "sum by (domain, cause) (increase(droplens_loss_events_total[$__rate_interval])) > 0",
            "{{domain}}: {{cause}}",
        )
        .few_points()
        .otherwise("No burst ended")
}

fn findings() -> Panel {
    Panel::table("Findings now", "short")
        .about("On how many nodes each cause is found now or was within the last minute, losses and pressure.")
        .query(
            "sort_desc(count by (domain, cause) (droplens_finding_active == 1))",
            "",
        )
        .columns(&[("domain", "domain"), ("cause", "cause"), ("Value", "nodes")], &[])
        .otherwise("Nothing is found on any node")
}

fn devices() -> Panel {
    Panel::table("Devices that lose most now", style::PACKETS)
        .about("The devices at which most packets are lost (droplens_device_drops_total). Not every loss happens at a device.")
        .query(
            "topk(20, sum by (job, instance, device, domain, cause) (rate(droplens_device_drops_total[$__rate_interval])) > 0)",
            "",
        )
        .columns(
            &[
                ("instance", "node"),
                ("device", "device"),
                ("domain", "domain"),
                ("cause", "cause"),
                ("Value", "lost"),
            ],
            &["job"],
        )
        .overriding(node_link())
        .otherwise("No device loses packets now")
}

fn alerts() -> Panel {
    Panel::table("Alerts firing", "short")
        .about("Alerts of droplens that fire now. It needs the rules in deploy/prometheus.")
        .query(
            "count by (alertname, severity, instance, cause) (ALERTS{alertstate=\"firing\",domain!=\"\",severity=~\"critical|warning\"})",
            "",
        )
        .columns(
            &[
                ("alertname", "alert"),
                ("severity", "severity"),
                ("instance", "node"),
                ("cause", "cause"),
            ],
            &["Value"],
        )
        .overriding(node_link())
        .overriding(style::severities())
        .otherwise("No alert fires")
}

fn blind_domains() -> Panel {
    Panel::table("Blind domains", "short")
        .about("On how many nodes nothing of a domain can be looked for.")
        .query(
            "sort_desc(count by (domain) (droplens_domain_blind == 1))",
            "",
        )
        .columns(&[("domain", "domain"), ("Value", "nodes")], &[])
        .otherwise("No node is blind")
}

fn blind_causes() -> Panel {
    Panel::table("Blind causes", "short")
        .about("On how many nodes a cause cannot be looked for: its loss would not be seen. “droplens doctor” on a node says why.")
        .query(
            "sort_desc(count by (domain, cause) (droplens_cause_observable == 0))",
            "",
        )
        .columns(&[("domain", "domain"), ("cause", "cause"), ("Value", "nodes")], &[])
        .otherwise("Every cause can be looked for on every node")
}

fn blind_nodes() -> Panel {
    Panel::table("Nodes that see least", "short")
        .about("The nodes on which most causes cannot be looked for.")
        .query(
            "topk(20, count by (job, instance) (droplens_cause_observable == 0))",
            "",
        )
        .columns(&[("instance", "node"), ("Value", "blind causes")], &["job"])
        .overriding(node_link())
        .otherwise("Every cause can be looked for on every node")
}

/// The column with the name of a node leads there.
fn node_link() -> Value {
    let links = json!([To::Node.of_row(), To::Agent.of_row()]);
    style::override_named("node", &[("links", links)])
}
