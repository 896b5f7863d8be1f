//! A host made up for tests: every source has a reading and every field a value.

#![allow(
    clippy::allow_attributes,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    reason = "shared by several tests"
)]

mod devices;
mod filters;
mod judgement;
pub(crate) mod probes;

use std::sync::Arc;
use std::time::Duration;

use droplens_metrics::View;
use droplens_model::sample::conntrack::{Conntrack, ConntrackCpu};
use droplens_model::sample::cpu::{CpuTimes, Cpus};
use droplens_model::sample::interrupts::{DeviceInterrupts, Interrupts};
use droplens_model::sample::limits::{Limit, Limits};
use droplens_model::sample::neighbours::{NeighbourTable, Neighbours};
use droplens_model::sample::netstat::{Counters, Key, Layout};
use droplens_model::sample::pressure::{Pressure, Stall};
use droplens_model::sample::process::Process;
use droplens_model::sample::sockets::{EphemeralPorts, Listener, Sockets, UdpPort};
use droplens_model::sample::sockstat::{Sockstat, SockstatValue};
use droplens_model::sample::softirqs::{SoftirqVector, Softirqs};
use droplens_model::sample::softnet::{Softnet, SoftnetCpu};
use droplens_model::track::Trackers;
use droplens_model::{CpuId, Family, Moment, Pace, Reading, Snapshot, Source, Stamped};

use devices::{card_name, driver, ethtool, links, qdiscs};

/// The size of a host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) cpus: u32,
    pub(crate) cards: u32,
    /// Queues of each card.
    pub(crate) queues: u32,
    pub(crate) veths: u32,
    pub(crate) listeners: u16,
    pub(crate) udp_ports: u16,
    /// Rules that drop, of each packet filter.
    pub(crate) rules: u64,
}

const NOW: Moment = Moment(Duration::from_secs(100));

/// The readings of a host of this size, and what follows from them.
pub(crate) fn view(size: Size) -> View {
    let snapshot = snapshot(size);
    let mut trackers = Trackers::default();
    if let (Some(softnet), Some(links), Some(qdiscs)) = (
        snapshot.softnet.ok(),
        snapshot.links.ok(),
        snapshot.qdiscs.ok(),
    ) {
        trackers.softnet(softnet, NOW);
        trackers.links(links, NOW);
        trackers.qdiscs(qdiscs, Some(links), NOW);
    }
    let pace = |&source: &Source| Pace {
        source,
        interval: source.spec().cadence.interval(),
        readings: 10,
        cpu: Duration::from_millis(5),
    };
    let paces = Source::ALL.iter().map(pace).collect();
    View {
        snapshot: Arc::new(snapshot),
        derived: trackers.derive(NOW, paces).into(),
        judgement: Some(judgement::judgement(size).into()),
        now: NOW,
    }
}

pub(crate) fn read<T>(value: T) -> Reading<T> {
    let at = Moment(Duration::from_millis(99_500));
    Reading::Ok(Stamped {
        at,
        took: Duration::from_micros(50),
        value: value.into(),
    })
}

/// The readings of a host of this size.
pub(crate) fn snapshot(size: Size) -> Snapshot {
    Snapshot {
        softnet: read(softnet(size)),
        links: read(links(size)),
        qdiscs: read(qdiscs(size)),
        snmp: read(counters(include_str!(
            "../../../../tests/fixtures/6.18/proc/net/snmp"
        ))),
        snmp6: read(counters6(include_str!(
            "../../../../tests/fixtures/6.18/proc/net/snmp6"
        ))),
        netstat: read(counters(include_str!(
            "../../../../tests/fixtures/6.18/proc/net/netstat"
        ))),
        sockstat: read(sockstat()),
        cpu: read(Cpus {
            cpus: cpus(size).map(cpu_times).collect(),
        }),
        softirqs: read(softirqs(size)),
        interrupts: read(interrupts(size)),
        conntrack: read(conntrack(size)),
        firewall: read(filters::firewall(size)),
        sockets: read(sockets(size)),
        neighbours: read(neighbours()),
        limits: read(limits()),
        pressure: read(pressure()),
        driver: read(driver(size)),
        ethtool: read(ethtool(size)),
        process: read(process()),
        probes: read(probes::defaults()),
    }
}

