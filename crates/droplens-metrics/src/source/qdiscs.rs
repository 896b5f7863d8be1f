//! Queueing disciplines. What hangs below `mq` and `mqprio`, one for each transmit queue, is
//! already summed up in their own numbers, and `noqueue` has none.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;

use droplens_model::peaks::QdiscPeaks;
use droplens_model::sample::qdiscs::{
    Fq, FqCodel, Htb, Qdisc, QdiscDetail, QdiscKey, QdiscKindTotals, Qdiscs, QueueStatistics, Tbf,
};
use droplens_model::{IfIndex, Source};

use crate::Origin;
use crate::context::Context;
use crate::encoder::{Encoder, Label, Value, cell};
use crate::family::families;

families! {
    Origin::Source(Source::Qdiscs);
    BYTES: Counter "droplens_qdisc_transmit_bytes_total" ["device", "kind", "handle", "parent"] Rule("qdiscs on shown devices; one for each device kind and qdisc kind that is folded"),
        "Bytes sent (TCA_STATS2 bytes).";
    PACKETS: Counter "droplens_qdisc_transmit_packets_total" ["device", "kind", "handle", "parent"] Rule("qdiscs on shown devices; one for each device kind and qdisc kind that is folded"),
        "Packets sent; a packet to be segmented later counts once (TCA_STATS2 packets).";
    DROPPED: Counter "droplens_qdisc_dropped_packets_total" ["device", "kind", "handle", "parent"] Rule("qdiscs on shown devices; one for each device kind and qdisc kind that is folded"),
        "Packets dropped (TCA_STATS2 drops).";
    REQUEUES: Counter "droplens_qdisc_requeues_total" ["device", "kind", "handle", "parent"] Rule("qdiscs on shown devices; one for each device kind and qdisc kind that is folded"),
        "Packets that the driver would not take and that were put back (TCA_STATS2 requeues).";
    OVERLIMITS: Counter "droplens_qdisc_overlimits_total" ["device", "kind", "handle", "parent"] Rule("qdiscs on shown devices; one for each device kind and qdisc kind that is folded"),
        "Times a packet had to wait for its turn in a rate limit (TCA_STATS2 overlimits).";
    BACKLOG_PACKETS: Gauge "droplens_qdisc_backlog_packets" ["device", "kind", "handle", "parent"] Rule("qdiscs on shown devices; one for each device kind and qdisc kind that is folded"),
        "Packets waiting (TCA_STATS2 qlen).";
    BACKLOG_BYTES: Gauge "droplens_qdisc_backlog_bytes" ["device", "kind", "handle", "parent"] Rule("qdiscs on shown devices; one for each device kind and qdisc kind that is folded"),
        "Bytes waiting (TCA_STATS2 backlog).";
    PEAK_DROPPED: Gauge "droplens_qdisc_peak_dropped_packets_per_second" ["device", "kind", "handle", "parent"] Rule("qdiscs on shown devices"),
        "Highest short-term rate of drops over the last minute (TCA_STATS2 drops).";
    PEAK_BACKLOG: Gauge "droplens_qdisc_peak_backlog_packets" ["device", "kind", "handle", "parent"] Rule("qdiscs on shown devices"),
        "Most packets seen waiting over the last minute (TCA_STATS2 qlen).";
    OVERLIMIT: Counter "droplens_qdisc_fq_codel_drop_overlimit_total" ["device", "kind", "handle", "parent"] Rule("qdiscs of the kind on shown devices; those below mq and mqprio as one with an empty handle"),
        "Packets dropped because the queue was over its packet limit (qdisc statistic drop_overlimit).";
    OVERMEMORY: Counter "droplens_qdisc_fq_codel_drop_overmemory_total" ["device", "kind", "handle", "parent"] Rule("qdiscs of the kind on shown devices; those below mq and mqprio as one with an empty handle"),
        "Packets dropped because the queue was over its memory limit (qdisc statistic drop_overmemory).";
    ECN: Counter "droplens_qdisc_fq_codel_ecn_mark_total" ["device", "kind", "handle", "parent"] Rule("qdiscs of the kind on shown devices; those below mq and mqprio as one with an empty handle"),
        "Packets marked with ECN instead of being dropped (qdisc statistic ecn_mark).";
    NEW_FLOWS: Counter "droplens_qdisc_fq_codel_new_flow_total" ["device", "kind", "handle", "parent"] Rule("qdiscs of the kind on shown devices; those below mq and mqprio as one with an empty handle"),
        "Flows that became active (qdisc statistic new_flow_count).";
    MEMORY: Gauge "droplens_qdisc_fq_codel_memory_bytes" ["device", "kind", "handle", "parent"] Rule("qdiscs of the kind on shown devices; those below mq and mqprio as one with an empty handle"),
        "Memory of the packets waiting (qdisc statistic memory_usage).";
    CE: Counter "droplens_qdisc_ce_mark_total" ["device", "kind", "handle", "parent"] Rule("qdiscs of the kind on shown devices; those below mq and mqprio as one with an empty handle"),
        "Packets marked above the ce_threshold, fq_codel and fq (qdisc statistic ce_mark).";
    FLOWS: Gauge "droplens_qdisc_flows" ["device", "kind", "handle", "parent"] Rule("qdiscs of the kind on shown devices; those below mq and mqprio as one with an empty handle"),
        "Flows with packets waiting (fq_codel) or known (fq) (qdisc statistic flows).";
    PLIMIT: Counter "droplens_qdisc_fq_flow_limit_dropped_total" ["device", "kind", "handle", "parent"] Rule("qdiscs of the kind on shown devices; those below mq and mqprio as one with an empty handle"),
        "Packets dropped because one flow was over its limit (qdisc statistic flows_plimit).";
    HORIZON: Counter "droplens_qdisc_fq_horizon_total" ["device", "kind", "handle", "parent"] Rule("qdiscs of the kind on shown devices; those below mq and mqprio as one with an empty handle"),
        "Packets with a send time beyond the horizon, capped or dropped (qdisc statistic horizon_drops).";
    CAPPED: Counter "droplens_qdisc_fq_horizon_capped_total" ["device", "kind", "handle", "parent"] Rule("qdiscs of the kind on shown devices; those below mq and mqprio as one with an empty handle"),
        "Packets with a send time beyond the horizon that was capped (qdisc statistic horizon_caps).";
    HIGHPRIO: Counter "droplens_qdisc_fq_high_priority_packets_total" ["device", "kind", "handle", "parent"] Rule("qdiscs of the kind on shown devices; those below mq and mqprio as one with an empty handle"),
        "Packets of the high-priority flow (qdisc statistic highprio_packets).";
    THROTTLED: Counter "droplens_qdisc_fq_throttled_total" ["device", "kind", "handle", "parent"] Rule("qdiscs of the kind on shown devices; those below mq and mqprio as one with an empty handle"),
        "Packets whose transmission was put off by pacing (qdisc statistic throttled).";
    INACTIVE: Gauge "droplens_qdisc_fq_inactive_flows" ["device", "kind", "handle", "parent"] Rule("qdiscs of the kind on shown devices; those below mq and mqprio as one with an empty handle"),
        "Inactive flows (qdisc statistic inactive_flows).";
    THROTTLED_FLOWS: Gauge "droplens_qdisc_fq_throttled_flows" ["device", "kind", "handle", "parent"] Rule("qdiscs of the kind on shown devices; those below mq and mqprio as one with an empty handle"),
        "Flows that wait for their send time (qdisc statistic throttled_flows).";
    DIRECT: Counter "droplens_qdisc_htb_direct_packets_total" ["device", "kind", "handle", "parent"] Rule("qdiscs of the kind on shown devices; those below mq and mqprio as one with an empty handle"),
        "Packets that matched no class and were sent unshaped (qdisc statistic direct_pkts).";
    RATE: Gauge "droplens_qdisc_tbf_rate_bytes_per_second" ["device", "kind", "handle", "parent"] Rule("qdiscs of the kind on shown devices; those below mq and mqprio as one with an empty handle"),
        "Rate (qdisc statistic rate).";
    LIMIT: Gauge "droplens_qdisc_tbf_backlog_limit_bytes" ["device", "kind", "handle", "parent"] Rule("qdiscs of the kind on shown devices; those below mq and mqprio as one with an empty handle"),
        "The most bytes that may wait (qdisc statistic limit).";
}

