//! Devices: what their statistics mean depends on what they are.

use droplens_model::delta::{DeviceDelta, DriverDelta};
use droplens_model::driver_table::DriverTable;
use droplens_model::sample::driver::Meaning;
use droplens_model::sample::links::{LinkAttributes, LinkStatistics, Links};
use droplens_model::{Place, Source};

use super::Moves;
use crate::ledger::counter::Counter;
use crate::ledger::table::Pool;

/// What a device is to the ledger.
#[derive(Clone, Copy)]
enum Role {
    /// Hardware, real or emulated.
    Card,
    Tun,
    Veth,
    Bridge,
    Vxlan,
    /// Repeats what other devices count (VLAN, macvlan, bond), or counts nothing of its own.
    Other,
}

pub(super) fn gather(moves: &mut Moves<'_>) {
    if moves.delta.moved(Source::Links) {
        let links = moves.delta.links();
        for device in moves.delta.troubled_devices() {
            statistics(moves, &device, role(&device.link.attributes, links));
        }
    }
    for driver in moves.delta.drivers() {
        driver_statistics(moves, &driver);
    }
}

fn role(attributes: &LinkAttributes, links: Option<&Links>) -> Role {
    match attributes.kind.as_deref() {
        Some("tun") => Role::Tun,
        Some("veth") => Role::Veth,
        Some("bridge") => Role::Bridge,
        Some("vxlan") => Role::Vxlan,
        // A card above another one (hv_netvsc and its virtual function) repeats it.
        None if attributes.physical && !is_master(attributes, links) => Role::Card,
        _ => Role::Other,
    }
}

fn is_master(attributes: &LinkAttributes, links: Option<&Links>) -> bool {
    links.is_some_and(|links| {
        let mut others = links.links.iter();
        others.any(|other| other.attributes.master == Some(attributes.index))
    })
}

fn statistics(moves: &mut Moves<'_>, device: &DeviceDelta<'_>, role: Role) {
    let LinkStatistics {
        rx_errors,
        tx_errors,
        tx_dropped,
        rx_crc_errors,
        rx_frame_errors,
        rx_length_errors,
        rx_missed_errors,
        rx_fifo_errors,
        rx_over_errors,
        ..
    } = device.statistics;
    let place = || Place::Device(device.link.name().clone());
    match role {
        Role::Card => {
            let damaged = rx_crc_errors + rx_frame_errors + rx_length_errors;
            // Some drivers count a missed packet in two of these.
            let missed = rx_missed_errors.max(rx_fifo_errors).max(rx_over_errors);
            moves.add(Counter::CardDamaged, place, damaged);
            moves.add(Counter::CardReceiveErrors, place, rx_errors);
            moves.add(Counter::CardMissed, place, missed);
            moves.add(Counter::CardTransmitErrors, place, tx_errors);
            moves.add(Counter::CardTransmitDropped, place, tx_dropped);
        }
        Role::Tun => moves.add(Counter::TunTransmitDropped, place, tx_dropped),
        Role::Veth => moves.add(Counter::VethTransmitDropped, place, tx_dropped),
        Role::Bridge => {
            let dropped = tx_dropped + tx_errors + rx_errors;
            moves.add(Counter::BridgeDropped, place, dropped);
        }
        Role::Vxlan => {
            let dropped = tx_dropped + tx_errors + rx_errors;
            moves.add(Counter::VxlanDropped, place, dropped);
        }
        Role::Other => {}
    }
}

fn driver_statistics(moves: &mut Moves<'_>, driver: &DriverDelta<'_>) {
    let table = DriverTable::get();
    let layout = driver.layout();
    for (loss, &packets) in layout.losses.iter().zip(&driver.losses) {
        let Meaning::Loss(cause) = loss.meaning else {
            continue;
        };
        let example = loss
            .positions
            .first()
            .and_then(|&position| layout.statistics.get(position));
        let within = example
            .and_then(|statistic| table.entry(&layout.driver, &statistic.name))
            .map_or(&[][..], |entry| &entry.within);
        let feeds = within.iter().filter_map(|name| pool(name)).collect();
        let place = || Place::Device(driver.device.device.clone());
        moves.add_feeding(Counter::Driver(cause), place, packets, feeds);
    }
}

/// The pool of a link statistic of a card; `rx_dropped` has none, since the ledger leaves it out:
/// it is full of frames that nobody wanted.
fn pool(statistic: &str) -> Option<Pool> {
    Some(match statistic {
        "rx_crc_errors" | "rx_frame_errors" | "rx_length_errors" => Pool::CardDamaged,
        "rx_errors" => Pool::CardReceiveErrors,
        "rx_missed_errors" | "rx_fifo_errors" | "rx_over_errors" => Pool::CardMissed,
        "tx_errors" => Pool::CardTransmitErrors,
        "tx_dropped" => Pool::CardTransmitDropped,
        _ => return None,
    })
}
