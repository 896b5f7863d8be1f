//! Real faults, by domain in packet order.

mod ip;
mod netfilter;
mod qdisc;
mod saved;
mod socket;

use super::Scenario;

pub(super) use ip::possible;

/// The scenarios of every domain.
pub(super) const DOMAINS: &[&[&[Scenario]]] = &[
    ip::GROUPS,
    netfilter::GROUPS,
    &[socket::ALL],
    &[qdisc::ALL],
    &[saved::ALL],
];
