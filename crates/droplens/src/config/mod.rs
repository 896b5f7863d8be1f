//! The configuration: one TOML file, every key optional, unknown keys refused.

mod mistake;
mod modules;
mod probes;
mod template;
mod thresholds;
mod values;

use std::path::{Path, PathBuf};

use serde::Deserialize;

pub(crate) use mistake::Mistake;
pub(crate) use modules::{Allowed, Family as PreferredFamily, Modules, Query};
pub(crate) use probes::{
    Discovery, DnsDiscovery, FileDiscovery, FilePattern, HttpDiscovery, Lookup, MOST_TARGETS,
    Planned, Probe, Probes, unasked,
};
pub(crate) use template::TEMPLATE;
pub(crate) use thresholds::Thresholds;
pub(crate) use values::{Address, CpuBudget, Limit, LogFormat, LogLevel, SourceName};

/// Read when no `--config` is given, if it exists.
pub(crate) const DEFAULT_PATH: &str = "/etc/droplens/config.toml";

/// The whole configuration. [`Default`] is what an empty file means, and what [`TEMPLATE`] says.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) web: Web,
    pub(crate) log: Log,
    pub(crate) sampler: Sampler,
    pub(crate) sources: Sources,
    pub(crate) devices: Devices,
    pub(crate) metrics: Metrics,
    pub(crate) thresholds: Thresholds,
    pub(crate) probes: Probes,
    pub(crate) probe: Probe,
    pub(crate) discovery: Discovery,
    pub(crate) modules: Modules,
}

/// The HTTP server.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Web {
    pub(crate) listen_addresses: Vec<Address>,
    pub(crate) max_connections: Limit,
    pub(crate) remote_details: bool,
    pub(crate) allowed_hosts: Vec<String>,
    pub(crate) probe_targets: Vec<Allowed>,
}

impl Default for Web {
    fn default() -> Self {
        Self {
            listen_addresses: vec![Address::default()],
            max_connections: Limit::new(128),
            remote_details: false,
            allowed_hosts: Vec::new(),
            probe_targets: Vec::new(),
        }
    }
}

/// What is logged, to standard error.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Log {
    pub(crate) level: LogLevel,
    pub(crate) format: LogFormat,
}

/// How sources are sampled.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Sampler {
    pub(crate) cpu_budget: CpuBudget,
}

/// Which sources are read.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Sources {
    pub(crate) disabled: Vec<SourceName>,
}

/// How devices appear in metrics.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Devices {
    pub(crate) fold_kinds: Vec<String>,
}

impl Default for Devices {
    fn default() -> Self {
        let kinds = [
            "veth", "tun", "macvlan", "macvtap", "ipvlan", "ipvtap", "netkit",
        ];
        Self {
            fold_kinds: kinds.map(String::from).into(),
        }
    }
}

/// What metrics show.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Metrics {
    pub(crate) series_limit: Limit,
    pub(crate) top_ports: Limit,
    pub(crate) per_queue: bool,
    pub(crate) raw_driver_statistics: bool,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            series_limit: Limit::new(50_000),
            top_ports: Limit::new(20),
            per_queue: false,
            raw_driver_statistics: false,
        }
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read configuration file {}", path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    /// The file's contents are wrong; the message has line, column and a caret.
    #[error("configuration file {}: {source}", path.display())]
    Parse {
        path: PathBuf,
        #[source]
        source: Mistake,
    },
}

impl Config {
    /// Reads a file; with none given, the default one if it exists, else the defaults.
    pub(crate) fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let default = Path::new(DEFAULT_PATH);
        let (path, optional) = path.map_or((default, true), |path| (path, false));
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if optional && error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(source) => {
                return Err(ConfigError::Read {
                    path: path.to_owned(),
                    source,
                });
            }
        };
        Self::parse(&text).map_err(|source| ConfigError::Parse {
            path: path.to_owned(),
            source,
        })
    }

    /// Parses the text of a file.
    pub(crate) fn parse(text: &str) -> Result<Self, Mistake> {
        let config: Self = toml::from_str(text)?;
        probes::check(&config, text).map_err(Mistake::Conflict)?;
        modules::check(&config.modules, text).map_err(Mistake::Conflict)?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests;
