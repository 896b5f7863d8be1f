//! The wire: carrier, damaged frames.

use droplens_model::delta::DeviceDelta;
use droplens_model::sample::ethtool::EthtoolDevice;
use droplens_model::{Cause, Finding, Place, Severity, Source};

use super::Rule;
use crate::draft::Draft;
use crate::view::{Needs, View};

pub(super) const RULES: &[Rule] = &[
    Rule::new(Cause::LinkDown, Needs::All(&[Source::Links]), link_down),
    Rule::new(Cause::LinkFlap, Needs::All(&[Source::Links]), link_flap),
    Rule::new(Cause::LinkErrors, Needs::All(&[Source::Links]), link_errors),
    Rule::new(
        Cause::FecUncorrectable,
        Needs::All(&[Source::Ethtool]),
        fec_uncorrectable,
    ),
    Rule::later(
        Cause::OpticsOutOfRange,
        "the modules' diagnostics are not read yet",
    ),
];

const CARRIER: &str = "IFLA_CARRIER_CHANGES";

/// Whether a missing carrier matters: hardware, a bond member, or a device that has carried
/// packets both ways. An empty bridge and an unplugged card that never had one do not.
fn matters(device: &DeviceDelta<'_>) -> bool {
    let attributes = &device.link.attributes;
    let totals = &device.link.statistics;
    attributes.physical
        || attributes.master.is_some()
        || (attributes.kind.as_deref() != Some("bridge")
            && totals.rx_packets > 0
            && totals.tx_packets > 0)
}

fn is_down(device: &DeviceDelta<'_>) -> bool {
    let attributes = &device.link.attributes;
    attributes.carrier == Some(false) || !attributes.up
}

/// Whether its carrier went and did not come back.
fn went_down(device: &DeviceDelta<'_>) -> bool {
    !device.new
        && device.carrier_changes > 0
        && device.link.attributes.up
        && is_down(device)
        && matters(device)
}

/// Whether its carrier went and came back, at least once.
fn flapped(device: &DeviceDelta<'_>) -> bool {
    let at_least = if is_down(device) { 3 } else { 2 };
    !device.new && device.carrier_changes >= at_least && matters(device)
}

/// The devices whose carrier went, those that are still without it first, with the packets that
/// were lost meanwhile. What was discarded before it reached any device is told with the first:
/// nothing tells which one was meant.
fn troubled<'v>(view: &'v View<'_>) -> Vec<(&'v DeviceDelta<'v>, u64)> {
    let devices = view.devices().iter();
    let mut troubled: Vec<_> = devices
        .filter(|device| went_down(device) || flapped(device))
        .map(|device| (device, 0))
        .collect();
    troubled.sort_by_key(|(device, _)| !went_down(device));
    for (place, packets) in view.ledger.places(Cause::LinkDown) {
        let told = place.device().and_then(|name| {
            let mut devices = troubled.iter();
            devices.position(|(device, _)| device.link.name() == name)
        });
        if let Some((_, sum)) = troubled.get_mut(told.unwrap_or(0)) {
            *sum += packets;
        }
    }
    troubled
}

/// A device whose carrier went and did not come back. What was lost meanwhile is only partly
/// counted anywhere.
fn link_down(view: &View<'_>) -> Vec<Finding> {
    let lost = view.lost(Cause::LinkDown);
    let troubled = troubled(view);
    if troubled.is_empty() && lost > 0 {
        let missing = view.devices().iter().find(|device| {
            device.link.attributes.up && device.link.attributes.carrier == Some(false)
        });
        let place = missing.map_or(Place::Host, |device| {
            Place::Device(device.link.name().clone())
        });
        return vec![
            Draft::loss(view, Cause::LinkDown, place, lost)
                .what("no carrier")
                .protocols(&discards())
                .next("Find out why the other end of the link is down; see `ip -d link show`."),
        ];
    }
    let down = troubled.into_iter().filter(|(device, _)| went_down(device));
    down
        .map(|(device, packets)| {
            let name = device.link.name();
            Draft::loss(view, Cause::LinkDown, Place::Device(name.clone()), packets)
                .severity(Severity::Critical)
                .summary(format!("carrier lost on {name}"))
                .delta(Source::Links, "carrier_changes", device.carrier_changes, CARRIER)
                .delta(Source::Links, "tx_dropped", device.statistics.tx_dropped, "tx_dropped")
                .protocols(&discards())
                .next(format!(
                    "Check cable, module and switch port of {name}; `ethtool {name}` tells the reason if the driver knows it."
                ))
        })
        .collect()
}

