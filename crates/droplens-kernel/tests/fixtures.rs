//! Every reader of files over every recorded kernel, with the figures that must come out.

use std::path::{Path, PathBuf};
use std::time::Duration;

use droplens_kernel::cpu::CpuReader;
use droplens_kernel::interrupts::InterruptsReader;
use droplens_kernel::limits::LimitsReader;
use droplens_kernel::netstat::NetstatReader;
use droplens_kernel::pressure::PressureReader;
use droplens_kernel::sockstat::SockstatReader;
use droplens_kernel::softirqs::SoftirqsReader;
use droplens_kernel::softnet::SoftnetReader;
use droplens_kernel::{Reader, Root};
use droplens_model::sample::limits::Limit;
use droplens_model::sample::netstat::Counters;
use droplens_model::sample::pressure::Stall;
use droplens_model::sample::softnet::SoftnetCpu;
use droplens_model::{CpuId, Reason};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures")
}

/// What a generated kernel is like; the figures follow from it, as `generate.py` tells.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one fact of a kernel"
)]
struct Kernel {
    name: &'static str,
    online: Vec<u32>,
    possible: u32,
    softnet_columns: usize,
    ipv6: bool,
    conntrack: bool,
    udplite: bool,
    out_transmits: bool,
    /// The keys of netstat.
    netstat: usize,
    irq_pressure: bool,
    /// Network devices with their lines and interrupts.
    devices: &'static [(&'static str, u32, u64)],
}

impl Kernel {
    fn new(name: &'static str, online: impl IntoIterator<Item = u32>) -> Self {
        let online: Vec<u32> = online.into_iter().collect();
        Self {
            name,
            possible: online.iter().max().map_or(0, |last| last + 1),
            online,
            softnet_columns: 13,
            ipv6: true,
            conntrack: true,
            udplite: true,
            out_transmits: false,
            netstat: 0,
            irq_pressure: false,
            devices: &[],
        }
    }

    fn root(&self) -> Root {
        Root::new(directory().join(self.name))
    }

    fn cpus(&self) -> Vec<CpuId> {
        self.online.iter().copied().map(CpuId).collect()
    }
}

fn kernels() -> Vec<Kernel> {
    vec![
        Kernel {
            softnet_columns: 11,
            netstat: 114 + 17,
            devices: &[("eth0", 3, 200 + 300 + 400)],
            ..Kernel::new("4.18", [0, 1, 3])
        },
        Kernel {
            ipv6: false,
            conntrack: false,
            netstat: 123 + 18 + 25,
            devices: &[("ens1", 2, 100 + 200)],
            ..Kernel::new("5.10", 0..2)
        },
        Kernel {
            netstat: 125 + 18 + 37,
            devices: &[("eth0", 3, 100 + 200 + 300)],
            ..Kernel::new("5.15", 0..2)
        },
        Kernel {
            netstat: 125 + 18 + 50,
            irq_pressure: true,
            devices: &[("eth0", 2, 100 + 200), ("eth1", 1, 300)],
            ..Kernel::new("6.1", 0..4)
        },
        Kernel {
            netstat: 125 + 18 + 50,
            irq_pressure: true,
            devices: &[("eth0", 60, 100 * 60 * 61 / 2)],
            ..Kernel::new("6.1-128cpu", (0..64).chain(66..128))
        },
        Kernel {
            softnet_columns: 15,
            udplite: false,
            out_transmits: true,
            netstat: 126 + 18 + 56,
            irq_pressure: true,
            devices: &[("eth0", 1, 200)],
            ..Kernel::new("6.6", 0..2)
        },
    ]
}

fn keys_of_group(counters: &Counters, group: &str) -> usize {
    let of_group = |key: &&droplens_model::sample::netstat::Key| &*key.group == group;
    counters.layout.keys().iter().filter(of_group).count()
}

#[test]
fn no_fixture_is_left_out() {
    let mut found: Vec<String> = std::fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().join("proc").is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    found.sort();
    let mut known: Vec<_> = kernels().iter().map(|kernel| kernel.name).collect();
    known.push("6.18");
    known.sort_unstable();
    assert_eq!(found, known);
}

#[test]
fn softnet() {
    for kernel in kernels() {
        let sample = SoftnetReader::new(&kernel.root()).read().unwrap();
        let expected: Vec<_> = kernel
            .online
            .iter()
            .map(|&cpu| SoftnetCpu {
                cpu: CpuId(cpu),
                processed: 1000 * (u64::from(cpu) + 1),
                dropped: u64::from(cpu),
                time_squeezed: 2 * u64::from(cpu),
                received_rps: Some(3 * u64::from(cpu)),
                flow_limit: Some(u64::from(cpu != 0)),
                backlog: (kernel.softnet_columns > 11).then_some(cpu + 5),
            })
            .collect();
        assert_eq!(sample.cpus, expected, "{}", kernel.name);
    }
}

