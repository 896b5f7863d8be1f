//! The per-CPU receive work.

use droplens_model::delta::step;
use droplens_model::sample::cpu::Cpus;
use droplens_model::sample::limits::Limit;
use droplens_model::{Cause, CpuId, Finding, Place, Source};

use super::Rule;
use crate::draft::Draft;
use crate::view::{Needs, View};

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        Cause::SoftnetBacklogOverflow,
        Needs::All(&[Source::Softnet]),
        backlog_overflow,
    ),
    Rule::new(
        Cause::SoftnetFlowLimit,
        Needs::All(&[Source::Softnet]),
        flow_limit,
    ),
    Rule::new(
        Cause::SoftnetTimeSqueeze,
        Needs::All(&[Source::Softnet]),
        time_squeeze,
    ),
    Rule::new(
        Cause::SoftirqImbalance,
        Needs::All(&[Source::Softnet, Source::Cpu]),
        imbalance,
    ),
];

fn limit(view: &View<'_>, limit: Limit) -> Option<f64> {
    view.now().limits.ok()?.get(limit).map(|value| value as f64)
}

fn backlog_overflow(view: &View<'_>) -> Vec<Finding> {
    let backlog = limit(view, Limit::NetdevMaxBacklog);
    let finding = |draft: Draft<'_>| {
        let dropped = match draft.place() {
            Place::Cpu(cpu) => {
                let all = view.delta.softnet();
                all.iter()
                    .find(|softnet| softnet.cpu == *cpu)
                    .map_or(0, |softnet| softnet.dropped)
            }
            _ => draft.packets(),
        };
        draft
            .what("softnet backlog overflow")
            .delta(Source::Softnet, "dropped", dropped, "/proc/net/softnet_stat column 2")
            .gauge(Source::Limits, "netdev_max_backlog", backlog, "net.core.netdev_max_backlog")
            .ruled_out(&[Cause::NicRxRingOverflow, Cause::UdpReceiveBufferFull])
            .next("Spread the receive work over more CPUs (RPS, more queues), then raise net.core.netdev_max_backlog.")
    };
    view.losses(Cause::SoftnetBacklogOverflow)
        .into_iter()
        .map(finding)
        .collect()
}

fn flow_limit(view: &View<'_>) -> Vec<Finding> {
    let finding = |draft: Draft<'_>| {
        let packets = draft.packets();
        draft
            .what("flow limit")
            .delta(Source::Softnet, "flow_limit", packets, "/proc/net/softnet_stat column 11")
            .next("One flow fills a CPU's backlog: find it (`ss -ti`, capture), slow it down or give it a CPU of its own.")
    };
    view.losses(Cause::SoftnetFlowLimit)
        .into_iter()
        .map(finding)
        .collect()
}

fn time_squeeze(view: &View<'_>) -> Vec<Finding> {
    let squeezed = view.delta.softnet();
    let often = squeezed.iter().filter(|softnet| {
        view.rate_of(Source::Softnet, softnet.time_squeezed)
            > view.thresholds.time_squeezes_per_second
    });
    often
        .map(|softnet| {
            Draft::pressure(view, Cause::SoftnetTimeSqueeze, Place::Cpu(softnet.cpu))
                .what("receive passes run out of time")
                .delta(Source::Softnet, "time_squeezed", softnet.time_squeezed, "/proc/net/softnet_stat column 3")
                .gauge(Source::Limits, "netdev_budget", limit(view, Limit::NetdevBudget), "net.core.netdev_budget")
                .gauge(Source::Limits, "netdev_budget_usecs", limit(view, Limit::NetdevBudgetUsecs), "net.core.netdev_budget_usecs")
                .ruled_out(&[Cause::SoftnetBacklogOverflow, Cause::NicRxRingOverflow])
                .next("Spread the receive work over more CPUs; if they are idle, raise net.core.netdev_budget and netdev_budget_usecs.")
        })
        .collect()
}