const DETAILS: usize = 17;
type Details = [Option<u64>; DETAILS];

pub(super) fn encode(
    qdiscs: &Qdiscs,
    context: &Context<'_>,
    encoder: &mut Encoder<'_>,
) -> fmt::Result {
    let Qdiscs {
        qdiscs,
        classes: _, // written last of all, by `qdisc_classes`
        complete: _,
    } = qdiscs;
    let mut shown = Vec::with_capacity(qdiscs.len());
    let mut details = Vec::<([Label<'_>; 4], Details)>::with_capacity(qdiscs.len());
    let parents = Parents::new(qdiscs);
    let mut sums = HashMap::with_capacity(qdiscs.len());
    for qdisc in qdiscs.iter().filter(|qdisc| &*qdisc.key.kind != "noqueue") {
        let Some(labels) = labels(&qdisc.key, context) else {
            continue;
        };
        let queue_of = parents
            .multiqueue_above(qdisc)
            .filter(|_| !context.options.per_queue);
        let Some(root) = queue_of else {
            shown.push((labels, qdisc));
            details.push((labels, detail(qdisc)));
            continue;
        };
        let [device, kind, _, _] = labels;
        let labels = [
            device,
            kind,
            Label::Text(""),
            Label::Handle(root.key.handle),
        ];
        let group = (qdisc.key.device, root.key.handle, &*qdisc.key.kind);
        match sums.entry(group) {
            Entry::Occupied(position) => {
                if let Some((_, sums)) = details.get_mut(*position.get()) {
                    add(sums, &detail(qdisc));
                }
            }
            Entry::Vacant(position) => {
                position.insert(details.len());
                details.push((labels, detail(qdisc)));
            }
        }
    }
    let folded = context.derived.qdiscs_by_kind.iter();
    let folded = folded.filter(|totals| context.folds(&totals.device_kind));
    encoder.table(
        [
            &BYTES,
            &PACKETS,
            &DROPPED,
            &REQUEUES,
            &OVERLIMITS,
            &BACKLOG_PACKETS,
            &BACKLOG_BYTES,
        ],
        shown
            .iter()
            .map(|(labels, qdisc)| (*labels, cells(&qdisc.statistics)))
            .chain(folded.map(folded_row)),
    )?;
    encoder.table(
        [&PEAK_DROPPED, &PEAK_BACKLOG],
        shown
            .iter()
            .filter_map(|(labels, qdisc)| Some((*labels, peaks(&qdisc.key, context)?))),
    )?;
    encoder.table(
        [
            &OVERLIMIT,
            &OVERMEMORY,
            &ECN,
            &NEW_FLOWS,
            &MEMORY,
            &CE,
            &FLOWS,
            &PLIMIT,
            &HORIZON,
            &CAPPED,
            &HIGHPRIO,
            &THROTTLED,
            &INACTIVE,
            &THROTTLED_FLOWS,
            &DIRECT,
            &RATE,
            &LIMIT,
        ],
        details
            .iter()
            .map(|(labels, cells)| (*labels, cells.map(|value| value.map(Value::Whole)))),
    )
}

/// The labels of a qdisc or class: none if its device is folded or gone.
pub(super) fn labels<'l>(key: &'l QdiscKey, context: &Context<'l>) -> Option<[Label<'l>; 4]> {
    let QdiscKey {
        device,
        handle,
        parent,
        kind,
    } = key;
    let device = context.device(*device)?;
    Some([
        device,
        kind.into(),
        Label::Handle(*handle),
        Label::Handle(*parent),
    ])
}

fn folded_row(totals: &QdiscKindTotals) -> ([Label<'_>; 4], [Option<Value>; 7]) {
    let QdiscKindTotals {
        device_kind,
        kind,
        statistics,
    } = totals;
    let none = Label::Text("");
    let labels = [Label::DevicesOf(device_kind), kind.into(), none, none];
    (labels, cells(statistics))
}

/// The cells that qdiscs and classes share.
pub(super) fn cells(statistics: &QueueStatistics) -> [Option<Value>; 7] {
    let QueueStatistics {
        bytes,
        packets,
        drops,
        requeues,
        overlimits,
        backlog_packets,
        backlog_bytes,
    } = *statistics;
    [
        cell(bytes),
        cell(packets),
        cell(drops),
        cell(requeues),
        cell(overlimits),
        cell(backlog_packets),
        cell(backlog_bytes),
    ]
}

fn peaks(key: &QdiscKey, context: &Context<'_>) -> Option<[Option<Value>; 2]> {
    let peaks = &context.derived.qdisc_peaks;
    let at = peaks.binary_search_by(|(known, _)| known.cmp(key)).ok()?;
    let QdiscPeaks {
        dropped,
        backlog_packets,
    } = peaks.get(at)?.1;
    Some([cell(dropped), cell(backlog_packets)])
}

/// Qdiscs by device and number. Without a number only `mq` and `mqprio` can have children.
#[derive(Debug)]
struct Parents<'q>(HashMap<(IfIndex, u16), &'q Qdisc>);

impl<'q> Parents<'q> {
    fn new(all: &'q [Qdisc]) -> Self {
        let mut parents = HashMap::with_capacity(all.len());
        for qdisc in all {
            let major = qdisc.key.handle.major();
            if major != 0 || is_multiqueue(qdisc) {
                parents.entry((qdisc.key.device, major)).or_insert(qdisc);
            }
        }
        Self(parents)
    }

    /// The `mq` or `mqprio` below which a qdisc hangs, however deep.
    fn multiqueue_above(&self, qdisc: &'q Qdisc) -> Option<&'q Qdisc> {
        const DEEPEST: usize = 8;
        let mut below = qdisc;
        for _ in 0..DEEPEST {
            let QdiscKey { device, parent, .. } = &below.key;
            let above = self.0.get(&(*device, parent.major())).copied();
            below = above.filter(|above| above.key != below.key)?;
            if is_multiqueue(below) {
                return Some(below);
            }
        }
        None
    }
}

fn is_multiqueue(qdisc: &Qdisc) -> bool {
    matches!(&*qdisc.key.kind, "mq" | "mqprio")
}

fn add(sums: &mut Details, details: &Details) {
    for (sum, value) in sums.iter_mut().zip(*details) {
        *sum = match (*sum, value) {
            (Some(sum), Some(value)) => Some(sum.saturating_add(value)),
            (one, other) => one.or(other),
        };
    }
}

/// What a kind tells beyond the common statistics, in the order of the table above.
fn detail(qdisc: &Qdisc) -> Details {
    let mut details = Details::default();
    let [
        overlimit,
        overmemory,
        ecn,
        new,
        memory,
        ce,
        flow,
        plimit,
        horizon,
        capped,
        highprio,
        paced,
        inactive,
        waiting,
        direct,
        rate,
        limit,
    ] = &mut details;
    match qdisc.detail {
        QdiscDetail::None => {}
        QdiscDetail::FqCodel(FqCodel {
            max_packet_bytes: _, // of no use for losses, and not to be summed up
            drop_overlimit,
            drop_overmemory,
            ecn_mark,
            ce_mark,
            new_flow_count,
            new_flows,
            old_flows,
            memory_bytes,
        }) => {
            *overlimit = Some(drop_overlimit);
            *overmemory = Some(drop_overmemory);
            *ecn = Some(ecn_mark);
            *new = Some(new_flow_count);
            *memory = Some(memory_bytes.into());
            *ce = Some(ce_mark);
            *flow = Some(u64::from(new_flows) + u64::from(old_flows));
        }
        QdiscDetail::Fq(Fq {
            highprio_packets,
            throttled,
            flows_plimit,
            horizon_drops,
            horizon_caps,
            ce_mark,
            flows,
            inactive_flows,
            throttled_flows,
        }) => {
            *highprio = Some(highprio_packets);
            *paced = Some(throttled);
            *plimit = Some(flows_plimit);
            *horizon = horizon_drops;
            *capped = horizon_caps;
            *ce = ce_mark;
            *flow = Some(flows.into());
            *inactive = Some(inactive_flows.into());
            *waiting = Some(throttled_flows.into());
        }
        QdiscDetail::Htb(Htb { direct_packets }) => *direct = Some(direct_packets),
        QdiscDetail::Tbf(Tbf {
            rate_bytes,
            limit_bytes,
        }) => {
            *rate = Some(rate_bytes);
            *limit = Some(limit_bytes.into());
        }
    }
    details
}

#[cfg(test)]
mod tests {
    use droplens_model::sample::qdiscs::TcHandle;

    use super::*;

    fn qdisc(device: u32, kind: &str, handle: u32, parent: u32) -> Qdisc {
        Qdisc {
            key: QdiscKey {
                device: IfIndex(device),
                handle: TcHandle(handle),
                parent: TcHandle(parent),
                kind: kind.into(),
            },
            statistics: QueueStatistics::default(),
            detail: QdiscDetail::None,
        }
    }

    #[test]
    fn what_hangs_below_a_multiqueue_is_found_on_its_own_device_only() {
        let root = TcHandle::ROOT.0;
        let all = [
            qdisc(1, "mq", 0, root),
            qdisc(1, "fq_codel", 0, 0x1),
            qdisc(1, "ingress", 0xffff_0000, TcHandle::INGRESS.0),
            qdisc(2, "mq", 0x8001_0000, root),
            qdisc(2, "htb", 0x10_0000, 0x8001_0002),
            qdisc(2, "fq", 0x11_0000, 0x10_0005),
            qdisc(3, "fq_codel", 0, root),
            qdisc(4, "htb", 0x10_0000, root),
            qdisc(4, "fq", 0x11_0000, 0x10_0005),
        ];
        let parents = Parents::new(&all);
        let above: Vec<_> = all
            .iter()
            .map(|qdisc| Some(parents.multiqueue_above(qdisc)?.key.device.0))
            .collect();
        let (one, two) = (Some(1), Some(2));
        assert_eq!(above, [None, one, None, None, two, two, None, None, None]);
    }
}
