//! Two reports beside each other, such as those of an affected and an unaffected host.

use std::collections::BTreeSet;

use droplens_model::{Cause, Report};
use serde::Serialize;

/// What two reports say about one cause.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Difference {
    pub(crate) cause: Cause,
    /// What the report says.
    pub(crate) here: Sight,
    /// What the other one says.
    pub(crate) other: Sight,
}

/// What one report says about one cause.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Sight {
    /// Whether it has such a finding.
    pub(crate) found: bool,
    /// Packets per second; 0 for pressure.
    pub(crate) rate: f64,
    /// Whether the cause could be looked for: if not, nothing found means nothing.
    pub(crate) observable: bool,
}

impl Sight {
    fn of(report: &Report, cause: Cause) -> Self {
        let findings = report
            .findings
            .iter()
            .filter(|finding| finding.cause == cause);
        let mut blind = report.domains.iter().flat_map(|row| &row.blind_causes);
        Self {
            found: findings.clone().next().is_some(),
            rate: findings.map(|finding| finding.rate).sum(),
            observable: !blind.any(|blind| *blind == cause),
        }
    }

    /// Whether it could be looked for, and was not found.
    const fn is_absent(self) -> bool {
        self.observable && !self.found
    }
}

impl Difference {
    /// Whether one report has such a finding and the other, which would know, has none.
    pub(crate) const fn is_of_one_only(&self) -> bool {
        (self.here.found && self.other.is_absent()) || (self.other.found && self.here.is_absent())
    }
}

/// The causes that either report names: those that only one of them has first, then by how far
/// their rates are apart.
pub(crate) fn differences(report: &Report, other: &Report) -> Vec<Difference> {
    let findings = report.findings.iter().chain(&other.findings);
    let causes: BTreeSet<Cause> = findings.map(|finding| finding.cause).collect();
    let mut differences: Vec<_> = causes
        .into_iter()
        .map(|cause| Difference {
            cause,
            here: Sight::of(report, cause),
            other: Sight::of(other, cause),
        })
        .collect();
    differences.sort_by(|a, b| {
        let apart = |difference: &Difference| (difference.here.rate - difference.other.rate).abs();
        let only = Difference::is_of_one_only;
        only(b).cmp(&only(a)).then(apart(b).total_cmp(&apart(a)))
    });
    differences
}
