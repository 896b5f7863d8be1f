//! The figures as Markdown.

use std::fmt;
use std::fs;
use std::time::Duration;

use crate::exporter::ExporterCost;
use crate::scene::Scene;
use crate::{Cost, SCRAPE_INTERVAL};

/// The machine on which this runs.
pub(crate) fn print_header() {
    let of = |file: &str, key: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let line = text
            .lines()
            .find(|line| line.starts_with(key))
            .unwrap_or_default();
        line.split(':').nth(1).unwrap_or_default().trim().to_owned()
    };
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    println!(
        "Machine: {}, {cpus} CPUs, kernel {}\n",
        of("/proc/cpuinfo", "model name"),
        kernel.trim()
    );
}

/// One scene's figures.
pub(crate) struct Row {
    pub(crate) scene: Scene,
    pub(crate) exporter: Option<ExporterCost>,
    pub(crate) folded: Cost,
    pub(crate) unfolded: Option<Cost>,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "### {}\n", self.scene.name())?;
        writeln!(
            f,
            "| agent | series | CPU, collection + scrape | CPU per second, scraped every {} s | RSS |",
            SCRAPE_INTERVAL.as_secs()
        )?;
        writeln!(f, "|---|---|---|---|---|")?;
        if let Some(cost) = &self.exporter {
            let steady = cost.scrape / u32::try_from(SCRAPE_INTERVAL.as_secs()).unwrap_or(1);
            writeln!(
                f,
                "| node_exporter {} | {} | {} | {} | {} |",
                cost.version,
                cost.series,
                millis(cost.scrape),
                millis(steady),
                mebibytes(cost.resident_bytes)
            )?;
        }
        self.line(f, "droplens", &self.folded)?;
        if let Some(cost) = &self.unfolded {
            self.line(f, "droplens, each device on its own", cost)?;
        }
        let intervals = self.folded.intervals.iter().filter(|(source, _)| {
            ["softnet", "snmp", "netstat", "links", "qdiscs"].contains(&source.as_str())
        });
        let intervals: Vec<_> = intervals
            .map(|(source, seconds)| format!("{source} {seconds} s"))
            .collect();
        writeln!(f, "\nEffective intervals: {}.", intervals.join(", "))?;
        let largest = self.unfolded.as_ref().unwrap_or(&self.folded);
        let plain = largest.plain.as_secs_f64() * 1e3;
        writeln!(
            f,
            "A scrape without gzip: {plain:.2} ms for {} series, {:.2} ms for 20 000.",
            largest.series,
            plain * 20_000.0 / largest.series as f64
        )
    }
}

impl Row {
    fn line(&self, f: &mut fmt::Formatter<'_>, name: &str, cost: &Cost) -> fmt::Result {
        let total = cost.collection + cost.scrape;
        let against = |own: Duration, other: Duration| {
            let share = own.as_secs_f64() / other.as_secs_f64().max(f64::MIN_POSITIVE);
            format!(", 1/{:.1}", 1.0 / share)
        };
        let ratios = self.exporter.as_ref().map(|exporter| {
            let steady = exporter.scrape / u32::try_from(SCRAPE_INTERVAL.as_secs()).unwrap_or(1);
            (
                against(total, exporter.scrape),
                against(cost.steady, steady),
            )
        });
        let (once, steady) = ratios.unwrap_or_default();
        writeln!(
            f,
            "| {name} | {} | {} ({} + {}{once}) | {}{steady} | {} |",
            cost.series,
            millis(total),
            millis(cost.collection),
            millis(cost.scrape),
            millis(cost.steady),
            mebibytes(cost.resident_bytes)
        )
    }
}

fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
