//! What the agent says about itself and about each source.

use std::fmt;

use droplens_model::{Moment, Pace, Reason, Source, State};

use crate::context::Context;
use crate::encoder::{Count, Encoder, Label, cell};
use crate::family::families;
use crate::{Build, Origin, Selection};

families! {
    Origin::Agent;
    BUILD: Info "droplens_build_info" ["version", "revision"] Constant(1),
        "The running build of droplens.";
    UP: Gauge "droplens_source_up" ["source"] Rule("sources"),
        "Whether the last reading of the source was good (1) or failed (0); absent while it is disabled, unsupported or pending.";
    INFO: Info "droplens_source_info" ["source", "state", "reason"] Rule("sources"),
        "State of each source (disabled, pending, unsupported, ok, failed) and the reason if there is one.";
    AGE: Gauge "droplens_source_age_seconds" ["source"] Rule("sources"),
        "Time since the last good reading of the source ended.";
    DURATION: Gauge "droplens_source_duration_seconds" ["source"] Rule("sources"),
        "How long the last reading took, while it is good.";
    INTERVAL: Gauge "droplens_source_interval_seconds" ["source"] Rule("sources"),
        "Interval at which the source is read at present; the CPU budget may stretch it.";
    READINGS: Counter "droplens_source_readings_total" ["source"] Rule("sources"),
        "Readings of the source since the agent started, good or not.";
    CPU: Counter "droplens_source_cpu_seconds_total" ["source"] Rule("sources"),
        "CPU time of all these readings (CLOCK_THREAD_CPUTIME_ID).";
    SERIES: Gauge "droplens_series" [] Constant(1),
        "Series of the sources written in this scrape.";
    SERIES_LIMIT: Gauge "droplens_series_limit" [] Constant(1),
        "The most series of the sources that one scrape may have.";
    SERIES_CUT: Counter "droplens_series_cut_total" [] Constant(1),
        "Series that were left out of scrapes because of droplens_series_limit.";
}

/// The build and the state of every source that was asked for.
pub(crate) fn encode(
    context: &Context<'_>,
    now: Moment,
    selection: Selection,
    encoder: &mut Encoder<'_>,
) -> fmt::Result {
    let Build { version, revision } = &context.options.build;
    encoder.series(
        &BUILD,
        [([(&**version).into(), (&**revision).into()], 1_u64)],
    )?;
    let states = || {
        let states = context.snapshot.states();
        states.filter(move |(source, _)| selection.contains(*source))
    };
    encoder.series(
        &UP,
        states().filter_map(|(source, state)| Some((label(source), up(&state)?))),
    )?;
    encoder.series(
        &INFO,
        states().map(|(source, state)| {
            let reason = state
                .failure()
                .map_or("", |failure| Reason::id(failure.reason));
            (
                [source.id().into(), state.id().into(), reason.into()],
                1_u64,
            )
        }),
    )?;
    encoder.series(
        &AGE,
        states().filter_map(|(source, state)| Some((label(source), now.since(read_at(&state)?)))),
    )?;
    encoder.series(
        &DURATION,
        states().filter_map(|(source, state)| match state {
            State::Ok { took, at: _ } => Some((label(source), took)),
            _ => None,
        }),
    )?;
    let paces = context.derived.paces.iter();
    encoder.table(
        [&INTERVAL, &READINGS, &CPU],
        paces
            .filter(|pace| selection.contains(pace.source))
            .map(|pace| {
                let Pace {
                    source,
                    interval,
                    readings,
                    cpu,
                } = *pace;
                (label(source), [cell(interval), cell(readings), cell(cpu)])
            }),
    )
}

/// What became of the scrape itself; written last.
pub(crate) fn encode_count(
    count: Count,
    limit: u64,
    cut_total: u64,
    encoder: &mut Encoder<'_>,
) -> fmt::Result {
    let Count { written, cut: _ } = count;
    encoder.single(&SERIES, written)?;
    encoder.single(&SERIES_LIMIT, limit)?;
    encoder.single(&SERIES_CUT, cut_total)
}

fn label(source: Source) -> [Label<'static>; 1] {
    [source.id().into()]
}

const fn up(state: &State<'_>) -> Option<bool> {
    match state {
        State::Ok { .. } => Some(true),
        State::Failed { .. } => Some(false),
        State::Disabled | State::Pending | State::Unsupported(_) => None,
    }
}

const fn read_at(state: &State<'_>) -> Option<Moment> {
    match *state {
        State::Ok { at, took: _ } => Some(at),
        State::Failed { last, failure: _ } => last,
        State::Disabled | State::Pending | State::Unsupported(_) => None,
    }
}
