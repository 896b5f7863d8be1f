//! `node_exporter`, the yardstick.

use std::io;
use std::net::SocketAddr;
use std::process::{Child, Stdio};
use std::time::Duration;

use droplens_tests::exposition::Metrics;
use droplens_tests::http::Answer;
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
        let mut command = namespace.command(program);
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
        wait::until("node_exporter answers", || {
            exporter.scrape(&[]).map_err(|error| error.to_string())
        });
        Some(exporter)
    }

    fn scrape(&self, headers: &[(&str, &str)]) -> io::Result<Answer> {
        let address = SocketAddr::from(ADDRESS);
        self.namespace
            .enter(|| http::get(address, "/metrics", headers))
    }

    /// As Prometheus asks: that is what is measured.
    fn scrape_compressed(&self) {
        let answer = self
            .scrape(&[("Accept-Encoding", "gzip")])
            .expect("a scrape");
        assert_eq!(answer.header("content-encoding"), Some("gzip"));
    }

    /// The cost of one scrape, over several.
    pub(crate) fn cost(&self, scrapes: u32) -> ExporterCost {
        let meter = Meter::of(self.child.id());
        for _ in 0..3 {
            self.scrape_compressed();
        }
        let scraping = meter.during(|| (0..scrapes).for_each(|_| self.scrape_compressed()));
        let resident_bytes = meter.resident_bytes();
        let text = self.scrape(&[]).expect("a scrape").text();
        let metrics = Metrics::parse(&text).expect("an exposition");
        let version = metrics
            .all("node_exporter_build_info", &[])
            .find_map(|series| series.label("version"))
            .expect("the version of node_exporter");
        ExporterCost {
            scrape: scraping / scrapes,
            resident_bytes,
            series: metrics.series().len() as u64,
            version: version.to_owned(),
        }
    }
}

impl Drop for Exporter<'_> {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}
