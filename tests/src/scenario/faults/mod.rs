//! Real faults, by domain in packet order.

mod ip;
mod link;
mod nic;
mod qdisc;
mod socket;
mod softnet;
mod virtual_devices;

use super::Scenario;

/// The scenarios of every domain.
pub(super) const GROUPS: &[&[Scenario]] = &[
    link::ALL,
    nic::ALL,
    softnet::ALL,
    virtual_devices::ALL,
    ip::ALL,
    socket::ALL,
    qdisc::ALL,
];