fn cpus(size: Size) -> impl Iterator<Item = CpuId> {
    (0..size.cpus).map(CpuId)
}

fn softnet(size: Size) -> Softnet {
    let cpu = |cpu: CpuId| SoftnetCpu {
        cpu,
        processed: 1_000 + u64::from(cpu.0),
        dropped: 7,
        time_squeezed: 3,
        received_rps: Some(2),
        flow_limit: Some(1),
        backlog: Some(5),
    };
    Softnet {
        cpus: cpus(size).map(cpu).collect(),
    }
}

fn cpu_times(cpu: CpuId) -> CpuTimes {
    CpuTimes {
        cpu,
        irq: Duration::from_millis(10),
        softirq: Duration::from_millis(250),
        steal: Duration::ZERO,
    }
}

fn softirqs(size: Size) -> Softirqs {
    let names = [
        "HI", "TIMER", "NET_TX", "NET_RX", "BLOCK", "IRQ_POLL", "TASKLET", "SCHED", "HRTIMER",
        "RCU",
    ];
    let vector = |name: &str| SoftirqVector {
        name: name.into(),
        counts: cpus(size).map(|cpu| 100 + u64::from(cpu.0)).collect(),
    };
    Softirqs {
        cpus: cpus(size).collect(),
        vectors: names.map(vector).into(),
    }
}

fn interrupts(size: Size) -> Interrupts {
    let device = |card: u32| DeviceInterrupts {
        device: card_name(card),
        lines: size.queues,
        cpus: cpus(size)
            .map(|cpu| (cpu, 10 * u64::from(cpu.0 + 1)))
            .collect(),
    };
    Interrupts {
        cpus: cpus(size).map(|cpu| (cpu, 5_000)).collect(),
        devices: (0..size.cards).map(device).collect(),
    }
}

fn layout(keys: Vec<(String, String)>) -> Arc<Layout> {
    let key = |(group, key): (String, String)| Key {
        group: group.into(),
        key: key.into(),
    };
    Layout::new(keys.into_iter().map(key).collect()).into()
}

/// Headers and values in turn, as /proc/net/snmp has them.
fn counters(text: &str) -> Counters {
    let lines: Vec<_> = text
        .lines()
        .filter_map(|line| line.split_once(": "))
        .collect();
    let mut keys = Vec::new();
    let mut values = Vec::new();
    for pair in lines.chunks_exact(2) {
        for (key, value) in pair[0].1.split(' ').zip(pair[1].1.split(' ')) {
            keys.push((pair[0].0.to_owned(), key.to_owned()));
            values.push(value.parse().unwrap());
        }
    }
    Counters {
        layout: layout(keys),
        values,
    }
}

fn counters6(text: &str) -> Counters {
    let (keys, values) = text
        .lines()
        .map(|line| {
            let mut words = line.split_whitespace();
            let (key, value) = (words.next().unwrap(), words.next().unwrap());
            let group = key.find('6').unwrap() + 1;
            (
                (key[..group].to_owned(), key[group..].to_owned()),
                value.parse::<i128>().unwrap(),
            )
        })
        .unzip();
    Counters {
        layout: layout(keys),
        values,
    }
}

