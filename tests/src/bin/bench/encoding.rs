//! Encoding alone: an exposition of a made-up host, without serving it.

use std::time::Duration;

use droplens_metrics::{Exposition, Format, Options, Selection};
use prometheus_client::registry::Registry;
use rustix::time::{ClockId, clock_gettime};

use crate::host::{Size, view};

/// Expositions over which the cost of one is averaged.
const EXPOSITIONS: u32 = 50;

/// The series that the cost is told for.
const SERIES: u32 = 20_000;

/// A host of a little more than [`SERIES`] series, each device on its own.
const HOST: Size = Size {
    cpus: 8,
    cards: 2,
    queues: 8,
    veths: 480,
    listeners: 20,
    udp_ports: 20,
    rules: 20,
};

/// Prints the CPU time of one exposition in each format.
pub(crate) fn print() {
    println!("### Encoding\n");
    println!("| format | series | CPU | for 20 000 |");
    println!("|---|---|---|---|");
    for (name, format) in [
        ("text 0.0.4", Format::Text),
        ("OpenMetrics", Format::OpenMetrics),
    ] {
        let (series, cost) = measure(format);
        println!(
            "| {name} | {series} | {:.2} ms | {:.2} ms |",
            cost.as_secs_f64() * 1e3,
            cost.as_secs_f64() * 1e3 * f64::from(SERIES) / f64::from(series)
        );
    }
    println!();
}

/// The number of series, and the CPU time of one exposition.
fn measure(format: Format) -> (u32, Duration) {
    let options = Options {
        fold_kinds: Vec::new(),
        series_limit: 1_000_000,
        ..Options::default()
    };
    let exposition = Exposition::new(Registry::default(), options);
    let view = view(HOST);
    let mut text = String::new();
    let mut render = || {
        text.clear();
        let rendered = exposition.render(view.clone(), &Selection::ALL, format, &mut text);
        rendered.expect("an exposition");
    };
    // The buffers grow.
    (0..3).for_each(|_| render());
    let before = cpu();
    (0..EXPOSITIONS).for_each(|_| render());
    let cost = cpu().saturating_sub(before) / EXPOSITIONS;
    let series = text.lines().filter(|line| !line.starts_with('#')).count();
    (u32::try_from(series).expect("not that many series"), cost)
}

/// CPU time that this thread has used.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.try_into().expect("a time since the start")
}
