//! What the diagnosis says about the host.

use std::time::Duration;

use droplens_model::{Cause, CauseStanding, DeviceDrops, Domain, EventTotals, Judgement, Name};

use super::Size;
use super::devices::{card_name, veth_name};

pub(super) fn judgement(size: Size) -> Judgement {
    Judgement {
        causes: Cause::ALL.iter().copied().map(standing).collect(),
        devices: devices(size),
    }
}

fn standing(cause: Cause) -> CauseStanding {
    let observable = cause != Cause::OpticsOutOfRange && cause.domain() != Domain::Service;
    let mut events = EventTotals::default();
    if matches!(cause, Cause::SoftnetBacklogOverflow | Cause::VethDrop) {
        for milliseconds in [50, 800, 3_000] {
            events.add(Duration::from_millis(milliseconds));
        }
    }
    CauseStanding {
        cause,
        observable,
        active: matches!(
            cause,
            Cause::SoftnetBacklogOverflow | Cause::ConntrackNearFull
        ),
        drops: 10 * cause as u64,
        events,
    }
}

/// Every cause that can be at a card is at each, and veths drop.
fn devices(size: Size) -> Vec<DeviceDrops> {
    let at_cards = [Domain::Link, Domain::Nic, Domain::Qdisc]
        .into_iter()
        .flat_map(Domain::causes);
    let mut devices = Vec::new();
    for &cause in at_cards {
        devices.extend((0..size.cards).map(|card| lost(cause, card_name(card), None)));
    }
    for cause in [Cause::VethDrop, Cause::QdiscOverflow] {
        let veths = 0..size.veths;
        devices.extend(veths.map(|veth| lost(cause, veth_name(veth), Some("veth".into()))));
    }
    devices
}

const fn lost(cause: Cause, device: Name, kind: Option<Name>) -> DeviceDrops {
    DeviceDrops {
        cause,
        device,
        kind,
        drops: 3,
    }
}
