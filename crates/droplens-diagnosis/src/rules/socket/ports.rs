//! Sockets that pile up: TIME-WAIT, CLOSE-WAIT, ephemeral ports.

use droplens_model::sample::limits::Limit;
use droplens_model::sample::sockets::TcpState;
use droplens_model::{Cause, Finding, Place, Severity, Source, Status};

use crate::counters as c;
use crate::draft::Draft;
use crate::view::View;

fn sockets_in(view: &View<'_>, state: TcpState) -> Option<u64> {
    let sockets = view.now().sockets.ok()?;
    Some(sockets.tcp.v4.get(state) + sockets.tcp.v6.get(state))
}

pub(super) fn close_wait_leak(view: &View<'_>) -> Vec<Finding> {
    let now = sockets_in(view, TcpState::CloseWait).unwrap_or(0);
    if now < view.thresholds.close_wait_sockets {
        return Vec::new();
    }
    vec![
        Draft::pressure(view, Cause::CloseWaitLeak, Place::Host)
            .summary(format!("{now} connections closed by the peer and not by the application"))
            .gauge(Source::Sockets, "sockets in CLOSE-WAIT", Some(now as f64), "sock_diag CLOSE-WAIT")
            .next("Find the process (`ss -tnp state close-wait`): it forgets to close, and will run out of files."),
    ]
}

pub(super) fn time_wait_overflow(view: &View<'_>) -> Vec<Finding> {
    let limit = view
        .now()
        .limits
        .ok()
        .and_then(|limits| limits.get(Limit::TcpMaxTwBuckets));
    let waiting = view
        .now()
        .sockstat
        .ok()
        .and_then(|sockstat| sockstat.get("TCP", "tw"));
    let with_gauges = |draft: Draft<'_>| {
        draft
            .gauge(Source::Sockstat, "sockets in TIME-WAIT", waiting.map(|waiting| waiting as f64), "sockstat TCP tw")
            .gauge(Source::Limits, "tcp_max_tw_buckets", limit.map(|limit| limit as f64), "net.ipv4.tcp_max_tw_buckets")
            .next("Reuse connections (keep-alive, pools); raise net.ipv4.tcp_max_tw_buckets. Never shorten TIME-WAIT by other means.")
    };
    let losses = view.losses(Cause::TimeWaitOverflow).into_iter();
    let mut findings: Vec<Finding> = losses
        .map(|draft| {
            with_gauges(
                draft
                    .summary("more connections in TIME-WAIT than allowed")
                    .protocol(c::TCP_TIME_WAIT_OVERFLOW),
            )
        })
        .collect();
    if findings.is_empty()
        && waiting.is_some_and(|waiting| waiting >= view.thresholds.time_wait_sockets)
    {
        let draft = Draft::pressure(view, Cause::TimeWaitOverflow, Place::Host)
            .summary("many connections in TIME-WAIT");
        findings.push(with_gauges(draft));
    }
    findings
}

/// No counter moves when the ports to a destination are used up: `connect` fails, and that is all.
pub(super) fn ephemeral_ports_exhausted(view: &View<'_>) -> Vec<Finding> {
    let Some(ports) = view.now().sockets.ok().map(|sockets| sockets.ephemeral) else {
        return Vec::new();
    };
    let used = ports.used_by_busiest_destination;
    let ratio = f64::from(used) / f64::from(ports.available.max(1));
    if ports.available == 0 || ratio < view.thresholds.ephemeral_ratio {
        return Vec::new();
    }
    let exhausted = ratio >= 0.99;
    let draft = Draft::pressure(view, Cause::EphemeralPortsExhausted, Place::Host)
        .summary(if exhausted {
            "no ephemeral port is left towards one destination".to_owned()
        } else {
            format!(
                "{:.0} % of the ephemeral ports towards one destination are used",
                ratio * 100.0
            )
        })
        .gauge(
            Source::Sockets,
            "ports used towards the busiest destination",
            Some(f64::from(used)),
            "sock_diag",
        )
        .gauge(
            Source::Sockets,
            "ports available",
            Some(f64::from(ports.available)),
            "net.ipv4.ip_local_port_range",
        );
    let mut finding = draft.next(
        "Reuse connections, widen net.ipv4.ip_local_port_range, use more source or destination addresses, or set net.ipv4.tcp_tw_reuse=1.",
    );
    if exhausted {
        finding.status = Status::Loss;
        finding.severity = Severity::Critical;
    }
    vec![finding]
}
