//! Verdicts on what no test machine has: cards that drop, damaged frames, forward error correction.

use std::sync::Arc;
use std::time::Duration;

use droplens_model::delta::Delta;
use droplens_model::sample::driver::{
    Driver, DriverDevice, DriverLayout, DriverStatistic, Meaning,
};
use droplens_model::sample::ethtool::{Ethtool, EthtoolDevice, Fec};
use droplens_model::sample::links::{Link, LinkAttributes, LinkStatistics, Links, OperState, Xdp};
use droplens_model::{Cause, IfIndex, Moment, Place, Reading, Snapshot, Stamped, Status};

use crate::counters::{self as c, snapshots};
use crate::ledger::Ledger;
use crate::thresholds::Thresholds;
use crate::verdict;
use crate::view::View;

fn read<T>(at: u64, value: T) -> Reading<T> {
    Reading::Ok(Stamped {
        at: Moment(Duration::from_secs(at)),
        took: Duration::ZERO,
        value: value.into(),
    })
}

fn device(kind: Option<&str>, statistics: LinkStatistics) -> Links {
    let attributes = LinkAttributes {
        index: IfIndex(2),
        name: "eth0".into(),
        kind: kind.map(Into::into),
        loopback: false,
        physical: kind.is_none(),
        up: true,
        oper_state: OperState::Up,
        carrier: Some(true),
        carrier_changes: Some(1),
        carrier_up: None,
        carrier_down: None,
        mtu: 1500,
        transmit_queue_length: 1000,
        transmit_queues: 1,
        receive_queues: 1,
        master: None,
        lower: None,
        qdisc: "mq".into(),
        xdp: Xdp::None,
        speed: None,
        duplex: None,
    };
    Links {
        links: vec![Link {
            attributes: attributes.into(),
            statistics,
        }],
        complete: true,
    }
}

fn driver(name: &str, counter: &str, cause: Cause, value: u64) -> Driver {
    let statistics = vec![DriverStatistic {
        name: counter.into(),
        counter: counter.into(),
        queue: None,
        meaning: Meaning::Loss(cause),
    }];
    Driver {
        devices: vec![DriverDevice {
            index: IfIndex(2),
            device: "eth0".into(),
            layout: Arc::new(DriverLayout::new(name.into(), "".into(), statistics)),
            values: vec![value],
        }],
    }
}

/// Causes, packets and places that are found between the two.
fn found(from: &Snapshot, to: &Snapshot) -> Vec<(Cause, u64, Place)> {
    let delta = Delta::new(from, to);
    let ledger = Ledger::of(delta);
    let thresholds = Thresholds::default();
    let view = View::new(delta, &ledger, Duration::from_secs(10), &thresholds);
    let findings = verdict::findings(&view).into_iter();
    findings
        .map(|finding| (finding.cause, finding.packets, finding.place))
        .collect()
}

fn moved(kind: Option<&str>, statistics: LinkStatistics) -> Vec<(Cause, u64, Place)> {
    let links = |at, statistics| Snapshot {
        links: read(at, device(kind, statistics)),
        ..Snapshot::default()
    };
    found(&links(1, LinkStatistics::default()), &links(11, statistics))
}

fn eth0() -> Place {
    Place::Device("eth0".into())
}

#[test]
fn damaged_frames_are_the_links_whatever_the_driver_calls_them() {
    let statistics = LinkStatistics {
        rx_errors: 15,
        rx_crc_errors: 10,
        rx_frame_errors: 2,
        ..LinkStatistics::default()
    };
    assert_eq!(moved(None, statistics), [(Cause::LinkErrors, 15, eth0())]);
}

#[test]
fn a_missed_packet_counts_once_though_a_driver_counts_it_twice() {
    let statistics = LinkStatistics {
        rx_missed_errors: 7,
        rx_fifo_errors: 7,
        ..LinkStatistics::default()
    };
    assert_eq!(
        moved(None, statistics),
        [(Cause::NicRxRingOverflow, 7, eth0())]
    );
}

