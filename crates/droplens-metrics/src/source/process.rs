//! The process of the agent itself, under the standard names.

use std::fmt;

use droplens_model::Source;
use droplens_model::sample::process::Process;

use crate::Origin;
use crate::context::Context;
use crate::encoder::{Encoder, cell, maybe};
use crate::family::families;

families! {
    Origin::Source(Source::Process);
    CPU: Counter "process_cpu_seconds_total" [] Constant(1),
        "CPU time of the agent, user and system (/proc/self/stat utime + stime).";
    RESIDENT: Gauge "process_resident_memory_bytes" [] Constant(1),
        "Resident memory of the agent (/proc/self/statm).";
    VIRTUAL: Gauge "process_virtual_memory_bytes" [] Constant(1),
        "Virtual memory of the agent (/proc/self/statm).";
    OPEN: Gauge "process_open_fds" [] Constant(1),
        "Open file descriptors of the agent (/proc/self/fd).";
    MAX: Gauge "process_max_fds" [] Constant(1),
        "The most file descriptors the agent may open; absent if unlimited (/proc/self/limits).";
    THREADS: Gauge "process_threads" [] Constant(1),
        "Threads of the agent (/proc/self/stat num_threads).";
    START: Gauge "process_start_time_seconds" [] Constant(1),
        "When the agent started, in seconds since the epoch (/proc/self/stat starttime).";
}

pub(super) fn encode(process: &Process, _: &Context<'_>, encoder: &mut Encoder<'_>) -> fmt::Result {
    let Process {
        cpu,
        resident_bytes,
        virtual_bytes,
        open_files,
        open_files_limit,
        threads,
        start_time,
    } = *process;
    let cells = [
        cell(cpu),
        cell(resident_bytes),
        cell(virtual_bytes),
        cell(open_files),
        maybe(open_files_limit),
        cell(threads),
        cell(start_time),
    ];
    encoder.table(
        [&CPU, &RESIDENT, &VIRTUAL, &OPEN, &MAX, &THREADS, &START],
        std::iter::once(([], cells)),
    )
}
