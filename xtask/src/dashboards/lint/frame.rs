//! The parts of a dashboard around its queries.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{list, text};

/// A dashboard with more is slow to load, and nobody looks at the end of it.
const PANELS: usize = 24;
const COLUMNS: u64 = 24;

/// Dashboards and their names are different.
pub(super) fn unique(dashboards: &[(String, Value)]) -> Vec<String> {
    let mut faults = Vec::new();
    for key in ["/uid", "/title"] {
        let mut seen = BTreeSet::new();
        for (file, dashboard) in dashboards {
            let name = text(dashboard, key);
            if name.is_empty() || !seen.insert(name) {
                faults.push(format!("{file}: {key} {name:?} is empty or not unique"));
            }
        }
    }
    faults
}

/// Everything that is wrong with one but its variables and queries.
pub(super) fn faults(dashboard: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let schema = number(dashboard, "/schemaVersion");
    if !(39..=41).contains(&schema) {
        faults.push(format!("schemaVersion {schema} is not 39 to 41"));
    }
    if dashboard["editable"] != json!(false) {
        faults.push("editable is not false".to_owned());
    }
    if text(dashboard, "/description").is_empty() {
        faults.push("no description".to_owned());
    }
    let panels = list(dashboard, "/panels");
    let shown: Vec<&Value> = panels.iter().filter(|panel| !is_row(panel)).collect();
    if shown.is_empty() || shown.len() > PANELS {
        faults.push(format!("{} panels", shown.len()));
    }
    let mut ids = BTreeSet::new();
    for panel in panels {
        if !panel["id"].as_u64().is_some_and(|id| ids.insert(id)) {
            faults.push(format!("panel id {} is not unique", panel["id"]));
        }
    }
    faults.extend(shown.iter().flat_map(|panel| panel_faults(panel)));
    faults.extend(overlaps(panels));
    faults.extend(annotations(dashboard));
    faults.extend(sources(dashboard, "dashboard"));
    faults
}

fn number(value: &Value, pointer: &str) -> u64 {
    let found = value.pointer(pointer).and_then(Value::as_u64);
    found.unwrap_or_default()
}

fn is_row(panel: &Value) -> bool {
    text(panel, "/type") == "row"
}

fn panel_faults(panel: &Value) -> Vec<String> {
    let title = text(panel, "/title");
    let mut faults = Vec::new();
    for part in ["/title", "/description", "/fieldConfig/defaults/unit"] {
        if text(panel, part).is_empty() {
            faults.push(format!("panel {} {title:?}: no {part}", panel["id"]));
        }
    }
    let targets = list(panel, "/targets");
    if targets.is_empty() {
        faults.push(format!("{title}: no query"));
    }
    let names: BTreeSet<&str> = targets
        .iter()
        .map(|target| text(target, "/refId"))
        .collect();
    if names.len() != targets.len() {
        faults.push(format!("{title}: two queries of the same name"));
    }
    if text(panel, "/type") == "table" && text(panel, "/fieldConfig/defaults/unit") != "string" {
        faults.push(format!(
            "{title}: labels that look like numbers become numbers"
        ));
    }
    if targets.iter().any(has_gaps) && hides_points(panel) {
        faults.push(format!(
            "{title}: a point without neighbours would not be seen"
        ));
    }
    // Nothing to show must not look like nothing is wrong.
    let always = targets
        .iter()
        .any(|target| text(target, "/expr").ends_with("or vector(0)"));
    let blind = targets
        .iter()
        .any(|target| text(target, "/refId") == "Blind");
    if !always && !blind && text(panel, "/fieldConfig/defaults/noValue").is_empty() {
        faults.push(format!("{title}: it says nothing when there is no data"));
    }
    for target in targets.iter().chain([panel]) {
        if target["datasource"] != source() {
            faults.push(format!("{title}: asks another data source"));
        }
    }
    faults
}

/// Whether the query has values only while something happens.
fn has_gaps(target: &Value) -> bool {
    let query = text(target, "/expr");
    let filtered = query.ends_with("> 0") || query.contains("> 0 or ");
    filtered && (query.contains("rate(") || query.contains("increase("))
}

/// Whether it draws lines only.
fn hides_points(panel: &Value) -> bool {
    let custom = |name: &str| text(panel, &format!("/fieldConfig/defaults/custom/{name}"));
    text(panel, "/type") == "timeseries"
        && custom("drawStyle") != "bars"
        && custom("showPoints") == "never"
}

fn source() -> Value {
    json!({ "type": "prometheus", "uid": "${datasource}" })
}

/// No other data source anywhere.
fn sources(value: &Value, place: &str) -> Vec<String> {
    match value {
        Value::Object(fields) => {
            let own = fields.get("datasource").filter(|own| **own != source());
            let own = own.map(|own| format!("{place}: asks {own}"));
            let inner = fields.iter().flat_map(|(name, value)| sources(value, name));
            own.into_iter().chain(inner).collect()
        }
        Value::Array(values) => values
            .iter()
            .flat_map(|value| sources(value, place))
            .collect(),
        _ => Vec::new(),
    }
}

/// Panels that stand on another one or beyond the edge.
fn overlaps(panels: &[Value]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let mut faults = Vec::new();
    for panel in panels {
        let side = |name: &str| number(panel, &format!("/gridPos/{name}"));
        let (x, y, w, h) = (side("x"), side("y"), side("w"), side("h"));
        let title = text(panel, "/title");
        if w == 0 || h == 0 || x + w > COLUMNS {
            faults.push(format!("{title}: no place for it on the grid"));
            continue;
        }
        let cells = (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y)));
        let free = cells.filter(|cell| taken.insert(*cell)).count();
        if free as u64 != w * h {
            faults.push(format!("{title}: it overlaps another panel"));
        }
    }
    faults
}

fn annotations(dashboard: &Value) -> Vec<String> {
    let list = list(dashboard, "/annotations/list");
    ["ALERTS{", "process_start_time_seconds{"]
        .into_iter()
        .filter(|series| {
            !list
                .iter()
                .any(|annotation| text(annotation, "/expr").contains(series))
        })
        .map(|series| format!("no annotation of {series}...}}"))
        .collect()
}
