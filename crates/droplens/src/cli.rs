//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::{Address, Config, ConfigError, LogFormat, LogLevel};

/// Where are packets being lost? droplens reads the kernel's counters along the whole packet path
/// and serves them to Prometheus.
#[derive(Debug, Parser)]
#[command(version, about, propagate_version = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    pub(crate) options: Options,
}

/// Options that every command takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Configuration file [default: /etc/droplens/config.toml, if it exists]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Address and port to listen on, instead of the configured ones; may be given several times
    #[arg(long = "web.listen-address", global = true, value_name = "ADDRESS")]
    pub(crate) listen_addresses: Vec<Address>,

    /// How much to log: error, warn, info, debug or trace
    #[arg(long, global = true, value_name = "LEVEL")]
    pub(crate) log_level: Option<LogLevel>,

    /// How log lines look
    #[arg(long, global = true, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,

    /// Directory that holds the /proc and /sys to read: the host's in a container, or recorded
    /// ones. Netlink always asks the running kernel
    #[arg(long, global = true, value_name = "DIR", default_value = "/")]
    pub(crate) root: PathBuf,
}

impl Options {
    /// The configuration file with the flags applied over it.
    pub(crate) fn load(&self) -> Result<Config, ConfigError> {
        let mut config = Config::load(self.config.as_deref())?;
        if !self.listen_addresses.is_empty() {
            config
                .web
                .listen_addresses
                .clone_from(&self.listen_addresses);
        }
        if let Some(level) = self.log_level {
            config.log.level = level;
        }
        if let Some(format) = self.log_format {
            config.log.format = format;
        }
        Ok(config)
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the agent (also without a subcommand)
    Run,
    /// Tell where packets are being lost: asks the running agent, or looks for a while.
    ///
    /// Exit codes: 0 nothing is lost, 1 packets are lost, 2 wrong usage, 3 nothing could be looked at
    Report(crate::command::report::Wanted),
    /// Ask one target: is it reachable, does the port answer, does the name resolve, does the
    /// handshake succeed, does the application answer?
    ///
    /// Exit codes: 0 all is fine, 1 something fails or is lost, 2 wrong usage, 3 it could not be asked
    Probe(crate::command::probe::Wanted),
    /// Show the report live in the terminal
    Watch(crate::command::watch::Wanted),
    /// Read everything once and print the metrics
    Metrics {
        /// Print OpenMetrics instead of the text format 0.0.4
        #[arg(long)]
        openmetrics: bool,
    },
    /// Read everything once and keep it in a file, to be compared with another one later
    Snapshot {
        /// The file; - is standard output [default: droplens-HOST-TIME.snapshot.gz]
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Tell what can be read here, what cannot, why not, and what to do about it
    Doctor,
    /// Check a configuration file
    CheckConfig {
        /// The file [default: the one that --config names, or the default one]
        file: Option<PathBuf>,
    },
    /// Print an annotated configuration file with the defaults
    Config,
    /// Print what a shell needs to complete command lines of droplens.
    ///
    /// For bash: `droplens completions bash > /etc/bash_completion.d/droplens`
    Completions {
        /// The shell
        #[arg(value_name = "SHELL")]
        shell: clap_complete::Shell,
    },
    /// Print the manual page; `droplens man | man -l -` shows it
    Man,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn options_may_stand_on_either_side_of_the_command() {
        let cli = Cli::try_parse_from([
            "droplens",
            "run",
            "--web.listen-address",
            "127.0.0.1:1",
            "--web.listen-address=:2",
        ])
        .unwrap();
        let addresses: Vec<_> = cli
            .options
            .listen_addresses
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(addresses, ["127.0.0.1:1", "[::]:2"]);
        assert!(Cli::try_parse_from(["droplens", "--log-level", "debug", "doctor"]).is_ok());
    }
}
