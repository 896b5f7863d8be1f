//! Virtual devices.

use droplens_model::{Cause, Finding, Source};

use super::Rule;
use crate::view::{Needs, View};

pub(super) const RULES: &[Rule] = &[
    Rule::new(Cause::TunQueueFull, Needs::All(&[Source::Links]), tun),
    Rule::new(Cause::VethDrop, Needs::All(&[Source::Links]), veth),
    Rule::new(Cause::BridgeDrop, Needs::All(&[Source::Links]), bridge),
    Rule::later(
        Cause::BondMemberDown,
        "the state of bond members is not read yet",
    ),
    Rule::new(Cause::VxlanDrop, Needs::All(&[Source::Links]), vxlan),
];

/// Findings from the statistics of virtual devices.
fn devices(view: &View<'_>, cause: Cause, what: &str, next: &str) -> Vec<Finding> {
    let losses = view.losses(cause).into_iter();
    losses
        .map(|draft| {
            let device = draft.place().device().and_then(|name| view.device(name));
            let moved = device.map(|device| device.statistics).unwrap_or_default();
            draft
                .what(what)
                .delta(Source::Links, "tx_dropped", moved.tx_dropped, "tx_dropped")
                .delta(Source::Links, "tx_errors", moved.tx_errors, "tx_errors")
                .delta(Source::Links, "rx_errors", moved.rx_errors, "rx_errors")
                .ruled_out(&[Cause::SoftnetBacklogOverflow, Cause::QdiscOverflow])
                .next(next)
        })
        .collect()
}

fn tun(view: &View<'_>) -> Vec<Finding> {
    devices(
        view,
        Cause::TunQueueFull,
        "the reader is too slow",
        "Find the program that reads the device (VPN, hypervisor) and why it does not keep up; a longer txqueuelen only hides short stalls.",
    )
}

fn veth(view: &View<'_>) -> Vec<Finding> {
    devices(
        view,
        Cause::VethDrop,
        "the pair dropped",
        "Look at the other end: it is down, in a full XDP ring, or out of memory.",
    )
}

fn bridge(view: &View<'_>) -> Vec<Finding> {
    devices(
        view,
        Cause::BridgeDrop,
        "the bridge dropped",
        "Look at the state of its ports (`bridge -d link`) and its VLAN filter.",
    )
}

fn vxlan(view: &View<'_>) -> Vec<Finding> {
    devices(
        view,
        Cause::VxlanDrop,
        "the overlay dropped",
        "Check forwarding entries (`bridge fdb show dev`), the route to the remote endpoints and the MTU of the overlay.",
    )
}
