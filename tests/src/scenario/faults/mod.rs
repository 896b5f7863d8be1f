//! Real faults, by domain in packet order.

mod ip;
mod path;
mod qdisc;
mod service;
mod socket;

use super::Scenario;

/// The scenarios of every domain.
pub(super) const GROUPS: &[&[Scenario]] =
    &[ip::ALL, socket::ALL, qdisc::ALL, path::ALL, service::ALL];
