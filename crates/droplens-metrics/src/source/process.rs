//! The agent's own process, under the names every Prometheus client uses.

use std::fmt;

use droplens_model::Source;
use droplens_model::sample::process::Process;

use crate::Origin;
use crate::context::Context;
use crate::encoder::Encoder;
use crate::family::families;

families! {
    Origin::Source(Source::Process);
    CPU: Counter "process_cpu_seconds_total" [] Constant(1),
        "CPU time of the agent, user and system (/proc/self/stat utime and stime).";
    RESIDENT: Gauge "process_resident_memory_bytes" [] Constant(1), "Resident memory of the agent (/proc/self/stat rss).";
    VIRTUAL: Gauge "process_virtual_memory_bytes" [] Constant(1), "Virtual memory of the agent (/proc/self/stat vsize).";
    OPEN_FILES: Gauge "process_open_fds" [] Constant(1), "Open file descriptors of the agent (/proc/self/fd).";
    OPEN_FILES_LIMIT: Gauge "process_max_fds" [] Constant(1),
        "The most file descriptors the agent may open; absent if unlimited (/proc/self/limits Max open files).";
    THREADS: Gauge "process_threads" [] Constant(1), "Threads of the agent (/proc/self/stat num_threads).";
    START_TIME: Gauge "process_start_time_seconds" [] Constant(1),
        "When the agent started, in seconds since the epoch (/proc/self/stat starttime).";
}

pub(super) fn encode(
    process: &Process,
    _context: &Context<'_>,
    encoder: &mut Encoder<'_>,
) -> fmt::Result {
    let Process {
        cpu,
        resident_bytes,
        virtual_bytes,
        open_files,
        open_files_limit,
        threads,
        start_time,
    } = *process;
    encoder.single(&CPU, cpu)?;
    encoder.single(&RESIDENT, resident_bytes)?;
    encoder.single(&VIRTUAL, virtual_bytes)?;
    encoder.single(&OPEN_FILES, open_files)?;
    encoder.series(&OPEN_FILES_LIMIT, open_files_limit.map(|limit| ([], limit)))?;
    encoder.single(&THREADS, threads)?;
    encoder.single(&START_TIME, start_time)
}
