//! The IP layer.

mod silent;

use crate::scenario::Scenario;

/// The scenarios of the domain, by cause.
pub(super) const GROUPS: &[&[Scenario]] = &[silent::ALL];
