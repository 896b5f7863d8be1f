//! How the prober itself does.

use std::fmt;

use droplens_model::Source;
use droplens_model::sample::probes::{Prober, Strays};

use crate::Origin;
use crate::encoder::{Encoder, cell};
use crate::family::families;

families! {
    Origin::Source(Source::Probes);
    WANTED: Gauge "droplens_prober_wanted_probes_per_second" [] Constant(1),
        "Probes per second that all targets together ask for.";
    EFFECTIVE: Gauge "droplens_prober_effective_probes_per_second" [] Constant(1),
        "Probes per second that the budget lets through.";
    STRETCH: Gauge "droplens_prober_interval_stretch_ratio" [] Constant(1),
        "By how much the budget stretches all intervals; 1 if it does not.";
    LAG: Gauge "droplens_prober_schedule_lag_seconds" [] Constant(1),
        "The longest time by which a probe began late, in the last minute.";
    SKIPPED: Counter "droplens_prober_skipped_total" [] Constant(1),
        "Probes left out because later ones were due already.";
    STALLS: Counter "droplens_prober_stalls_total" [] Constant(1),
        "Times the prober found that it had not been running; probes of that time are aborted, not lost.";
    STALLED: Counter "droplens_prober_stalled_seconds_total" [] Constant(1),
        "How long it was not running altogether.";
    SUSPENDS: Counter "droplens_prober_suspends_total" [] Constant(1),
        "Times the host was suspended.";
    STRAYS: Counter "droplens_prober_stray_answers_total" ["reason"] Constant(3),
        "Answers that match no probe: of another program (nonce), from another address than was probed (peer), with a number that was not sent (sequence).";
    OVERFLOWS: Counter "droplens_prober_socket_overflows_total" [] Constant(1),
        "Answers that the kernel dropped because a socket of the prober was full (SK_MEMINFO_DROPS); they were not lost on the way.";
    STAMPS: Gauge "droplens_prober_kernel_timestamps" [] Constant(1),
        "Whether round-trip times are the kernel's (SO_TIMESTAMPING) or those of this process.";
}

pub(in crate::source) fn encode(prober: &Prober, encoder: &mut Encoder<'_>) -> fmt::Result {
    let Prober {
        wanted_rate,
        effective_rate,
        stretch,
        schedule_lag,
        skipped,
        stalls,
        stalled,
        suspends,
        strays,
        socket_overflows,
        kernel_stamps,
    } = *prober;
    let cells = [
        cell(wanted_rate),
        cell(effective_rate),
        cell(stretch),
        cell(schedule_lag),
        cell(skipped),
        cell(stalls),
        cell(stalled),
        cell(suspends),
        cell(socket_overflows),
        cell(kernel_stamps),
    ];
    encoder.table(
        [
            &WANTED, &EFFECTIVE, &STRETCH, &LAG, &SKIPPED, &STALLS, &STALLED, &SUSPENDS,
            &OVERFLOWS, &STAMPS,
        ],
        std::iter::once(([], cells)),
    )?;
    let Strays {
        nonce,
        peer,
        sequence,
    } = strays;
    let rows = [("nonce", nonce), ("peer", peer), ("sequence", sequence)];
    encoder.series(
        &STRAYS,
        rows.map(|(reason, answers)| ([reason.into()], answers)),
    )
}
