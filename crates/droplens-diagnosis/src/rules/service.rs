//! The service at the other end.

mod connect;
mod content;
mod names;
mod slow;
#[cfg(test)]
mod tests;

use droplens_model::delta::ProbeDelta;
use droplens_model::sample::probes::{FailureReason, ProbeKind};
use droplens_model::{Cause, Source};

use super::Rule;
use crate::draft::Draft;
use crate::probed;
use crate::view::Needs;

/// Kinds of probes that open a TCP connection to a service.
const CONNECTS: &[ProbeKind] = &[ProbeKind::Tcp, ProbeKind::Tls, ProbeKind::Http];

/// Kinds of probes that see certificates.
const TLS: &[ProbeKind] = &[ProbeKind::Tls, ProbeKind::Http];

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        Cause::ConnectRefused,
        Needs::Probes(CONNECTS),
        connect::refused,
    ),
    // Probes tell as well, but this host's own connections tell without them.
    Rule::new(
        Cause::ConnectTimeout,
        Needs::All(&[Source::Snmp, Source::Netstat]),
        connect::timeout,
    ),
    Rule::new(Cause::DnsFailure, Needs::Names, names::failure),
    Rule::new(
        Cause::DnsSlow,
        Needs::Probes(&[
            ProbeKind::Dns,
            ProbeKind::Tcp,
            ProbeKind::Tls,
            ProbeKind::Http,
        ]),
        names::slow,
    ),
    Rule::new(
        Cause::TlsCertificateExpiring,
        Needs::Probes(TLS),
        content::expiring,
    ),
    Rule::new(Cause::HttpFailure, Needs::Probes(TLS), content::failure),
    Rule::new(Cause::ServiceSlow, Needs::Probes(CONNECTS), slow::phases),
];

/// More targets than this are not told one by one.
const TARGETS: usize = 8;

/// Whether this probe opens a connection to a service.
fn connects(probe: &ProbeDelta<'_>) -> bool {
    CONNECTS.contains(&probe.target.kind)
}

/// Adds how often probes failed, by reason, and how many were answered.
fn failures<'d>(
    draft: Draft<'d>,
    probe: &ProbeDelta<'_>,
    reasons: impl IntoIterator<Item = FailureReason>,
) -> Draft<'d> {
    let draft = reasons.into_iter().fold(draft, |draft, reason| {
        let failed = probe.failed(reason);
        draft.delta(Source::Probes, reason.id(), failed, "probes that failed")
    });
    let ended = probe.outcomes().total();
    draft.delta(Source::Probes, "probes", ended, "of all outcomes")
}

/// The message of the newest failure, if it is one of these reasons.
fn words(probe: &ProbeDelta<'_>, reasons: &[FailureReason]) -> String {
    let last = probe.address.last_failure.as_ref();
    last.filter(|last| reasons.contains(&last.reason))
        .map_or_else(String::new, |last| match last.message.as_str() {
            "" => format!(": {}", last.reason),
            message => format!(": {message}"),
        })
}

/// Probes that failed for one of these reasons, and of these reasons that take more than one, such
/// as a time that ran out.
fn failed(
    view: &crate::view::View<'_>,
    probe: &ProbeDelta<'_>,
    told: &[FailureReason],
    timeouts: &[FailureReason],
) -> u64 {
    // What a service says is so; what it does not say may be a lost packet.
    let told = probed::failed(probe, told);
    told + probed::timeouts(view, probe, timeouts).unwrap_or(0)
}
