//! Running `droplens`.

use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::binary::droplens;
use crate::exposition::{Metrics, whole};
use crate::http::{self, Answer};
use crate::lab::Namespace;
use crate::scratch::Scratch;
use crate::wait::{self, until};

/// How long the agent may take to end after SIGTERM.
const FAREWELL: Duration = Duration::from_secs(10);

/// How to start an agent.
#[derive(Debug, Default)]
pub struct Options {
    config: Option<String>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    address: Option<SocketAddr>,
    unprivileged: bool,
    as_configured: bool,
    default_probes: bool,
}

/// Keeps the agent from probing gateways and name servers unasked: tests count every packet.
const SILENT: &str = "[probes]\ndefaults = false\n";

impl Options {
    /// With the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// With this configuration (TOML).
    #[must_use]
    pub fn config(mut self, toml: &str) -> Self {
        self.config = Some(toml.to_owned());
        self
    }

    /// With one more argument of `droplens run`.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// With one more environment variable.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Listening here instead of on 127.0.0.1:13767 in its own namespace.
    #[must_use]
    pub fn address(mut self, address: &str) -> Self {
        self.address = Some(address.parse().expect("an address"));
        self
    }

    /// Listening where the configuration says, which must include 127.0.0.1:13767.
    #[must_use]
    pub fn listening_as_configured(mut self) -> Self {
        self.as_configured = true;
        self
    }

    /// As the user nobody, without any capability.
    #[must_use]
    pub fn unprivileged(mut self) -> Self {
        self.unprivileged = true;
        self
    }

    /// Probing gateways and name servers unasked, as it does by default outside of tests.
    #[must_use]
    pub fn default_probes(mut self) -> Self {
        self.default_probes = true;
        self
    }

    /// What is put into the configuration file.
    fn complete(&self, toml: &str) -> String {
        if self.default_probes || toml.contains("[probes]") {
            toml.to_owned()
        } else {
            // At the end, so that lines keep their numbers.
            format!("{toml}\n{SILENT}")
        }
    }

    /// Starts the agent in this namespace and waits until it is healthy.
    ///
    /// # Panics
    ///
    /// When it does not become healthy in time, with its log.
    pub fn start(self, namespace: &Namespace) -> Agent<'_> {
        let address = self.address;
        let agent = self.launch(namespace, address);
        agent.wait_until_healthy();
        agent
    }

    /// Starts the agent in this namespace without waiting for anything.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn launch(self, namespace: &Namespace, address: Option<SocketAddr>) -> Agent<'_> {
        let scratch = Scratch::new();
        let address = address.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 13767)));
        let toml = self.complete(self.config.as_deref().unwrap_or_default());
        let config = scratch.write("droplens.toml", toml);
        let log = scratch.path().join("log");
        let mut command = self.command(&scratch, namespace);
        command.arg("run");
        if !self.as_configured {
            command.arg(format!("--web.listen-address={address}"));
        }
        command.arg("--config").arg(&config);
        let output = File::create(&log).expect("a log file");
        command
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a second handle of the log"))
            .stderr(output);
        let child = namespace
            .enter(|| command.spawn())
            .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
        Agent {
            child,
            namespace,
            address,
            options: self,
            config,
            log,
            _scratch: scratch,
        }
    }

    fn command(&self, scratch: &Scratch, namespace: &Namespace) -> Command {
        if self.unprivileged {
            nobody(scratch)
        } else {
            namespace.command(droplens())
        }
    }
}

/// `droplens` as the user nobody without capabilities; a copy of it, since nobody may not look
/// into the build directory.
///
/// # Panics
///
/// When the copy cannot be made.
pub fn nobody(scratch: &Scratch) -> Command {
    let copy = scratch.path().join("droplens");
    fs::copy(droplens(), &copy).expect("a copy of droplens");
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .args(["--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"])
        .arg(copy);
    command
}

