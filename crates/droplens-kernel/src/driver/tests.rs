use droplens_model::Cause;
use droplens_model::sample::driver::Meaning;
use proptest::prelude::*;

use super::*;

fn info(driver: &str) -> DriverInfo {
    DriverInfo {
        driver: driver.to_owned(),
        firmware: String::new(),
        statistics: 1,
    }
}

fn block(names: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for name in names {
        let start = bytes.len();
        bytes.extend(name.as_bytes());
        bytes.resize(start + 32, 0);
    }
    bytes
}

#[test]
fn names_become_counters_queues_and_meanings() {
    let names = ["rx_drops", "rx0_kicks", "rx0_xdp_drops", "tx0_tx_timeouts"];
    let found = layout(&info("virtio_net"), &block(&names));
    let found: Vec<_> = found
        .statistics
        .iter()
        .map(|statistic| {
            (
                &*statistic.counter,
                statistic.queue.as_deref(),
                statistic.meaning,
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            ("rx_drops", None, Meaning::Other),
            ("rx_kicks", Some("0"), Meaning::Other),
            ("rx_xdp_drops", Some("0"), Meaning::Loss(Cause::XdpDrop)),
            (
                "tx_tx_timeouts",
                Some("0"),
                Meaning::Loss(Cause::NicTxTimeout)
            ),
        ]
    );
}

#[test]
fn a_block_of_vmxnet3_keeps_its_meaning_and_queue() {
    let names = ["Rx Queue#", "  pkts rx OOB", "Rx Queue#", "  pkts rx OOB"];
    let found = layout(&info("vmxnet3"), &block(&names));
    let last = found.statistics.last().unwrap();
    assert_eq!(
        (&*last.counter, last.queue.as_deref()),
        ("pkts rx OOB", Some("1"))
    );
    assert_eq!(last.meaning, Meaning::Loss(Cause::NicRxRingOverflow));
}

proptest! {
    #[test]
    fn any_names_make_a_layout(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let found = layout(&info("ena"), &bytes);
        prop_assert_eq!(found.statistics.len(), bytes.len() / 32);
    }
}

mod live {
    use std::process::Command;

    use super::*;
    use crate::testing::{in_namespace, ip};

    #[test]
    fn both_ends_of_a_veth_pair_are_read_as_ethtool_reads_them() {
        in_namespace(|| {
            ip("link add dl0 type veth peer name dl1");
            ip("link set dl0 up");
            let mut reader = DriverReader::new();
            let first = reader.read().unwrap();
            assert_eq!(first.devices.len(), 2);
            let device = first
                .devices
                .iter()
                .find(|one| &*one.device == "dl0")
                .unwrap();
            assert_eq!(&*device.layout.driver, "veth");
            assert_eq!(device.values.len(), device.layout.statistics.len());
            let peer = device
                .layout
                .statistics
                .iter()
                .position(|one| &*one.name == "peer_ifindex");
            let other = first
                .devices
                .iter()
                .find(|one| &*one.device == "dl1")
                .unwrap();
            assert_eq!(device.values[peer.unwrap()], u64::from(other.index.0));
            if let Ok(output) = Command::new("ethtool").args(["-S", "dl0"]).output() {
                let printed = String::from_utf8(output.stdout).unwrap();
                let lines = printed.lines().skip(1).map(|line| line.trim().to_owned());
                let ours = device.layout.statistics.iter().zip(&device.values);
                let ours = ours.map(|(one, value)| format!("{}: {value}", one.name));
                assert!(lines.eq(ours), "{printed}");
            } else {
                eprintln!("SKIPPED comparison: no ethtool command");
            }
            let second = reader.read().unwrap();
            assert!(Arc::ptr_eq(
                &first.devices[0].layout,
                &second.devices[0].layout
            ));
            ip("link del dl0");
            assert_eq!(reader.read().unwrap().devices, []);
        });
    }
}
