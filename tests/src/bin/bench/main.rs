//! What droplens costs, beside `node_exporter` in the same scenes: `make bench`.
//!
//! Prints a Markdown report for docs/performance.md. CPU time comes from the kernel's own account
//! of each process (`/proc/PID/schedstat` of every thread, nanoseconds), so it does not depend on
//! how fast the clock on the wall runs. Encoding is timed in this process, on a made-up host.
//! Takes about five minutes, and root for the scenes.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a program for developers: it prints a report and may stop at any surprise"
)]
#![allow(
    clippy::allow_attributes,
    missing_docs,
    reason = "a program, not a library"
)]

mod dashboards;
mod diagnosis;
mod encoding;
mod exporter;
mod fleet;
mod probes;
mod process;
mod report;
mod scene;

#[path = "../../../../crates/droplens-metrics/tests/host/mod.rs"]
mod host;

use std::time::Duration;

use droplens_tests::agent::{Agent, Options};
use droplens_tests::lab::Namespace;

use exporter::Exporter;
use process::Meter;
use report::{Row, print_header};
use scene::Scene;

/// Scrapes over which the cost of one is averaged.
const SCRAPES: u32 = 20;

/// How long the steady state is watched, with a scrape at each [`SCRAPE_INTERVAL`]: longer than the
/// rarest reading is put off.
const STEADY: Duration = Duration::from_secs(180);

/// The usual scrape interval.
const SCRAPE_INTERVAL: Duration = Duration::from_secs(15);

/// What is measured of droplens in one scene.
struct Cost {
    /// One reading of every source.
    collection: Duration,
    /// One scrape: encoding and sending.
    scrape: Duration,
    /// One scrape without gzip.
    plain: Duration,
    /// CPU time per second in the steady state.
    steady: Duration,
    resident_bytes: u64,
    series: u64,
    intervals: Vec<(String, f64)>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [word, holder, count] = arguments.as_slice()
        && word == scene::HOLD
    {
        return scene::hold(holder, count);
    }
    print_header();
    // Only where it is asked for: it writes two gigabytes.
    if arguments.iter().any(|argument| argument == "dashboards") {
        dashboards::print();
    }
    let wanted = |id: &str| arguments.is_empty() || arguments.iter().any(|argument| argument == id);
    if wanted("encoding") {
        encoding::print();
    }
    if wanted("diagnosis") {
        diagnosis::print();
    }
    // It takes as long as all the rest, so it is done when asked for.
    if arguments.iter().any(|argument| argument == "fleet") {
        fleet::print();
    }
    // Beside another prober, and for eleven minutes.
    if arguments.iter().any(|argument| argument == "probes") {
        probes::print_costs();
    }
    if wanted("round-trips") {
        probes::print_round_trips();
    }
    for scene in [Scene::Idle, Scene::Devices, Scene::Sockets]
        .into_iter()
        .filter(|scene| wanted(scene.id()))
    {
        let (namespace, _props) = scene.set();
        let exporter = Exporter::start(&namespace, scene.collectors()).map(|exporter| {
            let cost = exporter.cost(SCRAPES);
            drop(exporter);
            cost
        });
        let folded = measure(&namespace, "");
        let unfolded =
            (scene == Scene::Devices).then(|| measure(&namespace, "[devices]\nfold_kinds = []\n"));
        println!(
            "{}",
            Row {
                scene,
                exporter,
                folded,
                unfolded
            }
        );
    }
}

fn measure(namespace: &Namespace, config: &str) -> Cost {
    let agent = Options::new()
        .config(config)
        .address("127.0.0.1:23767")
        .start(namespace);
    let meter = Meter::of(agent.pid());
    // The first readings of everything, and the allocations that stay.
    for _ in 0..3 {
        agent.scrape();
        std::thread::sleep(Duration::from_secs(2));
    }
    let scrape_once = || {
        agent
            .get("/metrics", &[("Accept-Encoding", "gzip")])
            .expect("a scrape");
    };
    let scrape_plain = || {
        agent.get("/metrics", &[]).expect("a scrape");
    };
    let background = meter.during(|| std::thread::sleep(Duration::from_secs(4))) / 4;
    scrape_once();
    let each = |scrape: &dyn Fn()| {
        let started = std::time::Instant::now();
        let scraping = meter.during(|| (0..SCRAPES).for_each(|_| scrape()));
        let readings = background.mul_f64(started.elapsed().as_secs_f64());
        scraping.saturating_sub(readings) / SCRAPES
    };
    let scrape = each(&scrape_once);
    let plain = each(&scrape_plain);

    let before = meter.ticks();
    for _ in 0..STEADY.as_secs() / SCRAPE_INTERVAL.as_secs() {
        std::thread::sleep(SCRAPE_INTERVAL);
        scrape_once();
    }
    let steady = meter
        .ticks()
        .saturating_sub(before)
        .div_f64(STEADY.as_secs_f64());
    finish(agent, &meter, [scrape, plain], steady)
}

fn finish(
    agent: Agent<'_>,
    meter: &Meter,
    [scrape, plain]: [Duration; 2],
    steady: Duration,
) -> Cost {
    let metrics = agent.scrape();
    let of_sources = |name: &str| -> Vec<(String, f64)> {
        let series = metrics.all(name, &[]);
        series
            .map(|series| {
                (
                    series.label("source").unwrap_or_default().to_owned(),
                    series.value,
                )
            })
            .collect()
    };
    let readings = of_sources("droplens_source_readings_total");
    let collection: f64 = of_sources("droplens_source_cpu_seconds_total")
        .iter()
        .zip(&readings)
        .map(|((_, cpu), (_, readings))| cpu / readings.max(1.0))
        .sum();
    let cost = Cost {
        collection: Duration::from_secs_f64(collection),
        scrape,
        plain,
        steady,
        resident_bytes: meter.resident_bytes(),
        series: metrics.series().len() as u64,
        intervals: of_sources("droplens_source_interval_seconds"),
    };
    agent.stop();
    cost
}