/// A running agent, killed on drop.
#[derive(Debug)]
pub struct Agent<'a> {
    child: Child,
    namespace: &'a Namespace,
    address: SocketAddr,
    options: Options,
    config: PathBuf,
    log: PathBuf,
    _scratch: Scratch,
}

impl Agent<'_> {
    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Replaces its configuration file; it takes effect with [`Self::signal`] HUP.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    pub fn rewrite_config(&self, toml: &str) {
        fs::write(&self.config, self.options.complete(toml)).expect("writing the configuration");
    }

    /// Asks its web server from within the namespace.
    pub fn get(&self, path: &str, headers: &[(&str, &str)]) -> io::Result<Answer> {
        self.namespace
            .enter(|| http::get(self.address, path, headers))
    }

    /// Scrapes.
    ///
    /// # Panics
    ///
    /// When the answer is no exposition.
    #[track_caller]
    pub fn scrape(&self) -> Metrics {
        self.try_scrape()
            .unwrap_or_else(|error| panic!("{error}\n{}", self.log()))
    }

    /// Scrapes, or tells why that failed.
    pub fn try_scrape(&self) -> Result<Metrics, String> {
        let answer = self
            .get("/metrics", &[])
            .map_err(|error| error.to_string())?;
        if answer.status != 200 {
            return Err(format!("status {}: {}", answer.status, answer.text()));
        }
        Metrics::parse(&answer.text())
    }

    /// Scrapes until `wanted` says that the metrics are as they should be.
    ///
    /// # Panics
    ///
    /// When they do not become so in time, with the last reason.
    #[track_caller]
    pub fn scrape_until(
        &self,
        what: &str,
        mut wanted: impl FnMut(&Metrics) -> Result<(), String>,
    ) -> Metrics {
        until(what, || {
            let metrics = self.try_scrape()?;
            wanted(&metrics).map(|()| metrics)
        })
    }

    /// Scrapes until a series has exactly this value; a series that is not there has none.
    #[track_caller]
    pub fn scrape_until_value(&self, name: &str, labels: &[(&str, &str)], value: u64) -> Metrics {
        self.scrape_until(&format!("{name}{labels:?} = {value}"), |metrics| {
            let found = metrics.get(name, labels);
            if found.and_then(whole) == Some(value) {
                return Ok(());
            }
            Err(format!("it is {found:?}"))
        })
    }

    /// Waits until it answers that it is healthy, and ready.
    ///
    /// # Panics
    ///
    /// When it ends instead, or does not become so in time.
    pub fn wait_until_healthy(&self) {
        let healthy = wait::within(wait::PATIENCE, || {
            for path in ["/-/healthy", "/-/ready"] {
                let answer = self
                    .get(path, &[])
                    .map_err(|error| format!("{path}: {error}"))?;
                if answer.status != 200 {
                    return Err(format!("{path}: {} {}", answer.status, answer.text()));
                }
            }
            Ok(())
        });
        if let Err(reason) = healthy {
            panic!("droplens did not become healthy: {reason}\n{}", self.log());
        }
    }

    /// Sends it a signal.
    ///
    /// # Panics
    ///
    /// When it is gone.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("signalling droplens");
    }

    /// The exit code once it has ended, waiting for that.
    ///
    /// # Panics
    ///
    /// When it does not end in time.
    pub fn wait(&mut self) -> Option<i32> {
        let ended = wait::within(FAREWELL, || match self.child.try_wait() {
            Ok(Some(status)) => Ok(status),
            Ok(None) => Err("still running".to_owned()),
            Err(error) => Err(error.to_string()),
        });
        match ended {
            Ok(status) => status.code(),
            Err(reason) => panic!("droplens has not ended: {reason}\n{}", self.log()),
        }
    }

    /// Ends it with SIGTERM, which must work and give exit code 0.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub fn stop(mut self) {
        self.signal(Signal::TERM);
        let code = self.wait();
        assert_eq!(code, Some(0), "exit code after SIGTERM\n{}", self.log());
    }
}

impl Drop for Agent<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- log of droplens ---\n{}", self.log());
        }
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
