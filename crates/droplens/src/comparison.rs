//! Two reports beside each other, such as those of an affected and an unaffected host.

use std::collections::BTreeMap;

use droplens_model::{Cause, Report};
use serde::Serialize;

/// What two reports say about one cause.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Difference {
    pub(crate) cause: Cause,
    /// Packets per second in the report; 0 for pressure.
    pub(crate) rate: f64,
    /// Packets per second in the other one.
    pub(crate) other_rate: f64,
    /// Whether the report has such a finding.
    pub(crate) found: bool,
    /// Whether the other one has.
    pub(crate) other_found: bool,
    /// Whether the cause could be looked for.
    pub(crate) observable: bool,
    /// Whether it could be for the other report.
    pub(crate) other_observable: bool,
}

impl Difference {
    /// Whether one report has such a finding and the other, which would know, has none.
    pub(crate) const fn is_of_one_only(&self) -> bool {
        (self.found && !self.other_found && self.other_observable)
            || (self.other_found && !self.found && self.observable)
    }
}

/// The causes that either report names: those that only one of them has first, then by how far
/// their rates are apart.
pub(crate) fn differences(report: &Report, other: &Report) -> Vec<Difference> {
    let (here, there) = (rates(report), rates(other));
    let mut causes: Vec<Cause> = here.keys().chain(there.keys()).copied().collect();
    causes.sort_unstable();
    causes.dedup();
    let mut differences: Vec<_> = causes
        .into_iter()
        .map(|cause| Difference {
            cause,
            rate: here.get(&cause).copied().unwrap_or(0.0),
            other_rate: there.get(&cause).copied().unwrap_or(0.0),
            found: here.contains_key(&cause),
            other_found: there.contains_key(&cause),
            observable: is_observable(report, cause),
            other_observable: is_observable(other, cause),
        })
        .collect();
    differences.sort_by(|a, b| {
        let apart = |difference: &Difference| (difference.rate - difference.other_rate).abs();
        let only = Difference::is_of_one_only;
        only(b).cmp(&only(a)).then(apart(b).total_cmp(&apart(a)))
    });
    differences
}

fn rates(report: &Report) -> BTreeMap<Cause, f64> {
    let mut rates = BTreeMap::new();
    for finding in &report.findings {
        *rates.entry(finding.cause).or_default() += finding.rate;
    }
    rates
}

fn is_observable(report: &Report, cause: Cause) -> bool {
    let mut blind = report.domains.iter().flat_map(|row| &row.blind_causes);
    !blind.any(|blind| *blind == cause)
}
