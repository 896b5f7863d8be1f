//! Pressure stall information.

use std::fmt;

use droplens_model::Source;
use droplens_model::sample::pressure::{Pressure, Stall};

use crate::Origin;
use crate::context::Context;
use crate::encoder::{Encoder, maybe};
use crate::family::families;

families! {
    Origin::Source(Source::Pressure);
    WAITING: Counter "droplens_pressure_waiting_seconds_total" ["resource"] Rule("4 resources"),
        "Time in which at least one task waited for the resource (/proc/pressure some total).";
    STALLED: Counter "droplens_pressure_stalled_seconds_total" ["resource"] Rule("4 resources"),
        "Time in which every runnable task waited for the resource (/proc/pressure full total).";
}

pub(super) fn encode(
    pressure: &Pressure,
    _context: &Context<'_>,
    encoder: &mut Encoder<'_>,
) -> fmt::Result {
    let Pressure {
        cpu,
        memory,
        io,
        irq,
    } = *pressure;
    let resources = [("cpu", cpu), ("memory", memory), ("io", io), ("irq", irq)];
    encoder.table(
        [&WAITING, &STALLED],
        resources.into_iter().filter_map(|(resource, stall)| {
            let Stall { some, full } = stall?;
            Some(([resource.into()], [maybe(some), maybe(full)]))
        }),
    )
}
