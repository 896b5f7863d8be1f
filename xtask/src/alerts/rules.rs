//! The rules as a file for Prometheus.

use std::fmt::Write;

use super::all;
use super::declaration::{Alert, Subject, THRESHOLD};
use super::recording::groups;

const INTRODUCTION: &str = "\
# Recording rules and alerts for droplens. Needs Prometheus 2.42 or newer.
#
# Made by `cargo xtask generate` from xtask/src/alerts; docs/alerts.md tells why each is as it is.
# What a site may want to change is all in the first group, and the address of its Grafana:
#   sed -i 's,https://grafana.example.com,https://your.grafana,' droplens.rules.yml
# The jobs that scrape droplens must be named droplens, or end in -droplens or /droplens.

";

/// The documents for whoever is told.
const DOCUMENTS: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/");

/// Where Grafana is.
const GRAFANA: &str = "https://grafana.example.com";

/// The whole file.
pub(crate) fn rules() -> String {
    let mut out = format!("{INTRODUCTION}groups:\n");
    thresholds(&mut out);
    for group in groups() {
        begin(&mut out, group.name, group.interval, group.about);
        for record in &group.records {
            put(&mut out, format_args!("      - record: {}", record.name));
            expression(&mut out, &record.expr);
        }
    }
    // Rules of a group are evaluated one after the other, groups beside each other.
    let (own, network): (Vec<_>, Vec<_>) = all()
        .into_iter()
        .partition(|alert| !matches!(alert.subject, Subject::Cause(_)));
    begin(
        &mut out,
        "droplens-alerts",
        "30s",
        "Lost packets, and what will lose them.",
    );
    for rule in &network {
        alert(&mut out, rule);
    }
    begin(&mut out, "droplens-agents", "30s", "The agents themselves.");
    for rule in &own {
        alert(&mut out, rule);
    }
    out
}

fn put(out: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a `String` cannot fail.
    let _ = writeln!(out, "{line}");
}

fn begin(out: &mut String, name: &str, interval: &str, about: &str) {
    put(
        out,
        format_args!("  # {about}\n  - name: {name}\n    interval: {interval}\n    rules:"),
    );
}

fn thresholds(out: &mut String) {
    begin(
        out,
        "droplens-thresholds",
        "30s",
        "Where alerts begin: change the numbers here. Shares are between 0 and 1, times in seconds.",
    );
    for alert in all() {
        for bound in &alert.bounds {
            put(
                out,
                format_args!(
                    "      # {}: {}\n      - record: {THRESHOLD}\n        expr: {}\n        labels: {{alert: {}, bound: {}}}",
                    alert.name,
                    bound.words(),
                    bound.value,
                    alert.name,
                    bound.name
                ),
            );
        }
    }
}

fn expression(out: &mut String, expr: &str) {
    if expr.contains('\n') {
        put(out, format_args!("        expr: |-"));
        for line in expr.lines() {
            put(out, format_args!("          {line}"));
        }
    } else {
        put(out, format_args!("        expr: {}", quoted(expr)));
    }
}

/// A single-quoted scalar, in which only the quote itself is special.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn alert(out: &mut String, alert: &Alert) {
    put(out, format_args!("      - alert: {}", alert.name));
    expression(out, &alert.bounded());
    for (key, duration) in [("for", alert.hold), ("keep_firing_for", alert.keep)] {
        if duration != "0s" {
            put(out, format_args!("        {key}: {duration}"));
        }
    }
    put(out, format_args!("        labels:"));
    for (key, value) in labels(alert) {
        let value = if value.contains('{') {
            quoted(value)
        } else {
            value.to_owned()
        };
        put(out, format_args!("          {key}: {value}"));
    }
    put(out, format_args!("        annotations:"));
    for (key, value) in annotations(alert) {
        put(out, format_args!("          {key}: {}", quoted(&value)));
    }
}

/// The labels that an alert adds.
pub(super) fn labels(alert: &Alert) -> [(&'static str, &'static str); 3] {
    [
        ("severity", alert.severity.id()),
        ("domain", alert.subject.domain()),
        ("cause", alert.subject.cause()),
    ]
}

/// What an alert says.
pub(super) fn annotations(alert: &Alert) -> [(&'static str, String); 4] {
    [
        ("summary", alert.summary.clone()),
        ("description", alert.description.clone()),
        ("runbook_url", format!("{DOCUMENTS}{}", alert.runbook())),
        ("dashboard_url", dashboard(alert)),
    ]
}

/// The dashboard that shows it, at its instance if it has one.
fn dashboard(alert: &Alert) -> String {
    let told = |label: &str| {
        let mention = format!("$labels.{label} ");
        alert.summary.contains(&mention) || alert.description.contains(&mention)
    };
    let board = match alert.subject {
        Subject::Cause(_) if told("target") => "droplens-probes",
        Subject::Cause(_) => "droplens-node",
        _ if told("instance") => "droplens-agent",
        _ => "droplens-fleet",
    };
    if told("instance") {
        format!("{GRAFANA}/d/{board}?var-instance={{{{ $labels.instance | urlquery }}}}")
    } else {
        format!("{GRAFANA}/d/{board}")
    }
}
