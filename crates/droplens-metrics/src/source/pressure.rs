//! Pressure stall information.

use std::fmt;

use droplens_model::Source;
use droplens_model::sample::pressure::{Pressure, Stall};

use crate::Origin;
use crate::context::Context;
use crate::encoder::Encoder;
use crate::family::families;

families! {
    Origin::Source(Source::Pressure);
    STALLED: Counter "droplens_pressure_stalled_seconds_total" ["resource", "kind"] Constant(8),
        "Time in which some or all (full) runnable tasks waited for the resource (/proc/pressure total).";
}

pub(super) fn encode(
    pressure: &Pressure,
    _: &Context<'_>,
    encoder: &mut Encoder<'_>,
) -> fmt::Result {
    let Pressure {
        cpu,
        memory,
        io,
        irq,
    } = *pressure;
    let resources = [("cpu", cpu), ("memory", memory), ("io", io), ("irq", irq)];
    encoder.family(STALLED.descriptor(), |series| {
        for (resource, stall) in resources {
            let Stall { some, full } = stall.unwrap_or_default();
            for (kind, time) in [("some", some), ("full", full)] {
                if let Some(time) = time {
                    series.push([resource.into(), kind.into()], time)?;
                }
            }
        }
        Ok(())
    })
}
