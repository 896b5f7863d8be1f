//! `node_exporter`, the yardstick.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use droplens_tests::lab::Namespace;
use droplens_tests::{http, tools, wait};

use crate::process::Meter;

/// A running `node_exporter`.
pub(crate) struct Exporter<'n> {
    child: Child,
    namespace: &'n Namespace,
}

/// What it costs.
pub(crate) struct ExporterCost {
    pub(crate) scrape: Duration,
    pub(crate) resident_bytes: u64,
    pub(crate) series: u64,
    pub(crate) version: String,
}

const ADDRESS: ([u8; 4], u16) = ([127, 0, 0, 1], 29100);

impl<'n> Exporter<'n> {
    /// Starts it with only the collectors of the surfaces that droplens reads; none if it is not
    /// installed.
    pub(crate) fn start(namespace: &'n Namespace, collectors: &[&str]) -> Option<Self> {
        let program =
            tools::find("prometheus-node-exporter").or_else(|| tools::find("node_exporter"))?;
        let address = SocketAddr::from(ADDRESS);
        let mut command = Command::new(program);
        command
            .arg(format!("--web.listen-address={address}"))
            .arg("--collector.disable-defaults")
            .args(collectors.iter().map(|name| format!("--collector.{name}")))
            .arg("--collector.netstat.fields=.*")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = namespace
            .enter(|| command.spawn())
            .expect("node_exporter starts");
        let exporter = Self { child, namespace };
        wait::until("node_exporter answers", || exporter.scrape());
        Some(exporter)
    }

    fn scrape(&self) -> Result<String, String> {
        let address = SocketAddr::from(ADDRESS);
        let headers = [("Accept-Encoding", "gzip")];
        let answer = self
            .namespace
            .enter(|| http::get(address, "/metrics", &headers));
        answer
            .map(|answer| answer.text())
            .map_err(|error| error.to_string())
    }

    /// The cost of one scrape, over several.
    pub(crate) fn cost(&self, scrapes: u32) -> ExporterCost {
        let meter = Meter::of(self.child.id());
        for _ in 0..3 {
            self.scrape().expect("a scrape");
        }
        let mut last = String::new();
        let scraping = meter.during(|| {
            for _ in 0..scrapes {
                last = self.scrape().expect("a scrape");
            }
        });
        let scrape = scraping / scrapes;
        let series = last.lines().filter(|line| !line.starts_with('#')).count() as u64;
        let version = last
            .lines()
            .find(|line| line.starts_with("node_exporter_build_info"))
            .and_then(|line| {
                line.split("version=\"")
                    .nth(1)?
                    .split('"')
                    .next()
                    .map(str::to_owned)
            })
            .unwrap_or_else(|| "unknown".to_owned());
        ExporterCost {
            scrape,
            resident_bytes: meter.resident_bytes(),
            series,
            version,
        }
    }
}

impl Drop for Exporter<'_> {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}
