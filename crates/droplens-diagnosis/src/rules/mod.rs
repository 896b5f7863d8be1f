//! The rules: one module per domain, one function per cause. Deltas in, findings out.

#[cfg(test)]
mod hardware_tests;
mod ip;
mod link;
mod netfilter;
mod nic;
mod path;
mod qdisc;
mod service;
mod socket;
mod softnet;
mod virtual_devices;

use droplens_model::{Cause, Finding};

use crate::probed::own;
use crate::view::{Needs, View};

/// How one cause is found.
#[derive(Clone, Copy)]
pub struct Rule {
    /// The cause.
    pub cause: Cause,
    /// What it takes to see it.
    pub needs: Needs,
    /// Finds it.
    judge: fn(&View<'_>) -> Vec<Finding>,
}

impl Rule {
    const fn new(cause: Cause, needs: Needs, judge: fn(&View<'_>) -> Vec<Finding>) -> Self {
        Self {
            cause,
            needs,
            judge,
        }
    }

    /// A cause whose source comes later: it is reported as blind.
    const fn later(cause: Cause, what: &'static str) -> Self {
        Self::new(cause, Needs::Later(what), |_| Vec::new())
    }

    /// What it finds in a window.
    pub fn findings(&self, view: &View<'_>) -> Vec<Finding> {
        own::join(view, self.cause, (self.judge)(view))
    }
}

/// The rules of every domain, in packet order.
const DOMAINS: &[&[Rule]] = &[
    link::RULES,
    nic::RULES,
    softnet::RULES,
    virtual_devices::RULES,
    ip::RULES,
    netfilter::RULES,
    socket::RULES,
    qdisc::RULES,
    path::RULES,
    service::RULES,
];

/// Every rule, in packet order: one for each cause.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    DOMAINS.iter().copied().flatten()
}

/// The rule of a cause.
pub fn rule(cause: Cause) -> Option<&'static Rule> {
    rules().find(|rule| rule.cause == cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_one_rule_in_its_own_domain() {
        let causes: Vec<Cause> = rules().map(|rule| rule.cause).collect();
        let mut sorted = causes.clone();
        sorted.sort();
        assert_eq!(sorted, Cause::ALL);
        assert!(causes.is_sorted_by_key(|cause| cause.domain()));
    }
}
