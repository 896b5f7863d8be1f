//! Prometheus and Alertmanager, from Debian's packages, with the files of this repository.

use std::fmt::Write;
use std::net::{SocketAddr, TcpListener};
use std::process::Command;

use droplens_tests::binary::repository;
use droplens_tests::http;
use droplens_tests::lab::Namespace;
use droplens_tests::monitoring::{Server, with_its_templates};
use droplens_tests::scratch::Scratch;
use droplens_tests::tools;

/// Ports that no other Prometheus or Alertmanager has.
const PROMETHEUS: u16 = 29_090;
const ALERTMANAGER: u16 = 29_093;

const RULES: &str = "deploy/prometheus/droplens.rules.yml";
const ROUTES: &str = "deploy/alertmanager/alertmanager.yml";

/// Where Prometheus is.
pub(crate) fn prometheus() -> String {
    format!("http://localhost:{PROMETHEUS}")
}

/// Its page of alerts. Debian's Prometheus has the old pages only, since version 3 none at all.
pub(crate) fn alerts() -> String {
    let address = SocketAddr::from(([127, 0, 0, 1], PROMETHEUS));
    let path = ["/alerts", "/classic/alerts"]
        .into_iter()
        .find(|path| http::get(address, path, &[]).is_ok_and(|answer| answer.status == 200))
        .unwrap_or("/api/v1/alerts");
    prometheus() + path
}

/// Where Alertmanager is.
pub(crate) fn alertmanager() -> String {
    format!("http://localhost:{ALERTMANAGER}")
}

/// Starts both; Prometheus scrapes these nodes at these ports.
pub(crate) fn start<'h>(
    host: &'h Namespace,
    nodes: &[(&str, u16)],
) -> Result<[Server<'h>; 2], String> {
    let program =
        |name| tools::find(name).ok_or_else(|| format!("{name} is not here: run `make tools`"));
    let (prometheus, alertmanager) = (program("prometheus")?, program("prometheus-alertmanager")?);
    for port in [PROMETHEUS, ALERTMANAGER] {
        // Another one there would seem to be ready.
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        TcpListener::bind(address)
            .map_err(|error| format!("{address}: {error}: is another demo running?"))?;
    }
    let files = Scratch::new();
    let mut command = with_its_templates(&alertmanager);
    command
        .arg(format!(
            "--config.file={}",
            repository().join(ROUTES).display()
        ))
        .arg(format!(
            "--storage.path={}",
            files.path().join("data").display()
        ))
        // It is alone.
        .arg("--cluster.listen-address=");
    let alertmanager = Server::start(host, &mut command, ALERTMANAGER, files);
    let files = Scratch::new();
    let config = files.write("prometheus.yml", configuration(nodes));
    let mut command = Command::new(prometheus);
    command
        .arg(format!("--config.file={}", config.display()))
        .arg(format!(
            "--storage.tsdb.path={}",
            files.path().join("data").display()
        ));
    let prometheus = Server::start(host, &mut command, PROMETHEUS, files);
    Ok([prometheus, alertmanager])
}

fn configuration(nodes: &[(&str, u16)]) -> String {
    let rules = repository().join(RULES);
    let mut out = format!(
        "global: {{scrape_interval: 5s, evaluation_interval: 5s}}\nrule_files: ['{}']\n\
         alerting: {{alertmanagers: [{{static_configs: [{{targets: ['127.0.0.1:{ALERTMANAGER}']}}]}}]}}\n\
         scrape_configs:\n- job_name: droplens\n  static_configs:\n",
        rules.display()
    );
    for (name, port) in nodes {
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            out,
            "  - {{targets: ['127.0.0.1:{port}'], labels: {{instance: {name}}}}}"
        );
    }
    out
}