fn discards() -> [droplens_model::delta::Protocol; 2] {
    [
        crate::counters::OUT_DISCARDS.v4,
        crate::counters::OUT_DISCARDS.v6,
    ]
}

/// A device whose carrier went and came back.
fn link_flap(view: &View<'_>) -> Vec<Finding> {
    let flapped = troubled(view)
        .into_iter()
        .filter(|(device, _)| flapped(device));
    flapped
        .map(|(device, packets)| {
            let name = device.link.name();
            let flaps = device.carrier_changes / 2;
            let times = if flaps == 1 { "once" } else { "repeatedly" };
            // A device that is down now is told as such.
            let packets = if went_down(device) { 0 } else { packets };
            Draft::loss(view, Cause::LinkFlap, Place::Device(name.clone()), packets)
                .severity(Severity::Critical)
                .summary(format!("carrier of {name} went and came back {times}"))
                .delta(Source::Links, "carrier_changes", device.carrier_changes, CARRIER)
                .delta(Source::Links, "tx_dropped", device.statistics.tx_dropped, "tx_dropped")
                .protocols(&discards())
                .next(format!(
                    "Check cable, module and switch port of {name}, and energy-saving settings of both ends."
                ))
        })
        .collect()
}

/// Frames that arrived damaged.
fn link_errors(view: &View<'_>) -> Vec<Finding> {
    let draft = |draft: Draft<'_>| {
        let device = draft.place().device().cloned().unwrap_or_else(|| "".into());
        let statistics = view.device(&device).map(|device| device.statistics);
        let statistics = statistics.unwrap_or_default();
        draft
            .what("damaged frames")
            .delta(Source::Links, "rx_crc_errors", statistics.rx_crc_errors, "rx_crc_errors")
            .delta(Source::Links, "rx_frame_errors", statistics.rx_frame_errors, "rx_frame_errors")
            .delta(Source::Links, "rx_length_errors", statistics.rx_length_errors, "rx_length_errors")
            .delta(Source::Links, "rx_errors", statistics.rx_errors, "rx_errors")
            .delta(Source::Links, "tx_errors", statistics.tx_errors, "tx_errors")
            .ruled_out(&[Cause::NicRxRingOverflow, Cause::LinkFlap])
            .next(format!(
                "Replace cable or module of {device}, clean the optics, and compare with the switch port's own error counters."
            ))
    };
    view.losses(Cause::LinkErrors)
        .into_iter()
        .map(draft)
        .collect()
}

