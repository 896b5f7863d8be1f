//! How long Prometheus takes for the dashboard of a fleet of 1 000 nodes (`make bench ARGS=dashboards`).
//!
//! The series are those of a real agent, once for each node, over the time that the dashboard shows at first. Prometheus gets them as
//! blocks, made by promtool. Counters of loss move on one node of twenty.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use droplens_tests::agent::Options;
use droplens_tests::binary::repository;
use droplens_tests::exposition::{Metrics, Series};
use droplens_tests::grafana::{self, Purpose, Query, Values};
use droplens_tests::lab::{Namespace, Router};
use droplens_tests::monitoring::Prometheus;
use droplens_tests::scratch::Scratch;
use droplens_tests::tools;

use super::process::Meter;

const NODES: usize = 1_000;
/// Every so manyth node loses packets.
const LOSING: usize = 20;
const SCRAPE_INTERVAL: u64 = 15;
/// The time range of the dashboard.
const RANGE: u64 = 1_800;
/// Series that are only asked for at the end are written this long before it.
const RECENT: u64 = 300;
/// A block of Prometheus.
const BLOCK: u64 = 7_200;
/// Each query is asked so often; the median counts.
const TIMES: usize = 5;

/// Prints a table of the queries.
pub(crate) fn print() {
    let (Some(prometheus), Some(promtool)) = (tools::find("prometheus"), tools::find("promtool"))
    else {
        println!("### Dashboards\n\nPrometheus is not here: run `make tools`.\n");
        return;
    };
    let queries: Vec<Query> = grafana::queries(&repository().join("grafana"))
        .into_iter()
        .filter(|query| query.dashboard == "droplens-fleet")
        .collect();
    let node = one_node(&queries);
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    let end = since_1970.expect("a clock after 1970").as_secs() / BLOCK * BLOCK - SCRAPE_INTERVAL;
    let scratch = Scratch::new();
    let text = scratch.path().join("fleet.txt");
    write_fleet(&text, &node, end).expect("the series of the fleet");
    let data = scratch.path().join("data");
    let made = Command::new(promtool)
        .args(["tsdb", "create-blocks-from", "openmetrics", "--quiet"])
        .arg(&text)
        .arg(&data)
        .output()
        .expect("promtool");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    std::fs::remove_file(&text).expect("the text is in blocks now");
    let namespace = Namespace::new();
    let server = Prometheus::on_blocks(&namespace, &prometheus, &data);
    let of_node: usize = node.iter().map(|family| family.series.len()).sum();
    println!(
        "### Fleet dashboard, {NODES} nodes, {} min at {SCRAPE_INTERVAL} s\n\n{of_node} series of a node are read, {} in all.\n\n\
         | panel | query | rows or lines | median | CPU |\n|---|---|---|---|---|",
        RANGE / 60,
        of_node * NODES
    );
    let meter = Meter::of(server.pid());
    let mut slowest = Duration::ZERO;
    for query in &queries {
        let Asked { rows, median, cpu } = ask(&server, &meter, query, end as f64);
        slowest = slowest.max(median);
        println!(
            "| {} | {} | {rows} | {} ms | {} ms |",
            query.panel,
            query.name,
            median.as_millis(),
            cpu.as_millis()
        );
    }
    println!("\nSlowest: {} ms.\n", slowest.as_millis());
}

/// The series of one name that a node has.
struct Family {
    series: Vec<Series>,
    /// Whether they are needed over the whole range.
    whole: bool,
}

/// What the queries read of a node, as a real agent tells it.
fn one_node(queries: &[Query]) -> Vec<Family> {
    let three = Router::new();
    let agent = Options::new().start(&three.server);
    let mut metrics: Vec<Series> = agent.scrape().series().to_vec();
    agent.stop();
    for line in [
        "up 1\n",
        "ALERTS{alertname=\"Loss\",alertstate=\"firing\",domain=\"qdisc\",severity=\"warning\",cause=\"qdisc_overflow\"} 1\n",
        "droplens_device_drops_total{domain=\"qdisc\",cause=\"qdisc_overflow\",device=\"eth0\"} 0\n",
    ] {
        let more = Metrics::parse(line).expect("a series");
        metrics.extend(more.series().iter().cloned());
    }
    let names: BTreeSet<&str> = queries.iter().flat_map(Query::series).collect();
    names
        .into_iter()
        .map(|name| Family {
            series: (metrics.iter().filter(|series| series.name == name).cloned()).collect(),
            whole: queries.iter().any(|query| {
                let over_time = query.purpose == Purpose::Range || query.text.contains('[');
                over_time && query.series().any(|known| known == name)
            }),
        })
        .collect()
}

