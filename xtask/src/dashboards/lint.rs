//! What every dashboard must keep, checked on the JSON itself and not on what made it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::promql::{Selector, selectors, windows};
use crate::series::Known;

mod frame;

/// Everything in which the dashboards break the rules.
pub(super) fn faults(dashboards: &[(String, Value)], known: &Known) -> Vec<String> {
    let mut faults = frame::unique(dashboards);
    for (file, dashboard) in dashboards {
        let mut found = frame::faults(dashboard);
        found.extend(variables(dashboard));
        found.extend(queries(dashboard, known));
        faults.extend(found.into_iter().map(|fault| format!("{file}: {fault}")));
    }
    faults
}

/// The entries of a list; none if it is not there.
fn list<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    let found = value.pointer(pointer).and_then(Value::as_array);
    found.map_or(&[], Vec::as_slice)
}

/// Text at a JSON pointer; empty if there is none.
fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn variables(dashboard: &Value) -> Vec<String> {
    let list = list(dashboard, "/templating/list");
    let mut faults = Vec::new();
    let mut sources = list
        .iter()
        .filter(|variable| text(variable, "/type") == "datasource");
    match (sources.next(), sources.next()) {
        (Some(source), None) => {
            if text(source, "/name") != "datasource" || text(source, "/label") != "Data Source" {
                faults
                    .push("the data source is not the variable datasource, Data Source".to_owned());
            }
        }
        (None, _) => faults.push("there is no variable for the data source".to_owned()),
        (Some(_), Some(_)) => faults.push("there is more than one data source".to_owned()),
    }
    for name in ["job", "instance"] {
        let Some(variable) = list.iter().find(|variable| text(variable, "/name") == name) else {
            faults.push(format!("there is no variable {name}"));
            continue;
        };
        let chosen = ["/multi", "/includeAll"]
            .iter()
            .all(|flag| variable.pointer(flag) == Some(&Value::Bool(true)));
        if !chosen || text(variable, "/allValue") != ".+" {
            faults.push(format!(
                "variable {name}: not multi, includeAll, allValue .+"
            ));
        }
    }
    faults
}

/// A query.
struct Query<'d> {
    /// Whose it is.
    name: String,
    text: &'d str,
    /// The variables that it must match.
    matches: &'static [&'static str],
}

fn queries(dashboard: &Value, known: &Known) -> Vec<String> {
    let of_panels = list(dashboard, "/panels").iter().flat_map(|panel| {
        list(panel, "/targets").iter().map(|target| Query {
            name: format!("{}, {}", text(panel, "/title"), text(target, "/refId")),
            text: text(target, "/expr"),
            matches: &["job", "instance"],
        })
    });
    let of_variables = list(dashboard, "/templating/list")
        .iter()
        .filter(|variable| text(variable, "/type") == "query")
        .map(|variable| Query {
            name: format!("variable {}", text(variable, "/name")),
            text: text(variable, "/query/query"),
            // Each narrows down those after it.
            matches: match text(variable, "/name") {
                "job" => &[],
                "instance" => &["job"],
                _ => &["job", "instance"],
            },
        });
    let of_annotations = list(dashboard, "/annotations/list")
        .iter()
        .map(|annotation| Query {
            name: format!("annotation {}", text(annotation, "/name")),
            text: text(annotation, "/expr"),
            matches: &["job", "instance"],
        });
    let all = of_panels.chain(of_variables).chain(of_annotations);
    all.flat_map(|query| query_faults(&query, known)).collect()
}

fn query_faults(query: &Query<'_>, known: &Known) -> Vec<String> {
    let name = &query.name;
    let mut faults = Vec::new();
    let selectors = selectors(query.text);
    if selectors.is_empty() {
        faults.push(format!("{name}: it selects no series"));
    }
    for selector in selectors {
        let series = selector.name;
        if !exists(series, known) {
            faults.push(format!("{name}: there is no metric {series}"));
        }
        for variable in query.matches {
            if !matches(&selector, variable) {
                faults.push(format!("{name}: {series} does not match {variable}"));
            }
        }
    }
    for (function, window) in windows(query.text) {
        let allowed: &[&str] = match function {
            "rate" | "irate" => &["$__rate_interval"],
            _ => &["$__rate_interval", "$__range"],
        };
        if !allowed.contains(&window) {
            faults.push(format!("{name}: {function} over {window}"));
        }
    }
    faults
}

/// Whether a selector matches a variable. Some alerts are about a whole job, and have no instance.
fn matches(selector: &Selector<'_>, variable: &str) -> bool {
    let or_none = if selector.name == "ALERTS" { "|" } else { "" };
    let matcher = format!("{variable}=~\"${variable}{or_none}\"");
    selector.matchers.contains(&matcher)
}

/// Whether droplens or Prometheus has such series.
fn exists(series: &str, known: &Known) -> bool {
    let of_prometheus: BTreeSet<&str> = ["up", "ALERTS"].into();
    of_prometheus.contains(series) || known.contains(series)
}

#[cfg(test)]
mod tests;
