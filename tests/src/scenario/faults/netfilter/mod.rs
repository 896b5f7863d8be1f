//! Packet filters that count, and connection tracking.

mod conntrack;
mod rules;

use crate::scenario::Scenario;

/// The scenarios of the domain, by cause.
pub(super) const GROUPS: &[&[Scenario]] = &[conntrack::ALL, rules::ALL];