fn sockstat() -> Sockstat {
    let value = |(protocol, key, value): (&str, &str, u64)| SockstatValue {
        protocol: protocol.into(),
        key: key.into(),
        value,
    };
    let values = [
        ("sockets", "used", 200),
        ("TCP", "inuse", 50),
        ("TCP", "orphan", 1),
        ("TCP", "tw", 9),
        ("TCP", "alloc", 60),
        ("TCP", "mem", 12),
        ("UDP", "inuse", 8),
        ("UDP", "mem", 3),
        ("FRAG", "inuse", 0),
        ("FRAG", "memory", 0),
        ("TCP6", "inuse", 4),
    ];
    Sockstat {
        values: values.map(value).into(),
        page_size: 4096,
    }
}

fn conntrack(size: Size) -> Conntrack {
    let cpu = |cpu| ConntrackCpu {
        cpu,
        found: 1,
        invalid: 2,
        ignore: None,
        insert: None,
        insert_failed: 3,
        drop: 4,
        early_drop: 5,
        error: 6,
        search_restart: 7,
        clash_resolve: Some(8),
        chain_too_long: Some(9),
    };
    Conntrack {
        entries: 1_234,
        limit: 262_144,
        buckets: Some(65_536),
        expectations_limit: Some(1_024),
        statistics: Ok(cpus(size).map(cpu).collect()),
    }
}

fn sockets(size: Size) -> Sockets {
    let mut sockets = Sockets {
        complete: true,
        ..Sockets::default()
    };
    for state in [1, 1, 6, 10, 12] {
        sockets.tcp.v4.count(state);
    }
    sockets.retransmitting.v4 = 1;
    sockets.listeners = (0..size.listeners)
        .map(|port| Listener {
            family: Family::V4,
            port: 1_000 + port,
            sockets: 1,
            accept_queue: u64::from(port),
            accept_queue_limit: 128,
            fullest: (u64::from(port), 128),
            drops: u64::from(port),
        })
        .collect();
    sockets.udp = (0..size.udp_ports)
        .map(|port| UdpPort {
            family: Family::V4,
            port: 2_000 + port,
            sockets: 1,
            receive_queue_bytes: 0,
            drops: 1 + u64::from(port),
        })
        .collect();
    sockets.ephemeral = EphemeralPorts {
        available: 28_232,
        used: 100,
        used_by_busiest_destination: 60,
    };
    sockets
}

fn neighbours() -> Neighbours {
    let table = |family| NeighbourTable {
        family,
        entries: 5,
        threshold1: Some(128),
        threshold2: Some(512),
        threshold3: Some(1024),
        statistics: droplens_model::sample::neighbours::NeighbourStatistics {
            allocs: 10,
            res_failed: 2,
            table_fulls: 1,
            ..Default::default()
        },
    };
    let mut neighbours = Neighbours {
        tables: Family::ALL.map(table).into(),
        complete: true,
        ..Neighbours::default()
    };
    neighbours.states.v4.count(2);
    neighbours
}

fn limits() -> Limits {
    let value = |&limit: &Limit| {
        let numbers = match limit {
            Limit::TcpMem | Limit::UdpMem | Limit::TcpRmem | Limit::TcpWmem => vec![4, 5, 6],
            Limit::IpLocalPortRange => vec![32_768, 60_999],
            _ => vec![1_000],
        };
        (limit, numbers)
    };
    Limits {
        values: Limit::ALL.iter().map(value).collect(),
        congestion_control: Some("cubic".into()),
        default_qdisc: Some("fq_codel".into()),
        page_size: 4096,
    }
}

fn pressure() -> Pressure {
    let stall = Stall {
        some: Some(Duration::from_millis(1_500)),
        full: Some(Duration::ZERO),
    };
    Pressure {
        cpu: Some(stall),
        memory: Some(stall),
        io: Some(stall),
        irq: Some(Stall {
            some: None,
            ..stall
        }),
    }
}

fn process() -> Process {
    Process {
        cpu: Duration::from_millis(1_250),
        resident_bytes: 9 << 20,
        virtual_bytes: 90 << 20,
        open_files: 30,
        open_files_limit: Some(1024),
        threads: 12,
        start_time: 1_700_000_000.5,
    }
}
