//! What is marked on the time axis of every panel.

use serde_json::{Value, json};

use super::promql;
use super::variable;

/// Those of every dashboard: alerts that fire, and agents that start.
pub(super) fn list() -> Vec<Value> {
    vec![alerts(), starts()]
}

fn alerts() -> Value {
    json!({
        "name": "Alerts",
        "datasource": variable::datasource(),
        "enable": true,
        "hide": false,
        "iconColor": "red",
        "expr": promql::matched("ALERTS{alertstate=\"firing\",domain!=\"\",severity=~\"critical|warning\"}"),
        "step": "60s",
        "titleFormat": "{{alertname}}",
        "textFormat": "{{severity}}: {{instance}} {{cause}}",
        "tagKeys": "severity,domain,cause",
        "useValueForTime": false,
        "type": "prometheus",
    })
}

/// An agent that started counts from zero, and nothing was seen before.
fn starts() -> Value {
    json!({
        "name": "Agent starts",
        "datasource": variable::datasource(),
        "enable": true,
        "hide": false,
        "iconColor": "blue",
        // In milliseconds, and only those within the time range.
        "expr": promql::matched("(process_start_time_seconds > $__from / 1000) * 1000"),
        "step": "60s",
        "titleFormat": "droplens started",
        "textFormat": "{{instance}}",
        "tagKeys": "instance",
        "useValueForTime": "on",
        "type": "prometheus",
    })
}
