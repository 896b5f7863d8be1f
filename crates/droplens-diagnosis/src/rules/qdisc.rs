//! Queues before the card.

use droplens_model::sample::qdiscs::{QdiscDetail, Tbf};
use droplens_model::{Cause, Finding, Place, Source};

use super::Rule;
use crate::view::{Needs, View};

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        Cause::QdiscOverflow,
        Needs::All(&[Source::Qdiscs]),
        overflow,
    ),
    Rule::new(
        Cause::QdiscClassOverflow,
        Needs::All(&[Source::Qdiscs]),
        class_overflow,
    ),
    Rule::new(Cause::PolicerDrop, Needs::All(&[Source::Qdiscs]), policer),
];

fn queues(
    view: &View<'_>,
    cause: Cause,
    what: &str,
    next: impl Fn(&str) -> String,
) -> Vec<Finding> {
    let losses = view.losses(cause).into_iter();
    losses
        .map(|draft| {
            let place = draft.place().clone();
            let device = place.device().cloned().unwrap_or_else(|| "".into());
            let packets = draft.packets();
            let backlog = backlog(view, &place).map(f64::from);
            let rate = shaper(view, &place).map(|tbf| tbf.rate_bytes as f64);
            draft
                .summary(format!("{what} in {place}"))
                .delta(Source::Qdiscs, "drops", packets, "TCA_STATS_QUEUE drops")
                .gauge(
                    Source::Qdiscs,
                    "backlog_packets",
                    backlog,
                    "TCA_STATS_QUEUE qlen",
                )
                .gauge(
                    Source::Qdiscs,
                    "rate in bytes per second",
                    rate,
                    "TCA_TBF_PARMS rate",
                )
                .ruled_out(&[Cause::NicTxRingFull, Cause::LinkDown])
                .next(next(&device))
        })
        .collect()
}

/// Packets waiting in the queue at the end.
fn backlog(view: &View<'_>, place: &Place) -> Option<u32> {
    let Place::Queue {
        device,
        handle,
        kind,
        parent,
    } = place
    else {
        return None;
    };
    let links = view.delta.links()?;
    let sample = view.now().qdiscs.ok()?;
    let qdiscs = sample
        .qdiscs
        .iter()
        .map(|qdisc| (&qdisc.key, &qdisc.statistics));
    let classes = sample
        .classes
        .iter()
        .map(|class| (&class.key, &class.statistics));
    qdiscs
        .chain(classes)
        .find(|(key, _)| {
            key.handle == *handle
                && key.parent == *parent
                && key.kind == *kind
                && links
                    .get(key.device)
                    .is_some_and(|link| link.name() == device)
        })
        .map(|(_, statistics)| statistics.backlog_packets)
}

/// The rate limit of the queue, if it is a tbf.
fn shaper(view: &View<'_>, place: &Place) -> Option<Tbf> {
    let Place::Queue { device, handle, .. } = place else {
        return None;
    };
    let links = view.delta.links()?;
    let sample = view.now().qdiscs.ok()?;
    sample.qdiscs.iter().find_map(|qdisc| match &qdisc.detail {
        QdiscDetail::Tbf(tbf)
            if qdisc.key.handle == *handle
                && links
                    .get(qdisc.key.device)
                    .is_some_and(|link| link.name() == device) =>
        {
            Some(*tbf)
        }
        _ => None,
    })
}

fn overflow(view: &View<'_>) -> Vec<Finding> {
    queues(view, Cause::QdiscOverflow, "queue overflow", |device| {
        format!(
            "Find who fills the queue of {device} (`tc -s qdisc show dev {device}`, `ss -ti`); raise its rate or limit only if the link is faster than that."
        )
    })
}

fn class_overflow(view: &View<'_>) -> Vec<Finding> {
    queues(
        view,
        Cause::QdiscClassOverflow,
        "class overflow",
        |device| {
            format!(
                "Raise rate or ceiling of the class (`tc -s class show dev {device}`), or move traffic to another class."
            )
        },
    )
}

fn policer(view: &View<'_>) -> Vec<Finding> {
    queues(
        view,
        Cause::PolicerDrop,
        "policer or filter drops",
        |device| {
            format!(
                "See which filter drops: `tc -s filter show dev {device} ingress` (and egress)."
            )
        },
    )
}