#[test]
fn snmp() {
    for kernel in kernels() {
        let sample = NetstatReader::snmp(&kernel.root()).read().unwrap();
        for (group, key, value) in [
            ("Ip", "InReceives", 1_000_200),
            ("Ip", "InDelivers", 1_000_100),
            ("Ip", "InHdrErrors", 17),
            ("IcmpMsg", "InType3", 12),
            ("Tcp", "MaxConn", -1),
            ("Tcp", "CurrEstab", 46),
            ("Tcp", "RetransSegs", 8900),
            ("Udp", "RcvbufErrors", 31),
        ] {
            assert_eq!(sample.get(group, key), Some(value), "{} {key}", kernel.name);
        }
        let udplite = sample.get("UdpLite", "InDatagrams");
        assert_eq!(udplite.is_some(), kernel.udplite, "{}", kernel.name);
        let transmits = sample.get("Ip", "OutTransmits");
        assert_eq!(transmits.is_some(), kernel.out_transmits, "{}", kernel.name);
    }
}

#[test]
fn snmp6() {
    for kernel in kernels() {
        match NetstatReader::snmp6(&kernel.root()).read() {
            Ok(sample) => {
                assert!(kernel.ipv6, "{}", kernel.name);
                assert_eq!(sample.get("Ip6", "InReceives"), Some(777));
                assert_eq!(sample.get("Icmp6", "OutType135"), Some(4));
                assert_eq!(sample.get("Udp6", "RcvbufErrors"), Some(3));
                let udplite = sample.get("UdpLite6", "InErrors");
                assert_eq!(udplite.is_some(), kernel.udplite, "{}", kernel.name);
            }
            Err(error) => {
                assert!(!kernel.ipv6, "{}: {error}", kernel.name);
                assert_eq!(error.reason(), Reason::Missing);
            }
        }
    }
}

#[test]
fn netstat() {
    for kernel in kernels() {
        let sample = NetstatReader::netstat(&kernel.root()).read().unwrap();
        assert_eq!(sample.values.len(), kernel.netstat, "{}", kernel.name);
        assert_eq!(sample.get("TcpExt", "ListenOverflows"), Some(25));
        assert_eq!(sample.get("TcpExt", "ListenDrops"), Some(30));
        assert_eq!(sample.get("TcpExt", "TCPBacklogDrop"), Some(4));
        assert_eq!(
            sample.get("IpExt", "InOctets"),
            Some(i128::from(u64::MAX)),
            "{}",
            kernel.name
        );
    }
}

#[test]
fn sockstat() {
    for kernel in kernels() {
        let sample = SockstatReader::new(&kernel.root()).read().unwrap();
        assert_eq!(sample.get("sockets", "used"), Some(290));
        assert_eq!(sample.get("TCP", "tw"), Some(7));
        assert_eq!(sample.get("FRAG", "memory"), Some(65_536));
        assert_eq!(sample.get("RAW6", "inuse"), kernel.ipv6.then_some(1));
        assert_eq!(sample.get("UDPLITE", "inuse"), kernel.udplite.then_some(0));
        assert!(sample.page_size.is_power_of_two() && sample.page_size >= 4096);
    }
}

#[test]
fn cpu() {
    let hertz = rustix::param::clock_ticks_per_second();
    let time = |ticks: u32| Duration::from_secs(1) * ticks / u32::try_from(hertz).unwrap();
    for kernel in kernels() {
        let sample = CpuReader::new(&kernel.root()).read().unwrap();
        assert_eq!(sample.cpus.len(), kernel.online.len(), "{}", kernel.name);
        for (times, &cpu) in sample.cpus.iter().zip(&kernel.online) {
            assert_eq!(times.cpu, CpuId(cpu));
            assert_eq!(times.irq, time(cpu));
            assert_eq!(times.softirq, time(10 * (cpu + 1)));
            assert_eq!(times.steal, time(2 * cpu));
        }
    }
}

#[test]
fn softirqs() {
    for kernel in kernels() {
        let sample = SoftirqsReader::new(&kernel.root()).read().unwrap();
        assert_eq!(sample.cpus.len(), kernel.possible as usize);
        let receive = &sample.vectors[3];
        assert_eq!(&*receive.name, "NET_RX");
        for (cpu, &count) in (0..kernel.possible).zip(&receive.counts) {
            let online = kernel.online.contains(&cpu);
            let expected = if online { 300 + u64::from(cpu) } else { 0 };
            assert_eq!(count, expected, "{} CPU {cpu}", kernel.name);
        }
    }
}

#[test]
fn interrupts() {
    for kernel in kernels() {
        let sample = InterruptsReader::new(&kernel.root()).read().unwrap();
        let cpus: Vec<_> = sample.cpus.iter().map(|(cpu, _)| *cpu).collect();
        assert_eq!(cpus, kernel.cpus(), "{}", kernel.name);
        let devices: Vec<_> = sample
            .devices
            .iter()
            .map(|device| {
                let interrupts: u64 = device.cpus.iter().map(|(_, count)| count).sum();
                (&*device.device, device.lines, interrupts)
            })
            .collect();
        assert_eq!(devices, kernel.devices, "{}", kernel.name);
    }
}

