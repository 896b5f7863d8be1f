use serde_json::json;

use super::*;
use crate::dashboards::all;

/// The dashboards that are shipped.
fn shipped() -> Vec<(String, Value)> {
    all()
        .iter()
        .map(|dashboard| (dashboard.file(), dashboard.json()))
        .collect()
}

fn known() -> Known {
    Known::read(&crate::root()).expect("the recorded kernels")
}

/// What is wrong with the first shipped dashboard after something in it was changed.
fn after(change: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut dashboards = shipped();
    change(&mut dashboards[0].1);
    faults(&dashboards, &known())
}

/// The first panel that is no row.
fn panel(dashboard: &mut Value) -> &mut Value {
    &mut dashboard["panels"][1]
}

#[test]
fn the_shipped_dashboards_keep_every_rule() {
    assert_eq!(faults(&shipped(), &known()), Vec::<String>::new());
}

#[test]
fn each_broken_rule_is_found() {
    type Change = fn(&mut Value);
    let changes: &[(&str, Change)] = &[
        ("schemaVersion", |all| all["schemaVersion"] = json!(42)),
        ("editable", |all| all["editable"] = json!(true)),
        ("/uid", |all| all["uid"] = json!("droplens-node")),
        ("panel id", |all| panel(all)["id"] = json!(1)),
        ("/title", |all| panel(all)["title"] = json!("")),
        ("/description", |all| panel(all)["description"] = json!("")),
        ("/unit", |all| {
            panel(all)["fieldConfig"]["defaults"]["unit"] = json!("");
        }),
        ("another data source", |all| {
            panel(all)["targets"][0]["datasource"]["uid"] = json!("prometheus");
        }),
        ("asks", |all| {
            all["annotations"]["list"][0]["datasource"]["uid"] = json!("-- Grafana --");
        }),
        ("overlaps", |all| panel(all)["gridPos"]["w"] = json!(5)),
        ("no place", |all| panel(all)["gridPos"]["x"] = json!(22)),
        ("no annotation", |all| {
            all["annotations"]["list"] = json!([]);
        }),
        ("no variable for the data source", |all| {
            all["templating"]["list"][0]["type"] = json!("custom");
        }),
        ("not the variable datasource", |all| {
            all["templating"]["list"][0]["label"] = json!("Prometheus");
        }),
        ("no variable job", |all| {
            all["templating"]["list"][1]["name"] = json!("jobs");
        }),
        ("allValue", |all| {
            all["templating"]["list"][2]["allValue"] = json!(".*");
        }),
        ("selects no series", |all| {
            panel(all)["targets"][0]["expr"] = json!("vector(1)");
        }),
        ("there is no metric droplens_drop_total", |all| {
            panel(all)["targets"][0]["expr"] =
                json!("droplens_drop_total{job=~\"$job\",instance=~\"$instance\"}");
        }),
        ("does not match job", |all| {
            panel(all)["targets"][0]["expr"] =
                json!("droplens_drops_total{instance=~\"$instance\"}");
        }),
        ("does not match instance", |all| {
            panel(all)["targets"][0]["expr"] = json!("up{job=~\"$job\"}");
        }),
        ("rate over 5m", |all| {
            panel(all)["targets"][0]["expr"] =
                json!("rate(droplens_drops_total{job=~\"$job\",instance=~\"$instance\"}[5m])");
        }),
        ("says nothing", |all| {
            panel(all)["fieldConfig"]["defaults"]["noValue"] = json!("");
        }),
        ("become numbers", |all| {
            panel(all)["type"] = json!("table");
        }),
        ("without neighbours", |all| {
            let panel = panel(all);
            panel["type"] = json!("timeseries");
            panel["fieldConfig"]["defaults"]["custom"] = json!({ "showPoints": "never" });
            panel["targets"][0]["expr"] = json!("rate(droplens_drops_total[$__rate_interval]) > 0");
        }),
        ("two queries of the same name", |all| {
            let target = panel(all)["targets"][0].clone();
            panel(all)["targets"] = json!([target.clone(), target]);
        }),
        ("25 panels", |all| {
            let own = panel(all).clone();
            let mut panels = vec![own; 25];
            for (place, panel) in panels.iter_mut().enumerate() {
                panel["id"] = json!(place);
                panel["gridPos"]["y"] = json!(place * 9);
            }
            all["panels"] = json!(panels);
        }),
    ];
    for (expected, change) in changes {
        let found = after(change);
        assert!(
            found.iter().any(|fault| fault.contains(expected)),
            "{expected}: {found:?}"
        );
    }
}
