//! Each recorded kernel, through the whole agent: the figures of its files come out in /metrics.
#![expect(clippy::expect_used, reason = "a panic is the failure report")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use droplens_tests::binary::{droplens, repository};
use droplens_tests::exposition::Metrics;
use droplens_tests::lab::run;
use droplens_tests::scratch::Scratch;

/// What asks the running kernel, not the recorded one.
const WITHOUT_NETLINK: &str = "[sources]\ndisabled = [\"links\", \"qdiscs\", \"conntrack\", \"firewall\", \"sockets\", \"neighbours\", \"driver\", \"ethtool\"]\n";

/// The directory of each recorded kernel.
fn kernels() -> Vec<PathBuf> {
    let all = std::fs::read_dir(repository().join("tests/fixtures")).expect("the fixtures");
    let mut kernels: Vec<_> = all
        .map(|entry| entry.expect("a directory entry").path())
        .filter(|path| path.join("proc").is_dir())
        .collect();
    kernels.sort();
    assert!(kernels.len() >= 7, "only {kernels:?}");
    kernels
}

fn exposition(root: &Path) -> String {
    let scratch = Scratch::new();
    let config = scratch.write("droplens.toml", WITHOUT_NETLINK);
    let mut command = Command::new(droplens());
    command.arg("metrics").arg("--root").arg(root);
    run(command.arg("--config").arg(config)).success()
}

fn metrics_of(root: &Path) -> Metrics {
    Metrics::parse(&exposition(root)).expect("an exposition")
}

fn text(root: &Path, file: &str) -> String {
    std::fs::read_to_string(root.join(file)).expect(file)
}

/// `0-1,3` in numbers.
fn cpu_list(list: &str) -> Vec<u64> {
    let number = |text: &str| text.parse::<u64>().expect("a CPU");
    list.trim()
        .split(',')
        .flat_map(|range| {
            let (from, to) = range.split_once('-').unwrap_or((range, range));
            number(from)..=number(to)
        })
        .collect()
}

/// The rows of `softnet_stat`, each with its CPU: since 5.10 it is the 13th column, before that
/// rows are those of the CPUs that are online.
fn softnet(root: &Path) -> Vec<(u64, Vec<u64>)> {
    let hex = |field: &str| u64::from_str_radix(field, 16).expect("hexadecimal");
    let online = cpu_list(&text(root, "sys/devices/system/cpu/online"));
    let rows = text(root, "proc/net/softnet_stat");
    let rows: Vec<Vec<u64>> = rows
        .lines()
        .map(|line| line.split_whitespace().map(hex).collect())
        .collect();
    assert_eq!(rows.len(), online.len());
    rows.into_iter()
        .zip(online)
        .map(|(row, online)| (row.get(12).copied().unwrap_or(online), row))
        .collect()
}

/// Keys and values of one group in the two-line form of `snmp` and `netstat`.
fn group(text: &str, group: &str) -> Vec<(String, u64)> {
    let mut lines = text
        .lines()
        .filter_map(|line| line.strip_prefix(group)?.strip_prefix(": "));
    let mut line = || lines.next().expect(group).split(' ');
    let (keys, values) = (line(), line());
    keys.zip(values)
        .map(|(key, value)| (key.to_owned(), value.parse().expect("a number")))
        .collect()
}

#[test]
fn every_softnet_row_is_shown_under_its_cpu() {
    for root in kernels() {
        let (metrics, rows) = (metrics_of(&root), softnet(&root));
        for (column, what) in ["processed", "dropped", "time_squeezed"].iter().enumerate() {
            let name = format!("droplens_softnet_{what}_total");
            let shown = metrics.all(&name, &[]).count();
            assert_eq!(shown, rows.len(), "{name} in {}", root.display());
            for (cpu, row) in &rows {
                let labels = [("cpu", cpu.to_string())];
                let labels = labels.each_ref().map(|(name, cpu)| (*name, cpu.as_str()));
                let found = metrics.count(&name, &labels);
                assert_eq!(found, row[column], "{name}{labels:?} in {}", root.display());
            }
        }
    }
}

#[test]
fn every_protocol_counter_is_shown() {
    for root in kernels() {
        let exposition = exposition(&root);
        // As text: some of these have more digits than a float holds.
        let shown: BTreeSet<&str> = exposition.lines().collect();
        let (snmp, netstat) = (
            text(&root, "proc/net/snmp"),
            text(&root, "proc/net/netstat"),
        );
        for (file, of) in [(&snmp, "Udp"), (&netstat, "TcpExt"), (&netstat, "IpExt")] {
            let counters = group(file, of);
            assert!(
                counters.len() > 5 && counters.iter().any(|(_, value)| *value > 0),
                "{of} in {} proves nothing",
                root.display()
            );
            for (key, value) in counters {
                let name = format!("droplens_netstat_{of}_{key}_total").to_lowercase();
                let line = format!("{name} {value}");
                assert!(
                    shown.contains(line.as_str()),
                    "{line} in {}",
                    root.display()
                );
            }
        }
    }
}

#[test]
fn sources_that_a_kernel_lacks_say_so_and_no_other_fails() {
    for root in kernels() {
        let metrics = metrics_of(&root);
        let needed = [
            ("snmp6", "proc/net/snmp6"),
            ("pressure", "proc/pressure"),
            ("softnet", "proc/net/softnet_stat"),
            ("snmp", "proc/net/snmp"),
            ("netstat", "proc/net/netstat"),
            ("sockstat", "proc/net/sockstat"),
            ("cpu", "proc/stat"),
            ("softirqs", "proc/softirqs"),
            ("interrupts", "proc/interrupts"),
        ];
        for (source, file) in needed {
            let (state, reason) = if root.join(file).exists() {
                ("ok", "")
            } else {
                ("unsupported", "missing")
            };
            let wanted = [("source", source), ("state", state), ("reason", reason)];
            let shown = metrics.get("droplens_source_info", &wanted);
            assert_eq!(shown, Some(1.0), "{wanted:?} in {}", root.display());
        }
    }
}