#[test]
fn the_drivers_own_counter_explains_the_links() {
    let snapshot = |at, missed, own| Snapshot {
        links: read(
            at,
            device(
                None,
                LinkStatistics {
                    rx_missed_errors: missed,
                    ..LinkStatistics::default()
                },
            ),
        ),
        driver: read(
            at,
            driver(
                "mlx5_core",
                "rx_out_of_buffer",
                Cause::NicRxRingOverflow,
                own,
            ),
        ),
        ..Snapshot::default()
    };
    let found = found(&snapshot(1, 0, 0), &snapshot(11, 9, 9));
    assert_eq!(found, [(Cause::NicRxRingOverflow, 9, eth0())]);
}

#[test]
fn a_full_transmit_ring_and_a_fired_watchdog_are_the_cards() {
    let statistics = LinkStatistics {
        tx_dropped: 4,
        ..LinkStatistics::default()
    };
    assert_eq!(moved(None, statistics), [(Cause::NicTxRingFull, 4, eth0())]);
    for (name, counter, cause) in [
        ("ena", "tx_timeout", Cause::NicTxTimeout),
        (
            "ena",
            "bw_in_allowance_exceeded",
            Cause::CloudAllowanceExceeded,
        ),
    ] {
        let snapshot = |at, value| Snapshot {
            driver: read(at, driver(name, counter, cause, value)),
            ..Snapshot::default()
        };
        let found = found(&snapshot(1, 3), &snapshot(11, 5));
        assert_eq!(found, [(cause, 2, eth0())]);
    }
}

#[test]
fn a_bridge_that_drops_is_named_and_a_stacked_device_repeats_nothing() {
    let statistics = LinkStatistics {
        tx_dropped: 6,
        ..LinkStatistics::default()
    };
    assert_eq!(
        moved(Some("bridge"), statistics),
        [(Cause::BridgeDrop, 6, eth0())]
    );
    for kind in ["vlan", "macvlan", "bond"] {
        assert_eq!(moved(Some(kind), statistics), [], "{kind}");
    }
}

#[test]
fn what_nobody_wanted_is_no_loss() {
    let statistics = LinkStatistics {
        rx_dropped: 100,
        rx_nohandler: 100,
        rx_otherhost_dropped: 100,
        ..LinkStatistics::default()
    };
    assert_eq!(moved(None, statistics), []);
}

#[test]
fn code_words_beyond_repair_are_a_loss_of_unknown_size() {
    let snapshot = |at, blocks| Snapshot {
        ethtool: read(
            at,
            Ethtool {
                devices: vec![EthtoolDevice {
                    index: Some(IfIndex(2)),
                    device: Some("eth0".into()),
                    fec: Some(Fec {
                        uncorrectable_blocks: Some(blocks),
                        ..Fec::default()
                    }),
                    ..EthtoolDevice::default()
                }],
            },
        ),
        ..Snapshot::default()
    };
    let found = found(&snapshot(1, 5), &snapshot(11, 8));
    assert_eq!(found, [(Cause::FecUncorrectable, 0, eth0())]);
}

#[test]
fn limits_of_memory_and_of_a_backlog_are_told_by_their_counters() {
    for (counter, cause, status) in [
        (c::UDP_MEM_ERRORS.v4, Cause::UdpMemoryLimit, Status::Loss),
        (c::TCP_BACKLOG_DROP, Cause::TcpBacklogDrop, Status::Loss),
        (
            c::TCP_MEMORY_PRESSURES,
            Cause::TcpMemoryPressure,
            Status::Pressure,
        ),
    ] {
        let (from, to) = (
            snapshots::of(1, &[(counter, 2)]),
            snapshots::of(11, &[(counter, 5)]),
        );
        let delta = Delta::new(&from, &to);
        let ledger = Ledger::of(delta);
        let thresholds = Thresholds::default();
        let view = View::new(delta, &ledger, Duration::from_secs(10), &thresholds);
        let findings = verdict::findings(&view);
        let [finding] = findings.as_slice() else {
            panic!("{cause}: {findings:?}");
        };
        assert_eq!((finding.cause, finding.status), (cause, status));
        assert_eq!(finding.packets, if status == Status::Loss { 3 } else { 0 });
    }
}
