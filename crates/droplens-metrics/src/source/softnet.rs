//! Per-CPU receive work.

use std::fmt;

use droplens_model::Source;
use droplens_model::peaks::SoftnetPeaks;
use droplens_model::sample::softnet::{Softnet, SoftnetCpu};

use crate::Origin;
use crate::context::Context;
use crate::encoder::{Encoder, Label, Value, cell, maybe};
use crate::family::families;

families! {
    Origin::Source(Source::Softnet);
    PROCESSED: Counter "droplens_softnet_processed_total" ["cpu"] PerCpu(1),
        "Packets taken from the backlog or a NAPI driver (softnet_stat processed, column 1).";
    DROPPED: Counter "droplens_softnet_dropped_total" ["cpu"] PerCpu(1),
        "Packets dropped because the input backlog of the CPU was full or a flow had more than its share of it (softnet_stat dropped, column 2).";
    TIME_SQUEEZED: Counter "droplens_softnet_time_squeezed_total" ["cpu"] PerCpu(1),
        "Receive passes that ended with work left (softnet_stat time_squeeze, column 3).";
    RECEIVED_RPS: Counter "droplens_softnet_received_rps_total" ["cpu"] PerCpu(1),
        "Wake-ups of the CPU by receive packet steering (softnet_stat received_rps, column 10).";
    FLOW_LIMIT: Counter "droplens_softnet_flow_limit_total" ["cpu"] PerCpu(1),
        "Packets dropped because one flow had more than its share of the backlog, part of droplens_softnet_dropped_total (softnet_stat flow_limit_count, column 11).";
    BACKLOG: Gauge "droplens_softnet_backlog_packets" ["cpu"] PerCpu(1),
        "Packets waiting in the input backlog of the CPU; droplens_softnet_backlog_limit_packets bounds it (softnet_stat backlog_len, column 12).";
    PEAK_DROPPED: Gauge "droplens_softnet_peak_dropped_per_second" ["cpu"] PerCpu(1),
        "Highest short-term rate of dropped over the last minute, so that a burst between two scrapes shows (softnet_stat dropped, column 2).";
    PEAK_TIME_SQUEEZED: Gauge "droplens_softnet_peak_time_squeezed_per_second" ["cpu"] PerCpu(1),
        "Highest short-term rate of time_squeezed over the last minute (softnet_stat time_squeeze, column 3).";
}

pub(super) fn encode(
    softnet: &Softnet,
    context: &Context<'_>,
    encoder: &mut Encoder<'_>,
) -> fmt::Result {
    let Softnet { cpus } = softnet;
    encoder.table(
        [
            &PROCESSED,
            &DROPPED,
            &TIME_SQUEEZED,
            &RECEIVED_RPS,
            &FLOW_LIMIT,
            &BACKLOG,
        ],
        cpus.iter().map(row),
    )?;
    let peaks = context.derived.softnet_peaks.iter();
    encoder.table(
        [&PEAK_DROPPED, &PEAK_TIME_SQUEEZED],
        peaks.map(|(cpu, peaks)| {
            let SoftnetPeaks {
                dropped,
                time_squeezed,
            } = *peaks;
            ([(*cpu).into()], [cell(dropped), cell(time_squeezed)])
        }),
    )
}

fn row(cpu: &SoftnetCpu) -> ([Label<'_>; 1], [Option<Value>; 6]) {
    let SoftnetCpu {
        cpu,
        processed,
        dropped,
        time_squeezed,
        received_rps,
        flow_limit,
        backlog,
    } = *cpu;
    let cells = [
        cell(processed),
        cell(dropped),
        cell(time_squeezed),
        maybe(received_rps),
        maybe(flow_limit),
        maybe(backlog),
    ];
    ([cpu.into()], cells)
}
