//! Real faults, by domain in packet order.

mod ip;
mod link;
mod nic;
mod qdisc;
mod socket;
mod virtual_devices;

use super::Scenario;

/// The scenarios of every domain.
pub(super) const DOMAINS: &[&[&[Scenario]]] = &[
    &[link::ALL],
    &[nic::ALL],
    &[virtual_devices::ALL],
    ip::GROUPS,
    &[socket::ALL],
    &[qdisc::ALL],
];