/// Code words that forward error correction could not mend; each hit several frames.
fn fec_uncorrectable(view: &View<'_>) -> Vec<Finding> {
    let uncorrectable = |device: &EthtoolDevice| device.fec?.uncorrectable_blocks;
    let (Some(from), Some(to)) = (view.delta.from.ethtool.ok(), view.delta.to.ethtool.ok()) else {
        return Vec::new();
    };
    to.devices
        .iter()
        .filter_map(|device| {
            let before = from.devices.iter().find(|other| other.index == device.index)?;
            let moved = droplens_model::delta::step(uncorrectable(before)?, uncorrectable(device)?);
            let name = device.device.clone()?;
            (moved > 0).then(|| {
                Draft::loss(view, Cause::FecUncorrectable, Place::Device(name.clone()), 0)
                    .what("forward error correction gave up")
                    .delta(
                        Source::Ethtool,
                        "fec_uncorrectable_blocks",
                        moved,
                        "ETHTOOL_A_FEC_STAT_UNCORR",
                    )
                    .next(format!(
                        "Replace the cable or module of {name}, or check that both ends use the same FEC mode."
                    ))
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use droplens_model::delta::Delta;
    use droplens_model::sample::links::{
        Link, LinkAttributes, LinkStatistics, Links, OperState, Xdp,
    };
    use droplens_model::{IfIndex, Moment, Name, Reading, Snapshot, Stamped};

    use super::*;
    use crate::ledger::Ledger;
    use crate::thresholds::Thresholds;

    /// A veth device that has carried packets both ways.
    fn veth(index: u32, carrier: bool, carrier_changes: u64, tx_dropped: u64) -> Link {
        let attributes = LinkAttributes {
            index: IfIndex(index),
            name: Name::from(format!("v{index}")),
            kind: Some("veth".into()),
            loopback: false,
            physical: false,
            up: true,
            oper_state: OperState::Unknown,
            carrier: Some(carrier),
            carrier_changes: Some(carrier_changes),
            carrier_up: None,
            carrier_down: None,
            mtu: 1500,
            transmit_queue_length: 1000,
            transmit_queues: 1,
            receive_queues: 1,
            master: None,
            lower: None,
            qdisc: "noqueue".into(),
            xdp: Xdp::None,
            speed: None,
            duplex: None,
        };
        let statistics = LinkStatistics {
            rx_packets: 10,
            tx_packets: 10,
            tx_dropped,
            ..LinkStatistics::default()
        };
        Link {
            attributes: Arc::new(attributes),
            statistics,
        }
    }

    /// The causes, places and packets that rules find between two lists of devices.
    fn found(from: Vec<Link>, to: Vec<Link>) -> Vec<(Cause, String, u64)> {
        let snapshot = |links, secs| Snapshot {
            links: Reading::Ok(Stamped {
                at: Moment(Duration::from_secs(secs)),
                took: Duration::ZERO,
                value: Arc::new(Links {
                    links,
                    complete: true,
                }),
            }),
            ..Snapshot::default()
        };
        let (from, to) = (snapshot(from, 1), snapshot(to, 2));
        let delta = Delta::new(&from, &to);
        let ledger = Ledger::of(delta);
        let thresholds = Thresholds::default();
        let view = View::new(delta, &ledger, Duration::from_secs(1), &thresholds);
        crate::verdict::findings(&view)
            .into_iter()
            .map(|finding| (finding.cause, finding.place.to_string(), finding.packets))
            .collect()
    }

    #[test]
    fn drops_of_a_pair_without_carrier_are_lost_to_the_link() {
        let found = found(vec![veth(1, true, 2, 5)], vec![veth(1, false, 3, 12)]);
        assert_eq!(found, [(Cause::LinkDown, "v1".to_owned(), 7)]);
    }

    #[test]
    fn the_drops_of_another_pair_are_its_own() {
        let from = vec![veth(1, true, 2, 0), veth(2, true, 2, 0)];
        let to = vec![veth(1, false, 3, 0), veth(2, true, 2, 9)];
        let found = found(from, to);
        assert!(found.contains(&(Cause::VethDrop, "v2".to_owned(), 9)));
        assert!(found.contains(&(Cause::LinkDown, "v1".to_owned(), 0)));
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn each_of_several_links_has_its_own_packets() {
        let from = vec![veth(1, true, 2, 0), veth(2, true, 2, 0)];
        let to = vec![veth(1, true, 6, 4), veth(2, false, 5, 3)];
        let found = found(from, to);
        let expected = [
            (Cause::LinkFlap, "v1".to_owned(), 4),
            (Cause::LinkDown, "v2".to_owned(), 3),
            (Cause::LinkFlap, "v2".to_owned(), 0),
        ];
        assert_eq!(found, expected);
    }
}
