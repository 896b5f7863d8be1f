//! `docs/alerts.md`.

use std::fmt::Write;

use droplens_model::Cause;

use super::declaration::{Alert, Bound, Subject};
use super::recording::groups;
use super::{all, silent};

const INTRODUCTION: &str = "\
# Alerts

`deploy/prometheus/droplens.rules.yml` holds recording rules and alerts for Prometheus 2.42 and newer. It, its unit tests and this document are
made from one declaration, `xtask/src/alerts`, by `cargo xtask generate`. `deploy/prometheus/prometheus.yml` scrapes agents and loads it;
`deploy/alertmanager/alertmanager.yml` sends a **page** (`severity=\"critical\"`) to somebody at once, a **ticket** (`warning`) to a queue, and a
**note** (`info`) to nobody: it shows on dashboards.

A page is for what users feel now, on any host, and what gets worse while nobody looks. What one application, one device or one peer suffers is a
ticket. What healthy hosts do, or what somebody asked for (a firewall that drops), is nothing at all. Shares count only together with a floor in
packets per second, so that neither one packet of ten nor a division by nothing alerts. `rx_dropped` of devices is in no alert: it counts frames that nobody wanted.

## Site values

The first group of the rules, `droplens-thresholds`, holds every number below as a series, `alert:droplens_threshold:value{alert,bound}`. Change them
there: no expression has numbers of its own. Durations stand in each alert (`for`, `keep_firing_for`). Links to dashboards begin with `https://grafana.example.com`:

```sh
sed -i 's,https://grafana.example.com,https://grafana.your.site,' droplens.rules.yml
```

Jobs must be named `droplens`, or end in `/droplens` or `-droplens`. Targets of a job are told apart by `instance`, `pod` or `node`; if yours have other
labels of their own, add them to each `without (instance, pod, node)`.

## Labels and texts

`severity`, `domain` and `cause` are labels of each alert, besides those of its series. `summary`, `description` (with the number that speaks),
`runbook_url` and `dashboard_url` are annotations. Numbers are never labels: an alert whose labels change never fires.

Alertmanager mutes a ticket while a page of the same `instance` and `cause` fires, everything of an instance while DroplensDown of it fires, and
DroplensDown while DroplensFleetDown of its job fires.
";

/// The whole document.
pub(crate) fn document() -> String {
    let alerts = all();
    let mut out = INTRODUCTION.to_owned();
    out.push_str(
        "\n## Causes\n\nIn packet order. An alert begins beyond its threshold, after the time it must hold.\n\n\
         | cause | alert | threshold | for | why page or ticket, or why none |\n|---|---|---|---|---|\n",
    );
    for &cause in Cause::ALL {
        let of_cause = alerts
            .iter()
            .filter(|alert| alert.subject == Subject::Cause(cause));
        let link = format!("[{cause}](runbook/{cause}.md)");
        if let Some(why) = silent::why(cause) {
            // Writing to a `String` cannot fail.
            let _ = writeln!(out, "| {link} | none | | | {why} |");
        }
        for alert in of_cause {
            row(&mut out, &link, alert);
        }
    }
    out.push_str(
        "\n## The agent\n\n| cause | alert | threshold | for | why page or ticket |\n|---|---|---|---|---|\n",
    );
    let own = || {
        let mut own = alerts.iter();
        std::iter::from_fn(move || own.find(|alert| !matches!(alert.subject, Subject::Cause(_))))
    };
    for alert in own() {
        row(&mut out, alert.subject.cause(), alert);
    }
    recorded(&mut out);
    out.push_str(AGENT);
    out
}

fn recorded(out: &mut String) {
    out.push_str("\n## Recording rules\n");
    for group in groups() {
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            out,
            "\n{} Every {}.\n\n| series | how many of each |\n|---|---|",
            group.about, group.interval
        );
        for record in &group.records {
            let _ = writeln!(out, "| `{}` | {} |", record.name, record.series);
        }
    }
}

fn row(out: &mut String, cause: &str, alert: &Alert) {
    let bounds: Vec<_> = alert.bounds.iter().map(Bound::words).collect();
    let hold = if alert.hold == "0s" { "" } else { alert.hold };
    // Writing to a `String` cannot fail.
    let _ = writeln!(
        out,
        "| {cause} | {} ({}) | {} | {hold} | {} |",
        alert.name,
        alert.severity.word(),
        bounds.join(", "),
        alert.why
    );
}

/// What to do about alerts of the agent, by the name that their `runbook_url` ends in.
const AGENT: &str = include_str!("agent.md");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_alert_of_the_agent_says_what_to_do() {
        for alert in all() {
            if !matches!(alert.subject, Subject::Cause(_)) {
                let heading = format!("\n### {}\n", alert.name);
                assert!(AGENT.contains(&heading), "{}", alert.name);
            }
        }
    }
}
