//! Names of metrics that documents mention must exist.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use droplens_metrics::{Kind, catalogue};

use super::{Documents, RUNBOOK};

const PREFIX: &str = "droplens_";
const PROTOCOL: &str = "droplens_netstat_";

/// Where recorded kernels are.
const FIXTURES: &str = "tests/fixtures";

/// The rules for Prometheus, which record series of their own.
const RULES: &str = "deploy/prometheus/droplens.rules.yml";

/// Names of metrics that do not exist, in documents that people search for them and in rules.
pub(super) fn faults(root: &Path, documents: &Documents) -> io::Result<Vec<String>> {
    let rules = fs::read_to_string(root.join(RULES))?;
    let known = Known {
        families: families(),
        protocol: protocol_keys(&root.join(FIXTURES))?,
        recorded: recorded(&rules),
    };
    let rules = (PathBuf::from(RULES), rules);
    let looked_at = documents
        .iter()
        .filter(|(path, _)| is_looked_at(path))
        .chain([(&rules.0, &rules.1)]);
    let mut faults = Vec::new();
    for (path, text) in looked_at {
        for (at, line) in text.lines().enumerate() {
            let unknown = names(line).filter(|name| !known.contains(name));
            faults.extend(
                unknown.map(|name| {
                    format!("{}:{}: there is no metric {name}", path.display(), at + 1)
                }),
            );
        }
    }
    Ok(faults)
}

fn is_looked_at(path: &Path) -> bool {
    let others = [
        "README.md",
        "docs/alerts.md",
        "docs/causes.md",
        "docs/scale.md",
        "docs/tutorial.md",
    ];
    path.starts_with(RUNBOOK) || others.iter().any(|other| Path::new(other) == path)
}

/// The names of metrics in a line, recorded ones (`level:metric:operation`) included. A bare prefix
/// stands for a search.
fn names(line: &str) -> impl Iterator<Item = &str> {
    line.split(|char: char| !char.is_ascii_alphanumeric() && char != '_' && char != ':')
        .map(|word| word.trim_matches(':'))
        .filter(|word| {
            let recorded = word.split(':').nth(1);
            let name = recorded.unwrap_or(word);
            name.starts_with(PREFIX) && name != PREFIX
        })
}

/// The names of the series that rules record.
fn recorded(rules: &str) -> BTreeSet<String> {
    let records = rules
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("- record: "));
    records.map(ToOwned::to_owned).collect()
}

struct Known {
    families: BTreeSet<String>,
    protocol: BTreeSet<String>,
    recorded: BTreeSet<String>,
}

impl Known {
    fn contains(&self, name: &str) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Known {
        let keys = ["TcpExt: ListenDrops", "Udp6RcvbufErrors   \t0"];
        Known {
            families: families(),
            protocol: keys.into_iter().flat_map(keys_of).collect(),
            recorded: recorded("    rules:\n      - record: job:droplens_up:sum\n        expr: 1"),
        }
    }

    #[test]
    fn names_are_found_in_code_and_prose() {
        let line = "`droplens_drops_total{cause=\"x\"}`, ^droplens_(a|b) droplens_link_carrier.";
        let found: Vec<_> = names(line).collect();
        assert_eq!(found, ["droplens_drops_total", "droplens_link_carrier"]);
    }

    #[test]
    fn recorded_names_are_found_whole() {
        let line = "expr: job:droplens_up:sum / droplens_link_up: a:b";
        let found: Vec<_> = names(line).collect();
        assert_eq!(found, ["job:droplens_up:sum", "droplens_link_up"]);
    }

    #[test]
    fn what_exists_is_known_and_nothing_else() {
        for name in [
            "droplens_drops_total",
            "droplens_loss_event_duration_seconds_bucket",
            "droplens_netstat_tcpext_listendrops_total",
            "droplens_netstat_udp6_rcvbuferrors_total",
            "job:droplens_up:sum",
        ] {
            assert!(known().contains(name), "{name}");
        }
        for name in [
            "droplens_drops",
            "droplens_drops_total_bucket",
            "droplens_netstat_tcpext_listendrop_total",
            "droplens_netstat_udp_rcvbuferrors_total",
            "job:droplens_up:count",
        ] {
            assert!(!known().contains(name), "{name}");
        }
    }
}