/// One CPU does nearly all the receive work and is busy with it, while others could help. Work is
/// time, not packets: many that cost little on another CPU must not hide it.
fn imbalance(view: &View<'_>) -> Vec<Finding> {
    let softnet = view.delta.softnet();
    let Some(busiest) = softnet.iter().max_by_key(|cpu| cpu.processed) else {
        return Vec::new();
    };
    let (Some(from), Some(to)) = (view.delta.from.cpu.ok(), view.delta.to.cpu.ok()) else {
        return Vec::new();
    };
    let spent = |cpu: CpuId| {
        let softirq = |cpus: &Cpus| {
            let times = cpus.cpus.iter().find(|times| times.cpu == cpu);
            times.map_or(0, |times| {
                u64::try_from(times.softirq.as_micros()).unwrap_or(0)
            })
        };
        step(softirq(from), softirq(to))
    };
    let total: u64 = softnet.iter().map(|softnet| spent(softnet.cpu)).sum();
    let share = spent(busiest.cpu) as f64 / total.max(1) as f64;
    let busy = view.rate_of(Source::Cpu, spent(busiest.cpu)) / 1e6;
    if softnet.len() < 2
        || share < view.thresholds.imbalance_ratio
        || busy < view.thresholds.imbalance_softirq
    {
        return Vec::new();
    }
    vec![
        Draft::pressure(view, Cause::SoftirqImbalance, Place::Cpu(busiest.cpu))
            .what("nearly all receive work")
            .delta(Source::Softnet, "processed", busiest.processed, "/proc/net/softnet_stat column 1")
            .gauge(Source::Cpu, "share of all CPUs' time in softirqs", Some(share), "/proc/stat field softirq")
            .gauge(Source::Cpu, "share of its time in softirqs", Some(busy), "/proc/stat field softirq")
            .next("Spread the device's interrupts (irqbalance, smp_affinity), use more queues (`ethtool -L`) or RPS."),
    ]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use droplens_model::delta::Delta;
    use droplens_model::sample::cpu::CpuTimes;
    use droplens_model::sample::softnet::{Softnet, SoftnetCpu};
    use droplens_model::{Moment, Reading, Snapshot, Stamped};

    use super::*;
    use crate::ledger::Ledger;
    use crate::thresholds::Thresholds;

    fn read<T>(at: u64, value: T) -> Reading<T> {
        Reading::Ok(Stamped {
            at: Moment(Duration::from_secs(at)),
            took: Duration::ZERO,
            value: value.into(),
        })
    }

    /// For each CPU: packets handled, and milliseconds spent on that.
    fn snapshot(at: u64, cpus: &[(u64, u64)]) -> Snapshot {
        let numbered = || (0..).map(CpuId).zip(cpus);
        let work = numbered().map(|(cpu, (processed, _))| SoftnetCpu {
            cpu,
            processed: *processed,
            dropped: 0,
            time_squeezed: 0,
            received_rps: None,
            flow_limit: None,
            backlog: None,
        });
        let times = numbered().map(|(cpu, (_, millis))| CpuTimes {
            cpu,
            irq: Duration::ZERO,
            softirq: Duration::from_millis(*millis),
            steal: Duration::ZERO,
        });
        Snapshot {
            softnet: read(
                at,
                Softnet {
                    cpus: work.collect(),
                },
            ),
            cpu: read(
                at,
                Cpus {
                    cpus: times.collect(),
                },
            ),
            ..Snapshot::default()
        }
    }

    fn found(after: &[(u64, u64)]) -> Option<Place> {
        let from = snapshot(1, &vec![(0, 0); after.len()]);
        let to = snapshot(11, after);
        let delta = Delta::new(&from, &to);
        let ledger = Ledger::of(delta);
        let thresholds = Thresholds::default();
        let view = View::new(delta, &ledger, Duration::from_secs(10), &thresholds);
        imbalance(&view).pop().map(|finding| finding.place)
    }

    #[test]
    fn one_cpu_that_is_busy_with_nearly_all_receive_work_is_named() {
        let named = Some(Place::Cpu(CpuId(1)));
        assert_eq!(found(&[(10, 100), (1_000_000, 8_000)]), named);
        assert_eq!(found(&[(900_000, 100), (1_000_000, 8_000)]), named);
    }

    #[test]
    fn shared_or_light_receive_work_is_no_imbalance() {
        assert_eq!(found(&[(900_000, 4_000), (1_000_000, 8_000)]), None);
        assert_eq!(found(&[(10, 10), (100_000, 1_000)]), None);
        assert_eq!(found(&[(1_000_000, 9_000)]), None, "there is no other CPU");
    }
}