fn write_fleet(path: &Path, node: &[Family], end: u64) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let steps = RANGE / SCRAPE_INTERVAL;
    for step in 0..=steps {
        let time = end - (steps - step) * SCRAPE_INTERVAL;
        for family in node
            .iter()
            .filter(|family| family.whole || end - time <= RECENT)
        {
            for (place, series) in family.series.iter().enumerate() {
                write_series(&mut out, series, place, step, time)?;
            }
        }
    }
    writeln!(out, "# EOF")?;
    out.flush()
}

/// One sample of a series on each node.
fn write_series(
    out: &mut impl Write,
    series: &Series,
    place: usize,
    step: u64,
    time: u64,
) -> io::Result<()> {
    let mut head = format!("{}{{job=\"droplens\"", series.name);
    for (name, value) in &series.labels {
        head += &[",", name, "=\"", value, "\""].concat();
    }
    for number in 0..NODES {
        // One of three causes on each node that loses packets.
        let loses = number % LOSING == 0 && place % 10 == number / LOSING % 3;
        let value = match &*series.name {
            "ALERTS" if !loses => continue,
            "droplens_finding_active" => f64::from(u8::from(loses)),
            _ if series.name.ends_with("_total") && loses => (step * 100) as f64,
            _ => series.value,
        };
        let (a, b) = (number / 250, number % 250);
        writeln!(
            out,
            "{head},instance=\"10.1.{a}.{b}:13767\"}} {value} {time}"
        )?;
    }
    Ok(())
}

/// What came of a query.
struct Asked {
    rows: usize,
    /// Time on the clock.
    median: Duration,
    /// CPU time of Prometheus each time, on average.
    cpu: Duration,
}

fn ask(server: &Prometheus<'_>, meter: &Meter, query: &Query, end: f64) -> Asked {
    // As Grafana makes them for half an hour: 15 s or 1 min between points, and four scrapes at least.
    let (step, window) = if query.few_points {
        (60.0, "75s")
    } else {
        (15.0, "60s")
    };
    let everything = ["job", "instance"].map(|name| (name, ".+".to_owned()));
    let values = Values::new(everything.into_iter().chain([
        ("__rate_interval", window.to_owned()),
        ("__range", format!("{RANGE}s")),
        ("__from", format!("{:.0}", (end - RANGE as f64) * 1000.0)),
    ]));
    let text = values.fill(&query.text);
    let start = end - RANGE as f64;
    let span = [start.to_string(), end.to_string()];
    let once = || match &query.purpose {
        Purpose::Range => server.range(&text, (start, end), step),
        Purpose::Instant => server
            .api("query", &[("query", &text), ("time", &span[1])])
            .map(|data| entries(&data, "/result")),
        Purpose::LabelValues(label) => server
            .api(
                &format!("label/{label}/values"),
                &[("match[]", &text), ("start", &span[0]), ("end", &span[1])],
            )
            .map(|data| entries(&data, "")),
        Purpose::LabelNames => server
            .api("labels", &[("match[]", &text)])
            .map(|data| entries(&data, "")),
    };
    let (mut times, mut rows) = (Vec::new(), 0);
    let cpu = meter.during(|| {
        for _ in 0..TIMES {
            let started = Instant::now();
            rows = once().expect("an answer of Prometheus").len();
            times.push(started.elapsed());
        }
    });
    times.sort();
    Asked {
        rows,
        median: times.get(TIMES / 2).copied().unwrap_or_default(),
        cpu: cpu / u32::try_from(TIMES).unwrap_or(1),
    }
}

fn entries(data: &serde_json::Value, pointer: &str) -> Vec<serde_json::Value> {
    let found = data.pointer(pointer).and_then(serde_json::Value::as_array);
    found.cloned().unwrap_or_default()
}
