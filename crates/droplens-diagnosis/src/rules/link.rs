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

/// A device whose carrier went and did not come back. What was lost meanwhile is only partly
/// counted anywhere.
fn link_down(view: &View<'_>) -> Vec<Finding> {
    let lost = view.lost(Cause::LinkDown);
    let down: Vec<_> = view
        .devices()
        .iter()
        .filter(|device| !device.new && device.carrier_changes > 0)
        .filter(|device| device.link.attributes.up && is_down(device) && matters(device))
        .collect();
    if down.is_empty()
        && lost > 0
        && view
            .devices()
            .iter()
            .all(|device| device.carrier_changes == 0)
    {
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
    let mut lost = Some(lost);
    down.into_iter()
        .map(|device| {
            let name = device.link.name();
            // Nothing tells which device was meant: they are told with the first one.
            let packets = lost.take().unwrap_or(0);
            Draft::loss(view, Cause::LinkDown, Place::Device(name.clone()), packets)
                .severity(Severity::Critical)
                .summary(format!("carrier lost on {name}"))
                .delta(Source::Links, "carrier_changes", device.carrier_changes, CARRIER)
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
    let mut lost = Some(view.lost(Cause::LinkDown));
    view.devices()
        .iter()
        .filter(|device| !device.new && device.carrier_changes >= 2 && matters(device))
        .filter(|device| !is_down(device) || device.carrier_changes >= 3)
        .map(|device| {
            let name = device.link.name();
            let flaps = device.carrier_changes / 2;
            let times = if flaps == 1 { "once" } else { "repeatedly" };
            let packets = if is_down(device) { 0 } else { lost.take().unwrap_or(0) };
            Draft::loss(view, Cause::LinkFlap, Place::Device(name.clone()), packets)
                .severity(Severity::Critical)
                .summary(format!("carrier of {name} went and came back {times}"))
                .delta(Source::Links, "carrier_changes", device.carrier_changes, CARRIER)
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
