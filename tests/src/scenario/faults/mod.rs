//! Real faults, by domain in packet order.

mod ip;
mod link;
mod nic;
mod path;
mod qdisc;
mod service;
mod socket;
mod softnet;
mod virtual_devices;

use super::Scenario;

/// The scenarios of every domain.
pub(super) const DOMAINS: &[&[&[Scenario]]] = &[
    &[link::ALL],
    &[nic::ALL],
    &[softnet::ALL],
    &[virtual_devices::ALL],
    ip::GROUPS,
    &[socket::UDP, socket::LISTENER, socket::TCP, socket::CLOSING],
    &[qdisc::ALL],
    &[path::ALL],
    &[service::ALL],
];
