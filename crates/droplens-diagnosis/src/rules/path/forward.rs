//! What this host sends: its own retransmissions tell.

use droplens_model::{Cause, Finding, PathDirection, Place, Severity, Source};

use crate::counters as c;
use crate::draft::Draft;
use crate::symptoms::Retransmissions;
use crate::view::View;

/// We have to send again what no drop of our own explains.
pub(super) fn loss(view: &View<'_>, explained: u64) -> Option<Finding> {
    let lost = Retransmissions::lost_settled(view).saturating_sub(explained);
    let ratio = lost as f64 / view.settled(c::TCP_OUT_SEGS).max(1) as f64;
    if lost < view.thresholds.retransmit_floor || ratio < view.thresholds.retransmit_ratio {
        return None;
    }
    let mut finding = Draft::loss(view, Cause::PathLoss, Place::Host, lost)
        .summary("packets sent by this host are lost on the path")
        .protocols(&[
            c::TCP_RETRANS_SEGS,
            c::TCP_OUT_SEGS,
            c::TCP_SACK_RECOVERY,
            c::TCP_FAST_RETRANS,
            c::TCP_TIMEOUTS,
            c::TCP_SYN_RETRANS,
            c::TCP_DSACK_RECV_SEGS,
            c::TCP_TS_REORDER,
        ])
        .gauge(Source::Snmp, "share of segments sent again", Some(ratio), "Tcp RetransSegs / OutSegs")
        .ruled_out(&[
            Cause::QdiscOverflow,
            Cause::NicTxRingFull,
            Cause::SoftnetBacklogOverflow,
            Cause::FirewallDrop,
            Cause::ConntrackTableFull,
        ])
        .next("No counter of this host explains it: see which peers suffer (below, or `ss -ti`), and look at the network towards them.");
    finding.direction = Some(PathDirection::Forward);
    Some(finding)
}

/// Acknowledgements tell that segments overtook others.
pub(super) fn reordering(view: &View<'_>) -> Option<Finding> {
    let seen = view.moved(c::TCP_SACK_REORDER) + view.moved(c::TCP_TS_REORDER);
    (seen >= view.thresholds.retransmit_floor).then(|| {
        Draft::pressure(view, Cause::PathReordering, Place::Host)
            .severity(Severity::Info)
            .summary("packets sent by this host arrive out of order")
            .protocols(&[c::TCP_SACK_REORDER, c::TCP_TS_REORDER, c::TCP_DSACK_RECV])
            .next("Several paths of different length, or a parallel middlebox: harmless unless throughput suffers.")
    })
}
