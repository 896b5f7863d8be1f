//! The agents themselves: do they see what they should, and what do they cost?

use serde_json::json;

use super::dashboard::Dashboard;
use super::layout::Row;
use super::link::To;
use super::panel::Panel;
use super::style::{self, BLIND};

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        uid: "droplens-agent",
        title: "droplens / Agent health",
        description: "Whether the agents see what they should, and what they cost.",
        variables: Vec::new(),
        range: "1h",
        rows: vec![
            Row::new("Now", overview()),
            Row::new("Sources", sources()),
            Row::new("Cost", cost()),
            Row::new("Agents", agents()),
        ],
    }
}

fn overview() -> Vec<Panel> {
    vec![
        Panel::stat("Agents that answer", "short")
            .about("Agents that the last scrape reached.")
            .query("sum(up)", "")
            .otherwise("None"),
        Panel::stat("Agents that do not", "short")
            .about("Targets of the job whose last scrape failed.")
            .query("sum(1 - up)", "")
            .colours("green", &[(1.0, "red")])
            .otherwise("None"),
        Panel::stat("Sources that fail", "short")
            .about("Sources whose last reading failed, on all chosen nodes.")
            .query("sum(1 - droplens_source_up)", "")
            .colours("green", &[(1.0, "red")])
            .otherwise("No source is read"),
        Panel::stat("Starts", "short")
            .about("Agents that started within the time range. Each start loses the counts since the scrape before.")
            .query("sum(changes(process_start_time_seconds[$__range]))", "")
            .colours("green", &[(1.0, "orange")])
            .otherwise("No agent answered"),
        Panel::stat("Series left out", "short")
            .about("Series left out of scrapes within the time range, since there were more than the limit: what they would say is missing.")
            .query("sum(increase(droplens_series_cut_total[$__range]))", "")
            .default("decimals", 0)
            .colours("green", &[(1.0, "red")])
            .otherwise("No agent answered"),
        Panel::stat("Blind domains", "short")
            .about("Domains of which nothing can be looked for, on all chosen nodes.")
            .query("sum(droplens_domain_blind)", "")
            .colours("green", &[(1.0, BLIND)])
            .otherwise("No agent answered"),
    ]
}

fn sources() -> Vec<Panel> {
    vec![
        Panel::timeline("Nodes on which a source fails", "short")
            .about("On how many of the chosen nodes the last reading of each source failed, over time. Those that are disabled, pending or unsupported are in the tables.")
            .query("sum by (source) (1 - droplens_source_up)", "{{source}}")
            .words(&[("0", "good", "green")])
            .colours("green", &[(1.0, "red")])
            .option("showValue", "auto")
            .few_points()
            .sized(8, 14)
            .otherwise("No source is read"),
        Panel::table("Sources that are not read", "short")
            .about("Sources that are disabled, pending or unsupported, or fail, why, and on how many nodes: what they would show is not seen, which is not the same as good.")
            .query("sort_desc(count by (source, state, reason) (droplens_source_info{state!=\"ok\"}))", "")
            .columns(
                &[
                    ("source", "source"),
                    ("state", "state"),
                    ("reason", "reason"),
                    ("Value", "nodes"),
                ],
                &[],
            )
            .overriding(style::states())
            // All columns side by side, without scrolling.
            .custom("minWidth", 60)
            .sized(7, 14)
            .otherwise("Every source is read on every node"),
        Panel::table("Where they are not read", "short")
            .about("The same by node, at most a hundred: failed ones first, then pending ones, then the others.")
            .query(&by_urgency(), "")
            .columns(
                &[
                    ("instance", "node"),
                    ("source", "source"),
                    ("state", "state"),
                    ("reason", "reason"),
                ],
                &["job", "Value"],
            )
            .overriding(style::override_named("node", &[("links", json!([To::Node.of_row()]))]))
            .overriding(style::states())
            // All columns side by side, without scrolling.
            .custom("minWidth", 60)
            .sized(9, 14)
            .otherwise("Every source is read on every node"),
        Panel::lines("Age of the last good reading", "s")
            .about("The oldest reading of each source. Slow sources are read every 15 s, or when a scrape asks for them.")
            .query("max by (source) (droplens_source_age_seconds)", "{{source}}")
            .logarithmic()
            .sized(8, 10)
            .few_points()
            .otherwise("No source is read"),
        Panel::lines("Interval in force", "s")
            .about("How often each source is read at present, the longest of the chosen nodes. The CPU budget stretches intervals when readings cost too much.")
            .query("max by (source) (droplens_source_interval_seconds)", "{{source}}")
            .logarithmic()
            .sized(8, 10)
            .few_points()
            .otherwise("No source is read"),
        Panel::lines("Duration of a reading", "s")
            .about("How long the last reading took, the longest of the chosen nodes.")
            .query("max by (source) (droplens_source_duration_seconds)", "{{source}}")
            .logarithmic()
            .sized(8, 10)
            .few_points()
            .otherwise("No source is read"),
        Panel::table("Blind domains", "short")
            .about("Domains of which nothing can be looked for, and on how many nodes.")
            .query("sort_desc(count by (domain) (droplens_domain_blind == 1))", "")
            .columns(&[("domain", "domain"), ("Value", "nodes")], &[])
            .otherwise("No node is blind"),
        Panel::table("Blind causes by node", "short")
            .about("How many causes cannot be looked for on a node, by domain.")
            .query("topk(100, count by (instance, domain) (droplens_cause_observable == 0))", "")
            .columns(&[("instance", "node"), ("domain", "domain"), ("Value", "blind causes")], &[])
            .overriding(style::override_named("node", &[("links", json!([To::Node.of_row()]))]))
            .otherwise("Every cause can be looked for"),
    ]
}

