//! Services that answer, but slowly.

use std::time::Duration;

use droplens_model::delta::ProbeDelta;
use droplens_model::sample::probes::Phase;
use droplens_model::{Cause, Finding, Source};

use super::{TARGETS, connects};
use crate::draft::Draft;
use crate::probed::{self, place};
use crate::view::View;

/// A TLS handshake takes up to two round trips.
const HANDSHAKE_TRIPS: u32 = 2;

/// Steps that are slow, and the time beyond which each is.
///
/// A connection takes at least a round trip: to a target that may be far away by its class, the
/// defaults are no shorter than that.
fn limit(view: &View<'_>, probe: &ProbeDelta<'_>, phase: Phase) -> Option<Duration> {
    let limits = probe.target.limits;
    let trip = limits.round_trip.unwrap_or_default();
    let thresholds = view.thresholds;
    Some(match phase {
        Phase::Connect => limits.connect.unwrap_or(thresholds.connect.max(trip)),
        Phase::Tls => (limits.tls).unwrap_or(thresholds.tls.max(trip * HANDSHAKE_TRIPS)),
        Phase::Processing => (limits.first_byte).unwrap_or(thresholds.first_byte.max(trip)),
        // Names have a cause of their own, and a transfer takes as long as the body is large.
        Phase::Resolve | Phase::Transfer => return None,
    })
}

/// The first slow step of each service: what comes after it often waits for the same.
pub(super) fn phases(view: &View<'_>) -> Vec<Finding> {
    let probes = view.probes().iter().filter(|probe| connects(probe));
    let slow =
        probes.filter_map(|probe| Phase::ALL.iter().find_map(|phase| one(view, probe, *phase)));
    slow.take(TARGETS).collect()
}

fn one(view: &View<'_>, probe: &ProbeDelta<'_>, phase: Phase) -> Option<Finding> {
    let limit = limit(view, probe, phase)?;
    let times = probed::phase(view, probe, phase)?;
    if !times.times().are_above(limit) {
        return None;
    }
    let place = place(probe);
    let (what, next) = match phase {
        Phase::Connect => (
            "connecting",
            "Just above 1 s is a SYN that was lost and sent again; otherwise the way is long, or the listener's queue is full.",
        ),
        Phase::Tls => (
            "the TLS handshake",
            "The server lacks CPU or asks elsewhere (OCSP, key server); large certificate chains take another round trip.",
        ),
        _ => (
            "the first byte of the answer",
            "The application takes so long: its log, its database, /proc/pressure on its host.",
        ),
    };
    let seconds = |share| Some(times.times().quantile(share)?.as_secs_f64());
    let mean = times.times().mean().map(|mean| mean.as_secs_f64());
    Some(
        Draft::pressure(view, Cause::ServiceSlow, place.clone())
            .summary(format!(
                "{place} is slow: {what} takes longer than {limit:?}"
            ))
            .gauge(Source::Probes, "mean in seconds", mean, phase.id())
            .gauge(
                Source::Probes,
                "median in seconds",
                seconds(0.5),
                "estimate of a histogram",
            )
            .gauge(
                Source::Probes,
                "99th percentile in seconds",
                seconds(0.99),
                "estimate of a histogram",
            )
            .gauge(
                Source::Probes,
                "limit in seconds",
                Some(limit.as_secs_f64()),
                "of the target, or the default",
            )
            .next(next),
    )
}
