//! Real faults, by domain in packet order.

mod ip;
mod link;
mod netfilter;
mod nic;
mod path;
mod probed;
mod qdisc;
mod saved;
mod service;
mod socket;
mod softnet;
mod virtual_devices;

use super::Scenario;

pub(super) use ip::possible;

/// The scenarios of every domain.
pub(super) const DOMAINS: &[&[&[Scenario]]] = &[
    &[link::ALL],
    &[nic::ALL],
    &[softnet::ALL],
    &[virtual_devices::ALL],
    ip::GROUPS,
    netfilter::GROUPS,
    &[socket::UDP, socket::LISTENER, socket::TCP, socket::CLOSING],
    &[qdisc::ALL],
    &[path::ALL],
    &[service::ALL],
    probed::GROUPS,
    &[saved::ALL],
];