/// Sources that are not read, those first that somebody should look at.
fn by_urgency() -> String {
    let of = |states: &str| {
        format!(
            "max by (job, instance, source, state, reason) (droplens_source_info{{state=~\"{states}\"}})"
        )
    };
    format!(
        "topk(100, 3 * {} or 2 * {} or {})",
        of("failed"),
        of("pending"),
        of("disabled|unsupported")
    )
}

fn cost() -> Vec<Panel> {
    vec![
        Panel::lines("CPU time of agents", "percentunit")
            .about("Share of one CPU that an agent takes, the ten most costly.")
            .query("topk(10, rate(process_cpu_seconds_total[$__rate_interval]))", "{{instance}}")
            .zero_to(0.02)
            .few_points()
            .otherwise("No agent answered"),
        Panel::lines("CPU time by source", "percentunit")
            .about("Share of one CPU that the readings of each source take, on average of the chosen nodes. The budget is 1 % of a CPU for all together unless configured otherwise.")
            .query("avg by (source) (rate(droplens_source_cpu_seconds_total[$__rate_interval]))", "{{source}}")
            .stacked()
            .few_points()
            .sized(8, 10)
            .otherwise("No source is read"),
        Panel::lines("Memory of agents", "bytes")
            .about("Resident memory, the ten largest.")
            .query("topk(10, process_resident_memory_bytes)", "{{instance}}")
            .default("min", 0)
            .few_points()
            .otherwise("No agent answered"),
        Panel::lines("Series per scrape", "short")
            .about("Series of the sources in a scrape, the ten largest, and the limit.")
            .query("topk(10, droplens_series)", "{{instance}}")
            .query("min(droplens_series_limit)", "limit")
            .limit("/^limit$/")
            .few_points()
            .otherwise("No agent answered"),
        Panel::lines("HTTP requests", "reqps")
            .about("Requests that the agents answered, by page and status code.")
            .query("sum by (handler, code) (rate(droplens_http_requests_total[$__rate_interval]))", "{{handler}} {{code}}")
            .few_points()
            .otherwise("No agent answered"),
        Panel::bars("Refusals and failed reloads", "short")
            .about("Connections refused because there were too many, and reloads that found the configuration wrong.")
            .query("sum(increase(droplens_http_connections_refused_total[$__rate_interval]))", "connections refused")
            .query("sum(increase(droplens_config_reload_failures_total[$__rate_interval]))", "reloads failed")
            .few_points()
            .otherwise("No agent answered"),
    ]
}

fn agents() -> Vec<Panel> {
    vec![
        Panel::table("Versions", "short")
            .about("How many agents run each build.")
            .query("count by (version, revision) (droplens_build_info)", "")
            .columns(
                &[
                    ("version", "version"),
                    ("revision", "revision"),
                    ("Value", "agents"),
                ],
                &[],
            )
            .otherwise("No agent answered"),
        Panel::table("Agents that started last", "dateTimeFromNow")
            .about("When the agents started, the latest first.")
            .query("topk(20, process_start_time_seconds * 1000)", "")
            .columns(&[("instance", "node"), ("Value", "started")], &["job"])
            .overriding(style::override_named(
                "node",
                &[("links", json!([To::Node.of_row()]))],
            ))
            .otherwise("No agent answered"),
    ]
}
