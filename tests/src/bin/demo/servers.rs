//! Prometheus and Alertmanager, from Debian's packages, with the files of this repository.

use std::fmt::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use droplens_tests::binary::repository;
use droplens_tests::scratch::Scratch;
use droplens_tests::{http, tools, wait};

/// Ports that no other Prometheus or Alertmanager has.
pub(crate) const PROMETHEUS: u16 = 29_090;
const ALERTMANAGER: u16 = 29_093;

const RULES: &str = "deploy/prometheus/droplens.rules.yml";
const ROUTES: &str = "deploy/alertmanager/alertmanager.yml";

/// Where Prometheus is.
pub(crate) fn prometheus() -> String {
    format!("http://localhost:{PROMETHEUS}")
}

/// Both, ended on drop.
pub(crate) struct Servers {
    scratch: Scratch,
    children: Vec<Child>,
    alertmanager: bool,
}

impl Servers {
    /// Starts them; Prometheus scrapes these nodes at these ports.
    pub(crate) fn start(nodes: &[(&str, u16)]) -> Result<Self, String> {
        let mut servers = Self {
            scratch: Scratch::new(),
            children: Vec::new(),
            alertmanager: false,
        };
        let program =
            tools::find("prometheus").ok_or("Prometheus is not here: run `make tools`")?;
        let config = servers
            .scratch
            .write("prometheus.yml", configuration(nodes));
        let mut prometheus = Command::new(program);
        prometheus
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                servers.data("prometheus").display()
            ))
            .arg(format!("--web.listen-address=127.0.0.1:{PROMETHEUS}"));
        servers.launch(prometheus, PROMETHEUS)?;
        if let Some(program) = tools::find("prometheus-alertmanager") {
            let routes = repository().join(ROUTES);
            let mut alertmanager = Command::new(program);
            alertmanager
                .arg(format!("--config.file={}", routes.display()))
                .arg(format!(
                    "--storage.path={}",
                    servers.data("alertmanager").display()
                ))
                .arg(format!("--web.listen-address=127.0.0.1:{ALERTMANAGER}"))
                // It is alone.
                .arg("--cluster.listen-address=");
            servers.launch(alertmanager, ALERTMANAGER)?;
            servers.alertmanager = true;
        }
        Ok(servers)
    }

    /// Where Alertmanager is, if it is here.
    pub(crate) fn alertmanager(&self) -> Option<String> {
        let url = format!("http://localhost:{ALERTMANAGER}");
        self.alertmanager.then_some(url)
    }

    fn data(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// Starts one and waits until it is ready.
    fn launch(&mut self, mut command: Command, port: u16) -> Result<(), String> {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        // Another one there would seem to be ready.
        TcpListener::bind(address)
            .map_err(|error| format!("{address}: {error}: is another demo running?"))?;
        let program = command.get_program().display().to_string();
        let said = std::fs::File::create(self.data(&format!("{port}.log")))
            .map_err(|error| format!("a log of {program}: {error}"))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(said)
            .spawn()
            .map_err(|error| format!("cannot run {program}: {error}"))?;
        self.children.push(child);
        let ready = wait::within(wait::PATIENCE, || {
            let answer = http::get(address, "/-/ready", &[]).map_err(|error| error.to_string())?;
            let ready = answer.status == 200;
            ready.then_some(()).ok_or_else(|| answer.text())
        });
        ready.map_err(|reason| {
            let log = std::fs::read_to_string(self.data(&format!("{port}.log")));
            format!(
                "{program} is not ready: {reason}\n{}",
                log.unwrap_or_default()
            )
        })
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for child in &mut self.children {
            // Ctrl-C may have ended it already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
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
