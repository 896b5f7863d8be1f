//! The network beyond this host: what remains when no counter of this host explains a symptom.

mod early;
mod forward;
#[cfg(test)]
mod identifier_tests;
mod probes;
#[cfg(test)]
mod probes_tests;
mod quality;
#[cfg(test)]
mod tests;

use droplens_model::sample::probes::ProbeKind;
use droplens_model::{Cause, Domain, Finding, PathDirection, Place, Severity, Source};

use super::Rule;
use crate::counters as c;
use crate::draft::Draft;
use crate::view::{Needs, View};

const TCP: Needs = Needs::All(&[Source::Snmp, Source::Netstat]);

/// Kinds of probes to which a host answers if it is there.
const ANSWERED: Needs = Needs::Probes(&[
    ProbeKind::Icmp,
    ProbeKind::Tcp,
    ProbeKind::Tls,
    ProbeKind::Http,
]);

pub(super) const RULES: &[Rule] = &[
    // Probes tell as well, but TCP tells without them.
    Rule::new(Cause::PathLoss, TCP, path_loss),
    Rule::new(
        Cause::PathMtuBlackhole,
        Needs::Probes(&[ProbeKind::Pmtu]),
        quality::blackhole,
    ),
    Rule::new(Cause::PathReordering, TCP, reordering),
    Rule::new(Cause::PathDuplication, TCP, duplication),
    Rule::new(Cause::TargetUnreachable, ANSWERED, probes::unreachable),
    Rule::new(
        Cause::IcmpRateLimited,
        Needs::Probes(&[ProbeKind::Icmp]),
        probes::rate_limited,
    ),
    Rule::new(
        Cause::PathLatency,
        Needs::Probes(&[ProbeKind::Icmp, ProbeKind::Tcp]),
        quality::latency,
    ),
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

/// Segments in one buffer that a device cuts or has put together: 64 KiB of 1448 bytes each. So
/// many are sent again when one buffer is dropped.
const SEGMENTS_PER_BUFFER: u64 = 46;

/// The most segments that this host's own drops explain, in the window and shortly before it.
fn explained(view: &View<'_>) -> u64 {
    let before = view.lost_before();
    let lost = |cause: Cause| view.lost(cause) + before.packets(cause);
    let domains = LOCAL.iter().flat_map(|domain| domain.causes());
    let causes = domains.chain(LOCAL_TCP);
    // Neighbours that do not answer are counted one by one, in all namespaces together.
    let buffers = causes.filter(|cause| **cause != Cause::NeighbourUnresolved);
    let dropped: u64 = buffers.map(|cause| lost(*cause)).sum();
    dropped
        .saturating_mul(SEGMENTS_PER_BUFFER)
        .saturating_add(lost(Cause::NeighbourUnresolved))
}

fn path_loss(view: &View<'_>) -> Vec<Finding> {
    let explained = explained(view);
    let forward = forward::loss(view, explained);
    let early = early::loss(view, explained);
    // An echo that does not come back may have been lost on either way; TCP may know which.
    let direction = match (&forward, &early) {
        (Some(_), None) => Some(PathDirection::Forward),
        (None, Some(_)) => Some(PathDirection::Return),
        _ => None,
    };
    let probed = probes::loss(view, direction);
    forward.into_iter().chain(early).chain(probed).collect()
}

fn reordering(view: &View<'_>) -> Vec<Finding> {
    let sent = forward::reordering(view);
    sent.into_iter()
        .chain(early::reordering(view, explained(view)))
        .collect()
}

fn duplication(view: &View<'_>) -> Vec<Finding> {
    let twice = view.moved(c::TCP_DSACK_RECV);
    let again = view.moved(c::TCP_RETRANS_SEGS);
    // Copies that nobody retransmitted were made on the way.
    let sent = twice
        .saturating_sub(again)
        .max(view.moved(c::TCP_DSACK_DUBIOUS));
    if sent < view.thresholds.retransmit_floor {
        return Vec::new();
    }
    vec![
        Draft::pressure(view, Cause::PathDuplication, Place::Host)
            .severity(Severity::Info)
            .summary("packets sent by this host arrive twice")
            .protocols(&[c::TCP_DSACK_RECV, c::TCP_DSACK_DUBIOUS, c::TCP_RETRANS_SEGS])
            .next("Look for a loop or a mirrored port in the network."),
    ]
}
