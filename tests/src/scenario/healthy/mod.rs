//! Healthy hosts that look as if something were wrong.

mod devices;
mod path;
mod quiet;
mod tcp;
mod udp;

use super::Scenario;

/// The scenarios of every kind.
pub(super) const GROUPS: &[&[Scenario]] =
    &[quiet::ALL, devices::ALL, tcp::ALL, path::ALL, udp::ALL];
