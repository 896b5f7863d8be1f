//! Connections that are not made.

use droplens_model::delta::ProbeDelta;
use droplens_model::sample::probes::{FailureReason, ProbeKind};
use droplens_model::sample::sockets::TcpState;
use droplens_model::{Cause, Finding, Place, Severity, Source};

use super::{TARGETS, connects, failures, words};
use crate::counters as c;
use crate::draft::Draft;
use crate::probed::{self, is_down, is_unreachable, place};
use crate::view::View;

/// The host answers, and says no.
pub(super) fn refused(view: &View<'_>) -> Vec<Finding> {
    const REASONS: &[FailureReason] = &[
        FailureReason::ConnectRefused,
        FailureReason::Unreachable,
        FailureReason::Reset,
    ];
    let probes = view.probes().iter().filter(|probe| connects(probe));
    let refused = probes.filter_map(|probe| {
        // A reset after the connection was made is the service's own matter.
        let reasons = match probe.target.kind {
            ProbeKind::Tcp => REASONS,
            _ => REASONS.get(..2).unwrap_or(REASONS),
        };
        if probed::failed(probe, reasons) == 0 || is_unreachable(view, probe) {
            return None;
        }
        let place = place(probe);
        let draft = Draft::loss(view, Cause::ConnectRefused, place.clone(), 0)
            .severity(Severity::Warning)
            .summary(format!(
                "{place} refuses connections{}",
                words(probe, reasons)
            ));
        Some(
            failures(draft, probe, reasons.iter().copied())
                .ruled_out(&[Cause::PathLoss])
                .next("Does the service run, and listen on this address (`ss -ltnp` there)? If it does, a firewall rejects."),
        )
    });
    refused.take(TARGETS).collect()
}

/// Connection attempts that get no answer: those of this host's programs, which are a remark, and
/// those of probes, whose targets somebody asked for.
pub(super) fn timeout(view: &View<'_>) -> Vec<Finding> {
    const REASONS: &[FailureReason] = &[FailureReason::ConnectTimeout, FailureReason::Timeout];
    let probes = view.probes().iter().filter(|probe| connects(probe));
    let unanswered = probes.filter_map(|probe| {
        probed::timeouts(view, probe, REASONS)?;
        // If some are answered the path loses them; if the host is down, that is told.
        let nobody = probe.answered() == 0 || is_down(probe);
        if !nobody || is_unreachable(view, probe) {
            return None;
        }
        let place = place(probe);
        let draft = Draft::loss(view, Cause::ConnectTimeout, place.clone(), 0)
            .severity(Severity::Warning)
            .summary(format!("{place} does not answer connection attempts"));
        Some(
            failures(draft, probe, REASONS.iter().copied())
                .gauge(
                    Source::Probes,
                    "probes in a row without an answer",
                    Some(probe.address.unanswered_consecutive as f64),
                    "unanswered_consecutive",
                )
                .next("Does the SYN arrive there (`tcpdump -nn 'tcp[13] & 2 != 0'`)? If not, a firewall or security group between drops it; if it does, see the listener's queues."),
        )
    });
    unanswered.take(TARGETS).chain(passive(view)).collect()
}

/// SYN segments are sent again and again: a peer is dead or drops them. That is a peer's matter, not
/// the path's nor this host's, so it is only a remark; probes tell of the peers that matter.
fn passive(view: &View<'_>) -> Option<Finding> {
    // Those of probes are told by the probes.
    let probes = view.probes().iter();
    let own: u64 = probes.map(ProbeDelta::syn_retransmits).sum();
    // What this host dropped itself says nothing of peers: the kernel counts it as sent again all the same.
    let kept = view.moved(c::TCP_RETRANS_FAIL);
    let again = view.moved(c::TCP_SYN_RETRANS).saturating_sub(own + kept);
    // A listener that drops makes its clients and, by SYN-ACKs, itself retransmit.
    let own = view.lost(Cause::TcpAcceptQueueFull) + view.lost(Cause::TcpSynQueueFull);
    if own > 0 || view.rate(again) < view.thresholds.connect_timeouts_per_second {
        return None;
    }
    let waiting = view.now().sockets.ok().map(|sockets| {
        let state = TcpState::SynSent;
        (sockets.tcp.v4.get(state) + sockets.tcp.v6.get(state)) as f64
    });
    Some(
        Draft::loss(view, Cause::ConnectTimeout, Place::Host, 0)
            .severity(Severity::Info)
            .summary("connection attempts get no answer")
            .protocols(&[c::TCP_SYN_RETRANS, c::TCP_ATTEMPT_FAILS, c::TCP_ACTIVE_OPENS])
            .gauge(Source::Sockets, "sockets in SYN-SENT", waiting, "sock_diag SYN-SENT")
            .ruled_out(&[Cause::PathLoss])
            .next("See whom they are sent to: `ss -tn state syn-sent`; check that host, its firewall and the security groups between."),
    )
}
