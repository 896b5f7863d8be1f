//! The per-CPU backlog overflows. In a file of its own: the counter is the whole host's, and other
//! tests flood too.
#![expect(clippy::expect_used, reason = "a panic is the failure report")]

use droplens_tests::agent::Options;
use droplens_tests::lab::softnet::{has_two_cpus, slow_receiver};
use droplens_tests::lab::{Namespace, load, veth};
use droplens_tests::{needs_root, wait};

const EVERY_DEVICE: &str = "[devices]\nfold_kinds = []\n";

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
    let metrics = agent.scrape();
    let name = "droplens_softnet_dropped_total";
    let before = metrics.count(name, &[("cpu", "1")]);
    let device_before = metrics.count("droplens_link_receive_dropped_total", &[("device", "v1")]);

    let sender = load::udp(&left, "10.9.1.1:0");
    // A sender on CPU 1 would do that CPU's receive work in between.
    load::stay_on_cpu(0);
    wait::until("a dropped packet", || {
        load::send(&sender, "10.9.1.2:9000", 3000, 64);
        match softnet_dropped(1) - before {
            0 => Err("none dropped yet".to_owned()),
            _ => Ok(()),
        }
    });
    // The last packets may still be on their way through the backlog.
    agent.scrape_until("all say the same number of drops", |metrics| {
        let cpu = metrics.count(name, &[("cpu", "1")]) - before;
        let device = metrics.count("droplens_link_receive_dropped_total", &[("device", "v1")])
            - device_before;
        let kernel = softnet_dropped(1) - before;
        if cpu == kernel && device == kernel {
            Ok(())
        } else {
            Err(format!("CPU {cpu}, device {device}, kernel {kernel}"))
        }
    });
    agent.stop();
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
