//! The network devices of the host, and what hangs on them.

use std::sync::Arc;

use droplens_model::sample::driver::{
    Driver, DriverDevice, DriverLayout, DriverStatistic, Meaning,
};
use droplens_model::sample::ethtool::{
    Channels, Ethtool, EthtoolDevice, Fec, LinkModes, LinkState, Pause, Rings, StandardStatistic,
};
use droplens_model::sample::links::{
    Duplex, Link, LinkAttributes, LinkStatistics, Links, OperState, Xdp,
};
use droplens_model::sample::qdiscs::{
    FqCodel, Qdisc, QdiscDetail, QdiscKey, Qdiscs, QueueStatistics, TcHandle,
};
use droplens_model::{Cause, IfIndex, Name};

use super::Size;

pub(super) fn card_name(card: u32) -> Name {
    format!("eth{card}").into()
}

pub(super) fn veth_name(veth: u32) -> Name {
    format!("veth{veth:08x}").into()
}

/// Index 1 is the loopback device, cards follow, then veths.
fn card_index(card: u32) -> IfIndex {
    IfIndex(2 + card)
}

pub(super) fn links(size: Size) -> Links {
    let mut links = vec![link(1, "lo".into(), None, false)];
    links.extend((0..size.cards).map(|card| link(card_index(card).0, card_name(card), None, true)));
    links.extend((0..size.veths).map(|veth| {
        let index = 2 + size.cards + veth;
        link(index, veth_name(veth), Some("veth".into()), false)
    }));
    Links {
        links,
        complete: true,
    }
}

fn link(index: u32, name: Name, kind: Option<Name>, physical: bool) -> Link {
    let attributes = LinkAttributes {
        index: IfIndex(index),
        loopback: &*name == "lo",
        name,
        kind,
        physical,
        up: true,
        oper_state: OperState::Up,
        carrier: Some(true),
        carrier_changes: Some(2),
        carrier_up: Some(1),
        carrier_down: Some(1),
        mtu: 1500,
        transmit_queue_length: 1000,
        transmit_queues: 1,
        receive_queues: 1,
        master: None,
        lower: None,
        qdisc: if physical {
            "mq".into()
        } else {
            "noqueue".into()
        },
        xdp: Xdp::None,
        speed: physical.then_some(10_000_000_000),
        duplex: physical.then_some(Duplex::Full),
    };
    let mut values = [0; LinkStatistics::COUNT];
    for (position, value) in values.iter_mut().enumerate() {
        *value = 100 + position as u64;
    }
    Link {
        attributes: attributes.into(),
        statistics: LinkStatistics::from_array(values),
    }
}

pub(super) fn qdiscs(size: Size) -> Qdiscs {
    let mut qdiscs = Vec::new();
    for card in 0..size.cards {
        let device = card_index(card);
        let key = |handle, parent, kind: &str| QdiscKey {
            device,
            handle,
            parent,
            kind: kind.into(),
        };
        let statistics = QueueStatistics {
            bytes: 1_000,
            packets: 10,
            drops: 2,
            requeues: 1,
            overlimits: 3,
            backlog_packets: 4,
            backlog_bytes: 400,
        };
        let sum = QueueStatistics {
            drops: 2 * u64::from(size.queues),
            ..statistics
        };
        qdiscs.push(Qdisc {
            key: key(TcHandle(0), TcHandle::ROOT, "mq"),
            statistics: sum,
            detail: QdiscDetail::None,
        });
        qdiscs.extend((1..=size.queues).map(|queue| Qdisc {
            key: key(TcHandle(0), TcHandle(queue), "fq_codel"),
            statistics,
            detail: QdiscDetail::FqCodel(FqCodel {
                drop_overlimit: 2,
                ecn_mark: 1,
                ..FqCodel::default()
            }),
        }));
    }
    for index in 2 + size.cards..2 + size.cards + size.veths {
        qdiscs.push(Qdisc {
            key: QdiscKey {
                device: IfIndex(index),
                handle: TcHandle(0),
                parent: TcHandle::ROOT,
                kind: "noqueue".into(),
            },
            statistics: QueueStatistics::default(),
            detail: QdiscDetail::None,
        });
    }
    Qdiscs {
        qdiscs,
        classes: Vec::new(),
        complete: true,
    }
}

pub(super) fn driver(size: Size) -> Driver {
    let mut statistics = vec![statistic(
        "rx_crc_errors_phy",
        "rx_crc_errors_phy",
        None,
        Meaning::Loss(Cause::LinkErrors),
    )];
    for queue in 0..size.queues {
        for (name, meaning) in [
            ("packets", Meaning::Other),
            ("bytes", Meaning::Other),
            ("drops", Meaning::Loss(Cause::NicRxRingOverflow)),
            ("alloc_fail", Meaning::Suspect),
        ] {
            let counter = format!("rx_{name}");
            statistics.push(statistic(
                &format!("rx{queue}_{name}"),
                &counter,
                Some(queue),
                meaning,
            ));
        }
    }
    let layout = Arc::new(DriverLayout::new(
        "mlx5_core".into(),
        "1.2".into(),
        statistics,
    ));
    let device = |card| DriverDevice {
        index: card_index(card),
        device: card_name(card),
        values: vec![3; layout.statistics.len()],
        layout: Arc::clone(&layout),
    };
    Driver {
        devices: (0..size.cards).map(device).collect(),
    }
}

fn statistic(name: &str, counter: &str, queue: Option<u32>, meaning: Meaning) -> DriverStatistic {
    DriverStatistic {
        name: name.into(),
        counter: counter.into(),
        queue: queue.map(|queue| queue.to_string().into()),
        meaning,
    }
}

pub(super) fn ethtool(size: Size) -> Ethtool {
    let standard = |name: &'static str| StandardStatistic {
        group: "eth-mac".into(),
        name: name.into(),
        value: 11,
    };
    let device = |card| EthtoolDevice {
        index: Some(card_index(card)),
        device: Some(card_name(card)),
        link: Some(LinkState {
            detected: true,
            signal_quality: Some((7, 7)),
            reason: Some("no_cable".into()),
            substate: Some(1),
            down_count: Some(1),
        }),
        modes: Some(LinkModes {
            autonegotiation: true,
            speed: Some(10_000_000_000),
            supported_speed: Some(25_000_000_000),
            peer_speed: Some(10_000_000_000),
        }),
        rings: Some(Rings {
            receive: Some(1024),
            receive_max: Some(8192),
            transmit: Some(1024),
            transmit_max: Some(8192),
        }),
        channels: Some(Channels {
            combined: Some(8),
            combined_max: Some(64),
            ..Channels::default()
        }),
        pause: Some(Pause {
            receive_enabled: true,
            transmit_enabled: false,
            receive_frames: Some(1),
            transmit_frames: Some(0),
        }),
        fec: Some(Fec {
            corrected_blocks: Some(5),
            uncorrectable_blocks: Some(1),
            corrected_bits: Some(50),
        }),
        standard: ["FramesTransmittedOK", "FrameCheckSequenceErrors"]
            .map(standard)
            .into(),
    };
    Ethtool {
        devices: (0..size.cards).map(device).collect(),
    }
}
