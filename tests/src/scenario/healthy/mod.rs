//! Healthy hosts that look as if something were wrong.

mod devices;
mod quiet;
mod tcp;

use super::Scenario;

/// The scenarios of every kind.
pub(super) const GROUPS: &[&[Scenario]] = &[quiet::ALL, devices::ALL, tcp::ALL];
