//! The Grafana dashboards: classic JSON, which file provisioning takes, made from one module per
//! dashboard, so that no rule has to be kept by hand in thousands of lines.

mod agent;
mod annotation;
mod dashboard;
mod fleet;
mod layout;
mod link;
mod lint;
mod node;
mod panel;
mod probes;
mod promql;
mod style;
mod target;
mod variable;

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::Result;
use crate::series::Known;
use dashboard::Dashboard;

/// Where the dashboards are kept.
const DIRECTORY: &str = "grafana";

/// Every dashboard, from the whole fleet down to the agent itself.
fn all() -> [Dashboard; 4] {
    [
        fleet::dashboard(),
        node::dashboard(),
        probes::dashboard(),
        agent::dashboard(),
    ]
}

/// Writes the dashboards that are out of date.
pub(crate) fn write(root: &Path) -> Result<()> {
    let directory = root.join(DIRECTORY);
    fs::create_dir_all(&directory)?;
    for dashboard in all() {
        let path = directory.join(dashboard.file());
        let wanted = text(&dashboard.json())?;
        if fs::read_to_string(&path).ok().as_ref() != Some(&wanted) {
            fs::write(&path, wanted)?;
            println!("wrote {DIRECTORY}/{}", dashboard.file());
        }
    }
    Ok(())
}

/// What is wrong with the committed dashboards: out of date, left over, or against the rules.
pub(crate) fn faults(root: &Path) -> Result<Vec<String>> {
    let known = Known::read(root)?;
    let dashboards = all();
    let mut faults = Vec::new();
    let mut values = Vec::new();
    for dashboard in &dashboards {
        let file = dashboard.file();
        let value = dashboard.json();
        if fs::read_to_string(root.join(DIRECTORY).join(&file)).ok() != Some(text(&value)?) {
            faults.push(format!(
                "{DIRECTORY}/{file} is out of date: run `cargo xtask dashboards`"
            ));
        }
        values.push((file, value));
    }
    faults.extend(strays(root, &values)?);
    faults.extend(lint::faults(&values, &known));
    Ok(faults)
}

/// Dashboards in the directory that nothing makes any more.
fn strays(root: &Path, values: &[(String, Value)]) -> Result<Vec<String>> {
    let Ok(entries) = fs::read_dir(root.join(DIRECTORY)) else {
        return Ok(Vec::new());
    };
    let mut strays = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let made = |(file, _): &(String, Value)| path.file_name() == Some(file.as_ref());
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
            && !values.iter().any(made)
        {
            strays.push(format!("{}: nothing makes this dashboard", path.display()));
        }
    }
    Ok(strays)
}

fn text(value: &Value) -> Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}
