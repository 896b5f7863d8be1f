//! Hardware interrupts by CPU and by network device.

use std::fmt;

use droplens_model::Source;
use droplens_model::sample::interrupts::{DeviceInterrupts, Interrupts};

use crate::Origin;
use crate::context::Context;
use crate::encoder::{Encoder, Label, Value, cell};
use crate::family::families;

families! {
    Origin::Source(Source::Interrupts);
    CPUS: Counter "droplens_interrupts_total" ["cpu"] PerCpu(1),
        "Hardware interrupts handled by the CPU, network or not (/proc/interrupts).";
    DEVICE: Counter "droplens_link_interrupts_total" ["device"] PerDevice(1),
        "Hardware interrupts of the device on all CPUs (/proc/interrupts).";
    BUSIEST: Counter "droplens_link_interrupts_busiest_cpu_total" ["device"] PerDevice(1),
        "Hardware interrupts of the device on the CPU that handled most of them; over droplens_link_interrupts_total it is that share (/proc/interrupts).";
    LINES: Gauge "droplens_link_interrupt_lines" ["device"] PerDevice(1),
        "Interrupt lines of the device, usually one for each queue (/proc/interrupts).";
    USED: Gauge "droplens_link_interrupt_cpus" ["device"] PerDevice(1),
        "CPUs that ever handled an interrupt of the device (/proc/interrupts).";
}

pub(super) fn encode(
    interrupts: &Interrupts,
    context: &Context<'_>,
    encoder: &mut Encoder<'_>,
) -> fmt::Result {
    let Interrupts { cpus, devices } = interrupts;
    encoder.series(
        &CPUS,
        cpus.iter().map(|(cpu, count)| ([(*cpu).into()], *count)),
    )?;
    encoder.table(
        [&DEVICE, &BUSIEST, &LINES, &USED],
        devices
            .iter()
            .filter(|device| context.shows(&device.device))
            .map(row),
    )
}

fn row(interrupts: &DeviceInterrupts) -> ([Label<'_>; 1], [Option<Value>; 4]) {
    let DeviceInterrupts {
        device,
        lines,
        cpus,
    } = interrupts;
    let counts = || cpus.iter().map(|(_, count)| *count);
    let cells = [
        cell(counts().sum::<u64>()),
        cell(counts().max().unwrap_or(0)),
        cell(*lines),
        cell(cpus.len() as u64),
    ];
    ([device.into()], cells)
}
