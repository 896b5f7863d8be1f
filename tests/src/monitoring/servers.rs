//! Prometheus and Alertmanager, as the repository's examples configure them.

use std::fmt::Write;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::scaled;
use crate::binary::repository;
use crate::lab::Namespace;
use crate::scratch::Scratch;
use crate::{http, json, wait};

/// A server that is killed on drop.
#[derive(Debug)]
pub struct Server<'n> {
    child: Child,
    namespace: &'n Namespace,
    address: SocketAddr,
    log: PathBuf,
    _scratch: Scratch,
}

impl<'n> Server<'n> {
    /// Starts a program and waits until it is ready.
    ///
    /// # Panics
    ///
    /// When it does not become ready in time, with its log.
    pub fn start(
        namespace: &'n Namespace,
        command: &mut Command,
        port: u16,
        scratch: Scratch,
    ) -> Self {
        let log = scratch.path().join("log");
        let output = File::create(&log).expect("a log file");
        command
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a second handle of the log"))
            .stderr(output);
        let child = namespace
            .enter(|| command.spawn())
            .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
        let server = Self {
            child,
            namespace,
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            log,
            _scratch: scratch,
        };
        wait::until("a server that is ready", || {
            let answer = server.get("/-/ready");
            answer.map_err(|reason| format!("{reason}\n{}", server.log()))
        });
        server
    }

    fn get(&self, path: &str) -> Result<String, String> {
        let answer = self
            .namespace
            .enter(|| http::get(self.address, path, &[]))
            .map_err(|error| error.to_string())?;
        if answer.status == 200 {
            Ok(answer.text())
        } else {
            Err(format!("status {}: {}", answer.status, answer.text()))
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- log of {} ---\n{}", self.address, self.log());
        }
        // It may have ended already.
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

/// A Prometheus at 127.0.0.1:9090 of its namespace.
#[derive(Debug)]
pub struct Prometheus<'n>(Server<'n>);

impl<'n> Prometheus<'n> {
    /// Scrapes these targets once a second as `deploy/prometheus/prometheus.yml` says, with its
    /// rules `factor` times as fast, and tells the Alertmanager at 127.0.0.1:9093.
    ///
    /// # Panics
    ///
    /// When it does not start, or the example no longer has what is replaced.
    pub fn start(
        namespace: &'n Namespace,
        program: &Path,
        targets: &[String],
        factor: u32,
    ) -> Self {
        let scratch = Scratch::new();
        let rules = read("deploy/prometheus/droplens.rules.yml");
        scratch.write("droplens.rules.yml", scaled(&rules, factor));
        let targets: Vec<_> = targets.iter().map(|target| format!("'{target}'")).collect();
        let mut config = read("deploy/prometheus/prometheus.yml");
        for (from, to) in [
            ("'127.0.0.1:13767'", targets.join(", ").as_str()),
            ("scrape_interval: 15s", "scrape_interval: 1s"),
            ("evaluation_interval: 30s", "evaluation_interval: 1s"),
        ] {
            assert!(config.contains(from), "the example has no {from}");
            config = config.replace(from, to);
        }
        let config = scratch.write("prometheus.yml", config);
        let mut command = Command::new(program);
        command
            .arg(format!("--config.file={}", config.display()))
            // What fires before the Alertmanager is discovered is told again soon.
            .arg("--rules.alert.resend-delay=5s")
            .arg(format!(
                "--storage.tsdb.path={}",
                scratch.path().join("data").display()
            ));
        Self(Server::start(namespace, &mut command, 9090, scratch))
    }

    /// Serves blocks that are there already, and scrapes nothing.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn on_blocks(namespace: &'n Namespace, program: &Path, data: &Path) -> Self {
        let scratch = Scratch::new();
        let config = scratch.write("prometheus.yml", "");
        let mut command = Command::new(program);
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", data.display()));
        Self(Server::start(namespace, &mut command, 9090, scratch))
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.0.child.id()
    }

