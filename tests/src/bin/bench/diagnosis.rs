//! Diagnosis alone: the engine of the running agent on a made-up host with 100 busy devices.

use std::sync::Arc;
use std::time::Duration;

use droplens_diagnosis::verdict::Context;
use droplens_diagnosis::{Engine, Thresholds};
use droplens_model::sample::netstat::Counters;
use droplens_model::{Moment, Reading, Snapshot, Stamped, Timestamp};
use rustix::time::{ClockId, clock_gettime};

use crate::host::{self, Size};

/// 100 devices, of which all carry packets.
const HOST: Size = Size {
    cpus: 8,
    cards: 2,
    queues: 8,
    veths: 98,
    listeners: 20,
    udp_ports: 20,
    rules: 20,
};

/// Simulated time.
const SECONDS: u64 = 60;

/// Prints the CPU time per second of watching, and of one report.
pub(crate) fn print() {
    let mut snapshot = host::snapshot(HOST);
    let mut engine = Engine::new(Thresholds::default());
    let mut spent = Duration::ZERO;
    for tick in 1..=SECONDS * 10 {
        let at = Moment(Duration::from_millis(100 * tick));
        advance(&mut snapshot, at);
        let shared = Arc::new(snapshot.clone());
        let before = clock_gettime(ClockId::ThreadCPUTime);
        let _wishes = engine.observe(&shared, at, Timestamp(100 * tick));
        spent += elapsed(before);
    }
    let now = Moment(Duration::from_secs(SECONDS));
    let before = clock_gettime(ClockId::ThreadCPUTime);
    let report = engine.report(now, context()).expect("a report");
    let reporting = elapsed(before);
    println!("### Diagnosis\n");
    println!(
        "{} devices that carry packets, and every protocol counter moves, ten times a second: {:.2} ms per second; one report: {:.2} ms ({} findings).\n",
        snapshot.links.ok().map_or(0, |links| links.links.len()),
        spent.as_secs_f64() * 1e3 / SECONDS as f64,
        reporting.as_secs_f64() * 1e3,
        report.findings.len(),
    );
}

fn elapsed(before: rustix::time::Timespec) -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    let nanos = |time: rustix::time::Timespec| {
        u64::try_from(time.tv_sec * 1_000_000_000 + time.tv_nsec).unwrap_or(0)
    };
    Duration::from_nanos(nanos(now) - nanos(before))
}

fn context() -> Context {
    Context {
        version: "bench".to_owned(),
        host: "bench".to_owned(),
        start: Timestamp(0),
        length: Duration::from_secs(10),
        others_not_seen: 0,
    }
}

/// What the fast sources would bring a tenth of a second later.
fn advance(snapshot: &mut Snapshot, at: Moment) {
    renew(&mut snapshot.links, at, |links| {
        for link in &mut links.links {
            link.statistics.rx_packets += 7;
            link.statistics.tx_packets += 7;
            link.statistics.rx_bytes += 7_000;
            link.statistics.tx_bytes += 7_000;
        }
    });
    renew(&mut snapshot.qdiscs, at, |qdiscs| {
        for qdisc in &mut qdiscs.qdiscs {
            qdisc.statistics.packets += 7;
        }
    });
    renew(&mut snapshot.softnet, at, |softnet| {
        for cpu in &mut softnet.cpus {
            cpu.processed += 100;
        }
    });
    for counters in [
        &mut snapshot.snmp,
        &mut snapshot.snmp6,
        &mut snapshot.netstat,
    ] {
        renew(counters, at, |counters: &mut Counters| {
            for value in &mut counters.values {
                *value += 3;
            }
        });
    }
}

fn renew<T: Clone>(reading: &mut Reading<T>, at: Moment, change: impl FnOnce(&mut T)) {
    if let Reading::Ok(Stamped { value, .. }) = reading {
        let mut next = T::clone(value);
        change(&mut next);
        *reading = Reading::Ok(Stamped {
            at,
            took: Duration::ZERO,
            value: next.into(),
        });
    }
}
