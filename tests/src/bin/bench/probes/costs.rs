//! CPU time of many echo probes.

use std::thread::sleep;
use std::time::Duration;

use droplens_tests::agent::Options;

use super::crowd::{Crowd, Over};
use super::smokeping::Smokeping;
use crate::process::Meter;

/// Until the first probes are answered and what is done once is done.
const SETTLING: Duration = Duration::from_secs(5);

/// What one prober did while it was watched.
struct Cost {
    name: String,
    sent: u64,
    unanswered: String,
    /// Of a core.
    share: f64,
}

pub(crate) fn print() {
    for (count, millis, seconds, times, kinds) in [
        // The difference of two small shares, so the noise of one run is a tenth of it.
        (100, 100, 30, 3, &["icmp", "udp"][..]),
        (1_000, 200, 60, 1, &["udp"][..]),
    ] {
        let time = Duration::from_secs(seconds);
        println!(
            "### {count} targets, {} echo requests per second each, {seconds} s\n",
            1_000 / millis,
        );
        println!("| over | prober | sent | not answered | CPU, share of a core |");
        println!("|---|---|---|---|---|");
        for over in [Over::Loopback, Over::Veth] {
            let crowd = Crowd::new(over, count);
            let mut beyond = Vec::new();
            let mut costs = Vec::new();
            for _ in 0..times {
                let idle = droplens(&crowd, None, time);
                let probing = droplens(&crowd, Some(millis), time);
                beyond.push((probing.share - idle.share) * 100.0);
                costs.extend([idle, probing]);
            }
            let smokepings = kinds
                .iter()
                .filter_map(|kind| smokeping(&crowd, millis, kind, time));
            for cost in costs.into_iter().chain(smokepings) {
                println!(
                    "| {over} | {} | {} | {} | {:.2} % |",
                    cost.name,
                    cost.sent,
                    cost.unanswered,
                    cost.share * 100.0
                );
            }
            beyond.sort_unstable_by(f64::total_cmp);
            let each: Vec<String> = beyond.iter().map(|share| format!("{share:.2}")).collect();
            println!(
                "| {over} | droplens beyond its idle, median of {} | | | {:.2} % |",
                each.join(", "),
                beyond.get(times / 2).copied().unwrap_or(f64::NAN)
            );
        }
        println!();
    }
}

/// The agent, with probes at this interval or without any.
fn droplens(crowd: &Crowd, millis: Option<u64>, time: Duration) -> Cost {
    let probe = millis.map_or_else(String::new, |millis| {
        format!(
            "[[probe.icmp]]\ntargets = {:?}\ninterval = \"{millis}ms\"\n",
            crowd.addresses()
        )
    });
    let toml = format!(
        "[probes]\ndefaults = false\n\
         packets_per_second = 20000.0\nbytes_per_second = 2000000.0\n{probe}"
    );
    let agent = Options::new()
        .config(&toml)
        .address("127.0.0.1:23767")
        .start(&crowd.host);
    let of = |outcome| {
        let metrics = agent.scrape();
        metrics.sum("droplens_probe_packets_total", &[("outcome", outcome)])
    };
    let (before, share) = watch(agent.pid(), time, || of("ok"));
    let lost: u64 = ["lost", "late", "send_error", "aborted"]
        .into_iter()
        .map(of)
        .sum();
    let metrics = agent.scrape();
    let overflows = match millis {
        Some(_) => metrics.count("droplens_prober_socket_overflows_total", &[]),
        None => 0,
    };
    Cost {
        name: millis.map_or("droplens, no probes", |_| "droplens").into(),
        sent: of("ok") + lost - before,
        unanswered: format!("{lost}, {overflows} socket overflows"),
        share,
    }
}

fn smokeping(crowd: &Crowd, millis: u64, protocol: &str, time: Duration) -> Option<Cost> {
    let smokeping = Smokeping::start(&crowd.host, &crowd.addresses(), millis, protocol)?;
    let ((sent, answered), share) = watch(smokeping.pid(), time, || smokeping.sent_and_answered());
    let (sent_later, answered_later) = smokeping.sent_and_answered();
    Some(Cost {
        name: format!("smokeping_prober, {protocol} sockets"),
        sent: sent_later - sent,
        unanswered: format!(
            "{} (those under way included)",
            (sent_later - sent).saturating_sub(answered_later - answered)
        ),
        share,
    })
}

/// What `look` saw at the beginning, and the share of a core that the process used from then on.
fn watch<T>(pid: u32, time: Duration, look: impl FnOnce() -> T) -> (T, f64) {
    sleep(SETTLING);
    let seen = look();
    let meter = Meter::of(pid);
    let before = meter.ticks();
    sleep(time);
    let used = meter.ticks().saturating_sub(before);
    (seen, used.as_secs_f64() / time.as_secs_f64())
}
