//! What the own probes found: outcomes, round-trip times and failures of each address.

pub(super) mod kinds;
pub(super) mod prober;
pub(super) mod runs;

use std::fmt;
use std::time::Duration;

use droplens_model::Source;
use droplens_model::sample::probes::{
    Address, FailureReason, OutcomeKind, ProbeKind, Probes, RoundTrips, Target, TargetState,
};

use crate::Origin;
use crate::context::Context;
use crate::encoder::{Encoder, Histogram, Label, cell, maybe};
use crate::family::families;

families! {
    Origin::Source(Source::Probes);
    INFO: Info "droplens_probe_target_info" ["probe", "target", "kind"] Rule("targets"),
        "What the target is asked, and the labels that the configuration gives it; join with it on probe and target. A label that is called like one of droplens's own begins with label_ here.";
    RESOLVED: Gauge "droplens_target_resolved" ["probe", "target"] Rule("targets"),
        "Whether the name of the target resolves now (1); if not (0), addresses that it had are probed on and nothing is counted as lost for that.";
    LEFT_OUT: Gauge "droplens_target_addresses_left_out" ["probe", "target"] Rule("targets with more than 8 addresses"),
        "Addresses of the target that are not probed, since it has more than 8; absent where there are none.";
    PACKETS: Counter "droplens_probe_packets_total" ["probe", "target", "address", "family", "outcome"] Rule("7 x addresses"),
        "Probes that ended, each in one outcome: ok, late, lost, send_error, icmp_error, local_drop, aborted. The loss ratio is lost + icmp_error + local_drop out of these, ok and late.";
    SILENT: Counter "droplens_probe_silent_total" ["probe", "target", "address", "family"] Rule("addresses nobody asked for"),
        "Unanswered probes to a target that droplens found by itself, before its first answer; they are in no outcome.";
    IN_FLIGHT: Gauge "droplens_probe_in_flight" ["probe", "target", "address", "family"] Rule("addresses"),
        "Probes that have not ended.";
    UNANSWERED: Gauge "droplens_probe_unanswered_consecutive" ["probe", "target", "address", "family"] Rule("addresses"),
        "Newest probes in a row that got no answer in time; rises seconds before they are counted as lost.";
    JITTER: Gauge "droplens_probe_jitter_seconds" ["probe", "target", "address", "family"] Rule("addresses"),
        "Smoothed difference between successive round-trip times (RFC 3550, section 6.4.1).";
    VARIATION: Gauge "droplens_probe_delay_variation_seconds" ["probe", "target", "address", "family"] Rule("addresses"),
        "95th percentile of the newest round-trip times above their minimum (RFC 5481, section 4.2).";
    ROUTE_CHANGES: Counter "droplens_probe_route_changes_total" ["probe", "target", "address", "family"] Rule("addresses"),
        "Times this host began to send by another device, router or source address to there.";
    ROUND_TRIPS: Histogram "droplens_probe_rtt_seconds" ["probe", "target", "address", "family"] Rule("17 x addresses"),
        "Times between a probe and its answer, those of late answers included and of lost probes not.";
    FAILURES: Counter "droplens_probe_failures_total" ["probe", "target", "reason"] Rule("targets x reasons of their kind, at most 25"),
        "Probes that failed, by reason; an answered probe can fail too, as when a connection is refused.";
}

pub(super) fn encode(probes: &Probes, _: &Context<'_>, encoder: &mut Encoder<'_>) -> fmt::Result {
    let Probes { targets, prober } = probes;
    encode_targets(targets, encoder)?;
    encode_addresses(targets, encoder)?;
    kinds::encode(targets, encoder)?;
    runs::encode(targets, encoder)?;
    prober::encode(prober, encoder)
}

/// Probe and target.
fn names(target: &Target) -> [Label<'_>; 2] {
    [(&target.probe).into(), (&target.target).into()]
}

/// Probe, target, address and family.
fn labels<'l>(target: &'l Target, address: &Address) -> [Label<'l>; 4] {
    let [probe, target] = names(target);
    [
        probe,
        target,
        address.address.into(),
        address.family().id().into(),
    ]
}

/// Every address with its target.
fn each(targets: &[Target]) -> impl Iterator<Item = (&Target, &Address)> + Clone {
    targets.iter().flat_map(|target| {
        target
            .addresses
            .iter()
            .map(move |address| (target, address))
    })
}

