//! Real faults, by domain in packet order.

mod ip;
mod path;
mod qdisc;
mod service;
mod socket;

use super::Scenario;

/// The scenarios of every domain.
pub(super) const GROUPS: &[&[Scenario]] = &[
    ip::ALL,
    socket::UDP,
    socket::LISTENER,
    socket::TCP,
    socket::CLOSING,
    qdisc::ALL,
    path::ALL,
    service::ALL,
];
