//! What this host receives: segments that come early leave a hole, and those that fill it were
//! either lost and sent again, or overtaken.
//!
//! No counter of a receiver says which. What it has, measured with CUBIC on paths of 2 and 20 ms:
//!
//! | path | early segments | of these acknowledged late | came twice |
//! |---|---|---|---|
//! | 0.5 % or 2 % lost | 9 to 16 % | 54 to 74 % | none |
//! | overtaken by 1 or 3 | 1 to 24 % | none | 0 to 5 per connection |
//! | overtaken by 10 or 50 | 18 to 64 % | 60 to 71 % | 3 to 5 per connection |
//! | overtaken for more than a round trip | 14 % | 40 % | each |
//!
//! The kernel acknowledges the first three early segments of a hole at once and holds back the
//! acknowledgements of those after them (`TCPAckCompressed`), so it tells deep holes from shallow
//! ones. A loss leaves a deep hole: it stays open for a round trip. A sender that meets reordering
//! this deep retransmits in vain until it has learned to wait, so segments come twice; after a loss
//! they do not.

use droplens_model::{Cause, Finding, PathDirection, Place, Severity, Source};

use crate::counters as c;
use crate::draft::Draft;
use crate::view::View;

/// The kernel acknowledges so many early segments of each hole at once, and one more on average
/// when its timer ends.
const EARLY_AT_ONCE: u64 = 4;

/// Holes of which most early segments were acknowledged at once are shallow.
const DEEP: f64 = 1.0 / 3.0;

/// So many holes without a segment that came twice: fewer were overtaken than can be seen.
const HOLES_PER_COPY: u64 = 500;

/// The holes in a window.
struct Holes {
    /// Early segments, as a share of the segments received.
    ratio: f64,
    /// How many there were, an estimate.
    count: u64,
    verdict: Verdict,
}

enum Verdict {
    /// Filled by retransmissions.
    Lost,
    /// Too shallow for that, or the windows are tiny.
    Overtaken,
    /// Deep, and segments came twice.
    Either,
}

impl Holes {
    /// The holes, if they are many enough to mean something.
    fn of(view: &View<'_>, explained: u64) -> Option<Self> {
        let early = view.settled(c::TCP_OFO_QUEUE);
        let ratio = early as f64 / view.settled(c::TCP_IN_SEGS).max(1) as f64;
        let known = view.delta.protocol(c::TCP_ACK_COMPRESSED).is_some();
        let late = known.then(|| view.settled(c::TCP_ACK_COMPRESSED));
        let at_once = early.saturating_sub(late.unwrap_or(0));
        let count = (at_once / EARLY_AT_ONCE).saturating_sub(explained);
        if count < view.thresholds.retransmit_floor || ratio < view.thresholds.out_of_order_ratio {
            return None;
        }
        let deep = late.is_some_and(|late| late as f64 >= early as f64 * DEEP);
        let copies = view.moved(c::TCP_DSACK_OLD_SENT) + view.moved(c::TCP_DSACK_OFO_SENT);
        // What this host sends takes the same kind of paths.
        let own = view.moved(c::TCP_SACK_REORDER) >= view.thresholds.retransmit_floor;
        let verdict = match (late, deep) {
            (Some(_), false) => Verdict::Overtaken,
            (Some(_), true) if copies * HOLES_PER_COPY <= count && !own => Verdict::Lost,
            // Kernels before 4.18 do not count late acknowledgements.
            _ => Verdict::Either,
        };
        Some(Self {
            ratio,
            count,
            verdict,
        })
    }

    fn evidence<'a>(&self, draft: Draft<'a>) -> Draft<'a> {
        draft
            .protocols(&[
                c::TCP_OFO_QUEUE,
                c::TCP_ACK_COMPRESSED,
                c::TCP_IN_SEGS,
                c::TCP_DSACK_OLD_SENT,
                c::TCP_DSACK_OFO_SENT,
            ])
            .gauge(
                Source::Netstat,
                "share of segments that came early",
                Some(self.ratio),
                "TcpExt TCPOFOQueue / Tcp InSegs",
            )
    }
}

/// Segments were lost on their way here.
pub(super) fn loss(view: &View<'_>, explained: u64) -> Option<Finding> {
    let holes = Holes::of(view, explained)?;
    let Verdict::Lost = holes.verdict else {
        return None;
    };
    let draft = Draft::loss(view, Cause::PathLoss, Place::Host, holes.count)
        .summary("packets sent to this host are lost on the path");
    let mut finding = holes
        .evidence(draft)
        .ruled_out(&[
            Cause::NicRxRingOverflow,
            Cause::SoftnetBacklogOverflow,
            Cause::TcpReceiveQueueFull,
            Cause::FirewallDrop,
        ])
        .next("The number is an estimate; the senders count exactly: look at their retransmissions, and at the network from them.");
    finding.direction = Some(PathDirection::Return);
    Some(finding)
}

/// Segments were overtaken on their way here, or perhaps lost.
pub(super) fn reordering(view: &View<'_>, explained: u64) -> Option<Finding> {
    let holes = Holes::of(view, explained)?;
    let (severity, summary) = match holes.verdict {
        Verdict::Lost => return None,
        Verdict::Overtaken => (
            Severity::Info,
            "packets sent to this host arrive out of order",
        ),
        Verdict::Either => (
            Severity::Warning,
            "packets sent to this host arrive out of order or are lost",
        ),
    };
    let draft = Draft::pressure(view, Cause::PathReordering, Place::Host)
        .severity(severity)
        .summary(summary);
    Some(holes.evidence(draft).next(
        "Look at the senders: retransmissions that no DSACK takes back (RetransSegs - TCPDSACKRecvSegs) are losses, TCPSACKReorder is reordering.",
    ))
}
