//! The IP layer.

mod among_fragments;
mod fragments;
mod headers;
mod mixed;
mod neighbours;
mod routes;
mod silent;

pub(in crate::scenario) use silent::possible;

use crate::scenario::Scenario;

/// The scenarios of the domain, by cause.
pub(super) const GROUPS: &[&[Scenario]] = &[
    routes::ALL,
    headers::ALL,
    fragments::ALL,
    neighbours::ALL,
    silent::ALL,
    mixed::ALL,
    among_fragments::ALL,
];
