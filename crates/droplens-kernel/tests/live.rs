//! The readers of files on the running kernel, without any privilege. What this kernel does not
//! have is skipped, loudly.

use std::net::UdpSocket;

use droplens_kernel::cpu::CpuReader;
use droplens_kernel::interrupts::InterruptsReader;
use droplens_kernel::limits::LimitsReader;
use droplens_kernel::netstat::NetstatReader;
use droplens_kernel::pressure::PressureReader;
use droplens_kernel::sockstat::SockstatReader;
use droplens_kernel::softirqs::SoftirqsReader;
use droplens_kernel::softnet::SoftnetReader;
use droplens_kernel::{ReadError, Reader, Root};
use droplens_model::Reason;
use droplens_model::sample::limits::Limit;

/// A reading, or none if this kernel or container does not have the source.
fn read<R: Reader>(name: &str, reader: &mut R) -> Option<R::Sample> {
    let told = |error: &ReadError| {
        let absent = [Reason::Missing, Reason::NotSupported, Reason::Permission];
        assert!(absent.contains(&error.reason()), "{name}: {error:?}");
        eprintln!("SKIPPED {name}: {error}");
    };
    reader.read().inspect_err(told).ok()
}

#[test]
fn datagrams_over_loopback_are_counted() {
    const DATAGRAMS: i128 = 50;
    let root = Root::default();
    let mut snmp = NetstatReader::snmp(&root);
    let mut softnet = SoftnetReader::new(&root);
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let processed = |reader: &mut SoftnetReader| {
        read("softnet", reader).map(|sample| sample.cpus.iter().map(|cpu| cpu.processed).sum())
    };

    let before = snmp.read().unwrap();
    let processed_before: Option<u64> = processed(&mut softnet);
    for _ in 0..DATAGRAMS {
        sender
            .send_to(b"x", receiver.local_addr().unwrap())
            .unwrap();
        receiver.recv(&mut [0; 8]).unwrap();
    }
    let after = snmp.read().unwrap();
    let processed_after = processed(&mut softnet);

    for (group, key) in [("Udp", "InDatagrams"), ("Ip", "InDelivers")] {
        let step = after.get(group, key).unwrap() - before.get(group, key).unwrap();
        assert!(step >= DATAGRAMS, "{group} {key} moved by {step}");
    }
    if let (Some(before), Some(after)) = (processed_before, processed_after) {
        assert!(after - before >= 50, "softnet moved by {}", after - before);
    }
}

#[test]
fn counters_never_fall() {
    let root = Root::default();
    let mut interrupts = InterruptsReader::new(&root);
    let mut softirqs = SoftirqsReader::new(&root);
    let first = read("interrupts", &mut interrupts);
    if let (Some(first), Some(second)) = (first, read("interrupts", &mut interrupts)) {
        for ((cpu, first), (same, second)) in first.cpus.iter().zip(&second.cpus) {
            assert!(
                cpu == same && first <= second,
                "CPU {cpu}: {first} to {second}"
            );
        }
    }
    let first = read("softirqs", &mut softirqs);
    if let (Some(first), Some(second)) = (first, read("softirqs", &mut softirqs)) {
        for (first, second) in first.vectors.iter().zip(&second.vectors) {
            assert_eq!(first.name, second.name);
            let pairs = || first.counts.iter().zip(&second.counts);
            assert!(
                pairs().all(|(first, second)| first <= second),
                "{}",
                first.name
            );
        }
    }
}

#[test]
fn sources_agree_about_the_cpus() {
    let root = Root::default();
    let cpu = read("cpu", &mut CpuReader::new(&root));
    let softnet = read("softnet", &mut SoftnetReader::new(&root));
    let (Some(cpu), Some(softnet)) = (cpu, softnet) else {
        return;
    };
    let of_stat: Vec<_> = cpu.cpus.iter().map(|cpu| cpu.cpu).collect();
    let of_softnet: Vec<_> = softnet.cpus.iter().map(|cpu| cpu.cpu).collect();
    assert_eq!(of_stat, of_softnet);
}

#[test]
fn every_other_source_has_something_to_tell() {
    let root = Root::default();
    let netstat = NetstatReader::netstat(&root).read().unwrap();
    assert!(netstat.get("TcpExt", "ListenDrops").is_some());
    assert!(netstat.get("IpExt", "InOctets").is_some());
    let sockstat = SockstatReader::new(&root).read().unwrap();
    assert!(sockstat.get("TCP", "mem").is_some());
    let limits = LimitsReader::new(&root).read().unwrap();
    assert!(limits.get(Limit::Somaxconn).is_some());
    assert_eq!(limits.all(Limit::TcpRmem).map(<[u64]>::len), Some(3));
    if let Some(snmp6) = read("snmp6", &mut NetstatReader::snmp6(&root)) {
        assert!(snmp6.get("Ip6", "InReceives").is_some());
    }
    if let Some(pressure) = read("pressure", &mut PressureReader::new(&root)) {
        assert!(pressure.memory.is_none_or(|memory| memory.some.is_some()));
    }
}
