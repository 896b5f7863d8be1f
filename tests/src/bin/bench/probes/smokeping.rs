//! `smokeping_prober`, the yardstick.

use std::net::SocketAddr;
use std::process::{Child, Stdio};

use droplens_tests::exposition::Metrics;
use droplens_tests::lab::Namespace;
use droplens_tests::scratch::Scratch;
use droplens_tests::{http, tools, wait};

const ADDRESS: ([u8; 4], u16) = ([127, 0, 0, 1], 29374);

/// A running `smokeping_prober`.
pub(super) struct Smokeping<'n> {
    child: Child,
    namespace: &'n Namespace,
    _config: Scratch,
}

impl<'n> Smokeping<'n> {
    /// Starts it, with sockets of this kind: `icmp` (raw, its default) or `udp` (ping sockets). None if
    /// it is not installed.
    pub(super) fn start(
        namespace: &'n Namespace,
        targets: &[String],
        millis: u64,
        protocol: &str,
    ) -> Option<Self> {
        let program = tools::find("prometheus-smokeping-prober")?;
        let scratch = Scratch::new();
        let yaml = format!(
            "targets:\n- hosts: {targets:?}\n  interval: {millis}ms\n  network: ip4\n  protocol: {protocol}\n"
        );
        let config = scratch.write("smokeping.yml", yaml);
        let address = SocketAddr::from(ADDRESS);
        let mut command = namespace.command(program);
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = namespace
            .enter(|| command.spawn())
            .expect("smokeping_prober starts");
        let smokeping = Self {
            child,
            namespace,
            _config: scratch,
        };
        wait::until("smokeping_prober answers", || smokeping.metrics());
        Some(smokeping)
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Echo requests so far, and those that were answered.
    pub(super) fn sent_and_answered(&self) -> (u64, u64) {
        let metrics = self.metrics().expect("a scrape");
        let sent = metrics.sum("smokeping_requests_total", &[]);
        let answered = metrics.sum("smokeping_response_duration_seconds_count", &[]);
        (sent, answered)
    }

    fn metrics(&self) -> Result<Metrics, String> {
        let address = SocketAddr::from(ADDRESS);
        let answer = self
            .namespace
            .enter(|| http::get(address, "/metrics", &[]))
            .map_err(|error| error.to_string())?;
        Metrics::parse(&answer.text())
    }
}

impl Drop for Smokeping<'_> {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}
