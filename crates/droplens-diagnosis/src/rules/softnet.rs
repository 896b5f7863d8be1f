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
