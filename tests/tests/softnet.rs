//! The per-CPU backlog overflows. In a file of its own: the counter is the whole host's, and other
//! tests flood too.
#![expect(clippy::expect_used, reason = "a panic is the failure report")]

use droplens_tests::agent::Options;
use droplens_tests::lab::softnet::{has_two_cpus, slow_receiver};
use droplens_tests::lab::{Namespace, load, veth};
use droplens_tests::{needs_root, wait};

const EVERY_DEVICE: &str = "[devices]\nfold_kinds = []\n";
const CPU: &str = "droplens_softnet_dropped_total";
const DEVICE: &str = "droplens_link_receive_dropped_total";

/// Softnet's counters are global, so the backlog of a CPU is filled without touching a limit:
/// receive packet steering moves the packets of a veth to one CPU, where a long rule set makes
/// each of them slow.
#[test]
fn a_softnet_backlog_overflows() {
    needs_root!();
    if !has_two_cpus() {
        droplens_tests::skip::because("softnet backlog", "it takes two CPUs");
        return;
    }
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    slow_receiver(&right, "v1");
    let agent = Options::new().config(EVERY_DEVICE).start(&right);
    let before = agent.scrape();
    assert_eq!(before.count(DEVICE, &[("device", "v1")]), 0);

    let sender = load::udp(&left, "10.9.1.1:0");
    // A sender on CPU 1 would do that CPU's receive work in between.
    load::stay_on_cpu(0);
    wait::until("a dropped packet", || {
        load::send(&sender, "10.9.1.2:9000", 3000, 64);
        match device_dropped(&right, "v1") {
            0 => Err("none dropped yet".to_owned()),
            _ => Ok(()),
        }
    });
    // The last packets may still be on their way through the backlog. Packets of other devices, such
    // as the loopback of this very scrape, can be dropped by the same backlog: each of the two
    // counters is compared with its own of the kernel.
    agent.scrape_until(
        "agent and kernel say the same numbers of drops",
        |metrics| {
            let agent = (
                metrics.count(CPU, &[("cpu", "1")]),
                metrics.count(DEVICE, &[("device", "v1")]),
            );
            let kernel = (softnet_dropped(1), device_dropped(&right, "v1"));
            if agent == kernel && agent.1 > 0 {
                Ok(())
            } else {
                Err(format!("agent {agent:?}, kernel {kernel:?}"))
            }
        },
    );
    // What the device lost is lost to this cause, and no more than the CPU dropped.
    agent.scrape_until("the drops are booked", |after| {
        let lost = ("cause", "softnet_backlog_overflow");
        let booked = after.count("droplens_drops_total", &[("domain", "softnet"), lost]);
        let least = after.count(DEVICE, &[("device", "v1")]);
        let most = after.count(CPU, &[("cpu", "1")]) - before.count(CPU, &[("cpu", "1")]);
        if (least..=most).contains(&booked) {
            Ok(())
        } else {
            Err(format!("{booked} booked, {least} to {most} dropped"))
        }
    });
    agent.stop();
}

/// Packets that the kernel dropped on receiving them on a device, as `ip -s` tells.
fn device_dropped(namespace: &Namespace, device: &str) -> u64 {
    let links = namespace.ip(&format!("-s -j link show dev {device}"));
    let links: serde_json::Value = serde_json::from_str(&links).expect("JSON");
    let dropped = links.pointer("/0/stats64/rx/dropped");
    dropped.and_then(serde_json::Value::as_u64).expect("rx")
}

/// Packets dropped by the backlog of a CPU, as `/proc/net/softnet_stat` tells.
fn softnet_dropped(cpu: u64) -> u64 {
    let text = std::fs::read_to_string("/proc/net/softnet_stat").expect("softnet_stat");
    let hex = |field: &str| u64::from_str_radix(field, 16).expect("hexadecimal");
    let row = text
        .lines()
        .map(|line| line.split_whitespace().map(hex).collect::<Vec<_>>())
        .find(|row| row.get(12) == Some(&cpu));
    *row.expect("the CPU's row")
        .get(1)
        .expect("the second column")
}
