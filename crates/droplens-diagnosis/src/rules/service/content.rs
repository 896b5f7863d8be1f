//! What a service sends: certificates and HTTP responses.

use std::collections::BTreeMap;

use droplens_model::sample::probes::FailureReason;
use droplens_model::{Cause, Finding, Name, Place, Severity, Source, Timestamp};

use super::{TARGETS, TLS, failed, failures, words};
use crate::draft::Draft;
use crate::probed::place;
use crate::view::View;

const TOLD: &[FailureReason] = &[
    FailureReason::TlsHandshake,
    FailureReason::TlsExpired,
    FailureReason::TlsNotYetValid,
    FailureReason::TlsWrongName,
    FailureReason::TlsUntrusted,
    FailureReason::HttpMalformed,
    FailureReason::HttpStatus,
    FailureReason::HttpBody,
    FailureReason::HttpHeader,
    FailureReason::HttpRedirects,
    FailureReason::HttpTooLarge,
    FailureReason::Reset,
];

const TIMEOUTS: &[FailureReason] = &[FailureReason::TlsTimeout, FailureReason::HttpTimeout];

/// The connection was made, and then something was wrong.
pub(super) fn failure(view: &View<'_>) -> Vec<Finding> {
    let all: Vec<_> = TOLD.iter().chain(TIMEOUTS).copied().collect();
    let probes = view.probes().iter();
    let failing = probes.filter(|probe| {
        TLS.contains(&probe.target.kind) && failed(view, probe, TOLD, TIMEOUTS) > 0
    });
    let findings = failing.map(|probe| {
        let place = place(probe);
        let draft = Draft::loss(view, Cause::HttpFailure, place.clone(), 0)
            .severity(Severity::Warning)
            .summary(format!("requests to {place} fail{}", words(probe, &all)));
        failures(draft, probe, all.iter().copied())
            .ruled_out(&[Cause::PathLoss])
            .next("The network delivered it: look at the service's log; 502, 503 and 504 come from a proxy whose backend does not answer.")
    });
    findings.take(TARGETS).collect()
}

/// The first certificate of a target to expire.
struct Expiry {
    at: Timestamp,
    /// Whether it is the server's own.
    leaf: bool,
    subject: String,
}

/// Certificates that expire soon. One that has expired fails the handshake, if it matters.
pub(super) fn expiring(view: &View<'_>) -> Vec<Finding> {
    let Some(now) = view.end() else {
        return Vec::new();
    };
    let mut first = BTreeMap::<&Name, Expiry>::new();
    for probe in view.probes() {
        let chain = probe.address.details.tls.iter().flat_map(|tls| &tls.chain);
        for (at, certificate) in chain.enumerate() {
            let end = certificate.not_after;
            let known = first.get(&probe.target.target);
            if end > now && known.is_none_or(|known| end < known.at) {
                let expiry = Expiry {
                    at: end,
                    leaf: at == 0,
                    subject: certificate.subject.clone(),
                };
                first.insert(&probe.target.target, expiry);
            }
        }
    }
    let expiring = first.into_iter().filter_map(|(target, expiry)| {
        let days = expiry.at.since(now).as_secs_f64() / 86_400.0;
        let severity = if days < f64::from(view.thresholds.certificate_critical_days) {
            Severity::Critical
        } else if days < f64::from(view.thresholds.certificate_warning_days) {
            Severity::Warning
        } else {
            return None;
        };
        let which = if expiry.leaf {
            "the certificate"
        } else {
            "a certificate in the chain"
        };
        Some(
            Draft::pressure(
                view,
                Cause::TlsCertificateExpiring,
                Place::Peer(target.clone()),
            )
            .severity(severity)
            .summary(format!("{which} of {target} expires in {days:.1} days"))
            .gauge(
                Source::Probes,
                "days left",
                Some(days),
                format!("{} {}", expiry.at, expiry.subject),
            )
            .next("Renew it and reload the service; find out why the automatic renewal did not."),
        )
    });
    expiring.take(TARGETS).collect()
}
