//! Softirq, interrupt and steal time per CPU.

use std::fmt;

use droplens_model::Source;
use droplens_model::sample::cpu::{CpuTimes, Cpus};

use crate::Origin;
use crate::context::Context;
use crate::encoder::{Encoder, cell};
use crate::family::families;

families! {
    Origin::Source(Source::Cpu);
    SOFTIRQ: Counter "droplens_cpu_softirq_seconds_total" ["cpu"] PerCpu(1),
        "Time in softirqs, where packets are received (/proc/stat softirq).";
    IRQ: Counter "droplens_cpu_irq_seconds_total" ["cpu"] PerCpu(1),
        "Time in hardware interrupts (/proc/stat irq).";
    STEAL: Counter "droplens_cpu_steal_seconds_total" ["cpu"] PerCpu(1),
        "Time taken by the hypervisor, in which no packet is received (/proc/stat steal).";
}

pub(super) fn encode(cpus: &Cpus, _: &Context<'_>, encoder: &mut Encoder<'_>) -> fmt::Result {
    let Cpus { cpus } = cpus;
    encoder.table(
        [&SOFTIRQ, &IRQ, &STEAL],
        cpus.iter().map(|cpu| {
            let CpuTimes {
                cpu,
                irq,
                softirq,
                steal,
            } = *cpu;
            ([cpu.into()], [cell(softirq), cell(irq), cell(steal)])
        }),
    )
}
