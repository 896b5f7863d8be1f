//! Names that do not resolve, or slowly.

use droplens_model::sample::probes::{FailureReason, Phase, ProbeKind, TargetState};
use droplens_model::{Cause, Finding, Place, Severity, Source};

use super::{TARGETS, connects, failed, failures, words};
use crate::draft::Draft;
use crate::probed::{self, place};
use crate::view::View;

/// What a server said that is no good answer.
const TOLD: &[FailureReason] = &[
    FailureReason::DnsMalformed,
    FailureReason::DnsServerFailure,
    FailureReason::DnsNoName,
    FailureReason::DnsRefused,
    FailureReason::DnsOtherCode,
    FailureReason::DnsNoAnswer,
    FailureReason::DnsUnexpected,
    FailureReason::ConnectRefused,
    FailureReason::Unreachable,
    FailureReason::Reset,
];

/// What it did not say.
const TIMEOUTS: &[FailureReason] = &[
    FailureReason::DnsTimeout,
    FailureReason::ConnectTimeout,
    FailureReason::Timeout,
];

/// Queries that failed, and targets whose names do not resolve.
pub(super) fn failure(view: &View<'_>) -> Vec<Finding> {
    let all: Vec<_> = TOLD.iter().chain(TIMEOUTS).copied().collect();
    let probes = view.probes().iter();
    let queries = probes.filter(|probe| {
        probe.target.kind == ProbeKind::Dns
            && !probed::is_silent(probe)
            && failed(view, probe, TOLD, TIMEOUTS) > 0
    });
    let queries = queries.map(|probe| {
        let place = place(probe);
        let draft = Draft::loss(view, Cause::DnsFailure, place.clone(), 0)
            .severity(Severity::Warning)
            .summary(format!(
                "queries to name server {place} fail{}",
                words(probe, &all)
            ));
        failures(draft, probe, all.iter().copied()).next(format!(
            "Ask it yourself (`dig @{} NAME +tries=1`), over TCP too (`+tcp`), and compare with another server.",
            probe.address.address
        ))
    });
    queries.take(TARGETS).chain(unresolved(view)).collect()
}

/// Names that do not resolve now. That is no loss: addresses that were known are probed on.
fn unresolved(view: &View<'_>) -> impl Iterator<Item = Finding> {
    let targets = view.now().probes.ok().into_iter();
    let unresolved = targets
        .flat_map(|probes| &probes.targets)
        .filter(|target| target.state == TargetState::Unresolved);
    unresolved.take(TARGETS).map(|target| {
        let name = &target.target;
        let probed = match target.addresses.len() {
            0 => "it has not been probed",
            _ => "the addresses it had are probed on",
        };
        Draft::pressure(view, Cause::DnsFailure, Place::Peer(name.clone()))
            .summary(format!("{name} does not resolve; {probed}"))
            .gauge(
                Source::Probes,
                "addresses from before",
                Some(target.addresses.len() as f64),
                "target state unresolved",
            )
            .next("Resolve it by hand on this host (`getent ahosts NAME`); see whether other names resolve.")
    })
}

/// Queries that take long, and names that take long to resolve before a connection.
pub(super) fn slow(view: &View<'_>) -> Vec<Finding> {
    let slow = view.probes().iter().filter_map(|probe| {
        let own = probe.target.limits.resolve;
        let (times, mean, limit, what) = if probe.target.kind == ProbeKind::Dns {
            let all = probed::round_trips(view, probe)?;
            let limit = own.unwrap_or(view.thresholds.dns_query);
            let mean = all.times().mean();
            (all.times().are_above(limit), mean, limit, "queries to name server")
        } else if connects(probe) {
            let all = probed::phase(view, probe, Phase::Resolve)?;
            let limit = own.unwrap_or(view.thresholds.resolve);
            let mean = all.times().mean();
            (all.times().are_above(limit), mean, limit, "resolving the name of")
        } else {
            return None;
        };
        if !times {
            return None;
        }
        let place = place(probe);
        let seconds = |time: std::time::Duration| time.as_secs_f64();
        Some(
            Draft::pressure(view, Cause::DnsSlow, place.clone())
                .summary(format!("{what} {place} takes longer than {limit:?}"))
                .gauge(Source::Probes, "mean in seconds", mean.map(seconds), "answered probes")
                .gauge(Source::Probes, "limit in seconds", Some(seconds(limit)), "of the target, or the default")
                .next("Is it slow for a name in its cache, too (`dig` twice)? Then it is far away or overloaded; otherwise its upstream is."),
        )
    });
    slow.take(TARGETS).collect()
}
