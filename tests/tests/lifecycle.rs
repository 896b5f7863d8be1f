//! Starting, reloading, ending, and what systemd is told.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use droplens_tests::agent::Options;
use droplens_tests::lab::{Namespace, load};
use droplens_tests::scratch::Scratch;
use droplens_tests::{needs_root, wait};
use rustix::process::Signal;

/// `CAP_NET_ADMIN` in a capability mask.
const NET_ADMIN: u64 = 1 << 12;
/// `CAP_NET_RAW` in a capability mask.
const NET_RAW: u64 = 1 << 13;

#[test]
fn systemd_is_told_and_sigterm_ends_well() {
    needs_root!();
    let namespace = Namespace::new();
    let scratch = Scratch::new();
    let path = scratch.path().join("notify");
    let systemd = UnixDatagram::bind(&path).expect("a notification socket");
    systemd
        .set_read_timeout(Some(Duration::from_secs(10)))
        .expect("a timeout");
    let told = |wanted: &str| {
        let mut buffer = [0; 4096];
        loop {
            let length = systemd.recv(&mut buffer).expect("a notification");
            let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if message.lines().any(|line| line == wanted) {
                return message;
            }
        }
    };
    let agent = Options::new()
        .environment("NOTIFY_SOCKET", path.to_str().expect("a plain path"))
        .environment("WATCHDOG_USEC", "1000000")
        .config("")
        .start(&namespace);
    told("READY=1");
    told("WATCHDOG=1");
    agent.signal(Signal::HUP);
    let reloading = told("RELOADING=1");
    assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
    told("READY=1");
    agent.signal(Signal::TERM);
    told("STOPPING=1");
    agent.stop();
}

#[test]
fn a_reload_changes_the_configuration_and_keeps_counters() {
    needs_root!();
    let namespace = Namespace::new();
    namespace.ip("link add r0 type veth peer name r1");
    let agent = Options::new()
        .config("[devices]\nfold_kinds = [\"veth\"]\n")
        .start(&namespace);
    let sender = load::udp(&namespace, "127.0.0.1:0");
    load::send(&sender, "127.0.0.1:9", 25, 10);
    let name = "droplens_netstat_udp_noports_total";
    let before = agent.scrape_until_value(name, &[], 25);
    assert!(
        before
            .get("droplens_link_up", &[("device", "r0")])
            .is_none()
    );

    agent.rewrite_config("[devices]\nfold_kinds = []\n");
    agent.signal(Signal::HUP);
    let after = agent.scrape_until("the device", |metrics| {
        metrics
            .get("droplens_link_up", &[("device", "r0")])
            .map(drop)
            .ok_or("none".to_owned())
    });
    assert_eq!(after.count(name, &[]), 25);

    agent.rewrite_config("[devices]\nfold_kind = 1\n");
    agent.signal(Signal::HUP);
    wait::until("the refusal in the log", || {
        let log = agent.log();
        if log.contains("fold_kind") && log.contains("line 2") {
            Ok(())
        } else {
            Err(log)
        }
    });
    assert!(
        agent
            .scrape()
            .get("droplens_link_up", &[("device", "r0")])
            .is_some()
    );
    agent.stop();
}

#[test]
fn only_the_capabilities_it_needs_remain() {
    needs_root!();
    let namespace = Namespace::new();
    // Sockets for echo requests are open before; only configured probes may need raw ones later.
    let probes = "[[probe.icmp]]\ntargets = [\"127.0.0.1\"]\n";
    for (config, kept) in [("", NET_ADMIN), (probes, NET_ADMIN | NET_RAW)] {
        let agent = Options::new().config(config).start(&namespace);
        let status = format!("/proc/{}/status", agent.pid());
        let status = std::fs::read_to_string(status).expect("status");
        for (set, wanted) in [
            ("CapInh", 0),
            ("CapPrm", kept),
            ("CapEff", kept),
            ("CapBnd", kept),
            ("CapAmb", 0),
        ] {
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix(set))
                .expect(set);
            let mask = u64::from_str_radix(line.trim_start_matches(':').trim(), 16).expect("hex");
            assert_eq!(mask, wanted, "{set}");
        }
        agent.stop();
    }
}

#[test]
fn an_ordinary_user_can_run_it() {
    needs_root!();
    let namespace = Namespace::new();
    let agent = Options::new().unprivileged().start(&namespace);
    let metrics = agent.scrape();
    for source in ["softnet", "links", "qdiscs", "snmp", "netstat"] {
        let up = metrics.count("droplens_source_up", &[("source", source)]);
        assert_eq!(up, 1, "{source} needs no privilege");
    }
    agent.stop();
}