    /// The `data` of an answer of its API, such as `query` or `label/job/values`.
    ///
    /// # Errors
    ///
    /// When it cannot be asked or has no answer.
    pub fn api(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Value, String> {
        let parameters: Vec<String> = parameters
            .iter()
            .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
            .collect();
        let path = format!("/api/v1/{path}?{}", parameters.join("&"));
        let mut answer = json::parse(&self.0.get(&path)?);
        let data = answer.pointer_mut("/data").map(Value::take);
        data.ok_or_else(|| format!("no data: {answer}"))
    }

    /// The values of an instant query.
    ///
    /// # Errors
    ///
    /// When it cannot be asked or has no answer.
    pub fn query(&self, query: &str) -> Result<Vec<f64>, String> {
        let value = |one: &Value| one.pointer("/value/1")?.as_str()?.parse().ok();
        let series = self.series(query)?;
        Ok(series.iter().filter_map(value).collect())
    }

    /// The series of an instant query, with their labels.
    ///
    /// # Errors
    ///
    /// When it cannot be asked or has no answer.
    pub fn series(&self, query: &str) -> Result<Vec<Value>, String> {
        self.api("query", &[("query", query)]).and_then(result)
    }

    /// The series of a query between two times, in seconds.
    ///
    /// # Errors
    ///
    /// When it cannot be asked or has no answer.
    pub fn range(
        &self,
        query: &str,
        (start, end): (f64, f64),
        step: f64,
    ) -> Result<Vec<Value>, String> {
        let (start, end, step) = (start.to_string(), end.to_string(), step.to_string());
        let parameters = [
            ("query", query),
            ("start", &start),
            ("end", &end),
            ("step", &step),
        ];
        self.api("query_range", &parameters).and_then(result)
    }

    /// Waits until each of so many targets was scraped.
    ///
    /// # Panics
    ///
    /// When that does not come true in time.
    pub fn wait_until_up(&self, targets: usize) {
        wait::until("all targets are up", || {
            let up = self.query("sum(up)")?;
            if up.first().is_some_and(|up| *up >= targets as f64) {
                Ok(())
            } else {
                Err(format!("{up:?} of {targets}"))
            }
        });
    }
}

/// An Alertmanager at 127.0.0.1:9093 of its namespace.
#[derive(Debug)]
pub struct Alertmanager<'n> {
    _server: Server<'n>,
}

impl<'n> Alertmanager<'n> {
    /// As `deploy/alertmanager/alertmanager.yml` says, `factor` times as fast; its receivers are at
    /// 127.0.0.1:9095.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn start(namespace: &'n Namespace, program: &Path, factor: u32) -> Self {
        let scratch = Scratch::new();
        let config = scaled(&read("deploy/alertmanager/alertmanager.yml"), factor);
        let config = scratch.write("alertmanager.yml", config);
        let mut command = with_its_templates(program);
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.path={}",
                scratch.path().join("data").display()
            ))
            .arg("--cluster.listen-address=");
        Self {
            _server: Server::start(namespace, &mut command, 9093, scratch),
        }
    }
}

/// The series in the data of an answer.
fn result(mut data: Value) -> Result<Vec<Value>, String> {
    match data.pointer_mut("/result").map(Value::take) {
        Some(Value::Array(series)) => Ok(series),
        _ => Err(format!("no result: {data}")),
    }
}

/// Debian's Alertmanager looks for its templates in /usr/share/prometheus. Where it is unpacked and not installed,
/// it sees them there all the same.
pub fn with_its_templates(program: &Path) -> Command {
    let installed = Path::new("/usr/share/prometheus/alertmanager/default.tmpl");
    let unpacked = program.parent().and_then(Path::parent);
    let shared = unpacked.map(|usr| usr.join("share/prometheus"));
    match shared.filter(|shared| shared.is_dir() && !installed.exists()) {
        None => Command::new(program),
        Some(shared) => {
            let mut command = Command::new("unshare");
            command
                .args(["--mount", "sh", "-c"])
                .arg("mount -t tmpfs share /usr/share && ln -s \"$0\" /usr/share/prometheus && exec \"$@\"")
                .arg(shared)
                .arg(program);
            command
        }
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A query as a part of a URL.
fn encoded(query: &str) -> String {
    query.bytes().fold(String::new(), |mut out, byte| {
        // Writing to a `String` cannot fail.
        let _ = if byte.is_ascii_alphanumeric() {
            write!(out, "{}", char::from(byte))
        } else {
            write!(out, "%{byte:02X}")
        };
        out
    })
}
