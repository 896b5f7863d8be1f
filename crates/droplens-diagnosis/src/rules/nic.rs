//! The card, its driver and their rings.

use droplens_model::delta::DriverDelta;
use droplens_model::sample::driver::Meaning;
use droplens_model::sample::links::Xdp;
use droplens_model::{Cause, Finding, Name, Place, Severity, Source};

use super::Rule;
use crate::draft::Draft;
use crate::view::{Needs, View};

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        Cause::NicRxRingOverflow,
        Needs::Any(&[Source::Links, Source::Driver]),
        receive_ring,
    ),
    Rule::new(
        Cause::NicTxRingFull,
        Needs::Any(&[Source::Links, Source::Driver]),
        transmit_ring,
    ),
    Rule::new(
        Cause::NicTxTimeout,
        Needs::All(&[Source::Driver]),
        transmit_timeout,
    ),
    Rule::new(Cause::XdpDrop, Needs::All(&[Source::Driver]), xdp),
    Rule::new(
        Cause::CloudAllowanceExceeded,
        Needs::All(&[Source::Driver]),
        allowance,
    ),
];

/// Adds the driver's own counters of the cause as evidence.
fn with_driver<'a>(view: &View<'_>, mut draft: Draft<'a>, cause: Cause) -> (Draft<'a>, Name) {
    let device = draft.place().device().cloned().unwrap_or_else(|| "".into());
    let drivers: Vec<DriverDelta<'_>> = view.delta.drivers();
    for driver in drivers
        .iter()
        .filter(|driver| driver.device.device == device)
    {
        let layout = driver.layout();
        for (loss, moved) in layout.losses.iter().zip(&driver.losses) {
            if loss.meaning == Meaning::Loss(cause) {
                let kernel = format!("ethtool -S {device} ({}): {}", layout.driver, loss.counter);
                draft = draft.delta(Source::Driver, &loss.counter, *moved, kernel);
            }
        }
    }
    (draft, device)
}

fn receive_ring(view: &View<'_>) -> Vec<Finding> {
    let finding = |draft| {
        let (draft, device) = with_driver(view, draft, Cause::NicRxRingOverflow);
        let moved = view
            .device(&device)
            .map(|device| device.statistics)
            .unwrap_or_default();
        draft
            .what("receive ring overflow")
            .delta(Source::Links, "rx_missed_errors", moved.rx_missed_errors, "rx_missed_errors")
            .delta(Source::Links, "rx_fifo_errors", moved.rx_fifo_errors, "rx_fifo_errors")
            .delta(Source::Links, "rx_over_errors", moved.rx_over_errors, "rx_over_errors")
            .ruled_out(&[Cause::SoftnetBacklogOverflow, Cause::LinkErrors])
            .next(format!(
                "Enlarge the ring (`ethtool -g {device}`, `ethtool -G {device} rx MAX`) and spread its interrupts over more CPUs."
            ))
    };
    view.losses(Cause::NicRxRingOverflow)
        .into_iter()
        .map(finding)
        .collect()
}

fn transmit_ring(view: &View<'_>) -> Vec<Finding> {
    let finding = |draft| {
        let (draft, device) = with_driver(view, draft, Cause::NicTxRingFull);
        let moved = view
            .device(&device)
            .map(|device| device.statistics)
            .unwrap_or_default();
        draft
            .what("transmit drops of the driver")
            .delta(Source::Links, "tx_dropped", moved.tx_dropped, "tx_dropped")
            .ruled_out(&[Cause::QdiscOverflow, Cause::LinkDown])
            .next(format!(
                "Enlarge the ring (`ethtool -G {device} tx MAX`) and check that the card keeps up; a full ring should stop the queue, not drop."
            ))
    };
    view.losses(Cause::NicTxRingFull)
        .into_iter()
        .map(finding)
        .collect()
}

fn transmit_timeout(view: &View<'_>) -> Vec<Finding> {
    let finding = |draft| {
        let (draft, device) = with_driver(view, draft, Cause::NicTxTimeout);
        draft
            .severity(Severity::Critical)
            .what("transmit watchdog fired")
            .next(format!(
                "Update driver and firmware of {device}; `dmesg` shows which queue hung. Everything in the ring was lost."
            ))
    };
    view.losses(Cause::NicTxTimeout)
        .into_iter()
        .map(finding)
        .collect()
}

fn xdp(view: &View<'_>) -> Vec<Finding> {
    let finding = |draft| {
        let (draft, device) = with_driver(view, draft, Cause::XdpDrop);
        draft.what("dropped by an XDP program").next(format!(
            "Find out which program is attached (`bpftool net show dev {device}`) and whether it is meant to drop these."
        ))
    };
    let counted = view.losses(Cause::XdpDrop).into_iter().map(finding);
    counted.chain(generic_xdp(view)).collect()
}

/// Devices with a program in the kernel's generic path: only a remark, since what it drops is
/// counted nowhere.
fn generic_xdp<'v>(view: &'v View<'_>) -> impl Iterator<Item = Finding> + use<'v> {
    let devices = view.devices().iter();
    let generic = devices.filter(|device| device.link.attributes.xdp == Xdp::Generic);
    generic.map(|device| {
        let name = device.link.name();
        Draft::pressure(view, Cause::XdpDrop, Place::Device(name.clone()))
            .severity(Severity::Info)
            .summary(format!("what the generic XDP program of {name} drops is counted nowhere"))
            .delta(Source::Links, "rx_packets", device.statistics.rx_packets, "rx_packets")
            .next(format!(
                "Compare rx_packets of {name} with Ip InReceives; attach the program in the driver (xdpdrv) to have its drops counted."
            ))
    })
}

fn allowance(view: &View<'_>) -> Vec<Finding> {
    let finding = |draft| {
        let (draft, _) = with_driver(view, draft, Cause::CloudAllowanceExceeded);
        draft
            .what("allowance of the cloud instance exceeded")
            .ruled_out(&[Cause::NicRxRingOverflow, Cause::QdiscOverflow])
            .next("Use a larger instance type, spread the load, or pace the senders: the provider queues or drops above the allowance.")
    };
    view.losses(Cause::CloudAllowanceExceeded)
        .into_iter()
        .map(finding)
        .collect()
}
