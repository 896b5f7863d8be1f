//! The network beyond this host: what remains when no counter of this host explains a symptom.

use droplens_model::{Cause, Domain, Finding, PathDirection, Place, Severity, Source};

use super::Rule;
use crate::counters as c;
use crate::draft::Draft;
use crate::symptoms::Retransmissions;
use crate::view::{Needs, View};

const PROBES: &str = "no probes are configured";
const TCP: Needs = Needs::All(&[Source::Snmp, Source::Netstat]);

pub(super) const RULES: &[Rule] = &[
    Rule::new(Cause::PathLoss, TCP, path_loss),
    Rule::later(Cause::PathMtuBlackhole, PROBES),
    Rule::new(Cause::PathReordering, TCP, reordering),
    Rule::new(Cause::PathDuplication, TCP, duplication),
    Rule::later(Cause::TargetUnreachable, PROBES),
    Rule::later(Cause::IcmpRateLimited, PROBES),
];

/// Domains whose drops make this host, or a peer on it, retransmit.
const LOCAL: &[Domain] = &[
    Domain::Link,
    Domain::Nic,
    Domain::Softnet,
    Domain::Virtual,
    Domain::Ip,
    Domain::Netfilter,
    Domain::Qdisc,
];

/// Causes in the socket domain that do.
const LOCAL_TCP: &[Cause] = &[
    Cause::TcpReceiveQueueFull,
    Cause::TcpBacklogDrop,
    Cause::TcpAcceptQueueFull,
    Cause::TcpSynQueueFull,
];

/// Packets lost on this host that could be segments.
fn local_losses(view: &View<'_>) -> u64 {
    let domains = LOCAL.iter().flat_map(|domain| domain.causes());
    let causes = domains.chain(LOCAL_TCP);
    causes.map(|cause| view.lost(*cause)).sum()
}

fn path_loss(view: &View<'_>) -> Vec<Finding> {
    // With drops of our own the rest cannot be separated: segments are cut behind the queue that
    // counts, so the numbers of the two do not even compare.
    if local_losses(view) > 0 {
        return Vec::new();
    }
    forward(view).into_iter().chain(backward(view)).collect()
}

/// We send, and have to send again.
fn forward(view: &View<'_>) -> Option<Finding> {
    let again = Retransmissions::between(&view.delta);
    let lost = again.lost();
    // A peer that does not read makes us probe its window; each probe counts as a retransmission.
    let ratio = lost as f64 / again.sent.max(1) as f64;
    if lost < view.thresholds.retransmit_floor || ratio < view.thresholds.retransmit_ratio {
        return None;
    }
    // Reordering makes senders retransmit what was only late.
    let reordered = view.moved(c::TCP_SACK_REORDER) + view.moved(c::TCP_TS_REORDER);
    if reordered >= lost && view.moved(c::TCP_TIMEOUTS) == 0 {
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
            c::TCP_DSACK_RECV,
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

/// We receive, and segments come early: those before them were lost, or overtaken.
fn backward(view: &View<'_>) -> Option<Finding> {
    let early = view.moved(c::TCP_OFO_QUEUE);
    let received = view.moved(c::TCP_IN_SEGS);
    let ratio = early as f64 / received.max(1) as f64;
    // A loss leaves a hole for a round trip, and everything sent meanwhile is early.
    let holes = early / EARLY_PER_HOLE;
    if holes < view.thresholds.retransmit_floor || ratio < view.thresholds.out_of_order_ratio {
        return None;
    }
    let mut finding = Draft::loss(view, Cause::PathLoss, Place::Host, holes)
        .summary("packets sent to this host are lost on the path")
        .protocols(&[c::TCP_OFO_QUEUE, c::TCP_IN_SEGS, c::TCP_DSACK_OLD_SENT])
        .gauge(Source::Netstat, "share of segments that came early", Some(ratio), "TcpExt TCPOFOQueue / Tcp InSegs")
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

/// Segments that one lost segment makes come early, measured on a path of 20 ms.
const EARLY_PER_HOLE: u64 = 5;

fn reordering(view: &View<'_>) -> Vec<Finding> {
    let seen = view.moved(c::TCP_SACK_REORDER) + view.moved(c::TCP_TS_REORDER);
    if seen < view.thresholds.retransmit_floor {
        return Vec::new();
    }
    vec![
        Draft::pressure(view, Cause::PathReordering, Place::Host)
            .severity(Severity::Info)
            .summary("packets sent by this host arrive out of order")
            .protocols(&[c::TCP_SACK_REORDER, c::TCP_TS_REORDER, c::TCP_DSACK_RECV])
            .next("Several paths of different length, or a parallel middlebox: harmless unless throughput suffers."),
    ]
}

fn duplication(view: &View<'_>) -> Vec<Finding> {
    let twice = view.moved(c::TCP_DSACK_RECV);
    let again = view.moved(c::TCP_RETRANS_SEGS);
    // Copies that nobody retransmitted were made on the way.
    if twice < again + view.thresholds.retransmit_floor {
        return Vec::new();
    }
    vec![
        Draft::pressure(view, Cause::PathDuplication, Place::Host)
            .severity(Severity::Info)
            .summary("packets sent by this host arrive twice")
            .protocols(&[c::TCP_DSACK_RECV, c::TCP_RETRANS_SEGS])
            .next("Look for a loop or a mirrored port in the network."),
    ]
}
