//! One node, in the order in which a packet passes through it.

use serde_json::json;

use super::dashboard::Dashboard;
use super::layout::Row;
use super::link::To;
use super::panel::Panel;
use super::style;
use super::target::Target;

mod layers;

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        uid: "droplens-node",
        title: "droplens / Node",
        description: "One node in packet order: from the wire and the card through the kernel to the sockets, and out again through the queues.",
        variables: Vec::new(),
        range: "1h",
        rows: vec![
            Row::new("What is found", [findings(), losses(), unseen()]),
            Row::new("Link and card", layers::link()),
            Row::new("Softnet: the receive work of the CPUs", layers::softnet()),
            Row::new("IP", layers::ip()),
            Row::new("Netfilter", layers::netfilter()),
            Row::new("Sockets", layers::sockets()),
            Row::new("Queueing disciplines", layers::qdisc()),
            Row::new("Virtual devices and the path beyond", layers::beyond()),
        ],
    }
}

fn findings() -> Panel {
    Panel::timeline("Findings", "short")
        .about("When each cause was found, loss or pressure. docs/runbook has a page for each.")
        .query(
            "max by (instance, domain, cause) (droplens_finding_active) == 1",
            "{{domain}}: {{cause}} · {{instance}}",
        )
        .words(&[("1", "found", "red")])
        .default("color", style::fixed("red"))
        .otherwise("Nothing was found")
}

fn losses() -> Panel {
    Panel::bars("Packets lost by cause", style::PACKETS)
        .about(
            "Each packet is counted in one cause only, whatever counters of the kernel count it.",
        )
        .sized(12, 8)
        .query(
            "sum by (instance, domain, cause) (rate(droplens_drops_total[$__rate_interval])) > 0",
            "{{domain}}: {{cause}} · {{instance}}",
        )
        .otherwise("No packet was lost, as far as this node can see")
}

fn unseen() -> Panel {
    Panel::table("What cannot be seen", "short")
        .about("Sources that are not read, with the reason, and how many causes cannot be looked for in each domain. Loss there would not show.")
        .sized(24, 6)
        .target(Target::instant(
            "max by (instance, source, state, reason) (droplens_source_info{state!=\"ok\"})",
            "",
        ))
        .target(Target::instant(
            "count by (instance, domain) (droplens_cause_observable == 0)",
            "",
        ))
        .transform("merge", &json!({}))
        .columns(
            &[
                ("instance", "node"),
                ("source", "source"),
                ("state", "state"),
                ("reason", "reason"),
                ("domain", "domain"),
                ("Value #B", "blind causes"),
            ],
            &["Value #A"],
        )
        .overriding(style::override_named(
            "node",
            &[("links", json!([To::Agent.of_row(), To::Probes.of_row()]))],
        ))
        .overriding(style::states())
        .otherwise("Everything can be seen")
}
