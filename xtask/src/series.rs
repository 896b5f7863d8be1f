//! The names of series that exist, for whatever mentions them.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use droplens_metrics::{Kind, catalogue};

const PROTOCOL: &str = "droplens_netstat_";

/// Where recorded kernels are.
const FIXTURES: &str = "tests/fixtures";

/// The rules for Prometheus, which record series of their own.
pub(crate) const RULES: &str = "deploy/prometheus/droplens.rules.yml";

/// The names of all series that droplens can have.
pub(crate) struct Known {
    families: BTreeSet<String>,
    protocol: BTreeSet<String>,
    recorded: BTreeSet<String>,
}

impl Known {
    /// Those of the catalogue, of every protocol counter that a recorded kernel has, and those that
    /// rules record.
    pub(crate) fn read(root: &Path) -> io::Result<Self> {
        Ok(Self {
            families: families(),
            protocol: protocol_keys(&root.join(FIXTURES))?,
            recorded: recorded(&fs::read_to_string(root.join(RULES))?),
        })
    }

    /// Whether there is a series of this name.
    pub(crate) fn contains(&self, name: &str) -> bool {
        if name.contains(':') {
            return self.recorded.contains(name);
        }
        match name.strip_prefix(PROTOCOL) {
            Some(key) => self
                .protocol
                .contains(key.strip_suffix("_total").unwrap_or(key)),
            None => self.families.contains(name),
        }
    }
}

/// The names of all series of the catalogue.
fn families() -> BTreeSet<String> {
    let suffixes = |kind| match kind {
        Kind::Histogram => &["_bucket", "_sum", "_count", ""][..],
        _ => &[""],
    };
    catalogue::all()
        .flat_map(|family| {
            let suffixes = suffixes(family.kind).iter();
            suffixes.map(|suffix| format!("{}{suffix}", family.name))
        })
        .collect()
}

/// `group_key` of every protocol counter that a recorded kernel has: their families are made from
/// what a kernel lists.
fn protocol_keys(fixtures: &Path) -> io::Result<BTreeSet<String>> {
    let mut keys = BTreeSet::new();
    for kernel in fs::read_dir(fixtures)? {
        let net = kernel?.path().join("proc/net");
        for file in ["snmp", "netstat", "snmp6"] {
            if let Ok(text) = fs::read_to_string(net.join(file)) {
                keys.extend(text.lines().flat_map(keys_of));
            }
        }
    }
    Ok(keys)
}

/// The keys in a line of `snmp` or `netstat`, which has a group and a colon, or of `snmp6`, which
/// has both in one word.
fn keys_of(line: &str) -> Vec<String> {
    if let Some((group, keys)) = line.split_once(':') {
        let keys = keys.split_whitespace();
        return keys
            .map(|key| format!("{group}_{key}").to_lowercase())
            .collect();
    }
    let word = line.split_whitespace().next().unwrap_or_default();
    let group = word.find('6').map(|at| word.split_at(at + 1));
    group
        .map(|(group, key)| format!("{group}_{key}").to_lowercase())
        .into_iter()
        .collect()
}

/// The names of the series that rules record.
fn recorded(rules: &str) -> BTreeSet<String> {
    let records = rules
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("- record: "));
    records.map(ToOwned::to_owned).collect()
}

#[cfg(test)]
impl Known {
    /// With two protocol counters.
    pub(crate) fn example() -> Self {
        let keys = ["TcpExt: ListenDrops", "Udp6RcvbufErrors   \t0"];
        Self {
            families: families(),
            protocol: keys.into_iter().flat_map(keys_of).collect(),
            recorded: recorded("    rules:\n      - record: job:droplens_up:sum\n        expr: 1"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_exists_is_known_and_nothing_else() {
        for name in [
            "droplens_drops_total",
            "droplens_loss_event_duration_seconds_bucket",
            "droplens_netstat_tcpext_listendrops_total",
            "droplens_netstat_udp6_rcvbuferrors_total",
            "job:droplens_up:sum",
        ] {
            assert!(Known::example().contains(name), "{name}");
        }
        for name in [
            "droplens_drops",
            "droplens_drops_total_bucket",
            "droplens_netstat_tcpext_listendrop_total",
            "droplens_netstat_udp_rcvbuferrors_total",
            "job:droplens_up:count",
        ] {
            assert!(!Known::example().contains(name), "{name}");
        }
    }
}