#[test]
fn interrupts_of_one_cpu_are_its_lines_and_its_timer() {
    let root = Root::new(directory().join("6.1-128cpu"));
    let sample = InterruptsReader::new(&root).read().unwrap();
    // The first queue on CPU 0; 60 queues reach CPU 59; CPU 66 follows 63.
    assert_eq!(sample.cpus[0], (CpuId(0), 100 + 1000));
    assert_eq!(sample.cpus[59], (CpuId(59), 6000 + 1059));
    assert_eq!(sample.cpus[64], (CpuId(66), 1066));
    assert_eq!(sample.devices[0].cpus.len(), 60);
}

#[test]
fn limits() {
    for kernel in kernels() {
        let sample = LimitsReader::new(&kernel.root()).read().unwrap();
        assert_eq!(sample.get(Limit::NetdevMaxBacklog), Some(1000));
        assert_eq!(
            sample.all(Limit::TcpMem),
            Some([22_524, 30_033, 45_048].as_slice())
        );
        assert_eq!(sample.get(Limit::FileMax), Some(9_223_372_036_854_775_807));
        assert_eq!(sample.get(Limit::NetdevBudgetUsecs), None);
        let somaxconn = if kernel.name == "4.18" { 128 } else { 4096 };
        assert_eq!(sample.get(Limit::Somaxconn), Some(somaxconn));
        let conntrack = kernel.conntrack.then_some(262_144);
        assert_eq!(sample.get(Limit::ConntrackMax), conntrack);
        let ipv6 = kernel.ipv6.then_some(1024);
        assert_eq!(sample.get(Limit::Ipv6GcThresh3), ipv6);
        assert_eq!(sample.congestion_control.as_deref(), Some("cubic"));
        assert_eq!(sample.default_qdisc.as_deref(), Some("fq_codel"));
    }
}

#[test]
fn pressure() {
    let (some, full) = (Duration::from_millis(2_500), Duration::from_millis(1_500));
    let both = Stall {
        some: Some(some),
        full: Some(full),
    };
    for kernel in kernels() {
        let result = PressureReader::new(&kernel.root()).read();
        if kernel.name == "4.18" {
            assert_eq!(result.unwrap_err().reason(), Reason::Missing);
            continue;
        }
        let sample = result.unwrap();
        assert_eq!(sample.memory, Some(both));
        assert_eq!(sample.io, Some(both));
        let cpu_full = (kernel.name != "5.10").then_some(full);
        assert_eq!(sample.cpu.unwrap().full, cpu_full, "{}", kernel.name);
        let irq = kernel.irq_pressure.then_some(Stall {
            some: None,
            full: Some(full),
        });
        assert_eq!(sample.irq, irq, "{}", kernel.name);
    }
}

#[test]
fn the_recorded_6_18() {
    let root = Root::new(directory().join("6.18"));
    let softnet = SoftnetReader::new(&root).read().unwrap();
    assert_eq!(softnet.cpus[1].cpu, CpuId(1));
    assert_eq!(softnet.cpus[1].processed, 0x31ee);
    assert_eq!(softnet.cpus[1].time_squeezed, 1);
    assert_eq!(softnet.cpus[1].backlog, Some(0));

    let snmp = NetstatReader::snmp(&root).read().unwrap();
    assert_eq!(snmp.get("Ip", "InReceives"), Some(12_731));
    assert_eq!(snmp.get("Ip", "OutTransmits"), Some(7534));
    assert_eq!(snmp.get("Udp", "OutDatagrams"), Some(68));
    let snmp6 = NetstatReader::snmp6(&root).read().unwrap();
    assert_eq!(snmp6.get("Ip6", "OutRequests"), Some(10));
    assert_eq!(keys_of_group(&snmp6, "Ip6"), 33);
    let netstat = NetstatReader::netstat(&root).read().unwrap();
    assert_eq!(keys_of_group(&netstat, "IpExt"), 18);

    let sockstat = SockstatReader::new(&root).read().unwrap();
    assert_eq!(sockstat.get("TCP", "mem"), Some(194));
    let cpu = CpuReader::new(&root).read().unwrap();
    assert_eq!(cpu.cpus.len(), 2);
    let softirqs = SoftirqsReader::new(&root).read().unwrap();
    assert_eq!(softirqs.vectors[3].counts, [5447, 8110]);

    let interrupts = InterruptsReader::new(&root).read().unwrap();
    assert_eq!(interrupts.devices.len(), 1);
    let eth0 = &interrupts.devices[0];
    assert_eq!((&*eth0.device, eth0.lines), ("eth0", 3));
    assert_eq!(eth0.cpus, [(CpuId(0), 5594), (CpuId(1), 8488)]);

    let limits = LimitsReader::new(&root).read().unwrap();
    assert_eq!(
        limits.all(Limit::IpLocalPortRange),
        Some([32_768, 60_999].as_slice())
    );
    assert_eq!(limits.congestion_control.as_deref(), Some("bbr"));
    let pressure = PressureReader::new(&root).read().unwrap();
    let cpu = pressure.cpu.unwrap();
    assert_eq!(cpu.some, Some(Duration::from_micros(395_823_228)));
    assert_eq!(pressure.irq, None);
}
