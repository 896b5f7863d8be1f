//! What this host itself did to probes: packets that it did not send, and drops of its own that may
//! have been probes.

use std::collections::BTreeSet;

use droplens_model::sample::probes::FailureReason;
use droplens_model::{Cause, Domain, Evidence, Finding, IfIndex, Name, Place, Severity, Source};

use crate::draft::Draft;
use crate::view::View;

/// Domains whose drops hit packets whatever they are. A firewall is not among them: a rule drops
/// all packets of a kind, and a probe that it drops is never answered.
const BLIND: &[Domain] = &[
    Domain::Link,
    Domain::Nic,
    Domain::Softnet,
    Domain::Virtual,
    Domain::Qdisc,
];

/// Causes in other domains that do.
const BLIND_CAUSES: &[Cause] = &[
    Cause::ConntrackTableFull,
    Cause::ConntrackInsertFailed,
    Cause::NeighbourUnresolved,
    Cause::NeighbourTableFull,
];

/// Devices below each other are followed so far.
const DEPTH: usize = 4;

/// Packets that this host dropped while probes were on their way, where they may have been probes.
pub(crate) fn dropped(view: &View<'_>) -> u64 {
    let eve = view.lost_on_eve();
    let devices = devices(view);
    let counts = |place: &Place| match (place.device(), &devices) {
        (Some(device), Some(devices)) => devices.contains(device),
        _ => true,
    };
    let causes = BLIND.iter().flat_map(|domain| domain.causes());
    let causes = causes.chain(BLIND_CAUSES);
    let dropped: u64 = causes
        .flat_map(|cause| view.ledger.places(*cause).chain(eve.places(*cause)))
        .filter(|(place, _)| counts(place))
        .map(|(_, packets)| packets)
        .sum();
    dropped + view.delta.prober_overflows()
}

/// The devices that probes leave by, with those below them and their members; none if that is not
/// known of all.
fn devices<'a>(view: &'a View<'_>) -> Option<BTreeSet<&'a Name>> {
    let links = view.delta.links()?;
    let mut indexes = BTreeSet::<IfIndex>::new();
    for probe in view.probes() {
        let device = &probe.address.route.as_ref()?.device;
        let link = links.links.iter().find(|link| link.name() == device)?;
        indexes.insert(link.attributes.index);
    }
    for _ in 0..DEPTH {
        for link in &links.links {
            let own = link.attributes.index;
            let master = link.attributes.master;
            if master.is_some_and(|master| indexes.contains(&master)) {
                indexes.insert(own);
            }
            if let Some(lower) = link.attributes.lower.filter(|_| indexes.contains(&own)) {
                indexes.insert(lower);
            }
        }
    }
    let found = indexes.iter().filter_map(|index| links.get(*index));
    Some(
        found
            .map(droplens_model::sample::links::Link::name)
            .collect(),
    )
}

/// Probes that the kernel refused to send for a reason that is this cause.
fn refused(view: &View<'_>, cause: Cause) -> Option<(u64, &'static str, &'static str)> {
    let unresolved = view.lost(Cause::NeighbourUnresolved) > 0;
    // The same packets, if no rule counted them: they are told once.
    let uncounted =
        view.lost(Cause::UnaccountedIpOutput) > 0 && view.lost(Cause::FirewallDrop) == 0;
    let firewall = if uncounted {
        Cause::UnaccountedIpOutput
    } else {
        Cause::FirewallDrop
    };
    let (reason, error, next) = match cause {
        cause if cause == firewall => (
            FailureReason::NotPermitted,
            "EPERM, or rejected",
            "A firewall rule or a cgroup's filter on output refuses them: `nft list ruleset`, `bpftool cgroup tree`.",
        ),
        Cause::QdiscOverflow => (
            FailureReason::NoBuffers,
            "ENOBUFS",
            "The queue of the device is full: `tc -s qdisc show`.",
        ),
        Cause::NoRoute if !unresolved => (
            FailureReason::NoRoute,
            "ENETUNREACH, EHOSTUNREACH",
            "See what the kernel thinks: `ip route get ADDRESS`.",
        ),
        Cause::NeighbourUnresolved if unresolved => (
            FailureReason::NoRoute,
            "EHOSTUNREACH",
            "See which neighbour does not answer: `ip neigh show nud failed`.",
        ),
        Cause::LinkDown => (
            FailureReason::NoDevice,
            "ENETDOWN, EADDRNOTAVAIL, ENODEV",
            "The device or address that the probe is to leave by is gone: `ip -br address`.",
        ),
        _ => return None,
    };
    let probes = view.probes().iter();
    let refused: u64 = probes.map(|probe| probe.failed(reason)).sum();
    (refused > 0).then_some((refused, error, next))
}

/// Adds to the findings of one cause what probes have to say about it: they are evidence for a loss
/// that was counted, and a finding of their own where nothing was.
pub(crate) fn join(view: &View<'_>, cause: Cause, mut findings: Vec<Finding>) -> Vec<Finding> {
    let Some((refused, error, next)) = refused(view, cause) else {
        return findings;
    };
    let evidence = Evidence {
        source: Source::Probes,
        counter: "probes that the kernel refused to send".to_owned(),
        delta: Some(refused),
        value: None,
        kernel: error.to_owned(),
    };
    let mut losses = findings.iter_mut();
    let counted = losses.find(|finding| finding.packets > 0);
    if let Some(finding) = counted {
        // No noise: a packet that somebody needs was among them.
        if finding.severity == Severity::Info {
            finding.severity = Severity::Warning;
        }
        finding.evidence.push(evidence);
    } else {
        let mut finding = Draft::loss(view, cause, Place::Host, refused)
            .summary("this host refuses to send probes")
            .ruled_out(&[Cause::PathLoss])
            .next(next);
        finding.evidence.push(evidence);
        findings.push(finding);
    }
    findings
}
