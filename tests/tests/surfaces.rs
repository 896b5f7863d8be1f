//! Kernel surfaces that are broken: only what cannot be read is missing, and it says why.
#![expect(clippy::expect_used, reason = "a panic is the failure report")]

use std::path::{Path, PathBuf};
use std::process::Command;

use droplens_tests::agent::{Agent, Options};
use droplens_tests::binary::droplens;
use droplens_tests::lab::{Namespace, run};
use droplens_tests::needs_root;
use droplens_tests::scratch::Scratch;

/// Files of this host that make up a root directory.
const FILES: &[&str] = &[
    "proc/net/softnet_stat",
    "proc/net/snmp",
    "proc/net/snmp6",
    "proc/net/netstat",
    "proc/net/sockstat",
    "proc/net/sockstat6",
    "proc/stat",
    "proc/softirqs",
    "proc/interrupts",
    "sys/devices/system/cpu/online",
];

/// A copy of this host's surfaces that a test may spoil.
fn recorded(scratch: &Scratch) -> PathBuf {
    for file in FILES {
        let contents = std::fs::read(Path::new("/").join(file)).expect(file);
        scratch.write(&format!("root/{file}"), contents);
    }
    scratch.path().join("root")
}

/// Starts an agent on a root directory, lets `spoil` break something in it first.
fn started<'a>(
    namespace: &'a Namespace,
    scratch: &Scratch,
    spoil: impl FnOnce(&Path),
) -> (Agent<'a>, PathBuf) {
    let root = recorded(scratch);
    spoil(&root);
    let agent = Options::new()
        .argument("--root")
        .argument(root.to_str().expect("a plain path"))
        .start(namespace);
    (agent, root)
}

/// Waits until a source is in this state for this reason, and all the others that read files of
/// the same directory are well.
fn only_this_is(agent: &Agent<'_>, source: &str, state: &str, reason: &str) {
    let wanted = [("source", source), ("state", state), ("reason", reason)];
    let metrics = agent.scrape_until(&format!("{wanted:?}"), |metrics| {
        let this = [("source", source)];
        let told: Vec<_> = metrics.all("droplens_source_info", &this).collect();
        match metrics.get("droplens_source_info", &wanted) {
            Some(_) => Ok(()),
            None => Err(format!("{told:?}")),
        }
    });
    for other in ["softnet", "snmp", "netstat", "sockstat"] {
        if other != source {
            assert_eq!(
                metrics.get("droplens_source_up", &[("source", other)]),
                Some(1.0),
                "{other}"
            );
        }
    }
}

fn doctor_says(root: &Path, words: &[&str]) {
    let finished = run(Command::new(droplens())
        .arg("--root")
        .arg(root)
        .arg("doctor"));
    for word in words {
        assert!(
            finished.stdout.contains(word),
            "{word} is not in {finished:?}"
        );
    }
}

#[test]
fn a_recording_can_be_read() {
    needs_root!();
    let (namespace, scratch) = (Namespace::new(), Scratch::new());
    let (agent, _) = started(&namespace, &scratch, |_| {});
    only_this_is(&agent, "softnet", "ok", "");
    agent.stop();
}

#[test]
fn a_missing_file() {
    needs_root!();
    let (namespace, scratch) = (Namespace::new(), Scratch::new());
    let (agent, root) = started(&namespace, &scratch, |root| {
        std::fs::remove_file(root.join("proc/net/softnet_stat")).expect("it was there");
    });
    only_this_is(&agent, "softnet", "unsupported", "missing");
    assert!(
        agent
            .scrape()
            .all("droplens_softnet_processed_total", &[])
            .next()
            .is_none()
    );
    doctor_says(&root, &["proc/net/softnet_stat", "No such file"]);
    agent.stop();
}

#[test]
fn a_truncated_file() {
    needs_root!();
    let (namespace, scratch) = (Namespace::new(), Scratch::new());
    let (agent, root) = started(&namespace, &scratch, |root| {
        let path = root.join("proc/net/snmp");
        let text = std::fs::read(&path).expect("the recording");
        std::fs::write(&path, &text[..150]).expect("a truncated file");
    });
    only_this_is(&agent, "snmp", "failed", "malformed");
    assert!(
        agent
            .scrape()
            .all("droplens_netstat_udp_indatagrams_total", &[])
            .next()
            .is_none()
    );
    doctor_says(&root, &["proc/net/snmp"]);
    agent.stop();
}

#[test]
fn a_garbled_file() {
    needs_root!();
    let (namespace, scratch) = (Namespace::new(), Scratch::new());
    let (agent, root) = started(&namespace, &scratch, |root| {
        let garbage: Vec<u8> = (0..4096_u32).map(|i| (i * 131 % 251) as u8).collect();
        std::fs::write(root.join("proc/net/softnet_stat"), garbage).expect("a garbled file");
    });
    only_this_is(&agent, "softnet", "failed", "malformed");
    doctor_says(&root, &["proc/net/softnet_stat"]);
    agent.stop();
}

#[test]
fn a_file_that_never_answers() {
    needs_root!();
    let (namespace, scratch) = (Namespace::new(), Scratch::new());
    let (agent, _) = started(&namespace, &scratch, |root| {
        let path = root.join("proc/net/softnet_stat");
        std::fs::remove_file(&path).expect("it was there");
        run(Command::new("mkfifo").arg(&path)).success();
    });
    only_this_is(&agent, "softnet", "failed", "deadline");
    agent.stop();
}

#[test]
fn a_file_that_breaks_and_heals_while_running() {
    needs_root!();
    let (namespace, scratch) = (Namespace::new(), Scratch::new());
    let (agent, root) = started(&namespace, &scratch, |_| {});
    let path = root.join("proc/net/snmp");
    let good = std::fs::read(&path).expect("the recording");
    only_this_is(&agent, "snmp", "ok", "");
    std::fs::write(&path, b"Ip: x\nIp:\n").expect("a broken file");
    only_this_is(&agent, "snmp", "failed", "malformed");
    std::fs::write(&path, good).expect("the recording again");
    only_this_is(&agent, "snmp", "ok", "");
    agent.stop();
}
