//! What is worth telling somebody: one declaration of every alert, from which the rules for
//! Prometheus, their unit tests and `docs/alerts.md` are made.

mod agent;
mod declaration;
mod document;
mod host;
mod kinds;
mod netfilter;
mod path;
mod proof;
mod qdisc;
mod recording;
mod rules;
mod silent;
mod socket;
mod unit_tests;

pub(crate) use document::document;
pub(crate) use rules::rules;
pub(crate) use unit_tests::unit_tests;

use declaration::Alert;

/// Every alert, in packet order of their causes; those of the agent last.
fn all() -> Vec<Alert> {
    [
        host::alerts(),
        netfilter::alerts(),
        socket::alerts(),
        qdisc::alerts(),
        path::alerts(),
        agent::alerts(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use droplens_model::Cause;

    use super::declaration::{Severity, Subject};
    use super::*;

    #[test]
    fn every_cause_has_an_alert_or_a_reason_for_none() {
        let alerts = all();
        for &cause in Cause::ALL {
            let alerted = alerts
                .iter()
                .any(|alert| alert.subject == Subject::Cause(cause));
            assert_ne!(alerted, silent::why(cause).is_some(), "{cause}");
        }
    }

    #[test]
    fn names_are_unique_and_in_camel_case() {
        let mut seen = BTreeSet::new();
        for alert in all() {
            assert!(seen.insert(alert.name), "{} twice", alert.name);
            assert!(alert.name.starts_with(|c: char| c.is_ascii_uppercase()));
            assert!(alert.name.chars().all(|c| c.is_ascii_alphanumeric()));
        }
    }

    #[test]
    fn every_bound_is_used_and_every_placeholder_is_a_bound() {
        for alert in all() {
            for bound in &alert.bounds {
                let placeholder = format!("${}", bound.name);
                assert!(alert.expr.contains(&placeholder), "{}", alert.name);
            }
            // `$1` is what label_replace() puts in.
            let rest = alert.bounded().replace("\"$1\"", "");
            assert!(!rest.contains('$'), "{rest}");
        }
    }

    /// Its value in a label would make an alert another one at each evaluation, so that it never
    /// fires.
    #[test]
    fn labels_are_constant_and_texts_tell_the_value() {
        for alert in all() {
            assert!(!alert.summary.contains("$value"), "{}", alert.name);
            let rest = alert.description.replace(declaration::RATE, "");
            assert!(rest.matches("$value").count() <= 1, "{}", alert.name);
            assert!(!alert.description.contains("%.0f"), "{}", alert.name);
        }
    }

    #[test]
    fn somebody_is_called_only_for_what_cannot_wait() {
        let alerts = all();
        let pages: Vec<_> = alerts
            .iter()
            .filter(|alert| alert.severity == Severity::Critical)
            .map(|alert| alert.name)
            .collect();
        assert_eq!(
            pages,
            [
                "SoftnetDrops",
                "ConntrackTableFull",
                "ConntrackNearFull",
                "ProbeLossFast",
                "DroplensFleetDown",
                "DroplensAbsent",
            ]
        );
    }
}
