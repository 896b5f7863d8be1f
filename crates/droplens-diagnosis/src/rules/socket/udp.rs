//! UDP.

use droplens_model::sample::limits::Limit;
use droplens_model::{Cause, Family, Finding, Place, Severity, Source};

use crate::counters as c;
use crate::draft::Draft;
use crate::view::View;

/// Losses per address family, told port by port as far as the sockets tell.
fn by_port<'a>(view: &'a View<'a>, cause: Cause) -> Vec<Draft<'a>> {
    let ports = view.delta.udp_ports();
    let mut drafts = Vec::new();
    for (place, packets) in view.places(cause) {
        let Place::Family(family) = place else {
            drafts.push(Draft::loss(view, cause, place, packets));
            continue;
        };
        let mut left = packets;
        let mut dropped: Vec<_> = ports
            .iter()
            .filter(|port| port.family == family && port.port != 0)
            .collect();
        dropped.sort_by_key(|port| std::cmp::Reverse(port.drops));
        // Sockets are read less often than the sum: if one port alone drops, what came since is its.
        if let [port] = dropped.as_slice() {
            let place = Place::Port {
                family,
                port: port.port,
            };
            drafts.push(Draft::loss(view, cause, place, packets));
            continue;
        }
        for port in dropped.into_iter().take(PORTS) {
            let packets = port.drops.min(left);
            left -= packets;
            if packets > 0 {
                let place = Place::Port {
                    family,
                    port: port.port,
                };
                drafts.push(Draft::loss(view, cause, place, packets));
            }
        }
        if left > 0 {
            drafts.push(Draft::loss(view, cause, Place::Family(family), left));
        }
    }
    drafts
}

/// More ports than this are not told one by one.
const PORTS: usize = 5;

fn family(place: &Place) -> Family {
    match place {
        Place::Family(family) | Place::Port { family, .. } => *family,
        _ => Family::V4,
    }
}

pub(super) fn receive_buffer_full(view: &View<'_>) -> Vec<Finding> {
    let limit = view
        .now()
        .limits
        .ok()
        .and_then(|limits| limits.get(Limit::RmemMax));
    let drafts = by_port(view, Cause::UdpReceiveBufferFull).into_iter();
    drafts
        .map(|draft| {
            let counter = *c::UDP_RCVBUF_ERRORS.get(family(draft.place()));
            let draft = match *draft.place() {
                Place::Port { .. } => {
                    let packets = draft.packets();
                    draft.delta(Source::Sockets, "drops", packets, "SK_MEMINFO_DROPS")
                }
                _ => draft,
            };
            draft
                .what("UDP receive buffer full")
                .protocol(counter)
                .gauge(Source::Limits, "rmem_max", limit.map(|limit| limit as f64), "net.core.rmem_max")
                .ruled_out(&[Cause::UdpMemoryLimit, Cause::ChecksumErrors, Cause::SoftnetBacklogOverflow])
                .next("The application reads too slowly: see `ss -uanmp`; give it CPU, more readers (SO_REUSEPORT), or a larger SO_RCVBUF (up to net.core.rmem_max).")
        })
        .collect()
}

pub(super) fn send_buffer_full(view: &View<'_>) -> Vec<Finding> {
    let losses = view.losses(Cause::UdpSendBufferFull).into_iter();
    losses
        .map(|draft| {
            let family = family(draft.place());
            draft
                .what("UDP send buffer full")
                .protocols(&[*c::UDP_SNDBUF_ERRORS.get(family), *c::OUT_DISCARDS.get(family)])
                .ruled_out(&[Cause::QdiscOverflow, Cause::NicTxRingFull, Cause::LinkDown])
                .next("A sender is faster than its device: pace it, or give it a larger SO_SNDBUF (up to net.core.wmem_max).")
        })
        .collect()
}

pub(super) fn memory_limit(view: &View<'_>) -> Vec<Finding> {
    let page = view
        .now()
        .sockstat
        .ok()
        .map_or(4096, |sockstat| sockstat.page_size);
    let used = view
        .now()
        .sockstat
        .ok()
        .and_then(|sockstat| sockstat.get("UDP", "mem"));
    let losses = view.losses(Cause::UdpMemoryLimit).into_iter();
    losses
        .map(|draft| {
            let counter = *c::UDP_MEM_ERRORS.get(family(draft.place()));
            draft
                .severity(Severity::Critical)
                .what("memory of all UDP sockets used up")
                .protocol(counter)
                .gauge(Source::Sockstat, "memory in bytes", used.map(|pages| (pages * page) as f64), "sockstat UDP mem")
                .next("Raise net.ipv4.udp_mem, and find the sockets that hold it: `ss -uanm` sorted by skmem.")
        })
        .collect()
}

pub(super) fn no_port(view: &View<'_>) -> Vec<Finding> {
    Family::ALL
        .into_iter()
        .filter_map(|family| {
            let counter = *c::UDP_NO_PORTS.get(family);
            let moved = view.moved(counter);
            // A scan, or a few stray datagrams, is no more than a remark.
            let severity = if view.rate(moved) >= view.thresholds.no_port_per_second * 100.0 {
                Severity::Warning
            } else {
                Severity::Info
            };
            (view.rate(moved) >= view.thresholds.no_port_per_second).then(|| {
                Draft::pressure(view, Cause::UdpNoPort, Place::Family(family))
                    .severity(severity)
                    .what("datagrams for ports where nobody listens")
                    .protocol(counter)
                    .next("See which (`tcpdump -ni any 'icmp[0]=3 and icmp[1]=3'`): a service is down, or somebody scans.")
            })
        })
        .collect()
}
