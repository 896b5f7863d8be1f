//! A real Prometheus.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::lab::Namespace;
use crate::scratch::Scratch;
use crate::{http, wait};

/// Where it listens, unless told otherwise.
pub const ADDRESS: &str = "127.0.0.1:9090";

/// A running Prometheus, killed on drop.
#[derive(Debug)]
pub struct Prometheus<'a> {
    child: Child,
    namespace: &'a Namespace,
    address: SocketAddr,
    scratch: Scratch,
}

impl<'a> Prometheus<'a> {
    /// Starts the program in the namespace with this configuration and waits until it is ready.
    /// `files` are written beside the configuration, which names them by their names.
    ///
    /// # Panics
    ///
    /// When it does not become ready in time, with its log.
    pub fn start(
        program: &Path,
        namespace: &'a Namespace,
        config: &str,
        files: &[(&str, &str)],
    ) -> Self {
        let scratch = Scratch::new();
        for (name, text) in files {
            scratch.write(name, text);
        }
        let data = scratch.path().join("data");
        Self::launch(program, namespace, config, scratch, &data)
    }

    /// Starts the program on blocks that are there already. It scrapes nothing.
    ///
    /// # Panics
    ///
    /// When it does not become ready in time, with its log.
    pub fn on_blocks(program: &Path, namespace: &'a Namespace, data: &Path) -> Self {
        Self::launch(program, namespace, "", Scratch::new(), data)
    }

    fn launch(
        program: &Path,
        namespace: &'a Namespace,
        config: &str,
        scratch: Scratch,
        data: &Path,
    ) -> Self {
        let config = scratch.write("prometheus.yml", config);
        let log = File::create(scratch.path().join("log")).expect("a log file");
        let mut command = Command::new(program);
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", data.display()))
            .arg(format!("--web.listen-address={ADDRESS}"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle of the log"))
            .stderr(log);
        let child = namespace
            .enter(|| command.spawn())
            .expect("Prometheus starts");
        let server = Self {
            child,
            namespace,
            address: ADDRESS.parse().expect("an address"),
            scratch,
        };
        wait::until("Prometheus is ready", || {
            let answer = server.get("/-/ready").map_err(|error| error.to_string())?;
            let ready = answer.status == 200;
            ready.then_some(()).ok_or_else(|| answer.text())
        });
        server
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The answer to a request.
    pub fn get(&self, path: &str) -> std::io::Result<http::Answer> {
        self.namespace.enter(|| http::get(self.address, path, &[]))
    }

    /// The `data` of an answer of its API; what it says where there is none.
    pub fn api(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Value, String> {
        let parameters: Vec<String> = parameters
            .iter()
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
            .collect();
        let answer = self
            .get(&format!("/api/v1/{path}?{}", parameters.join("&")))
            .map_err(|error| error.to_string())?;
        let mut value: Value = serde_json::from_str(&answer.text())
            .map_err(|error| format!("{error}: {}", answer.text()))?;
        if answer.status != 200 {
            return Err(value.to_string());
        }
        Ok(value
            .pointer_mut("/data")
            .map(Value::take)
            .unwrap_or_default())
    }

    /// What a query has now: one entry for each series.
    pub fn query(&self, query: &str) -> Result<Vec<Value>, String> {
        self.api("query", &[("query", query)]).map(series)
    }

    /// What a query has between two times in seconds.
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
        self.api("query_range", &parameters).map(series)
    }

    /// Everything it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.scratch.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Prometheus<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- log of Prometheus ---\n{}", self.log());
        }
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The series of an answer.
fn series(mut data: Value) -> Vec<Value> {
    match data.pointer_mut("/result").map(Value::take) {
        Some(Value::Array(series)) => series,
        _ => Vec::new(),
    }
}

/// Percent-encodes everything that could mean something in a query string.
fn encode(text: &str) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a `String` cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_encoded_whole() {
        assert_eq!(encode("a{b=\"c\"}"), "a%7Bb%3D%22c%22%7D");
    }
}
