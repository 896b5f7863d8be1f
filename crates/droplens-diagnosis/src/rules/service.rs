//! The service at the other end.

use droplens_model::{Cause, Finding, Place, Severity, Source};

use super::Rule;
use crate::counters as c;
use crate::draft::Draft;
use crate::view::{Needs, View};

const PROBES: &str = "no probes are configured";

pub(super) const RULES: &[Rule] = &[
    Rule::later(Cause::ConnectRefused, PROBES),
    Rule::new(
        Cause::ConnectTimeout,
        Needs::All(&[Source::Snmp, Source::Netstat]),
        connect_timeout,
    ),
    Rule::later(Cause::DnsFailure, PROBES),
    Rule::later(Cause::DnsSlow, PROBES),
    Rule::later(Cause::TlsCertificateExpiring, PROBES),
    Rule::later(Cause::HttpFailure, PROBES),
];

/// SYN segments are sent again and again: a peer is dead or drops them. That is a peer's matter, not
/// the path's nor this host's, so it is only a remark; probes tell of the peers that matter.
fn connect_timeout(view: &View<'_>) -> Vec<Finding> {
    let again = view.moved(c::TCP_SYN_RETRANS);
    // A listener that drops makes its clients and, by SYN-ACKs, itself retransmit.
    let own = view.lost(Cause::TcpAcceptQueueFull) + view.lost(Cause::TcpSynQueueFull);
    if own > 0 || view.rate(again) < view.thresholds.connect_timeouts_per_second {
        return Vec::new();
    }
    let waiting = view.now().sockets.ok().map(|sockets| {
        let state = droplens_model::sample::sockets::TcpState::SynSent;
        (sockets.tcp.v4.get(state) + sockets.tcp.v6.get(state)) as f64
    });
    vec![
        Draft::loss(view, Cause::ConnectTimeout, Place::Host, 0)
            .severity(Severity::Info)
            .summary("connection attempts get no answer")
            .protocols(&[c::TCP_SYN_RETRANS, c::TCP_ATTEMPT_FAILS, c::TCP_ACTIVE_OPENS])
            .gauge(Source::Sockets, "sockets in SYN-SENT", waiting, "sock_diag SYN-SENT")
            .ruled_out(&[Cause::PathLoss])
            .next("See whom they are sent to: `ss -tn state syn-sent`; check that host, its firewall and the security groups between."),
    ]
}
