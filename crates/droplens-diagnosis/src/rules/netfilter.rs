//! Firewall and connection tracking.

use droplens_model::{Cause, Finding, Place, Severity, Snapshot, Source};

use super::Rule;
use crate::draft::Draft;
use crate::view::{Needs, View};

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        Cause::ConntrackTableFull,
        Needs::Part(Source::Conntrack, statistics),
        table_full,
    ),
    Rule::new(
        Cause::ConntrackNearFull,
        Needs::All(&[Source::Conntrack]),
        near_full,
    ),
    Rule::new(
        Cause::ConntrackInsertFailed,
        Needs::Part(Source::Conntrack, statistics),
        insert_failed,
    ),
    Rule::new(
        Cause::ConntrackInvalid,
        Needs::Part(Source::Conntrack, statistics),
        invalid,
    ),
    Rule::new(
        Cause::FirewallDrop,
        Needs::All(&[Source::Firewall]),
        firewall_drop,
    ),
    Rule::later(Cause::NfqueueDrop, "the queues of NFQUEUE are not read yet"),
];

/// The statistics of connection tracking take a privilege; entries and limit do not.
fn statistics(snapshot: &Snapshot) -> Result<(), String> {
    match snapshot
        .conntrack
        .ok()
        .map(|conntrack| &conntrack.statistics)
    {
        Some(Err(why)) => Err(format!("conntrack: {why}")),
        _ => Ok(()),
    }
}

/// Adds how full the table is.
fn with_fill<'a>(view: &View<'_>, draft: Draft<'a>) -> Draft<'a> {
    let conntrack = view.now().conntrack.ok();
    draft
        .gauge(
            Source::Conntrack,
            "entries",
            conntrack.map(|conntrack| conntrack.entries as f64),
            "nf_conntrack_count",
        )
        .gauge(
            Source::Conntrack,
            "limit",
            conntrack.map(|conntrack| conntrack.limit as f64),
            "nf_conntrack_max",
        )
}

fn table_full(view: &View<'_>) -> Vec<Finding> {
    let moved = view.delta.conntrack().unwrap_or_default();
    let losses = view.losses(Cause::ConntrackTableFull).into_iter();
    losses
        .map(|draft| {
            let draft = draft
                .severity(Severity::Critical)
                .summary("connection tracking table full")
                .delta(Source::Conntrack, "drop", moved.drop, "CTA_STATS_DROP")
                .delta(Source::Conntrack, "early_drop", moved.early_drop, "CTA_STATS_EARLY_DROP");
            with_fill(view, draft)
                .ruled_out(&[Cause::FirewallDrop, Cause::ConntrackInsertFailed])
                .next("Raise net.netfilter.nf_conntrack_max (and nf_conntrack_buckets), shorten its timeouts, or do not track this traffic (notrack).")
        })
        .collect()
}

fn near_full(view: &View<'_>) -> Vec<Finding> {
    let Some(conntrack) = view
        .now()
        .conntrack
        .ok()
        .filter(|conntrack| conntrack.limit > 0)
    else {
        return Vec::new();
    };
    let ratio = conntrack.entries as f64 / conntrack.limit as f64;
    if ratio < view.thresholds.conntrack_ratio {
        return Vec::new();
    }
    let percent = ratio * 100.0;
    let draft = Draft::pressure(view, Cause::ConntrackNearFull, Place::Host)
        .summary(format!("connection tracking table {percent:.0} % full"));
    vec![with_fill(view, draft).next(
        "Find out what opens so many connections (`conntrack -L | head`), raise net.netfilter.nf_conntrack_max or shorten its timeouts.",
    )]
}

fn insert_failed(view: &View<'_>) -> Vec<Finding> {
    let moved = view.delta.conntrack().unwrap_or_default();
    let losses = view.losses(Cause::ConntrackInsertFailed).into_iter();
    losses
        .map(|draft| {
            let draft = draft
                .summary("connections could not be inserted: two packets of one flow at once, or no port left for NAT")
                .delta(Source::Conntrack, "insert_failed", moved.insert_failed, "CTA_STATS_INSERT_FAILED")
                .delta(Source::Conntrack, "drop", moved.drop, "CTA_STATS_DROP");
            with_fill(view, draft)
                .ruled_out(&[Cause::ConntrackTableFull])
                .next("Typical of DNS behind NAT (two queries from one socket): use single-request-reopen, a local resolver, or randomised source ports. A NAT pool that is used up needs more ports or addresses.")
        })
        .collect()
}

/// Packets that fit no connection. Nothing is lost by that alone; a rule may drop them.
fn invalid(view: &View<'_>) -> Vec<Finding> {
    let moved = view.delta.conntrack().unwrap_or_default();
    let full = view.lost(Cause::ConntrackTableFull) > 0;
    if full || view.rate_of(Source::Conntrack, moved.invalid) < view.thresholds.invalid_per_second {
        return Vec::new();
    }
    vec![
        Draft::pressure(view, Cause::ConntrackInvalid, Place::Host)
            .summary("packets that fit no tracked connection")
            .delta(Source::Conntrack, "invalid", moved.invalid, "CTA_STATS_INVALID")
            .ruled_out(&[Cause::ConntrackTableFull])
            .next("Asymmetric routes or late packets: log them (net.netfilter.nf_conntrack_log_invalid), and see whether a rule drops state invalid."),
    ]
}

fn firewall_drop(view: &View<'_>) -> Vec<Finding> {
    let losses = view.losses(Cause::FirewallDrop).into_iter();
    losses
        .map(|draft| {
            let packets = draft.packets();
            // Dropping is what a firewall is for; a trickle is the noise of any network.
            let severity = if view.rate_of(Source::Firewall, packets) < 1.0 {
                Severity::Info
            } else {
                Severity::Warning
            };
            let summary = match draft.place() {
                Place::Rule { family, table, chain, rule } => {
                    format!("firewall: {family} {table} {chain}, {rule}")
                }
                place => format!("firewall rules on {place}"),
            };
            draft
                .severity(severity)
                .summary(summary)
                .delta(Source::Firewall, "packets", packets, "the rule's counter")
                .next("If these should pass, change the rule (`nft -a list ruleset`); if not, this is the firewall doing its work.")
        })
        .collect()
}
