//! Classes of classful queueing disciplines: a source of series without bound, so written last.

use std::fmt;

use droplens_model::Source;
use droplens_model::sample::qdiscs::{Class, ClassDetail, HtbClass, Qdiscs};

use super::qdiscs::{cells, labels};
use crate::Origin;
use crate::context::Context;
use crate::encoder::{Encoder, Value, cell};
use crate::family::families;

families! {
    Origin::Source(Source::Qdiscs);
    BYTES: Counter "droplens_qdisc_class_transmit_bytes_total" ["device", "kind", "handle", "parent"] Rule("classes on shown devices"),
        "Bytes sent; drops of a class are also in its leaf and in the root, never add them up (TCA_STATS2 bytes).";
    PACKETS: Counter "droplens_qdisc_class_transmit_packets_total" ["device", "kind", "handle", "parent"] Rule("classes on shown devices"),
        "Packets sent; a packet to be segmented later counts once; drops of a class are also in its leaf and in the root, never add them up (TCA_STATS2 packets).";
    DROPPED: Counter "droplens_qdisc_class_dropped_packets_total" ["device", "kind", "handle", "parent"] Rule("classes on shown devices"),
        "Packets dropped; drops of a class are also in its leaf and in the root, never add them up (TCA_STATS2 drops).";
    REQUEUES: Counter "droplens_qdisc_class_requeues_total" ["device", "kind", "handle", "parent"] Rule("classes on shown devices"),
        "Packets that the driver would not take and that were put back; drops of a class are also in its leaf and in the root, never add them up (TCA_STATS2 requeues).";
    OVERLIMITS: Counter "droplens_qdisc_class_overlimits_total" ["device", "kind", "handle", "parent"] Rule("classes on shown devices"),
        "Times a packet had to wait for its turn in a rate limit; drops of a class are also in its leaf and in the root, never add them up (TCA_STATS2 overlimits).";
    BACKLOG_PACKETS: Gauge "droplens_qdisc_class_backlog_packets" ["device", "kind", "handle", "parent"] Rule("classes on shown devices"),
        "Packets waiting; drops of a class are also in its leaf and in the root, never add them up (TCA_STATS2 qlen).";
    BACKLOG_BYTES: Gauge "droplens_qdisc_class_backlog_bytes" ["device", "kind", "handle", "parent"] Rule("classes on shown devices"),
        "Bytes waiting; drops of a class are also in its leaf and in the root, never add them up (TCA_STATS2 backlog).";
    LENDS: Counter "droplens_qdisc_class_htb_lends_total" ["device", "kind", "handle", "parent"] Rule("htb classes on shown devices"),
        "Packets sent within the rate of the class (htb class statistic lends).";
    BORROWS: Counter "droplens_qdisc_class_htb_borrows_total" ["device", "kind", "handle", "parent"] Rule("htb classes on shown devices"),
        "Packets sent with tokens borrowed from the parent (htb class statistic borrows).";
    GIANTS: Counter "droplens_qdisc_class_htb_giants_total" ["device", "kind", "handle", "parent"] Rule("htb classes on shown devices"),
        "Packets larger than the MTU in the rate table (htb class statistic giants).";
    CLASS_RATE: Gauge "droplens_qdisc_class_htb_rate_bytes_per_second" ["device", "kind", "handle", "parent"] Rule("htb classes on shown devices"),
        "Guaranteed rate (htb class statistic rate).";
    CLASS_CEIL: Gauge "droplens_qdisc_class_htb_ceil_bytes_per_second" ["device", "kind", "handle", "parent"] Rule("htb classes on shown devices"),
        "Ceiling (htb class statistic ceil).";
}

pub(super) fn encode(
    qdiscs: &Qdiscs,
    context: &Context<'_>,
    encoder: &mut Encoder<'_>,
) -> fmt::Result {
    let rows = || {
        let classes = qdiscs.classes.iter();
        classes.filter_map(|class| Some((labels(&class.key, context)?, class)))
    };
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
        rows().map(|(labels, class)| (labels, cells(&class.statistics))),
    )?;
    encoder.table(
        [&LENDS, &BORROWS, &GIANTS, &CLASS_RATE, &CLASS_CEIL],
        rows().map(|(labels, class)| (labels, details(class))),
    )
}

fn details(class: &Class) -> [Option<Value>; 5] {
    let Class {
        key: _,
        leaf: _, // the leaf qdisc's own series has the class as its parent
        statistics: _,
        detail,
    } = class;
    match *detail {
        ClassDetail::None => [None; 5],
        ClassDetail::Htb(HtbClass {
            lends,
            borrows,
            giants,
            rate_bytes,
            ceil_bytes,
        }) => [lends, borrows, giants, rate_bytes, ceil_bytes].map(cell),
    }
}