fn encode_targets(targets: &[Target], encoder: &mut Encoder<'_>) -> fmt::Result {
    encoder.family(INFO.descriptor(), |series| {
        for target in targets {
            let own = INFO.labels;
            let more: Vec<_> = (target.labels.iter())
                .map(|(name, value)| (apart(name, own), value))
                .collect();
            let more: Vec<_> = (more.iter())
                .map(|(name, value)| (&**name, Label::from(*value)))
                .collect();
            let [probe, name] = names(target);
            series.push_info_with([probe, name, target.kind.id().into()], &more)?;
        }
        Ok(())
    })?;
    encoder.table(
        [&RESOLVED, &LEFT_OUT],
        targets.iter().map(|target| {
            let Target {
                probe: _,
                kind: _,
                target: _,
                asked_for: _, // silent ones show by their own counter
                labels: _,
                limits: _, // diagnosis compares with them
                state,
                addresses: _,
                addresses_left_out,
            } = target;
            let left_out = Some(*addresses_left_out).filter(|left_out| *left_out > 0);
            let resolved = *state != TargetState::Unresolved;
            (names(target), [cell(resolved), maybe(left_out)])
        }),
    )
}

/// A name that is none of droplens's own.
fn apart<'n>(name: &'n str, own: &[&str]) -> std::borrow::Cow<'n, str> {
    if own.contains(&name) {
        format!("label_{name}").into()
    } else {
        name.into()
    }
}

fn encode_addresses(targets: &[Target], encoder: &mut Encoder<'_>) -> fmt::Result {
    encoder.family(PACKETS.descriptor(), |series| {
        for (target, address) in each(targets) {
            let [probe, name, ip, family] = labels(target, address);
            for outcome in OutcomeKind::ALL {
                let labels = [probe, name, ip, family, outcome.id().into()];
                series.push(labels, address.outcomes.get(*outcome))?;
            }
        }
        Ok(())
    })?;
    let rows = each(targets).map(|(target, address)| {
        let Address {
            address: _,
            sent: _, // what ended, what was silent and what is in flight
            outcomes: _,
            silent,
            in_flight,
            unanswered_consecutive,
            unanswered_for: _, // the alert on the row has its own time
            round_trips: _,
            burst_packets: _, // runs.rs
            burst_durations: _,
            gap_packets: _,
            pattern: _,    // reports tell
            duplicates: _, // kinds.rs
            reordered: _,
            stale: _,
            rotations: _,
            jitter,
            delay_variation,
            failures: _,
            last_failure: _, // words for people
            syn_retransmits: _,
            truncated: _,
            phases: _,
            details: _, // kinds.rs
            route: _,   // reports tell
            route_changes,
        } = address;
        let cells = [
            maybe((!target.asked_for).then_some(*silent)),
            cell(*in_flight),
            cell(*unanswered_consecutive),
            maybe(*jitter),
            maybe(*delay_variation),
            cell(*route_changes),
        ];
        (labels(target, address), cells)
    });
    encoder.table(
        [
            &SILENT,
            &IN_FLIGHT,
            &UNANSWERED,
            &JITTER,
            &VARIATION,
            &ROUTE_CHANGES,
        ],
        rows,
    )?;
    encoder.family(ROUND_TRIPS.descriptor(), |series| {
        each(targets).try_for_each(|(target, address)| {
            let RoundTrips {
                count,
                sum,
                buckets,
            } = address.round_trips;
            let bounds = RoundTrips::BOUNDS.map(|bound| bound.as_secs_f64());
            let buckets: [_; RoundTrips::BOUNDS.len() + 1] = differences(&bounds, &buckets, count);
            let histogram = Histogram {
                sum: sum.as_secs_f64(),
                count,
                buckets: &buckets,
            };
            series.push_histogram(labels(target, address), histogram)
        })
    })?;
    encoder.family(FAILURES.descriptor(), |series| {
        for target in targets {
            let [probe, name] = names(target);
            let reasons = FailureReason::of(target.kind);
            for reason in reasons {
                let addresses = target.addresses.iter();
                let failed: u64 = addresses.map(|address| address.failures.get(reason)).sum();
                series.push([probe, name, reason.id().into()], failed)?;
            }
        }
        Ok(())
    })
}

/// The upper bound of each bucket and what is in it and in no lower one; the last has no bound.
/// `N` is one more than there are bounds.
fn differences<const N: usize>(bounds: &[f64], up_to: &[u64], count: u64) -> [(f64, u64); N] {
    let bounds = bounds.iter().copied().chain([f64::INFINITY]);
    let cumulative = up_to.iter().copied().chain([count]);
    let mut buckets = [(f64::INFINITY, 0); N];
    let mut below = 0;
    for ((bucket, bound), up_to) in buckets.iter_mut().zip(bounds).zip(cumulative) {
        *bucket = (bound, up_to.saturating_sub(below));
        below = below.max(up_to);
    }
    buckets
}

/// Whether this kind of probe opens TCP connections.
const fn connects(kind: ProbeKind) -> bool {
    matches!(kind, ProbeKind::Tcp | ProbeKind::Tls | ProbeKind::Http)
}

/// Seconds since 1970, as Prometheus writes instants.
fn seconds(at: droplens_model::Timestamp) -> f64 {
    Duration::from_millis(at.0).as_secs_f64()
}
