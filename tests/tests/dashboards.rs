//! Every query of the dashboards has data, asked of a real Prometheus that scrapes a real droplens
//! while faults go on.
#![expect(clippy::expect_used, reason = "a panic is the failure report")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use droplens_tests::agent::Options;
use droplens_tests::binary::repository;
use droplens_tests::grafana::{self, Purpose, Query, Values};
use droplens_tests::lab::{Router, Trouble};
use droplens_tests::monitoring::Prometheus;
use droplens_tests::monitoring::services::Services;
use droplens_tests::monitoring::trouble::{Switch, lose_echoes};
use droplens_tests::{needs_root, tools, wait};
use serde::Deserialize;
use serde_json::Value;

/// How long every query may take to have data.
const PATIENCE: Duration = Duration::from_secs(60);

/// Bursts of loss are this far apart, so that they end between.
const PAUSE: Duration = Duration::from_millis(1_800);

/// An agent that sees, and one that is blind.
const SEEING: &str = "127.0.0.1:13767";
const BLIND: &str = "127.0.0.1:13768";

/// How much faster than for users the rules are: minutes are seconds.
const FACTOR: u32 = 60;

/// Nothing is read, so that everything has to say so.
const NOTHING: &str = r#"[sources]
disabled = ["softnet", "links", "qdiscs", "snmp", "snmp6", "netstat", "sockstat", "cpu", "softirqs", "interrupts",
  "conntrack", "firewall", "sockets", "neighbours", "limits", "pressure", "driver", "ethtool", "process"]
"#;

/// What has no data here, and why.
#[derive(Debug, Deserialize)]
struct Exceptions {
    query: Vec<ExceptedQuery>,
}

#[derive(Debug, Deserialize)]
struct ExceptedQuery {
    dashboard: String,
    panel: String,
    name: String,
    reason: String,
}

impl ExceptedQuery {
    fn is_about(&self, query: &Query) -> bool {
        self.dashboard == query.dashboard && self.panel == query.panel && self.name == query.name
    }
}

impl Exceptions {
    fn read() -> Self {
        let path = repository().join("tests/dashboards_without_data.toml");
        let text = std::fs::read_to_string(path).expect("the list of exceptions");
        let list: Self = toml::from_str(&text).expect("a list of exceptions");
        assert!(list.query.iter().all(|entry| entry.reason.len() > 20));
        list
    }

    fn cover(&self, query: &Query) -> bool {
        self.query.iter().any(|entry| entry.is_about(query))
    }

    /// What is excepted and has data after all, or is not there.
    fn needless(&self, queries: &[Query], has_data: impl Fn(&Query) -> bool) -> Vec<String> {
        let needless = self.query.iter().filter(|entry| {
            let query = queries.iter().find(|query| entry.is_about(query));
            query.is_none_or(&has_data)
        });
        needless.map(|entry| format!("{entry:?}")).collect()
    }
}

fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("a clock after 1970").as_secs_f64()
}

/// Everything chosen.
fn values(start: f64) -> Values {
    let everything = ["job", "instance", "probe", "target"].map(|name| (name, ".+".to_owned()));
    Values::new(everything.into_iter().chain([
        ("label", "layer".to_owned()),
        ("__rate_interval", "10s".to_owned()),
        ("__range", "60s".to_owned()),
        ("__from", format!("{:.0}", start * 1000.0)),
    ]))
}

/// Nothing if the query has data with all the labels that are shown; else what is wrong.
fn ask(prometheus: &Prometheus<'_>, query: &Query, values: &Values) -> Result<(), String> {
    let text = values.fill(&query.text);
    let end = now();
    let span = (end - 60.0, end);
    match &query.purpose {
        Purpose::Instant => labelled(&prometheus.series(&text)?, query, values),
        Purpose::Range => labelled(&prometheus.range(&text, span, 1.0)?, query, values),
        Purpose::LabelValues(label) => {
            let found = prometheus.api(&format!("label/{label}/values"), &[("match[]", &text)])?;
            some(&found)
        }
        Purpose::LabelNames => some(&prometheus.api("labels", &[("match[]", &text)])?),
    }
}

fn some(found: &Value) -> Result<(), String> {
    let any = found.as_array().is_some_and(|found| !found.is_empty());
    any.then_some(())
        .ok_or_else(|| "nothing to choose".to_owned())
}

fn labelled(series: &[Value], query: &Query, values: &Values) -> Result<(), String> {
    if series.is_empty() {
        return Err("no data".to_owned());
    }
    // Only a failure has a reason, and an empty label is none.
    for label in query.labels.iter().filter(|label| *label != "reason") {
        let label = values.fill(label);
        let has = |series: &Value| series.pointer(&format!("/metric/{label}")).is_some();
        if !series.iter().any(has) {
            return Err(format!("no series has the label {label}"));
        }
    }
    Ok(())
}

#[test]
fn every_panel_variable_and_annotation_has_data() {
    needs_root!();
    let Some(program) = tools::find_or_skip("every_panel_has_data", "prometheus") else {
        return;
    };
    let start = now() - 5.0;
    let trouble = Trouble::new();
    let server = trouble.server();
    let services = Services::start(trouble.client(), Router::CLIENT_V4);
    let seeing = Options::new()
        .config(&format!(
            "[devices]\nfold_kinds = []\n{}",
            services.probes()
        ))
        .argument("--log-level=error")
        .address(SEEING)
        .start(server);
    let blind = Options::new().config(NOTHING).address(BLIND).start(server);
    let targets = [SEEING, BLIND].map(ToOwned::to_owned);
    let prometheus = Prometheus::start(server, &program, &targets, FACTOR);
    prometheus.wait_until_up(2);
    let exceptions = Exceptions::read();
    let queries = grafana::queries(&repository().join("grafana"));
    assert!(queries.len() > 100, "only {} queries", queries.len());
    let mut wanted = queries.clone();
    wanted.retain(|query| !exceptions.cover(query));
    let all = values(start);
    let chosen = all
        .clone()
        .choosing("job", &["droplens", "other"])
        .choosing("instance", &[SEEING, BLIND]);
    let switch = Switch::default();
    let outcome = std::thread::scope(|scope| {
        switch.until_off(scope, PAUSE, || trouble.burst());
        lose_echoes(trouble.router(), scope, &switch);
        let outcome = wait::within(PATIENCE, || {
            let mut missing = Vec::new();
            wanted.retain(|query| {
                let both = [&all, &chosen].map(|values| ask(&prometheus, query, values));
                let wrong = both.into_iter().find_map(Result::err);
                missing.extend(wrong.as_ref().map(|wrong| {
                    let Query {
                        dashboard,
                        panel,
                        name,
                        text,
                        ..
                    } = query;
                    format!("{dashboard}: {panel}, {name}: {wrong}\n    {text}")
                }));
                wrong.is_some()
            });
            missing
                .is_empty()
                .then_some(())
                .ok_or_else(|| missing.join("\n"))
        });
        switch.off();
        outcome
    });
    if let Err(missing) = outcome {
        panic!("queries without data:\n{missing}");
    }
    let needless = exceptions.needless(&queries, |query| ask(&prometheus, query, &all).is_ok());
    assert!(needless.is_empty(), "needless exceptions: {needless:#?}");
    drop(prometheus);
    blind.stop();
    seeing.stop();
}
